"""A local cloud for the tests: started for a test module, ended with it, and called as any client calls it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from stack import read_ports

HERE = Path(__file__).parent
# Far longer than anything takes: a slow machine fails no test.
PATIENCE_SECONDS = 120


class Cloud:
    """A local cloud of its own, on ports of its own, that ends with the tests."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="cloud-"))
        self.log = (self.directory / "cloud.log").open("wb")
        command = [sys.executable, str(HERE / "cloud.py"), str(self.directory)]
        env = {"PATH": "/usr/bin:/bin"}
        self.process = subprocess.Popen(command, env=env, stdout=self.log, stderr=self.log, start_new_session=True)
        self.endpoint = f"http://127.0.0.1:{self.ports()['gateway']}"

    def ports(self) -> dict:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (ports := read_ports(self.directory / "ports.json")) is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                log = (self.directory / "cloud.log").read_text()
                self.close()
                raise AssertionError(log)
            time.sleep(0.02)
        return ports

    @contextlib.contextmanager
    def stopped(self):
        """It takes calls, and answers none."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def client(self, service: str, *key: str):
        config = Config(retries={"total_max_attempts": 1}, ignore_configured_endpoint_urls=True)
        session = boto3.session.Session(*(key or ("test", "test")), region_name="us-east-1")
        return session.client(service, endpoint_url=self.endpoint, config=config)

    def local(self, method: str, path: str, asked: object = None) -> tuple[int, object]:
        body = None if asked is None else json.dumps(asked).encode()
        request = urllib.request.Request(f"{self.endpoint}/_local/{path}", data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as answer:
            return answer.code, json.loads(answer.read())


class CloudTest(unittest.TestCase):
    """Tests that share a local cloud, and leave no faults and limits to each other."""

    cloud: Cloud

    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.close)
        cls.sqs, cls.secrets = cls.cloud.client("sqs"), cls.cloud.client("secretsmanager")

    def setUp(self):
        self.addCleanup(self.cloud.local, "DELETE", "faults")
        self.addCleanup(self.cloud.local, "DELETE", "limits")

    def queue(self, name: str = "", **attributes: str) -> str:
        given = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **attributes}
        name = name or f"{self.id().rpartition('.')[2]}.fifo"[-80:]
        return self.sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]

    def fault(self, service: str, kind: str, when: object = "always", **more: object) -> int:
        """Sets a fault. Returns its number."""
        status, answer = self.cloud.local(
            "POST", "faults", {"service": service, "kind": {kind: more.pop("options", {})}, "when": when, **more}
        )
        self.assertEqual(status, 200, answer)
        return answer["number"]

    def wait_for(self, found) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not found():
            self.assertLess(time.monotonic(), deadline, "waited in vain")
            time.sleep(0.02)

    def refused(self, code: str, call, **arguments: object) -> str:
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]
