"""The template agrees with the functions that it sets up, and keeps what must not be lost."""

import fnmatch
import json
import re
import unittest
from pathlib import Path

import resolving
import template as templates

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = templates.load()
RESOURCES = TEMPLATE["Resources"]
FUNCTIONS = {
    resource["Properties"]["CodeUri"].removeprefix(templates.BUNDLES).strip("/"): resource["Properties"]
    for resource in RESOURCES.values()
    if resource["Type"] == "AWS::Serverless::Function"
}
# What is set for the system and for Lambda, not for the function's own settings.
NOT_SETTINGS = {"MALLOC_MMAP_THRESHOLD_", "RELEASE", "SSL_CERT_FILE"}


def of_type(kind: str) -> dict[str, dict]:
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}


def settings(function: str) -> dict[str, object]:
    shared = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    return {**shared, **FUNCTIONS[function]["Environment"]["Variables"]}


def source(function: str) -> str:
    return (ROOT / "functions" / function / "src/config.rs").read_text().partition("#[cfg(test)]")[0]


def contract() -> dict[str, tuple[list[str], list[set[str]]]]:
    """Of each metric, as shared/telemetry lists it: the functions that emit it, and its sets of dimensions."""
    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|", (ROOT / "shared/telemetry/README.md").read_text(), re.M
    )
    sets = {
        name: [set(re.findall(r"`(\w+)`", each)) for each in dimensions.split(";")] for name, _, _, dimensions in rows
    }
    return {name: (functions.split(", "), sets[name]) for name, _, functions, _ in rows}


class SettingsTest(unittest.TestCase):
    def test_each_function_is_told_all_its_settings_and_no_others(self):
        for function in FUNCTIONS:
            read = set(
                re.findall(r'settings\s*\.\s*(?:required|or|within)(?:::<[^>]*>)?\(\s*"(\w+)"', source(function))
            )
            self.assertEqual(set(settings(function)) - NOT_SETTINGS, read, function)

    def test_no_value_that_a_parameter_may_have_is_refused_by_the_function(self):
        constants = {"MAX_LANES": re.search(r"MAX_LANES: u8 = (\d+)", self.envelope())[1]}
        checked = 0
        for function in FUNCTIONS:
            within = r'within\(\s*"(\w+)",\s*([\w.]+),\s*([\w.]+?)\.\.=([\w.]+?)\s*\)'
            for name, default, least, most in re.findall(within, source(function)):
                about = TEMPLATE["Parameters"][settings(function)[name]["Ref"]]
                number = lambda text: float(constants.get(text, text).replace("_", ""))  # noqa: E731
                self.assertGreaterEqual(about["MinValue"], number(least), name)
                self.assertLessEqual(about["MaxValue"], number(most), name)
                self.assertEqual(float(about["Default"]), number(default), name)
                checked += 1
        self.assertGreater(checked, 8)

    def envelope(self) -> str:
        return "".join(path.read_text() for path in (ROOT / "shared/envelope/src").glob("*.rs"))

    def test_every_parameter_is_bounded_and_used(self):
        text = templates.PATH.read_text().partition("\nRules:")[2]
        for name, about in TEMPLATE["Parameters"].items():
            bounds = ("AllowedPattern", "AllowedValues", "MaxValue")
            self.assertTrue(any(bound in about for bound in bounds), f"{name} may be anything")
            self.assertEqual(about["Type"] == "Number" and "AllowedValues" not in about, "MinValue" in about, name)
            self.assertRegex(text, rf"(!Ref {name}\b|\$\{{{name}\}})", f"{name} does nothing")


class TransportsTest(unittest.TestCase):
    def made(self, kind: str, **parameters: str) -> set[str]:
        resolver = resolving.Resolver(TEMPLATE, parameters)
        return {name for name, resource in of_type(kind).items() if resolver.is_made(resource)}

    def test_only_the_data_centers_that_are_named_may_invoke(self):
        def allowed(centers: str) -> set[str]:
            found = self.made("AWS::Lambda::Permission", MParticleDataCenters=centers)
            return {name.removeprefix("MParticle").removesuffix("Permission") for name in found if "MParticle" in name}

        self.assertEqual(allowed(""), set())
        for center in ("US1", "US2", "EU1", "AU1"):
            self.assertEqual(allowed(center), {center})
        self.assertEqual(allowed("EU1,other"), {"EU1", "Other"})

    def test_http_can_be_closed(self):
        kinds = ("AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Integration", "AWS::Lambda::Permission")
        for kind in kinds:
            shut = self.made(kind, FirehoseOverHttp="true") - self.made(kind, FirehoseOverHttp="false")
            self.assertEqual(len(shut), 1, kind)


class KeptTest(unittest.TestCase):
    def test_queues_and_secrets_outlive_the_stack(self):
        kept = of_type("AWS::SQS::Queue") | of_type("AWS::SecretsManager::Secret")
        self.assertEqual(len(kept), 4)
        for name, resource in kept.items():
            self.assertEqual(resource["DeletionPolicy"], "RetainExceptOnCreate", name)
            self.assertEqual(resource["UpdateReplacePolicy"], "Retain", name)

    def test_no_secret_is_in_the_template(self):
        for name, resource in of_type("AWS::SecretsManager::Secret").items():
            self.assertFalse({"SecretString", "GenerateSecretString"} & set(resource["Properties"]), name)


class KeyTest(unittest.TestCase):
    def test_everybody_who_uses_what_the_key_encrypts_may_use_the_key(self):
        resolver = resolving.Resolver(TEMPLATE, {"KmsKeyArn": "the-key"})
        roles = [policy for role in of_type("AWS::IAM::Role").values() for policy in role["Properties"]["Policies"]]
        managed = [policy["Properties"] for policy in of_type("AWS::IAM::ManagedPolicy").values()]
        self.assertEqual((len(roles), len(managed)), (3, 1))
        for policy in roles + managed:
            statements = resolver.value(policy["PolicyDocument"])["Statement"]
            listed = [each["Action"] for each in statements]
            actions = {action for each in listed for action in ([each] if isinstance(each, str) else each)}
            writes = not actions.isdisjoint({"sqs:SendMessage", "secretsmanager:CreateSecret"})
            needed = {"kms:Decrypt"} | ({"kms:GenerateDataKey"} if writes else set())
            allowed = {action for each in statements if each["Resource"] == "the-key" for action in each["Action"]}
            self.assertEqual(allowed, needed)


class OperatorTest(unittest.TestCase):
    def test_the_stack_may_be_asked_for_by_its_name(self):
        document = RESOURCES["OperatorPolicy"]["Properties"]["PolicyDocument"]
        statements = resolving.Resolver(TEMPLATE, {}).value(document)["Statement"]
        (allowed,) = [each["Resource"] for each in statements if each["Action"] == "cloudformation:DescribeStacks"]
        # IAM sees the first of these where a stack is asked for by name.
        stack = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{resolving.STACK}"
        for asked in (f"{stack}/*", f"{stack}/8a2e1f40-0000-11f1-a000-000000000000"):
            self.assertTrue(fnmatch.fnmatchcase(asked, allowed), asked)
        self.assertFalse(fnmatch.fnmatchcase(f"{stack}-2/*", allowed))


class WatchedTest(unittest.TestCase):
    """What is watched is what the functions emit."""

    def assert_emitted(self, name: str, dimensions: dict[str, str]):
        functions, sets = contract()[name]
        self.assertIn(dimensions["function"], functions, name)
        self.assertIn(set(dimensions) - {"function"}, sets, name)

    def test_the_alarms_watch_metrics_of_the_contract(self):
        checked = 0
        for resource in of_type("AWS::CloudWatch::Alarm").values():
            properties = resource["Properties"]
            metrics = [each["MetricStat"]["Metric"] for each in properties.get("Metrics", []) if "MetricStat" in each]
            for metric in metrics or [properties]:
                if metric["Namespace"] == {"Ref": "AWS::StackName"}:
                    dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
                    self.assert_emitted(metric["MetricName"], dimensions)
                    checked += 1
        self.assertGreater(checked, 40)

    def test_the_dashboard_shows_metrics_of_the_contract(self):
        body = json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
        checked = 0
        for widget in body["widgets"]:
            for metric in widget["properties"].get("metrics", []):
                if isinstance(metric[0], dict):
                    search = metric[0]["expression"]
                    names = re.search(r"\{\$\{AWS::StackName\},([\w,]+)\}", search)[1].split(",")
                    function, name = (re.search(rf'{key}="([\w-]+)"', search)[1] for key in ("function", "MetricName"))
                    self.assert_emitted(name, dict.fromkeys(names, "") | {"function": function})
                elif metric[0] == "${AWS::StackName}":
                    pairs = [each for each in metric[2:] if isinstance(each, str)]
                    self.assert_emitted(metric[1], dict(zip(pairs[::2], pairs[1::2], strict=True)))
                else:
                    continue
                checked += 1
        self.assertGreater(checked, 25)

    def test_the_alarms_know_every_answer_and_cause(self):
        answers = self.words("functions/ingest/src/refusal.rs", "pub const fn code") | {"ok"}
        causes = self.words("functions/uploader/src/cause.rs", "impl Cause")
        for dimension, known in (("answer", answers), ("cause", causes)):
            self.assertLessEqual(set(self.values(dimension)), known, dimension)

    def words(self, path: str, after: str) -> set[str]:
        return set(re.findall(r'=> "(\w+)"', (ROOT / path).read_text().partition(after)[2]))

    def values(self, dimension: str) -> list[str]:
        return re.findall(rf"Name: {dimension}, Value: (\w+)", templates.PATH.read_text())

    def test_alarms_notify_and_say_when_they_are_over(self):
        for name, resource in of_type("AWS::CloudWatch::Alarm").items():
            properties = resource["Properties"]
            self.assertIn("AlarmActions", properties, name)
            self.assertIn("OKActions", properties, name)


class ApiTest(unittest.TestCase):
    def test_strangers_at_the_page_leave_the_uploaders_their_calls(self):
        resolver = resolving.Resolver(TEMPLATE, {})
        routes = resolver.value(RESOURCES["ApiStage"]["Properties"]["RouteSettings"])
        self.assertEqual(set(routes), {"GET /v1/auth", "$default"})
        page = sum(float(each["ThrottlingRateLimit"]) for each in routes.values())
        # TikTok allows a new app 10 calls a second.
        self.assertLessEqual(page + float(resolver.parameters["TikTokCallsPerSecond"]), 10)
        self.assertLess(sum(each["ThrottlingBurstLimit"] for each in routes.values()), 5)

    def test_the_access_log_has_no_address(self):
        logged = json.loads(RESOURCES["ApiStage"]["Properties"]["AccessLogSettings"]["Format"])
        harmless = ["requestId", "routeKey", "status", "error.message", "integrationStatus"]
        harmless += ["responseLatency", "responseLength"]
        self.assertEqual(set(logged.values()), {f"$context.{name}" for name in harmless})


if __name__ == "__main__":
    unittest.main()
