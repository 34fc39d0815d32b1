"""What is made of CloudFormation's answers."""

import datetime
import unittest

import boto3
from botocore.exceptions import ClientError
from botocore.stub import Stubber

import changes

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
DEPLOYMENT = changes.Deployment("audiences", "", {}, {"Release": "0" * 64})


def event(number: int, status: str, reason: str) -> dict:
    of_all = {"StackId": "arn", "StackName": "audiences", "Timestamp": NOW, "LogicalResourceId": f"Resource{number}"}
    return {**of_all, "EventId": str(number), "ResourceStatus": status, "ResourceStatusReason": reason}


class DescribedTest(unittest.TestCase):
    def setUp(self):
        session = boto3.session.Session("test", "test", region_name="us-east-1")
        self.cloudformation = session.client("cloudformation")
        self.stub = Stubber(self.cloudformation)
        self.stub.activate()
        self.addCleanup(self.stub.assert_no_pending_responses)

    def answers(self, action: str, **answer: object) -> None:
        self.stub.add_response(action, answer)

    def test_only_a_stack_that_does_not_exist_is_new(self):
        self.stub.add_client_error("describe_stacks", "ValidationError", "Stack with id audiences does not exist")
        self.assertFalse(changes.described(self.cloudformation, "audiences").exists)
        self.stub.add_client_error("describe_stacks", "ValidationError", "'stackName' failed to satisfy constraint")
        with self.assertRaises(ClientError):
            changes.described(self.cloudformation, "my_stack")

    def test_reasons_are_told_from_all_pages_since_the_deployment_began(self):
        stack = {"StackName": "audiences", "CreationTime": NOW, "StackStatus": "ROLLBACK_COMPLETE"}
        began = event(2, "REVIEW_IN_PROGRESS", "")
        self.answers("describe_stack_events", StackEvents=[began, event(1, "CREATE_FAILED", "long ago")])
        self.answers("execute_change_set")
        self.answers("describe_stacks", Stacks=[stack])
        self.answers("describe_stack_events", StackEvents=[event(4, "DELETE_COMPLETE", "")], NextToken="more")
        older = [event(3, "CREATE_FAILED", "the quota is used up"), began, event(1, "CREATE_FAILED", "long ago")]
        self.answers("describe_stack_events", StackEvents=older)
        with self.assertRaises(changes.FailedError) as failed:
            changes.carry_out(self.cloudformation, "audiences", "release")
        told = "the stack is ROLLBACK_COMPLETE:\n  Resource3: the quota is used up"
        self.assertEqual(str(failed.exception), told)

    def test_changes_are_told_from_all_pages(self):
        def change(name: str) -> dict:
            known = {"Action": "Modify", "LogicalResourceId": name, "ResourceType": "AWS::SQS::Queue"}
            return {"Type": "Resource", "ResourceChange": {**known, "Replacement": "True"}}

        self.answers("create_change_set")
        first = {"Status": "CREATE_COMPLETE", "Changes": [change("Queue")], "NextToken": "more"}
        for page in (first, first, {"Status": "CREATE_COMPLETE", "Changes": [change("DeadLetterQueue")]}):
            self.answers("describe_change_set", **page)
        _, proposed = changes.propose(self.cloudformation, DEPLOYMENT, "https://s3/template", exists=True)
        self.assertEqual([each.resource for each in proposed], ["Queue", "DeadLetterQueue"])


class KeptTest(unittest.TestCase):
    def test_a_queue_or_a_secret_that_is_replaced_or_removed_is_lost(self):
        for kind in ("AWS::SQS::Queue", "AWS::SecretsManager::Secret"):
            for action, replacement in (("Modify", "True"), ("Modify", "Conditional"), ("Remove", "")):
                self.assertTrue(changes.Change(action, "It", kind, replacement).loses, (action, replacement))
            for action, replacement in (("Modify", "False"), ("Add", "")):
                self.assertFalse(changes.Change(action, "It", kind, replacement).loses, (action, replacement))
        self.assertFalse(changes.Change("Modify", "It", "AWS::Lambda::Permission", "True").loses)


if __name__ == "__main__":
    unittest.main()
