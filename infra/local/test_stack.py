"""The command that starts and stops a stack, where there is no stack to speak to."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import stack


class StackTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name)

    def run_it(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, stack.__file__, *arguments, "--dir", str(self.directory)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_a_stack_that_is_gone_is_told_in_one_line(self):
        told = {"no stack runs in": None, "does not answer": {"aws_endpoint": "http://127.0.0.1:9"}}
        for says, described in told.items():
            if described:
                (self.directory / "stack.json").write_text(json.dumps(described))
            for command in (["logs"], ["kill", "uploader"]):
                done = self.run_it(*command)
                self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
                self.assertIn(says, done.stderr)

    def test_stopping_what_does_not_run_is_no_error(self):
        self.assertEqual(self.run_it("down").stdout, "Nothing was running.\n")


if __name__ == "__main__":
    unittest.main()
