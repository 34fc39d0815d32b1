"""FIFO queues over the API and under Lambda's poller, as SQS's clients see them."""

import http.client
import threading
import time
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import urlsplit

from testing_cloud import CloudTest
from testing_functions import Function

MEBIBYTE = 1024 * 1024


class QueuesTest(CloudTest):
    def send(self, url: str, body: str, group: str = "g", **more: object) -> dict:
        return self.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **more)

    def receive(self, url: str, **more: object) -> list[dict]:
        asked = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], **more}
        return self.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], **asked).get("Messages", [])

    def bodies(self, url: str, **more: object) -> list[str]:
        return [message["Body"] for message in self.receive(url, **more)]

    def depth(self, url: str) -> tuple[int, int]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return int(told[names[0]]), int(told[names[1]])

    def arn(self, url: str) -> str:
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def mapping(self, url: str, function: Function, **more: object) -> dict:
        given = {"BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"], **more}
        made = function.api.create_event_source_mapping(
            EventSourceArn=self.arn(url), FunctionName=function.name, **given
        )
        self.addCleanup(function.api.delete_event_source_mapping, UUID=made["UUID"])
        return made

    def test_a_message_is_received_with_all_that_belongs_to_it(self):
        url = self.queue()
        attributes = {"firehose_message_id": {"DataType": "String", "StringValue": "abc"}}
        before = time.time()
        sent = self.send(url, "1", "a.b.3", MessageAttributes=attributes)
        (message,) = self.receive(url)
        system = message["Attributes"]
        self.assertEqual((message["Body"], message["MessageId"]), ("1", sent["MessageId"]))
        self.assertEqual(message["MessageAttributes"], attributes)
        self.assertEqual(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"])
        self.assertEqual((system["MessageGroupId"], system["ApproximateReceiveCount"]), ("a.b.3", "1"))
        self.assertEqual(system["SequenceNumber"], sent["SequenceNumber"])
        self.assertAlmostEqual(int(system["SentTimestamp"]) / 1000, before, delta=5)

    def test_batches_answer_for_each_entry(self):
        url = self.queue()
        entries = [{"Id": str(n), "MessageBody": str(n), "MessageGroupId": str(n % 2)} for n in range(9)]
        entries.append({"Id": "none", "MessageBody": "no group"})
        answer = self.sqs.send_message_batch(QueueUrl=url, Entries=entries)
        self.assertEqual([entry["Id"] for entry in answer["Failed"]], ["none"])
        messages = self.receive(url, VisibilityTimeout=1)
        self.assertEqual([message["Body"] for message in messages], ["0", "2", "4", "6", "8", "1", "3", "5", "7"])
        handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
        longer = [{**handle, "VisibilityTimeout": 60} for handle in handles[:2]]
        self.assertEqual(len(self.sqs.change_message_visibility_batch(QueueUrl=url, Entries=longer)["Successful"]), 2)
        time.sleep(1.1)
        wrong = {"Id": "wrong", "ReceiptHandle": "wrong"}
        answer = self.sqs.delete_message_batch(QueueUrl=url, Entries=[*handles[:3], wrong])
        failed = [(entry["Id"], entry["Code"], entry["Message"]) for entry in answer["Failed"]]
        self.assertEqual([entry["Id"] for entry in answer["Successful"]], ["0", "1"])
        self.assertEqual(failed[0], ("2", "ReceiptHandleIsInvalid", "The receipt handle has expired"))
        self.assertEqual(failed[1][:2], ("wrong", "ReceiptHandleIsInvalid"))
        self.assertEqual(self.depth(url), (7, 0))

    def test_an_expired_handle_is_refused_and_a_deleted_message_is_not(self):
        url = self.queue()
        self.send(url, "1")
        old = self.receive(url, VisibilityTimeout=0)[0]["ReceiptHandle"]
        message = self.refused("InvalidParameterValue", self.sqs.delete_message, QueueUrl=url, ReceiptHandle=old)
        self.assertIn("The receipt handle has expired", message)
        change = {"QueueUrl": url, "ReceiptHandle": old, "VisibilityTimeout": 5}
        self.refused("InvalidParameterValue", self.sqs.change_message_visibility, **change)
        new = self.receive(url)[0]["ReceiptHandle"]
        for _ in range(2):
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=new)
        self.assertEqual(self.depth(url), (0, 0))

    def test_attributes_count_towards_the_size_of_message_and_batch(self):
        url = self.queue()
        attributes = {"a": {"DataType": "String", "StringValue": "x" * 100}}
        most = MEBIBYTE - len("a") - len("String") - 100
        self.send(url, "x" * most, MessageAttributes=attributes)
        one_more = {"url": url, "body": "x" * (most + 1), "MessageAttributes": attributes}
        self.assertIn("shorter than 1048576 bytes", self.refused("InvalidParameterValue", self.send, **one_more))
        half = {"MessageGroupId": "g", "MessageAttributes": attributes}
        entries = [{"Id": str(n), "MessageBody": str(n) * (MEBIBYTE // 2 - 106), **half} for n in range(2)]
        code = "AWS.SimpleQueueService.BatchRequestTooLong"
        self.refused(code, self.sqs.send_message_batch, QueueUrl=url, Entries=entries)
        entries[0]["MessageBody"] = entries[0]["MessageBody"][2:]
        self.assertEqual(len(self.sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]), 2)

    def test_what_sqs_does_not_take_is_refused(self):
        url = self.queue()
        text = {"DataType": "String", "StringValue": "x"}
        for code, more in (
            ("InvalidMessageContents", {"body": "\u0000"}),
            ("InvalidParameterValue", {"group": "with space"}),
            ("InvalidParameterValue", {"DelaySeconds": 1}),
            ("InvalidParameterValue", {"MessageAttributes": {str(n): text for n in range(11)}}),
            ("InvalidParameterValue", {"MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}}),
            ("InvalidParameterValue", {"MessageAttributes": {"a": {"DataType": "String", "StringValue": "\u0001"}}}),
            ("InvalidParameterValue", {"MessageAttributes": {"aws.a": text}}),
        ):
            self.refused(code, self.send, **{"url": url, "body": "1", **more})
        without = self.queue("without.fifo", ContentBasedDeduplication="false")
        self.refused("InvalidParameterValue", self.send, url=without, body="1")
        self.send(without, "1", MessageDeduplicationId="1")

    def test_deduplication_ignores_attributes_and_has_a_scope(self):
        url = self.queue(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
        first = self.send(url, "1")
        attributes = {"a": {"DataType": "String", "StringValue": "other"}}
        self.assertEqual(self.send(url, "1", MessageAttributes=attributes)["MessageId"], first["MessageId"])
        self.assertNotEqual(self.send(url, "1", "h")["MessageId"], first["MessageId"])
        self.assertEqual(self.depth(url), (2, 0))

    def test_what_comes_back_too_often_is_a_dead_letter(self):
        dead = self.queue("dead.fifo", MessageRetentionPeriod="1209600")
        policy = f'{{"deadLetterTargetArn":"{self.arn(dead)}","maxReceiveCount":2}}'
        url = self.queue(RedrivePolicy=policy)
        self.send(url, "1")
        self.assertEqual([self.bodies(url, VisibilityTimeout=0) for _ in range(3)], [["1"], ["1"], []])
        (letter,) = self.receive(dead)
        self.assertEqual((letter["Body"], letter["Attributes"]["DeadLetterQueueSourceArn"]), ("1", self.arn(url)))

    def test_a_waiting_receive_holds_nothing_up_and_ends_with_the_first_message(self):
        url, received = self.queue(), []
        waiting = threading.Thread(target=lambda: received.extend(self.bodies(url, WaitTimeSeconds=20)))
        waiting.start()
        for _ in range(20):
            self.depth(url)
        self.send(url, "1")
        waiting.join(timeout=19)
        self.assertEqual(received, ["1"])
        self.assertEqual(self.bodies(url, WaitTimeSeconds=1), [])

    def test_receives_of_a_client_that_has_gone_take_nothing(self):
        url = self.queue()
        connection = http.client.HTTPConnection(urlsplit(self.cloud.endpoint).netloc)
        headers = {
            "X-Amz-Target": "AmazonSQS.ReceiveMessage",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request",
            "X-Amz-Date": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
        }
        connection.request("POST", "/", f'{{"QueueUrl":"{url}","WaitTimeSeconds":10}}', headers)
        time.sleep(0.2)
        connection.close()
        time.sleep(0.2)
        self.send(url, "1")
        time.sleep(0.2)
        self.assertEqual(self.depth(url), (1, 0))

    def test_two_invocations_run_side_by_side_and_no_more(self):
        url = self.queue(VisibilityTimeout="30")
        function = Function(self.cloud, "side-by-side", SLEEP="1")
        for number in range(60):
            self.send(url, str(number), f"group-{number % 3}")
        self.mapping(url, function, ScalingConfig={"MaximumConcurrency": 2})
        self.wait_for(lambda: self.depth(url) == (0, 0))
        began = [each["at"] for each in function.invocations()]
        # Each takes a second: what began within less of another ran beside it.
        self.assertTrue(any(later - earlier < 0.9 for earlier, later in pairwise(sorted(began))), began)
        for at in began:
            self.assertLessEqual(sum(at - 0.99 < other <= at for other in began), 2)
        handed = [record for each in function.invocations() for record in each["event"]["Records"]]
        self.assertLessEqual(max(len(each["event"]["Records"]) for each in function.invocations()), 10)
        for group in range(3):
            bodies = [int(r["body"]) for r in handed if r["attributes"]["MessageGroupId"] == f"group-{group}"]
            self.assertEqual(bodies, sorted(bodies))

    def test_the_event_tells_of_its_messages_what_a_receive_tells(self):
        url = self.queue()
        function = Function(self.cloud, "told-function")
        attributes = {"a": {"DataType": "String", "StringValue": "x"}}
        sent = self.send(url, "1", "g", MessageAttributes=attributes)
        self.cloud.local("DELETE", "calls")
        self.mapping(url, function)
        self.wait_for(lambda: self.depth(url) == (0, 0))
        (record,) = function.invocations()[0]["event"]["Records"]
        system = record["attributes"]
        self.assertEqual((record["body"], record["messageId"]), ("1", sent["MessageId"]))
        self.assertEqual((system["MessageGroupId"], system["ApproximateReceiveCount"]), ("g", "1"))
        self.assertEqual(system["SequenceNumber"], sent["SequenceNumber"])
        self.assertEqual(record["messageAttributes"]["a"]["stringValue"], "x")
        counted = self.cloud.local("GET", "calls")[1]["by_caller"]["event-source-mapping"]
        self.assertEqual(counted, {"sqs": {"DeleteMessageBatch": 1, "ReceiveMessage": 1}})

    def test_what_a_function_names_stays_with_the_visibility_it_has_and_the_rest_is_deleted(self):
        url = self.queue(VisibilityTimeout="4")
        function = Function(self.cloud, "partial-function", timeout=4, SLEEP="0.5")
        self.send(url, "done", "a")
        self.send(url, "keep", "b")
        self.mapping(url, function)
        self.wait_for(function.invocations)
        kept = next(r for r in function.invocations()[0]["event"]["Records"] if r["body"] == "keep")
        change = {"QueueUrl": url, "ReceiptHandle": kept["receiptHandle"]}
        self.sqs.change_message_visibility(**change, VisibilityTimeout=60)
        self.wait_for(lambda: self.depth(url) == (0, 1))
        time.sleep(4.5)
        self.assertEqual((self.depth(url), len(function.invocations())), ((0, 1), 1))
        self.sqs.change_message_visibility(**change, VisibilityTimeout=0)
        self.wait_for(lambda: len(function.invocations()) == 2)

    def test_a_function_that_names_a_message_it_was_not_given_fails_its_batch(self):
        url = self.queue(VisibilityTimeout="60")
        function = Function(self.cloud, "misnaming-function", NAMED="another")
        self.send(url, "done")
        self.mapping(url, function)
        self.wait_for(function.invocations)
        time.sleep(0.5)
        self.assertEqual(self.depth(url), (0, 1))

    def test_messages_of_a_killed_and_of_a_timed_out_invocation_come_back(self):
        url = self.queue(VisibilityTimeout="2")
        function = Function(self.cloud, "unlucky-function", timeout=1, SLEEP="5")
        self.send(url, "1")
        self.mapping(url, function)
        self.wait_for(function.invocations)
        self.assertEqual(self.cloud.local("POST", "kill", {"function": "unlucky"}), (200, {"killed": 1}))
        self.wait_for(lambda: len(function.invocations()) == 3)
        counts = [
            each["event"]["Records"][0]["attributes"]["ApproximateReceiveCount"] for each in function.invocations()
        ]
        self.assertEqual(counts, ["1", "2", "3"])
        gaps = [later["at"] - each["at"] for each, later in pairwise(function.invocations())]
        self.assertTrue(all(gap > 1.9 for gap in gaps), gaps)

    def test_a_mapping_that_aws_refuses_is_refused(self):
        url = self.queue(VisibilityTimeout="30")
        function, slow = Function(self.cloud, "mapped-function"), Function(self.cloud, "long-function", timeout=31)
        for of, more in (
            (function, {"BatchSize": 11}),
            (function, {"MaximumBatchingWindowInSeconds": 1}),
            (slow, {}),
        ):
            self.refused("InvalidParameterValueException", self.mapping, url=url, function=of, **more)
        self.assertEqual(function.api.list_event_source_mappings(FunctionName=slow.name)["EventSourceMappings"], [])
