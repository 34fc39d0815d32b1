"""Resolves the template's functions as CloudFormation does, for values of its parameters; as much as its tests need."""

import re

STACK = "mparticle-tiktok"
PSEUDO = {
    "AWS::StackName": STACK,
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()


class Resolver:
    """Parameters that are not given have their defaults. A resource is called by its name in the template."""

    def __init__(self, template: dict, parameters: dict[str, str]):
        defaults = {name: about.get("Default", "") for name, about in template["Parameters"].items()}
        self.parameters = {name: str(value) for name, value in {**defaults, **parameters}.items()}
        self.template = template

    def is_made(self, resource: dict) -> bool:
        """Whether its condition holds."""
        return "Condition" not in resource or self.holds(resource["Condition"])

    def holds(self, condition: str) -> bool:
        return self.value(self.template["Conditions"][condition])

    def value(self, node: object):
        if isinstance(node, list):
            return [value for each in node if (value := self.value(each)) is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, argument) = next(iter(node.items()))
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self.function(name.removeprefix("Fn::"), argument)
        values = {key: self.value(each) for key, each in node.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def function(self, name: str, argument):
        value, holds = self.value, self.holds
        known = {
            "Ref": lambda: NO_VALUE if argument == "AWS::NoValue" else self.reference(argument),
            "Condition": lambda: holds(argument),
            "GetAtt": lambda: ".".join(argument),
            "If": lambda: value(argument[1] if holds(argument[0]) else argument[2]),
            "Equals": lambda: str(value(argument[0])) == str(value(argument[1])),
            "Not": lambda: not value(argument[0]),
            "Or": lambda: any(value(each) for each in argument),
            "Join": lambda: argument[0].join(value(argument[1])),
            "Split": lambda: value(argument[1]).split(argument[0]),
            "FindInMap": lambda: self.template["Mappings"][argument[0]][argument[1]][argument[2]],
            "Sub": lambda: self.substituted(*([argument, {}] if isinstance(argument, str) else argument)),
        }
        return known[name]()

    def reference(self, name: str) -> str:
        return PSEUDO.get(name) or self.parameters.get(name, name)

    def substituted(self, text: str, values: dict) -> str:
        local = self.value(values)
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: local.get(found[1], self.reference(found[1])), text)
