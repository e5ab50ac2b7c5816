"""A mistyped command is refused at once, before a cluster is started for it."""

import subprocess
import unittest
from pathlib import Path

TEST = Path(__file__).parent.parent / "test.sh"
MISTYPED = (
    ["--bogus"], ["nonsense"], ["--keep=yes"], ["--keep", "--kube", "file"],
    ["--programs"], ["--programs", "--keep"], ["--programs", ""],
    ["--registry"], ["--tag", "--keep"], ["--kubeconfig"], ["--kubeconfig", ""], ["--kubeconfig=", "--registry=r"],
)


class Options(unittest.TestCase):
    def test_what_is_no_option_and_what_lacks_its_value_ends_with_64(self):
        for words in MISTYPED:
            with self.subTest(words=words):
                ended = subprocess.run([TEST, *words], capture_output=True, text=True, timeout=60)
                self.assertEqual(ended.returncode, 64, ended.stderr)
                self.assertIn("usage:", ended.stderr)

    def test_options_that_are_right_are_not_refused(self):
        words = ["--only-options", "--kubeconfig", "file", "--registry=r", "--tag", "1", "--json", "out"]
        ended = subprocess.run(["python3", "-B", TEST.parent / "walk", *words], capture_output=True, text=True, timeout=60)
        self.assertEqual(ended.returncode, 0, ended.stderr)


if __name__ == "__main__":
    unittest.main()
