"""Scans the template, as SAM makes it, for roles and settings that give more than they must; prints what it finds."""

import logging
import os
import sys
from unittest import mock

import pycfmodel
from cfripper.config.config import Config
from cfripper.rule_processor import RuleProcessor
from cfripper.rules import DEFAULT_RULES
from samtranslator.translator.transform import transform

import template as templates

REQUIRED = {"TikTokAppId": "7", "MParticleDataCenters": "US1,US2,EU1,AU1,other", "Release": "0" * 64}
# What is needed all the same, by the rule and the end of its reason.
EXCEPTIONS = {
    ("WildcardResourceRule", 'for "secretsmanager:ListSecrets"'): "the action takes no resource; it tells names alone",
}


def findings() -> list[str]:
    text = templates.PATH.read_text()
    text = text.replace(templates.PUBLISHES, templates.PUBLISHES.replace("!Ref Release", f'"{REQUIRED["Release"]}"'))
    text = text.replace(templates.BUNDLES, "s3://bundles/")
    with mock.patch.dict(os.environ, AWS_DEFAULT_REGION="us-east-1"):
        made = transform(templates.load(text), {}, mock.Mock(load=dict))
    # The scanner's model takes whole numbers only.
    for about in made["Parameters"].values():
        about.pop("MinValue", None)
    config = Config(rules=list(DEFAULT_RULES))
    rules = RuleProcessor(*[rule(config) for rule in DEFAULT_RULES.values()])
    result = rules.process_cf_template(pycfmodel.parse(made).resolve(REQUIRED), config)
    return [f"{found.rule}: {found.reason}" for found in result.failures if not is_exception(found.rule, found.reason)]


def is_exception(rule: str, reason: str) -> bool:
    return any(rule == excepted and reason.endswith(end) for excepted, end in EXCEPTIONS)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    found = findings()
    print("\n".join(found), file=sys.stderr)
    sys.exit(bool(found))
