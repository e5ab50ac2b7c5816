#!/usr/bin/env python3
"""Runs example.py against a board and a daemon of its own and checks each line that it prints.

What the lamp did is read off the board's record. Everything happens in a temporary directory that is gone afterwards.
"""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
GPIOD = Path(os.environ.get("GPIOD", HERE.parents[2] / "target/debug/gpiod"))
# The longest that anything may take; nothing waits for it to pass.
PATIENCE = 60

HOLDER = r"python-example \(uid \d+, .*\)"
EXPECTED = [
    r"service gpiod\.v1\.GpioService",
    r"service grpc\.health\.v1\.Health",
    r"service grpc\.reflection\.v1alpha\.ServerReflection",
    r"health SERVING",
    r"line lamp: GPIO22, header pin 15, output, free",
    r"line echo: GPIO27, header pin 13, input, free",
    r"line tacho: GPIO23, header pin 16, input, free",
    r"watch begins with bits 00",
    r"session opened, lamp 0",
    r"written 1, read lamp 1 echo 1",
    r"edge lamp rising, stamped by the daemon, number 1",
    r"edge echo rising, stamped by the kernel, number 1",
    r"program: done, done, done, done, 0 edges lost",
    # A busy machine may make the wait longer, never shorter; the board stamps the wheel's edges in its own time.
    r"program: lamp off for (?:[2-9]|\d\d+)\.\d ms, known to \d+\.\d us",
    r"program: the wheel turns at 50\.00 Hz",
    r"watch goes on with 2 edges of the lamp, 0 losses",
    r'refused WRONG_DIRECTION: line "echo" is configured as an input, not an output',
    r'refused no such line: NOT_FOUND LINE_NOT_FOUND: no line "heater" on this socket; it has lamp, echo, tacho',
    rf'refused a second holder: FAILED_PRECONDITION LINE_HELD: line "lamp" is held by {HOLDER}',
    r"refused the watch socket: PERMISSION_DENIED NOT_PERMITTED: this is the watch socket: it drives nothing",
    r"session closed, lamp 0",
]

passed = 0


class Mismatch(Exception):
    """What was seen is not what had to be seen."""


def check(what, holds, otherwise=""):
    """Counts a check that held; the first one that does not ends the run."""
    global passed
    if not holds:
        raise Mismatch(f"{what}\n{otherwise}".rstrip())
    print(f"ok: {what}")
    passed += 1


@contextmanager
def running(directory, *arguments):
    """A gpiod process that has said READY=1; told to end by SIGTERM, and it must end well."""
    name = arguments[0]
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
        open(directory / f"{name}.log", "wb") as log,
        tempfile.TemporaryDirectory(prefix="gpiod-notify-") as where,
    ):
        notify.bind(f"{where}/notify")
        environment = os.environ | {"NOTIFY_SOCKET": f"{where}/notify"}
        process = subprocess.Popen(
            [GPIOD, *arguments], cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            await_ready(process, notify, name, directory)
            yield
            process.send_signal(signal.SIGTERM)
            check(f"gpiod {name} ends with 0 when told to", process.wait(PATIENCE) == 0, log_of(directory, name))
        finally:
            process.kill()
            process.wait()


def await_ready(process, notify, name, directory):
    """Waits for READY=1. A process that ends instead is seen too: its pidfd becomes readable."""
    pidfd = os.pidfd_open(process.pid)
    try:
        readable, _, _ = select.select([notify, pidfd], [], [], PATIENCE)
    finally:
        os.close(pidfd)
    ready = notify in readable and notify.recv(256).startswith(b"READY=1")
    check(f"gpiod {name} is ready", ready, log_of(directory, name))


def log_of(directory, name):
    return (directory / f"{name}.log").read_text(errors="replace")


def check_example(directory):
    """Runs the example and compares what it prints, line by line."""
    groups, watches = directory / "run/groups/bench", directory / "run/watch/bench"
    command = [sys.executable, HERE / "example.py"]
    command += ["--socket", groups / "gpiod.sock", "--watch-socket", watches / "gpiod.sock"]
    stubs = directory / "tmp"
    stubs.mkdir()
    environment = os.environ | {"TMPDIR": str(stubs), "PYTHONDONTWRITEBYTECODE": "1"}
    example = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    said = example.stdout.splitlines()
    everything = f"{example.stdout}{example.stderr}{log_of(directory, 'serve')}"
    for line, pattern in zip(said, EXPECTED):
        check(line, re.fullmatch(pattern, line), f"expected: {pattern}\n{everything}")
    check("the example says all that it should, and no more", len(said) == len(EXPECTED), everything)
    check("the example ends with 0", example.returncode == 0, everything)
    check("the generated stubs are gone", not any(stubs.iterdir()))


def check_record(directory):
    """What the lamp's line truly did."""
    command = [GPIOD, "board", "--dir", "board", "record", "--json"]
    record = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=PATIENCE, check=True)
    entries = [json.loads(line) for line in record.stdout.splitlines()]
    lamp = [entry["high"] for entry in entries if (entry.get("line"), entry.get("change")) == ("GPIO22", "level")]
    check("the board saw the lamp on, off, on and off", lamp == [True, False, True, False], record.stdout)


def main():
    try:
        with tempfile.TemporaryDirectory(prefix="gpiod-python-") as temporary:
            directory = Path(temporary)
            with running(directory, "board", "--dir", "board", "--circuit", str(HERE / "circuit.toml")):
                with running(directory, "serve", "--config", str(HERE / "gpiod.toml")):
                    check_example(directory)
                    check_record(directory)
    except (Mismatch, OSError, subprocess.SubprocessError) as failure:
        print(f"FAILED: {failure}")
        print(f"{passed} passed, 1 failed")
        return 1
    print(f"{passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
