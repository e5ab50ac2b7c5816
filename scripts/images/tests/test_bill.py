"""What is in a bill of materials."""

import sys
import unittest

from given import SCRIPTS

sys.path.insert(0, str(SCRIPTS))
import bill  # noqa: E402


def made_up():
    parts = [{"name": name, "version": "1.0.0", "bom-ref": name} for name in ("h2", "hyper", "http")]
    needs = {"gpiod": ["h2", "hyper"], "h2": ["http"], "hyper": ["http"], "http": []}
    return {
        "metadata": {"component": {"name": "gpiod", "version": "0.1.0", "bom-ref": "gpiod"}},
        "components": parts,
        "dependencies": [{"ref": ref, "dependsOn": on} if on else {"ref": ref} for ref, on in needs.items()],
    }


class Bill(unittest.TestCase):
    def test_what_only_tests_and_builds_use_is_in_none(self):
        left = bill.kept(made_up(), {("gpiod", "0.1.0"), ("h2", "1.0.0"), ("http", "1.0.0")})
        self.assertEqual([part["name"] for part in left["components"]], ["h2", "http"])
        self.assertEqual(
            left["dependencies"], [{"ref": "gpiod", "dependsOn": ["h2"]}, {"ref": "h2", "dependsOn": ["http"]}, {"ref": "http"}]
        )

    def test_another_version_is_another_crate(self):
        self.assertEqual(bill.kept(made_up(), {("h2", "2.0.0")})["components"], [])
