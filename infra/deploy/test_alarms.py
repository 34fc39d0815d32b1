"""The alarms tell the truth: what stories logged raises theirs and no others, and each can be raised at all."""

import subprocess
import sys
import unittest
from pathlib import Path

import alarms
import resolving
import template as templates

RECORDED = Path(__file__).parent / "recorded"
TEMPLATE = templates.load()
# A story lasts a minute, and all of it is one period.
OF_A_STORY = {"AlarmLateSeconds": "5"}
# What raises each alarm: its metrics, short for (namespace, name, dimensions), and their one value in the period.
UPLOADER, INGEST = {"FunctionName": "UploaderFunction"}, {"FunctionName": "IngestFunction"}
QUEUE = {"QueueName": "Queue.QueueName"}


def own(name: str, function: str, **labels: str) -> tuple:
    return resolving.STACK, name, {"function": function, **labels}


def of_lambda(name: str, function: dict) -> tuple:
    return "AWS/Lambda", name, function


def of_queue(name: str) -> tuple:
    return "AWS/SQS", f"ApproximateNumberOfMessages{name}", QUEUE


def answers(**by_answer: int) -> list[tuple]:
    all_of_them = (own("requests", "ingest"), sum(by_answer.values()))
    return [all_of_them, *((own("requests", "ingest", answer=word), count) for word, count in by_answer.items())]


def letters(cause: str, count: int) -> list[tuple]:
    return [(own("dead_letters", "uploader"), count), (own("dead_letters", "uploader", cause=cause), count)]


def oldest(trouble: str, seconds: int) -> list[tuple]:
    return [(own("oldest_change_age_seconds", "uploader", trouble=trouble), seconds)]


RAISED = {
    "late": oldest("everybody", 901),
    "connection-late": oldest("connection", 14_401),
    "backlog": oldest("nobody", 901),
    "uploader-idle": [(of_queue("Visible"), 1)],
    "messages-waiting": [
        (of_queue("Visible"), 40_000),
        (of_queue("NotVisible"), 10_001),
        (of_lambda("Invocations", UPLOADER), 1),
    ],
    "connections-dead": [(own("connections_dead", "uploader"), 1)],
    "refused-letters": letters("no_audience", 1),
    "lost-letters": letters("unreadable", 1),
    "erasure-letters": [(own("erasure_letters", "uploader"), 1)],
    "erasure-without-account": [(own("erasures", "ingest", outcome="no_account"), 1)],
    "unauthorized": answers(unauthorized=3, ok=40),
    "refused-requests": answers(missing_setting=5, ok=90),
    "ingest-unavailable": answers(queue_unavailable=3, ok=200),
    "ingest-errors": [(of_lambda("Invocations", INGEST), 100), *answers(ok=97)],
    "ingest-throttles": [(of_lambda("Throttles", INGEST), 1)],
    "api-faults": [
        (("AWS/ApiGateway", "5xx", {"ApiId": "Api"}), 3),
        (("AWS/ApiGateway", "Count", {"ApiId": "Api"}), 200),
    ],
    "operator-faults": [(own("operator_faults", "auth-redirect"), 1)],
    "throttled": [(own("throttles", "uploader"), 3), (own("calls", "uploader"), 14)],
    "uploader-errors": [(own("panics", "uploader"), 1)],
    "page-errors": [(of_lambda("Errors", {"FunctionName": "AuthRedirectFunction"}), 1)],
}
# Close to each limit, and no trouble.
QUIET = {
    "a customer's trouble is younger than its limit": oldest("connection", 14_400),
    "few strangers among many requests": answers(unauthorized=4, ok=100),
    "two strangers and nobody else": answers(unauthorized=2),
    "some requests are wrong": answers(missing_setting=4, token_refused=1, ok=96),
    "one request in a thousand waits": answers(queue_unavailable=3, ok=3_000),
    "every invocation is answered": [(of_lambda("Invocations", INGEST), 100), *answers(ok=100)],
    "the queue's age is that of a blocked lane": [
        (("AWS/SQS", "ApproximateAgeOfOldestMessage", QUEUE), 9_000),
        *oldest("connection", 9_000),
    ],
    "an uploader is at work": [(of_queue("Visible"), 1_000), (of_lambda("Invocations", UPLOADER), 1)],
    "a call in ten is throttled": [(own("throttles", "uploader"), 10), (own("calls", "uploader"), 100)],
}


def raised(values: list[tuple], **parameters: str) -> set[str]:
    found = {(namespace, name, frozenset(of.items())): [value] for (namespace, name, of), value in values}
    return alarms.raised(TEMPLATE, parameters, found)


class RecordedTest(unittest.TestCase):
    """What the functions really wrote while stories ran."""

    def of_story(self, name: str) -> set[str]:
        lines = (RECORDED / f"{name}.log").read_text().splitlines()
        return alarms.raised(TEMPLATE, OF_A_STORY, alarms.metrics(lines))

    def test_each_trouble_raises_its_alarm_and_no_other(self):
        self.assertEqual(self.of_story("outage"), {"late"})
        self.assertEqual(self.of_story("dead-token"), {"connections-dead"})
        self.assertEqual(self.of_story("wrong-firehose-token"), {"unauthorized"})
        self.assertEqual(self.of_story("refused-audience"), {"refused-letters"})

    def test_a_quiet_story_raises_none(self):
        self.assertEqual(self.of_story("quiet"), set())

    def test_as_a_command_it_prints_the_names(self):
        command = [sys.executable, alarms.__file__, "--parameter", "AlarmLateSeconds=5"]
        log = (RECORDED / "outage.log").read_text()
        done = subprocess.run(command, input=log, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "late\n")

    def test_a_parameter_without_a_value_is_named(self):
        command = [sys.executable, alarms.__file__, "--parameter", "AlarmLateSeconds"]
        done = subprocess.run(command, input="", capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("AlarmLateSeconds is not KEY=VALUE", done.stderr)


class RaisedTest(unittest.TestCase):
    def test_every_alarm_is_raised_by_its_own_trouble_alone(self):
        for name, values in RAISED.items():
            self.assertEqual(raised(values), {name})

    def test_no_alarm_is_left_out(self):
        resolver = resolving.Resolver(TEMPLATE, {})
        made = {
            resolver.value(each["Properties"]["AlarmName"]).removeprefix(f"{resolving.STACK}-")
            for each in TEMPLATE["Resources"].values()
            if each["Type"] == "AWS::CloudWatch::Alarm" and resolver.is_made(each)
        }
        # Percentiles are CloudWatch's to work out.
        self.assertEqual(made - {"ingest-slow"}, set(RAISED))

    def test_what_is_no_trouble_raises_none(self):
        for what, values in QUIET.items():
            self.assertEqual(raised(values), set(), what)

    def test_silence_is_watched_where_it_is_asked_for(self):
        self.assertEqual(raised([]), set())
        self.assertEqual(raised([], AlarmSilenceMinutes="60"), {"silence"})
        self.assertEqual(raised(answers(ok=1), AlarmSilenceMinutes="60"), set())

    def test_limits_are_parameters(self):
        self.assertEqual(raised(letters("no_audience", 7), AlarmRefusedLettersPerHour="7"), set())
        self.assertEqual(raised(letters("no_audience", 8), AlarmRefusedLettersPerHour="7"), {"refused-letters"})


if __name__ == "__main__":
    unittest.main()
