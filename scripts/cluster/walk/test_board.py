"""Whether the judge of the lamps sees what it is there to see.

Run by ci.sh, and by: python3 -m unittest discover scripts/cluster/walk
"""

import unittest

from board import DRIVER, judge_undisturbed
from report import Failed
from running import readings

SECOND = 1_000_000_000
RED, YELLOW, GREEN = "GPIO9", "GPIO10", "GPIO11"


def level(seconds, line, high, cause=None):
    cause = cause or {"consumer": DRIVER}
    return {"time_ns": int(seconds * SECOND), "line": line, "change": "level", "high": high, "cause": cause}


class TheJudge(unittest.TestCase):
    def test_phase_after_phase_is_undisturbed(self):
        entries = [level(1, YELLOW, True), level(2, RED, False), level(2, YELLOW, False), level(2, GREEN, True)]
        self.assertEqual(judge_undisturbed(entries, {RED}), ["red", "red+yellow", "green"])

    def test_phases_may_be_missed_once(self):
        entries = [level(2, RED, False), level(2, GREEN, True)]
        self.assertEqual(judge_undisturbed(entries, {RED}), ["red", "green"])

    def test_other_lines_do_not_matter(self):
        self.assertEqual(judge_undisturbed([level(1, "GPIO4", True, {"light-sensor": "window"})], {GREEN}), ["green"])

    def test_a_short_blink_is_seen(self):
        entries = [level(1, GREEN, False), level(1.0000001, GREEN, True)]
        self.assertRaises(Failed, judge_undisturbed, entries, {GREEN})

    def test_a_long_blink_is_seen(self):
        entries = [level(1, GREEN, False), level(2, YELLOW, True)]
        self.assertRaises(Failed, judge_undisturbed, entries, {GREEN})

    def test_lamps_that_begin_dark_are_seen(self):
        self.assertRaises(Failed, judge_undisturbed, [level(1, RED, True)], set())

    def test_a_phase_that_comes_again_is_seen(self):
        entries = [level(1, GREEN, False), level(1, YELLOW, True), level(2, YELLOW, False), level(2, GREEN, True)]
        again = [level(3, GREEN, False), level(3, YELLOW, True), level(4, YELLOW, False), level(4, GREEN, True)]
        self.assertRaises(Failed, judge_undisturbed, entries + again, {GREEN})

    def test_another_ones_hand_is_seen(self):
        entries = [level(1, YELLOW, True, {"released": DRIVER})]
        self.assertRaises(Failed, judge_undisturbed, entries, {RED})

    def test_a_line_that_becomes_an_input_is_seen(self):
        entries = [level(1, YELLOW, True) | {"change": "direction"}]
        self.assertRaises(Failed, judge_undisturbed, entries, {RED})


class Readings(unittest.TestCase):
    def test_numbers_and_json_are_read_and_words_are_not(self):
        words = "dark or disconnected: not charged within 2000 ms"
        log = ["8123", words, '{"status":"ok","charge_us":12.5}', '{"status":"timeout","charge_us":null}']
        self.assertEqual(readings("\n".join(log)), [8123.0, 12.5])


if __name__ == "__main__":
    unittest.main()
