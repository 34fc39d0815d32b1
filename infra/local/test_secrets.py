"""Versions and labels of secrets over the API: what compare-and-set leans on, and the limits."""

import json

from testing_cloud import CloudTest

LABEL = "writing"


class SecretsTest(CloudTest):
    def setUp(self):
        super().setUp()
        self.name = f"advertiser/{self.id().rpartition('.')[2]}"
        self.first = self.secrets.create_secret(Name=self.name, SecretString="0")["VersionId"]

    def put(self, text: str, **more: object) -> str:
        return self.secrets.put_secret_value(SecretId=self.name, SecretString=text, **more)["VersionId"]

    def move(self, label: str, **more: object) -> None:
        self.secrets.update_secret_version_stage(SecretId=self.name, VersionStage=label, **more)

    def labels(self) -> dict[str, list[str]]:
        return self.secrets.describe_secret(SecretId=self.name)["VersionIdsToStages"]

    def value(self, **more: object) -> str:
        return self.secrets.get_secret_value(SecretId=self.name, **more)["SecretString"]

    def versions(self) -> set[str]:
        listed = self.secrets.list_secret_version_ids(SecretId=self.name, IncludeDeprecated=True)["Versions"]
        return {version["VersionId"] for version in listed}

    def compare_and_set(self, read: str, text: str) -> str:
        """Writes as the product does."""
        written = self.put(text, VersionStages=[LABEL])
        self.move("AWSCURRENT", MoveToVersionId=written, RemoveFromVersionId=read)
        self.move(LABEL, RemoveFromVersionId=written)
        return written

    def test_current_moves_and_previous_follows(self):
        second = self.compare_and_set(self.first, "1")
        self.assertEqual(self.labels(), {self.first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]})
        third = self.compare_and_set(second, "2")
        self.assertEqual(self.labels(), {second: ["AWSPREVIOUS"], third: ["AWSCURRENT"]})
        self.assertEqual((self.value(), self.value(VersionStage="AWSPREVIOUS")), ("2", "1"))
        self.assertEqual(self.versions(), {self.first, second, third})
        self.move("AWSCURRENT", MoveToVersionId=second, RemoveFromVersionId=third)
        self.assertEqual(self.labels(), {third: ["AWSPREVIOUS"], second: ["AWSCURRENT"]})

    def test_a_writer_that_read_an_older_version_fails(self):
        second = self.compare_and_set(self.first, "1")
        written = self.put("2", VersionStages=[LABEL])
        move = {"SecretId": self.name, "VersionStage": "AWSCURRENT", "MoveToVersionId": written}
        call, code = self.secrets.update_secret_version_stage, "InvalidParameterException"
        self.assertIn("must be set to the version", self.refused(code, call, **move, RemoveFromVersionId=self.first))
        self.assertIn("can't be empty", self.refused(code, call, **move))
        self.move("AWSCURRENT", MoveToVersionId=written, RemoveFromVersionId=second)
        self.refused(code, call, **move, RemoveFromVersionId=second)
        remove = {"SecretId": self.name, "VersionStage": "AWSCURRENT", "RemoveFromVersionId": written}
        self.refused(code, call, **remove)
        self.assertEqual(self.value(), "2")

    def test_a_private_label_moves_when_it_is_put_again_and_current_stays(self):
        self.put("1", VersionStages=[LABEL])
        second = self.put("2", VersionStages=[LABEL])
        self.assertEqual(self.labels(), {self.first: ["AWSCURRENT"], second: [LABEL]})
        self.assertEqual((self.value(), self.value(VersionStage=LABEL)), ("0", "2"))

    def test_a_request_that_is_made_again_is_answered_again(self):
        token = "a" * 32
        for _ in range(2):
            self.assertEqual(self.put("1", ClientRequestToken=token), token)
        self.assertEqual(self.versions(), {self.first, token})
        again = {"SecretId": self.name, "SecretString": "2", "ClientRequestToken": token}
        self.refused("ResourceExistsException", self.secrets.put_secret_value, **again)
        new = {"Name": f"{self.name}/new", "SecretString": "1", "ClientRequestToken": token}
        made = [self.secrets.create_secret(**new) for _ in range(2)]
        self.assertEqual(made[0]["ARN"], made[1]["ARN"])
        self.refused("ResourceExistsException", self.secrets.create_secret, **{**new, "SecretString": "2"})
        self.refused("ResourceExistsException", self.secrets.create_secret, Name=self.name, SecretString="0")

    def test_young_versions_are_kept_until_no_more_fit(self):
        self.cloud.local("POST", "limits", {"secret_versions": 4})
        read = self.first
        for number in range(3):
            read = self.compare_and_set(read, str(number))
        put = {"SecretId": self.name, "SecretString": "more"}
        self.refused("LimitExceededException", self.secrets.put_secret_value, **put)
        self.refused("LimitExceededException", self.secrets.update_secret, **put)
        self.cloud.local("POST", "limits", {"secret_young_seconds": 0})
        self.compare_and_set(read, "more")
        self.assertEqual((len(self.versions()), self.first in self.versions()), (4, False))

    def test_labeled_versions_are_never_pruned(self):
        self.cloud.local("POST", "limits", {"secret_versions": 3, "secret_young_seconds": 0})
        one = self.put("1", VersionStages=["one"])
        self.put("2", VersionStages=["two"])
        put = {"SecretId": self.name, "SecretString": "3", "VersionStages": ["three"]}
        self.refused("LimitExceededException", self.secrets.put_secret_value, **put)
        self.move("one", RemoveFromVersionId=one)
        self.put("3", VersionStages=["three"])
        self.assertNotIn(one, self.versions())

    def test_labels_are_limited(self):
        self.put("1", VersionStages=[f"label-{number}" for number in range(19)])
        more = {"SecretId": self.name, "SecretString": "2", "VersionStages": ["one more"]}
        self.refused("LimitExceededException", self.secrets.put_secret_value, **more)
        self.put("2", VersionStages=["label-3"])
        move = {"SecretId": self.name, "VersionStage": "another", "MoveToVersionId": self.first}
        self.refused("LimitExceededException", self.secrets.update_secret_version_stage, **move)

    def test_a_secret_in_its_deletion_window_is_neither_read_nor_made_nor_written(self):
        self.secrets.delete_secret(SecretId=self.name, RecoveryWindowInDays=7)
        code = "InvalidRequestException"
        self.refused(code, self.secrets.get_secret_value, SecretId=self.name)
        self.refused(code, self.secrets.put_secret_value, SecretId=self.name, SecretString="1")
        self.refused(code, self.secrets.create_secret, Name=self.name, SecretString="1")
        self.secrets.restore_secret(SecretId=self.name)
        self.assertEqual(self.value(), "0")

    def test_a_secret_is_at_most_64_kib(self):
        self.put("x" * 65_536)
        self.refused(
            "ValidationException", self.secrets.put_secret_value, SecretId=self.name, SecretString="x" * 65_537
        )
        self.refused("ValidationException", self.secrets.create_secret, Name="large", SecretString="é" * 32_769)

    def test_a_role_needs_the_permission_of_each_call(self):
        allowed = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
        secrets = self.as_user("writer", allowed)
        written = secrets.put_secret_value(SecretId=self.name, SecretString="1", VersionStages=[LABEL])["VersionId"]
        move = {"SecretId": self.name, "VersionStage": "AWSCURRENT", "MoveToVersionId": written}
        denied = {**move, "RemoveFromVersionId": self.first}
        self.refused("AccessDeniedException", secrets.update_secret_version_stage, **denied)
        other = self.as_user("mover", ["secretsmanager:UpdateSecretVersionStage"])
        self.refused("AccessDeniedException", other.get_secret_value, SecretId=self.name)
        other.update_secret_version_stage(**denied)
        self.assertEqual(self.value(), "1")

    def as_user(self, name: str, actions: list[str]):
        """Secrets Manager, called by one who may do this to the advertisers' secrets and no more."""
        iam = self.cloud.client("iam")
        iam.create_user(UserName=name)
        resource = "arn:aws:secretsmanager:us-east-1:000000000000:secret:advertiser/*"
        statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return self.cloud.client("secretsmanager", key["AccessKeyId"], key["SecretAccessKey"])

    def test_limits_are_set_by_name(self):
        for wrong in ({"secret_labels": -1}, {"unknown": 1}, [], {"secret_labels": True}):
            self.assertEqual(self.cloud.local("POST", "limits", wrong)[0], 400)
        self.assertEqual(self.cloud.local("POST", "limits", {"queue_window": 5})[1]["queue_window"], 5)
        self.cloud.local("DELETE", "limits")
        self.assertEqual(self.cloud.local("GET", "limits")[1]["queue_window"], 120_000)
