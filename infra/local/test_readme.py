"""The README beside the template lists what the template has."""

import re
import unittest
from pathlib import Path

INFRA = Path(__file__).resolve().parents[1]


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        self.template = (INFRA / "template.yaml").read_text()
        self.readme = (INFRA / "README.md").read_text()

    def section(self, name: str) -> str:
        found = re.search(rf"^{name}:\n(.*?)(?=^\w)", self.template + "End:", re.DOTALL | re.MULTILINE)
        assert found, name
        return found[1]

    def test_every_parameter_is_listed_with_its_default(self):
        for name, body in re.findall(r"^  (\w+):\n((?:    .*\n)+)", self.section("Parameters"), re.MULTILINE):
            default = re.search(r'Default: "?([^"\n]*)', body)
            shown = "required" if default is None else f"`{default[1]}`" if default[1] else "empty"
            self.assertIn(f"| `{name}` | {shown} |", self.readme)

    def test_every_output_is_listed(self):
        for name in re.findall(r"^  (\w+):$", self.section("Outputs"), re.MULTILINE):
            self.assertIn(f"`{name}`", self.readme)

    def test_every_alarm_says_what_to_do(self):
        for name in re.findall(r"AlarmName: !Sub \$\{AWS::StackName\}-(\S+)", self.template):
            self.assertIn(f"| `{name}` |", self.readme)


if __name__ == "__main__":
    unittest.main()
