#!/usr/bin/env python3
"""Leaves in a bill of materials what is in the program.

cargo-cyclonedx resolves a workspace as a whole, with what tests and builds ask of libraries; cargo tree says what one
program is made of.
"""

import argparse
import json
import subprocess
import sys


def crates(program, target):
    """The crates of a program, of what is compiled into it: {(name, version)}."""
    command = ["cargo", "tree", "--locked", "--offline", "--package", program, "--target", target]
    command += ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, filter(None, lines))}


def kept(bill, wanted):
    """The bill with these crates alone."""
    bill["components"] = [part for part in bill["components"] if (part["name"], part["version"]) in wanted]
    refs = {part["bom-ref"] for part in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    bill["dependencies"] = [
        {**entry, "dependsOn": [ref for ref in entry["dependsOn"] if ref in refs]} if "dependsOn" in entry else entry
        for entry in bill["dependencies"]
        if entry["ref"] in refs
    ]
    return bill


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="The bill comes from standard input and goes to standard output.",
    )
    parser.add_argument("program", help="the package, such as gpiod")
    parser.add_argument("target", help="what it is built for, such as aarch64-unknown-linux-musl")
    options = parser.parse_args()

    bill, wanted = json.load(sys.stdin), crates(options.program, options.target)
    bill = kept(bill, wanted)
    root = bill["metadata"]["component"]
    there = {(part["name"], part["version"]) for part in (root, *bill["components"])}
    if missing := wanted - there:
        print("not in the bill of materials:", ", ".join(sorted(name for name, _ in missing)), file=sys.stderr)
        return 1
    json.dump(bill, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
