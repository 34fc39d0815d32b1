"""Which alarms of the template would be raised by what a stack logged, all of it taken as one period of each alarm.

    stack.py logs --dir DIR | alarms.py [--parameter Key=Value ...]

Prints the alarms' names, one a line. Reads the functions' own metrics from the log, and nothing of AWS's: an alarm over
those alone is never raised here. How many periods an alarm waits for is left out too.
"""

import argparse
import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable

import resolving
import template as templates
from release import assignment

# The name of a metric with its dimensions, and its values.
Metrics = dict[tuple[str, str, frozenset], list[float]]
STATISTICS: dict[str, Callable] = {"Sum": sum, "Maximum": max, "Minimum": min, "SampleCount": len}


class MissingError(Exception):
    """There are no values."""


def metrics(lines: Iterable[str]) -> Metrics:
    """What CloudWatch takes from lines in its embedded metric format; others are passed over."""
    found: Metrics = defaultdict(list)
    for line in lines:
        start = line.find("{")
        if start < 0 or '"_aws"' not in line:
            continue
        document = json.loads(line[start:])
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, document[name]) for name in names)
                for metric in directive["Metrics"]:
                    key = (directive["Namespace"], metric["Name"], dimensions)
                    found[key].append(float(document[metric["Name"]]))
    return found


def raised(template: dict, parameters: dict[str, str], found: Metrics) -> set[str]:
    """The names of the alarms, without the stack's."""
    resolver = resolving.Resolver(template, parameters)
    names = set()
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::CloudWatch::Alarm" and resolver.is_made(resource):
            alarm = resolver.value(resource["Properties"])
            if is_raised(alarm, found):
                names.add(alarm["AlarmName"].removeprefix(f"{resolving.STACK}-"))
    return names


def is_raised(alarm: dict, found: Metrics) -> bool:
    threshold = float(alarm["Threshold"])
    try:
        value = Watched(alarm, found).value()
    except MissingError:
        return alarm["TreatMissingData"] == "breaching"
    return value < threshold if alarm["ComparisonOperator"] == "LessThanThreshold" else value > threshold


class Watched:
    """What an alarm watches: a metric, or an expression over several."""

    def __init__(self, alarm: dict, found: Metrics):
        plain = {"Id": "plain", "MetricStat": {"Metric": alarm, "Stat": alarm.get("Statistic", "p99")}}
        queries = alarm.get("Metrics", [plain])
        self.queries = {query["Id"]: query for query in queries}
        self.watched = next(query["Id"] for query in queries if query.get("ReturnData", True))
        self.found = found

    def value(self) -> float:
        return self.of(self.watched)

    def of(self, name: str) -> float:
        query = self.queries[name]
        if "Expression" in query:
            # As Python reads it: only these two words differ.
            text = re.sub(r"\b(AND|OR)\b", lambda word: word[0].lower(), query["Expression"])
            return self.evaluate(ast.parse(text, mode="eval").body)
        metric, statistic = query["MetricStat"]["Metric"], query["MetricStat"]["Stat"]
        dimensions = frozenset((each["Name"], each["Value"]) for each in metric["Dimensions"])
        values = self.found.get((metric["Namespace"], metric["MetricName"], dimensions))
        if not values or statistic not in STATISTICS:
            raise MissingError
        return STATISTICS[statistic](values)

    def evaluate(self, node: ast.expr) -> float:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.of(name)
            case ast.Call(func=ast.Name(id="FILL"), args=[wanted, instead]):
                try:
                    return self.evaluate(wanted)
                except MissingError:
                    return self.evaluate(instead)
            case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
                return self.evaluate(then if self.evaluate(condition) else otherwise)
            case ast.BoolOp(op=op, values=values):
                return (all if isinstance(op, ast.And) else any)(self.evaluate(each) for each in values)
            case ast.BinOp(left=left, op=op, right=right):
                return self.calculate(op, self.evaluate(left), self.evaluate(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self.calculate(op, self.evaluate(left), self.evaluate(right))
        raise ValueError(f"not understood in an expression: {ast.unparse(node)}")

    @staticmethod
    def calculate(op: ast.AST, left: float, right: float) -> float:
        if isinstance(op, ast.Div) and right == 0:
            raise MissingError
        known = {
            ast.Add: lambda: left + right,
            ast.Sub: lambda: left - right,
            ast.Mult: lambda: left * right,
            ast.Div: lambda: left / right,
            ast.Gt: lambda: left > right,
            ast.GtE: lambda: left >= right,
            ast.Lt: lambda: left < right,
            ast.Eq: lambda: left == right,
        }
        return known[type(op)]()


def main() -> None:
    parser = argparse.ArgumentParser(description="Which alarms a log would have raised")
    add = parser.add_argument
    add("--parameter", type=assignment, action="append", default=[], metavar="KEY=VALUE", help="of the template")
    given = dict(parser.parse_args().parameter)
    print("\n".join(sorted(raised(templates.load(), given, metrics(sys.stdin)))))


if __name__ == "__main__":
    main()
