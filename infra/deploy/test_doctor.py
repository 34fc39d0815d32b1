"""What the doctor finds without an account."""

import unittest

import doctor

TEMPLATE = {"Parameters": {"Id": {}, "Calls": {"Default": 1}, "Letters": {"Default": 0}, "Topic": {"Default": ""}}}


class KeptTest(unittest.TestCase):
    def kept(self, before: dict[str, str], **given: str) -> list[str]:
        return [str(finding).strip() for finding in doctor.kept(TEMPLATE, before, given)]

    def test_each_value_that_is_not_the_default_is_one_line(self):
        told = self.kept({"Id": "7", "Calls": "50", "Letters": "3", "Topic": "arn", "Gone": "x"})
        self.assertEqual(
            told,
            [
                "note     Calls stays 50; the default is 1",
                "note     Letters stays 3; the default is 0",
                "note     Topic stays arn; the default is empty",
            ],
        )

    def test_nothing_is_told_of_defaults_new_parameters_and_what_is_given_now(self):
        self.assertEqual(self.kept({"Calls": "1", "Topic": ""}), [])
        self.assertEqual(self.kept({"Calls": "50"}, Calls="1"), [])
        self.assertEqual(self.kept({}), [])


if __name__ == "__main__":
    unittest.main()
