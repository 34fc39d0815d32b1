"""Faults on demand and the count of calls, as clients of the local cloud see them."""

import time

from botocore.exceptions import ClientError, ConnectionClosedError

from testing_cloud import CloudTest
from testing_functions import Function


class FaultsTest(CloudTest):
    def send(self, url: str, body: str) -> dict:
        return self.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="group")

    def bodies(self, url: str) -> list[str]:
        return [m["Body"] for m in self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]

    def test_throttling_has_the_shape_of_each_service(self):
        url = self.queue()
        self.fault("sqs", "throttled", {"next": 1})
        self.fault("secretsmanager", "throttled", {"next": 1})
        self.refused("RequestThrottled", self.send, url=url, body="a")
        self.refused("ThrottlingException", self.secrets.list_secrets)
        self.send(url, "a")
        self.secrets.list_secrets()

    def test_down_does_nothing_and_a_lost_answer_was_carried_out(self):
        url = self.queue()
        self.fault("sqs", "down", {"next": 1}, action="SendMessage")
        self.refused("ServiceUnavailable", self.send, url=url, body="down")
        self.fault("sqs", "down", {"next": 1}, action="SendMessage", options={"cut": True})
        self.fault("sqs", "answer_lost", {"next": 1}, action="SendMessage", resource="fifo")
        for body in ("cut", "lost"):
            with self.assertRaises(ConnectionClosedError):
                self.send(url, body)
        self.assertEqual(self.bodies(url), ["lost"])

    def test_one_entry_of_a_batch_is_refused(self):
        url = self.queue()
        self.fault("sqs", "entry_refused", options={"entry": 1, "code": "RequestThrottled"})
        entries = [{"Id": str(n), "MessageBody": f"body {n}", "MessageGroupId": "group"} for n in range(3)]
        answer = self.sqs.send_message_batch(QueueUrl=url, Entries=entries)
        failed = [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]]
        self.assertEqual(failed, [("1", "RequestThrottled", False)])
        self.assertEqual(self.bodies(url), ["body 0", "body 2"])

    def test_slow_is_carried_out_later_and_only_where_it_was_asked_for(self):
        url, other = self.queue(), self.queue("quick.fifo")
        self.fault("sqs", "slow", options={"ms": 1500}, resource="slow_is")
        self.send(other, "a")
        self.assertEqual(self.cloud.local("GET", "faults")[1][0]["fired"], 0)
        began = time.monotonic()
        self.send(url, "a")
        self.assertGreater(time.monotonic() - began, 1.5)
        self.assertEqual(self.bodies(url), ["a"])

    def test_one_fault_is_taken_back_and_says_how_often_it_fired(self):
        url = self.queue()
        sending = self.fault("sqs", "slow", options={"ms": 0}, action="SendMessage")
        receiving = self.fault("sqs", "slow", options={"ms": 0}, action="ReceiveMessage")
        self.send(url, "a")
        status, answer = self.cloud.local("DELETE", f"faults/{sending}")
        self.assertEqual((status, answer["fired"]), (200, 1))
        self.send(url, "b")
        self.bodies(url)
        self.assertEqual(self.cloud.local("DELETE", f"faults/{receiving}")[1]["fired"], 1)
        self.assertEqual(self.cloud.local("DELETE", f"faults/{receiving}")[0], 400)
        self.assertEqual(self.cloud.local("GET", "faults"), (200, []))

    def test_skip_next_and_share_count_matching_calls(self):
        url = self.queue()
        self.fault("sqs", "throttled", {"next": 2}, skip=1, action="SendMessage", caller="account")
        self.fault("sqs", "throttled", action="SendMessage", caller="uploader")
        outcomes = []
        for number in range(5):
            try:
                self.send(url, str(number))
                outcomes.append(True)
            except ClientError:
                outcomes.append(False)
        self.assertEqual(outcomes, [True, False, False, True, True])
        listed = self.cloud.local("GET", "faults")[1]
        self.assertEqual([(fault["matched"], fault["fired"]) for fault in listed], [(5, 2), (0, 0)])

    def test_a_function_is_known_by_its_role(self):
        url = self.queue()
        function = Function(self.cloud, "calling-function")
        self.assertEqual(function.invoke(call=url)["called"], "AccessDenied")
        self.fault("sqs", "down", caller="calling")
        self.assertEqual(function.invoke(call=url)["called"], "ServiceUnavailable")
        self.send(url, "a")
        by_caller = self.cloud.local("GET", "calls")[1]["by_caller"]
        self.assertGreaterEqual(by_caller["calling-function"]["sqs"]["GetQueueAttributes"], 2)

    def test_what_is_no_fault_is_refused_with_a_reason(self):
        for wrong, why in (
            ({"service": "s3", "kind": {"down": {}}}, "service is one of"),
            ({"service": "sqs", "kind": {"slow": {}}}, "slow.ms"),
            ({"service": "sqs", "kind": {"down": {"for": 3}}}, "down has cut"),
            ({"service": "sqs", "kind": {"throttled": {}}, "when": {"share": 2}}, "when is"),
            ({"service": "sqs", "action": "SendMessage", "kind": {"entry_refused": {}}}, "entry_refused hits"),
            ({"service": "sqs", "kind": {"throttled": {}}, "whem": 1}, "unknown: whem"),
        ):
            status, answer = self.cloud.local("POST", "faults", wrong)
            self.assertEqual(status, 400, wrong)
            self.assertIn(why, answer["error"])
        self.assertEqual(self.cloud.local("GET", "faults"), (200, []))

    def test_calls_are_counted_by_action_and_caller_until_cleared(self):
        url = self.queue()
        self.cloud.local("DELETE", "calls")
        self.fault("sqs", "throttled", {"next": 1})
        self.refused("RequestThrottled", self.send, url=url, body="a")
        self.send(url, "x" * 100_000)
        self.secrets.list_secrets()
        counted = self.cloud.local("GET", "calls")[1]
        calls = {"sqs": {"SendMessage": 2}, "secretsmanager": {"ListSecrets": 1}}
        self.assertEqual((counted["calls"], counted["by_caller"]), (calls, {"account": calls}))
        self.assertEqual(counted["sqs_requests_billed"], {"SendMessage": 3})
        self.cloud.local("DELETE", "calls")
        self.assertEqual(self.cloud.local("GET", "calls")[1]["calls"], {})
