"""A deployment as a person makes it, by its prompts, to an account that is a local cloud; then what follows on it."""

import json
import os
import platform
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import boto3
from botocore.exceptions import ClientError
from botocore.stub import Stubber

import changes
import deploy

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "infra/local"))
from testing_cloud import Cloud  # noqa: E402 (its folder is known only now)

# Real functions: registration asks one.
BUNDLES = Path(os.environ.get("BUNDLES", ROOT / "target/bundles"))
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
STACK = "audiences"
SECRET = "the-app-secret"
PATIENCE_SECONDS = 120


class Person:
    """A command in a terminal of its own, and what it printed."""

    def __init__(self, command: list[str], env: dict[str, str]):
        ours, theirs = pty.openpty()
        self.terminal, self.printed = ours, ""
        # At a terminal an interrupt is heard. Where tests run in the background their processes inherit that it is not.
        heard = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            command, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        signal.signal(signal.SIGINT, heard)
        os.close(theirs)

    def reads(self, text: str) -> None:
        """Waits until the command has printed this, after what was waited for before."""
        start, deadline = len(self.printed), time.monotonic() + PATIENCE_SECONDS
        while text not in self.printed[start:]:
            ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
            if not ready or not self.more():
                raise AssertionError(f"{text!r} did not come:\n{self.printed}")

    def more(self) -> bool:
        try:
            read = os.read(self.terminal, 4096)
        except OSError:  # Linux's word for the end of a terminal
            return False
        self.printed += read.decode(errors="replace")
        return bool(read)

    def types(self, text: str) -> None:
        os.write(self.terminal, text.encode() + b"\n")

    def ends(self) -> int:
        while self.more():
            pass
        os.close(self.terminal)
        return self.process.wait(PATIENCE_SECONDS)


class DeployTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.close)
        # The CLI's own settings stay out, credentials that a developer has included.
        cls.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(cls.cloud.directory),
            "AWS_ENDPOINT_URL": cls.cloud.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def command(self, name: str, *options: str) -> list[str]:
        command = [sys.executable, str(HERE / "deploy.py"), name, "--stack", STACK]
        if name == "registration":
            return command
        # This machine has its certificates elsewhere than AWS.
        of_here = [f"Architecture={ARCHITECTURE}", "CertificateFile="]
        given = [option for parameter in of_here for option in ("--parameter", parameter)]
        return [*command, "--bundles", str(BUNDLES), *given, *options]

    def run_it(self, name: str, *options: str, env: dict | None = None) -> tuple[int, str]:
        done = subprocess.run(
            self.command(name, *options), env=env or self.env, capture_output=True, text=True, check=False, timeout=300
        )
        return done.returncode, done.stdout + done.stderr

    def deploy(self, *parameters: str) -> str:
        options = [option for parameter in parameters for option in ("--parameter", parameter)]
        code, told = self.run_it("deploy", "--yes", *options)
        self.assertEqual(code, 0, told)
        return told

    def secret(self, name: str) -> dict:
        value = self.cloud.client("secretsmanager").get_secret_value(SecretId=f"{STACK}/{name}")
        return json.loads(value["SecretString"])

    def live(self) -> dict:
        configuration = self.cloud.client("lambda").get_function_configuration
        return configuration(FunctionName=f"{STACK}-ingest", Qualifier="live")

    def registered(self) -> dict:
        code, told = self.run_it("registration")
        self.assertEqual(code, 0, told)
        return json.loads(told[told.index("{\n") :])

    def encoding(self) -> str:
        return self.registered()["permissions"]["device_identities"][0]["encoding"]

    # In this order: an account is empty only once.
    def test_1_doctor_names_all_that_is_missing(self):
        code, told = self.run_it("doctor", env={**self.env, "AWS_REGION": ""})
        self.assertEqual(code, 1)
        self.assertRegex(told, r"FAIL +region")
        code, told = self.run_it("doctor", "--stack", "MParticle")
        self.assertEqual(code, 1)
        self.assertIn("no stack can be called MParticle", told)
        code, told = self.run_it("doctor")
        self.assertEqual(code, 1)
        for missing in (r"FAIL +TikTok app", r"FAIL +mParticle data centers", r"note +a topic for the alarms"):
            self.assertRegex(told, missing)
        self.assertIn("PARAMETERS=PageReservedConcurrency=2", told)

    def test_2_unattended_it_asks_nothing_and_needs_the_secret(self):
        given = ["--parameter", "TikTokAppId=7", "--parameter", "MParticleDataCenters=EU1"]
        code, told = self.run_it("deploy", "--yes", *given)
        self.assertEqual(code, 1)
        self.assertIn("set TIKTOK_APP_SECRET", told)
        self.assertRegex(told, r"note +EU1 is served from us-east-1\n +EU1 is near eu-central-1")

    def test_3_a_person_answers_the_prompts(self):
        person = Person(self.command("deploy"), self.env)
        person.reads("Id of your TikTok app: ")
        person.types("7000000000000000001")
        person.reads("Data center of your mParticle account")
        person.types("US1")
        person.reads("Secret of that app")
        self.assertNotIn(SECRET, " ".join(person.process.args))
        person.types(SECRET)
        person.reads("Deploy this? [y/N]")
        person.types("y")
        self.assertEqual(person.ends(), 0, person.printed)
        self.assertIn("/v1/auth", person.printed)
        self.assertNotIn(SECRET, person.printed)
        self.assertEqual(self.secret("app"), {"app_id": "7000000000000000001", "secret": SECRET})
        self.assertEqual(len(self.secret("firehose")["current"]), 48)

    def test_4_an_interrupted_deployment_does_not_say_that_nothing_was_changed(self):
        parameters = ["--parameter", "TikTokAppId=7", "--parameter", "MParticleDataCenters=US1"]
        given = ["--stack", "another", *parameters]
        person = Person([*self.command("deploy"), *given], {**self.env, "TIKTOK_APP_SECRET": SECRET})
        person.reads("Deploy this? [y/N]")
        # While it stands still no deployment can end before the interrupt.
        with self.cloud.stopped():
            person.types("y")
            person.reads("CloudFormation deploys it")
            person.process.send_signal(signal.SIGINT)
            self.assertEqual(person.ends(), 130, person.printed)
        self.assertIn("a deployment that CloudFormation has begun goes on", person.printed)

    def test_5_the_same_again_changes_nothing(self):
        before, token = self.live()["Version"], self.secret("firehose")
        self.assertNotIn("What changes:", self.deploy())
        self.assertEqual((self.live()["Version"], self.secret("firehose")), (before, token))

    def test_6_what_mparticle_is_told_is_what_is_deployed_and_can_be_taken_back(self):
        before = self.live()["Version"]
        self.assertEqual(self.encoding(), "raw")
        self.assertIn("Modify  IngestFunction ", self.deploy("IdentityEncoding=md5"))
        self.assertEqual(self.encoding(), "md5")
        # What was given before is kept, and said.
        told = self.deploy("LogLevel=debug")
        self.assertIn("note     IdentityEncoding stays md5; the default is raw\n", told)
        self.assertNotIn("LogLevel stays", told)
        variables = self.live()["Environment"]["Variables"]
        self.assertEqual((variables["LOG_LEVEL"], variables["IDENTITY_ENCODING"]), ("debug", "md5"))
        # As the README says it: the alias is pointed back.
        api = self.cloud.client("lambda")
        api.update_alias(FunctionName=f"{STACK}-ingest", Name="live", FunctionVersion=before)
        self.assertEqual(self.encoding(), "raw")

    def test_7_programs_for_another_processor_are_refused(self):
        other = {"arm64": "x86_64", "x86_64": "arm64"}[ARCHITECTURE]
        code, told = self.run_it("deploy", "--yes", "--parameter", f"Architecture={other}")
        self.assertEqual(code, 1)
        self.assertIn(f"built for {ARCHITECTURE}, not {other}", told)
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(BUNDLES / "ingest", Path(folder) / "ingest")
            code, told = self.run_it("deploy", "--yes", "--bundles", folder)
        self.assertEqual(code, 1)
        self.assertIn("no bootstrap of", told)

    def test_8_no_secret_or_queue_is_exchanged_for_an_empty_one(self):
        code, told = self.run_it("deploy", "--yes", "--parameter", "SecretsPrefix=elsewhere")
        self.assertEqual(code, 1)
        self.assertIn(f"FAIL     secrets under elsewhere/ for a stack that has them under {STACK}/", told)
        # As a change of the template would.
        cloudformation = self.cloud.client("cloudformation")
        before = changes.described(cloudformation, STACK).parameters
        deployment = changes.Deployment.of(STACK, BUNDLES, before, {"SecretsPrefix": "elsewhere"})
        s3 = self.cloud.client("s3")
        owner = self.cloud.client("sts").get_caller_identity()["Account"]
        url = deployment.upload(s3, f"{STACK}-{owner}-us-east-1", owner)
        change_set, proposed = changes.propose(cloudformation, deployment, url, exists=True)
        with self.assertRaisesRegex(changes.FailedError, "AppSecret, FirehoseSecret would be replaced or removed"):
            changes.require_kept(cloudformation, STACK, change_set, proposed)
        left = cloudformation.list_change_sets(StackName=STACK)["Summaries"]
        self.assertNotIn(change_set, [each["ChangeSetName"] for each in left])

    def test_9_what_a_removal_left_is_found_before_the_next_installation(self):
        cloudformation = self.cloud.client("cloudformation")
        cloudformation.delete_stack(StackName=STACK)
        waiter = cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE_SECONDS})
        self.assertEqual(self.secret("app")["secret"], SECRET)
        code, told = self.run_it("doctor", "--parameter", "TikTokAppId=7", "--parameter", "MParticleDataCenters=US1")
        self.assertEqual(code, 1)
        self.assertIn(f"the queue {STACK}-changes.fifo exists already", told)
        self.assertIn(f"the secret {STACK}/app exists already", told)


class BuildTest(unittest.TestCase):
    def test_functions_that_cannot_be_built_are_told_in_one_line(self):
        with tempfile.TemporaryDirectory() as folder:
            make = Path(folder) / "make"
            make.write_text("#!/bin/sh\nexit 2\n")
            make.chmod(0o700)
            with mock.patch.dict(os.environ, PATH=folder), self.assertRaisesRegex(deploy.StoppedError, "not be built"):
                deploy.build("arm64")


class BucketTest(unittest.TestCase):
    NAME, OWNER = "audiences-123456789012-eu-central-1", "123456789012"

    def setUp(self):
        s3 = boto3.session.Session("test", "test", region_name="eu-central-1").client("s3")
        self.account = mock.Mock(region="eu-central-1", client=lambda _: s3)
        self.stub = Stubber(s3)
        self.stub.activate()
        self.addCleanup(self.stub.assert_no_pending_responses)

    def head(self, status: int) -> None:
        expected = {"Bucket": self.NAME, "ExpectedBucketOwner": self.OWNER}
        self.stub.add_client_error("head_bucket", str(status), http_status_code=status, expected_params=expected)

    def test_a_bucket_of_another_account_gets_nothing(self):
        self.head(403)
        with self.assertRaisesRegex(deploy.StoppedError, f"{self.NAME} is another account's"):
            deploy.bucket(self.account, "audiences", self.OWNER)

    def test_only_a_missing_one_is_made(self):
        self.head(500)
        with self.assertRaises(ClientError):
            deploy.bucket(self.account, "audiences", self.OWNER)
        self.head(404)
        self.stub.add_response("create_bucket", {})
        self.stub.add_response("put_public_access_block", {})
        self.assertEqual(deploy.bucket(self.account, "audiences", self.OWNER), self.NAME)


if __name__ == "__main__":
    unittest.main()
