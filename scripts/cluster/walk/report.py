"""What became of each step: told as it happens, as a table at the end, and as JSON."""

import json
import sys
import time

COLUMN = 9


class Failed(Exception):
    """What was seen is not what was expected."""

    def __init__(self, expected, seen):
        super().__init__(f"expected {expected}; seen: {seen}")
        self.expected, self.seen = expected, seen


class NotRun(Exception):
    """This step has nothing to be judged by here; the reason is its text."""


class Gone(Exception):
    """A command failed; its words are the text."""


class Report:
    """Runs steps in order, and keeps what became of them."""

    def __init__(self, story):
        # Called when a step failed: what else there is to know then, for whoever reads the log.
        self.story = story
        self.rows = []

    def run(self, name, expected, step, needs=()):
        """One step: a function that returns what it saw, in words, or raises."""
        begin = time.monotonic()
        print(f"...     {name}", flush=True)
        lacking = [need for need in needs if not self.has_passed(need)]
        if lacking:
            outcome, seen = "NOT RUN", f"needs what did not pass: {', '.join(lacking)}"
        else:
            try:
                outcome, seen = "passed", step()
            except Failed as failure:
                outcome, expected, seen = "FAILED", failure.expected, failure.seen
            except Gone as failure:
                outcome, seen = "FAILED", str(failure)
            except NotRun as reason:
                outcome, seen = "NOT RUN", str(reason)
        seconds = round(time.monotonic() - begin, 1)
        self.rows.append({"step": name, "outcome": outcome, "expected": expected, "seen": seen, "seconds": seconds})
        print(f"{outcome:<{COLUMN}}{name} ({seconds} s)", flush=True)
        print(f"{'':<{COLUMN}}expected: {expected}\n{'':<{COLUMN}}seen:     {seen}", flush=True)
        if outcome == "FAILED":
            print(self.story(), flush=True)

    def has_passed(self, name):
        return any(row["step"] == name and row["outcome"] == "passed" for row in self.rows)

    def counts(self):
        return [sum(row["outcome"] == outcome for row in self.rows) for outcome in ("passed", "FAILED", "NOT RUN")]

    def end(self, file, cluster):
        """Prints the table and writes `file`; the exit code of the whole."""
        width = max(len(row["step"]) for row in self.rows)
        print()
        for number, row in enumerate(self.rows, 1):
            why = "" if row["outcome"] == "passed" else f"  {row['seen']}"
            print(f"{number:>2}  {row['outcome']:<{COLUMN}}{row['step']:<{width}}{row['seconds']:>7.1f} s{why}")
        passed, failed, not_run = self.counts()
        print(f"on {cluster}\n{passed} passed, {failed} failed, {not_run} skipped", flush=True)
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"cluster": cluster, "steps": self.rows}, indent=1) + "\n")
        return 1 if failed else 0


def progress(text):
    """A sign of life on standard error."""
    print(f"        {text}", file=sys.stderr, flush=True)
