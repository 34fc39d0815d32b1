"""What is made of CloudFormation's answers."""

import unittest

import changes


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
