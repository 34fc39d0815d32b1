"""Instances of functions: counted, killed on demand and on a time-out, replaced when their function changed."""

import os
import threading

from testing_cloud import PATIENCE_SECONDS, CloudTest
from testing_functions import Function


class InstancesTest(CloudTest):
    def assert_gone(self, pid: int) -> None:
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)

    def kill(self, **asked: object) -> int:
        status, answer = self.cloud.local("POST", "kill", asked)
        self.assertEqual(status, 200, answer)
        return answer["killed"]

    def instances(self, function: Function) -> dict:
        return self.cloud.local("GET", "instances")[1][function.name]

    def test_a_running_invocation_is_killed_and_the_next_has_a_new_instance(self):
        function, answers = Function(self.cloud, "killed-function"), []
        running = threading.Thread(target=lambda: answers.append(function.invoke(sleep=20)))
        running.start()
        self.wait_for(function.invocations)
        self.assertEqual(self.instances(function), {"running": 1, "idle": 0, "timed_out": 0})
        self.assertEqual((self.kill(function="another"), self.kill(function="killed")), (0, 1))
        running.join(timeout=PATIENCE_SECONDS)
        self.assertEqual(answers[0]["errorType"], "Runtime.ExitError")
        self.assertNotEqual(function.invoke()["pid"], function.invocations()[0]["pid"])

    def test_an_idle_instance_is_killed_only_on_request(self):
        function = Function(self.cloud, "idle-function")
        pid = function.invoke()["pid"]
        self.assertEqual(self.instances(function), {"running": 0, "idle": 1, "timed_out": 0})
        self.assertEqual(self.kill(function="idle-function"), 0)
        self.assertEqual(function.invoke()["pid"], pid)
        self.assertEqual(self.kill(function="idle-function", idle=True), 1)
        self.assertNotEqual(function.invoke()["pid"], pid)

    def test_a_time_out_ends_the_instance_at_once(self):
        function = Function(self.cloud, "slow-function", timeout=1)
        self.assertEqual(function.invoke(sleep=20)["errorType"], "Sandbox.Timedout")
        self.assert_gone(function.invocations()[0]["pid"])
        # On AWS it is not told that it ends: it is killed.
        self.assertEqual([told["event"] for told in function.invocations()], [{"sleep": 20}])

    def test_what_stands_still_times_out(self):
        function, answers = Function(self.cloud, "still-function", timeout=2), []
        running = threading.Thread(target=lambda: answers.append(function.invoke(sleep=1)))
        running.start()
        self.wait_for(function.invocations)
        self.assertEqual(self.cloud.local("POST", "stop", {"function": "still"}), (200, {"stopped": 1}))
        running.join(timeout=PATIENCE_SECONDS)
        self.assertEqual(answers[0]["errorType"], "Sandbox.Timedout")
        self.assertEqual(self.instances(function)["timed_out"], 1)
        self.assert_gone(function.invocations()[0]["pid"])
        self.assertEqual(self.cloud.local("POST", "stop", {"function": "still"}), (200, {"stopped": 0}))

    def test_a_function_that_changed_starts_a_new_instance(self):
        function = Function(self.cloud, "changed-function")
        pid = function.invoke()["pid"]
        self.assertEqual(function.invoke()["pid"], pid)
        changed = {"Variables": {**function.environment, "CHANGED": "yes"}}
        function.api.update_function_configuration(FunctionName=function.name, Environment=changed)
        function.settled()
        self.assertNotEqual(function.invoke()["pid"], pid)
        self.assert_gone(pid)
        # The old one was told nothing when it ended.
        self.assertEqual([told["event"] for told in function.invocations()], [{}] * 3)

    def test_what_is_to_be_killed_or_stopped_has_a_name(self):
        for wrong in ({}, {"function": ""}, []):
            for verb in ("kill", "stop"):
                self.assertEqual(self.cloud.local("POST", verb, wrong)[0], 400)
