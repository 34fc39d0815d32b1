"""README and runbook list what the template has."""

import re
import unittest
from pathlib import Path

import template as templates

INFRA = Path(__file__).resolve().parents[1]


class ReadmeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.template = templates.load()
        cls.readme = (INFRA / "README.md").read_text()
        cls.runbook = (INFRA / "RUNBOOK.md").read_text()

    def names(self, kind: str, name: str) -> list[str]:
        """What resources of a kind are called, without the stack's name."""
        found = [each["Properties"] for each in self.template["Resources"].values() if each["Type"] == kind]
        self.assertTrue(found)
        return [re.sub(r"^\$\{AWS::StackName\}[-/]", "", each[name]["Fn::Sub"]) for each in found]

    def test_every_parameter_is_listed_with_its_default(self):
        for name, about in self.template["Parameters"].items():
            default = about.get("Default")
            shown = "required" if default is None else f"`{default}`" if default != "" else "empty"
            self.assertIn(f"| `{name}` | {shown} | {about['Description']} |", self.readme)

    def test_no_parameter_is_listed_that_is_not_there(self):
        listed = set(re.findall(r"^\| `([A-Z]\w+)` \| (?:required|empty|`)", self.readme, re.MULTILINE))
        self.assertEqual(listed, set(self.template["Parameters"]))

    def test_every_output_is_listed(self):
        for name in self.template["Outputs"]:
            self.assertIn(f"`{name}`", self.readme)

    def test_every_alarm_has_its_section(self):
        alarms = self.names("AWS::CloudWatch::Alarm", "AlarmName")
        sections = re.findall(r"^### `(\S+)`\n((?:(?!^#).*\n)+)", self.runbook, re.MULTILINE)
        self.assertEqual(sorted(alarms), sorted(name for name, _ in sections))
        for name, text in sections:
            for part in ("**Means**", "**Look**", "**Do**", "**Over**"):
                self.assertIn(part, text, name)

    def test_the_queries_that_the_runbook_names_are_saved(self):
        saved = set(self.names("AWS::Logs::QueryDefinition", "Name"))
        named = set(re.findall(r"[Qq]uery `([a-z-]+)`", self.runbook))
        self.assertLessEqual(named, saved)

    def test_the_links_of_the_runbook_lead_somewhere(self):
        for text, path in ((self.readme, INFRA / "README.md"), (self.runbook, INFRA / "RUNBOOK.md")):
            for file, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", text):
                target = (path.parent / file if file else path).read_text()
                headings = re.findall(r"^#+ (.*)$", target, re.MULTILINE)
                anchors = [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]
                self.assertIn(anchor, anchors, f"{path.name} links to {file}#{anchor}")


if __name__ == "__main__":
    unittest.main()
