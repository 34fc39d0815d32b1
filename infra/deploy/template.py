"""Reads the template, with its short function tags in their long form."""

from pathlib import Path

import yaml

PATH = Path(__file__).resolve().parents[1] / "template.yaml"
BUNDLES = "../target/aws/"
# What makes a new version of a function.
PUBLISHES = "AutoPublishCodeSha256: !Ref Release"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    pass


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict:
    if isinstance(node, yaml.ScalarNode):
        value: object = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def load(text: str | None = None) -> dict:
    """The template as CloudFormation sees it."""
    return yaml.load(PATH.read_text() if text is None else text, _Loader)  # noqa: S506 (a SafeLoader)


def functions(template: dict) -> list[str]:
    """The names of the bundles that the template takes its functions from."""
    uris = [
        resource["Properties"]["CodeUri"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    return [uri.removeprefix(BUNDLES).strip("/") for uri in uris]
