"""What a deployment is made of: nothing of it changes without a new version, and nothing unfit is deployed."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from samtranslator.translator.transform import transform

import changes
import release
import resolving
import template as templates

PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + b"\xb7\x00" + bytes(40)
GIVEN = {"TikTokAppId": "7", "MParticleDataCenters": "US1"}
OWNER = "123456789012"


class Uploads:
    """An S3 that keeps what it is given."""

    def __init__(self):
        self.kept: dict[str, bytes] = {}

    def put_object(self, Bucket: str, ExpectedBucketOwner: str, Key: str, Body: bytes):  # noqa: N803 (boto3's names)
        if ExpectedBucketOwner != OWNER:
            raise AssertionError(ExpectedBucketOwner)
        self.kept[f"{Bucket}/{Key}"] = Body

    def generate_presigned_url(self, _method: str, of: dict) -> str:
        return f"https://s3/{of['Bucket']}/{of['Key']}?signature"


def deployed(bundles: Path, **parameters: str) -> dict:
    """The template as SAM makes it of what is uploaded, without the parameters' values: not all hand them on to SAM."""
    uploads = Uploads()
    url = changes.Deployment.of("stack", bundles, {}, {**GIVEN, **parameters}).upload(uploads, "bucket", OWNER)
    text = uploads.kept[url.removeprefix("https://s3/")].decode()
    with mock.patch.dict(os.environ, AWS_DEFAULT_REGION="us-east-1"):
        return transform(templates.load(text), {}, mock.Mock(load=dict))


class ReleaseTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bundles = Path(folder.name)
        for name in templates.functions(templates.load()):
            self.put(name, PROGRAM)

    def put(self, name: str, program: bytes):
        (self.bundles / name).mkdir(exist_ok=True)
        (self.bundles / name / "bootstrap").write_bytes(program)

    def digest(self, before: dict | None = None, **given: str) -> str:
        deployment = changes.Deployment.of("stack", self.bundles, before or {}, {**GIVEN, **given})
        return deployment.parameters["Release"]

    def versions(self, **parameters: str) -> list[str]:
        resources = deployed(self.bundles, **parameters)["Resources"]
        return [name for name, each in resources.items() if each["Type"] == "AWS::Lambda::Version"]

    def test_every_parameter_changes_the_digest(self):
        usual = self.digest()
        for name in set(templates.load()["Parameters"]) - {"Release"}:
            self.assertNotEqual(self.digest(**{name: "another"}), usual, name)

    def test_programs_and_what_is_kept_of_the_last_deployment_change_it_too(self):
        usual = self.digest()
        self.assertEqual(self.digest(before={"LogLevel": "info", "Release": "0" * 64, "Gone": "x"}), usual)
        self.assertNotEqual(self.digest(before={"LogLevel": "debug"}), usual)
        self.put("ingest", PROGRAM + b"another")
        self.assertNotEqual(self.digest(), usual)

    def test_another_digest_is_another_version_of_ingest_and_its_alias_names_it(self):
        usual, changed = self.versions(), self.versions(IdentityEncoding="md5")
        self.assertEqual((len(usual), len(changed)), (1, 1))
        self.assertNotEqual(usual, changed)
        self.assertEqual(self.versions(), usual)
        alias = next(
            each for each in deployed(self.bundles)["Resources"].values() if each["Type"] == "AWS::Lambda::Alias"
        )
        self.assertEqual(alias["Properties"]["FunctionVersion"]["Fn::GetAtt"], [usual[0], "Version"])

    def test_the_functions_know_their_release(self):
        # Lambda publishes nothing where neither code nor configuration differ from the last version.
        made = resolving.Resolver(templates.load(), {"Release": "f" * 64})
        variables = made.value(templates.load()["Globals"])["Function"]["Environment"]["Variables"]
        self.assertEqual(variables["RELEASE"], "f" * 64)

    def test_bundles_of_another_processor_are_refused(self):
        programs = release.bootstraps(self.bundles, ["ingest"])
        release.require_machine(programs, "arm64")
        with self.assertRaisesRegex(release.UnfitError, "built for arm64, not x86_64"):
            release.require_machine(programs, "x86_64")
        with self.assertRaisesRegex(release.UnfitError, "no Linux program"):
            release.require_machine({"ingest": b"#!/bin/sh"}, "arm64")

    def test_a_name_that_a_bucket_cannot_have_is_refused(self):
        region = "ap-southeast-2"
        self.assertEqual(len(release.bucket_name("a" * 35, "123456789012", region)), 63)
        for name in ("mparticle-tiktok", "a1", "a" * 35):
            release.require_name(name, region)
        for name in ("MParticle", "my_stack", "1st", "-a", "", "a b", "a\n", "a" * 36):
            with self.assertRaisesRegex(release.UnfitError, "at most 35 characters"):
                release.require_name(name, region)

    def test_what_is_missing_or_unknown_is_named(self):
        (self.bundles / "uploader/bootstrap").unlink()
        with self.assertRaisesRegex(release.UnfitError, "no bootstrap of uploader"):
            self.digest()
        with self.assertRaisesRegex(release.UnfitError, "no parameter LogLvel"):
            release.in_force(templates.load(), {}, {"LogLvel": "debug"})

    def test_the_same_program_makes_the_same_archive(self):
        self.assertEqual(release.zipped(PROGRAM), release.zipped(PROGRAM))


if __name__ == "__main__":
    unittest.main()
