#!/usr/bin/env python3
"""Shows how large the images are, beside the thesis's, and fails when one has outgrown its budget.

The bytes of each crate come from the linker's maps. Inlining moves code from one crate to another, so they say where
to look and not whose fault it is. The budgets are those of Debian's compiler, whose std is built for size: what rustup's
made is shown and not judged.
"""

import argparse
import os
import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "images" / "sizes.tsv"
README = ROOT / "images" / "README.md"
MARKS = ("<!-- sizes: written by make images -->", "<!-- end of sizes -->")
# What one tag stands for, default_platforms in platforms.sh: these have budgets.
PLATFORMS = ["linux/amd64", "linux/arm64", "linux/arm/v7"]
IMAGES = ("light-sensor", "traffic-light", "gpiod")
# What the system did that this one succeeds: bytes, and how.
THESIS = {
    "light-sensor": "760 MB (Python on Debian), then 24.7 MB (PyInstaller)",
    "traffic-light": "2.39 MB (C and copied libraries)",
    "gpiod": "(no equivalent)",
}
# Room for a compiler's moods; what is more is asked about.
MARGIN = 1.05
# Input sections of lld's map: address, load address, size, alignment, then FILE:(SECTION), indented by 8.
SECTION = re.compile(r"^ *[0-9a-f]+ +[0-9a-f]+ +([0-9a-f]+) +\d+ {9}(\S.*):\((\S+)\)$")
OUTPUT = re.compile(r"^ *[0-9a-f]+ +[0-9a-f]+ +[0-9a-f]+ +\d+ (\S+)$")
# A crate's root within a mangled name (v0): C, its disambiguator, its name's length and its name.
CRATE = re.compile(r"Cs[0-9A-Za-z]*_(\d+)_?(?=[A-Za-z_])")
# A row of the record.
ROW = re.compile(r"(?P<image>[a-z-]+)\t(?P<platform>[a-z0-9/]+)\t(?P<part>[A-Za-z0-9_()]+)\t(?P<size>[0-9]{1,12})")
STD = {"core", "alloc", "std", "compiler_builtins", "hashbrown", "memchr", "libc"}


def crate_of(file, section):
    """The crate that a section of the linker's input is charged to."""
    if "libc.a(" in file or re.search(r"crt[a-z0-9]*\.o$", file):
        return "(musl)"
    found = []
    for match in CRATE.finditer(section):
        found.append(section[match.end() : match.end() + int(match.group(1))])
    for crate in found:
        if crate not in STD:
            return crate
    if found or "compiler_builtins" in file:
        return "(std)"
    return "(constants)" if section.startswith(".rodata") or section.startswith(".data.rel.ro") else "(other)"


def crates(map_file):
    """Bytes in the file by crate, of what the linker kept."""
    sizes = Counter()
    output = ""
    for line in map_file.read_text(errors="replace").splitlines():
        if match := OUTPUT.match(line):
            output = match.group(1)
        elif (match := SECTION.match(line)) and output not in (".bss", ".tbss") and output.startswith("."):
            if not output.startswith((".debug", ".symtab", ".strtab", ".shstrtab", ".comment")):
                sizes[crate_of(match.group(2), match.group(3))] += int(match.group(1), 16)
    if not sizes:
        raise ValueError(f"{map_file} is no map of a program: build it again")
    return sizes


def read_record():
    """What is on record: {(image, platform): {part: bytes}}, where the part `budget` is the limit."""
    record = {}
    for line in RECORD.read_text(errors="replace").splitlines() if RECORD.exists() else ():
        if line and not line.startswith("#"):
            row = ROW.fullmatch(line)
            if not row or row["part"] in record.get((row["image"], row["platform"]), {}):
                raise ValueError(f"{RECORD}: this is no row of it, or a second one of its name: {line!r}; git has the last one")
            record.setdefault((row["image"], row["platform"]), {})[row["part"]] = int(row["size"])
    for image, platform in record:
        if "budget" not in record[image, platform]:
            raise ValueError(f"{RECORD}: {image} for {platform} has parts and no budget; git has the last one that was")
    return record


def write_record(record):
    lines = [
        "# Budgets of the images (bytes unpacked), and the bytes by crate when they were set; written by",
        "# scripts/images/sizes.py --accept. Crates below 2048 bytes are one row.",
    ]
    for (image, platform), parts in sorted(record.items()):
        rows = sorted(parts.items(), key=lambda row: (row[0] != "budget", row[0] != "total", -row[1], row[0]))
        lines += [f"{image}\t{platform}\t{part}\t{size}" for part, size in rows]
    RECORD.write_text("\n".join(lines) + "\n")


def rounded(sizes):
    """The sizes with all small ones in one."""
    kept = Counter({crate: size for crate, size in sizes.items() if size >= 2048})
    kept["(small)"] = sum(sizes.values()) - sum(kept.values())
    return kept


def table(built, platforms):
    lines = ["| image | the thesis | " + " | ".join(platforms) + " |", "|---|---|" + "---:|" * len(platforms)]
    for image in IMAGES:
        cells = [f"{(built / platform / image).stat().st_size:,}" for platform in platforms]
        lines.append(f"| {image} | {THESIS[image]} | " + " | ".join(cells) + " |")
    return lines


def grown(before, now):
    """What grew, most first."""
    names = set(before) | set(now)
    changes = [(now.get(name, 0) - before.get(name, 0), name) for name in names - {"budget", "total"}]
    return [f"    {change:+9,} {name}" for change, name in sorted(changes, reverse=True)[:12] if change > 0]


def measure(options, record):
    """Prints what was built; the failures. What `--accept` accepts goes into the record."""
    judged = [name for name in options.platforms if not compiler(options.built, name).startswith("rustup")]
    for platform in options.platforms:
        if platform not in judged:
            print(f"{platform} is not judged: the budgets are those of Debian's compiler", file=sys.stderr)
        elif platform not in {*PLATFORMS, *(name for _, name in record)} and not options.accept:
            print(f"{platform} is not judged: it is not of the one tag, and has no budget", file=sys.stderr)
    failures = []
    for image in IMAGES:
        for platform in options.platforms:
            size = (options.built / platform / image).stat().st_size
            now = rounded(crates(options.built / platform / f"{image}.map"))
            if options.crates:
                print(f"{image} {platform}: {size:,}")
                print("\n".join(f"    {bytes_:9,} {crate}" for crate, bytes_ in now.most_common()))
            known = record.get((image, platform))
            if options.accept:
                budget = -int(-size * MARGIN // 1024) * 1024
                record[image, platform] = {**now, "total": size, "budget": budget}
            elif platform not in judged or (known is None and platform not in PLATFORMS):
                continue
            elif known is None:
                failures.append(f"{image} for {platform} has no budget: scripts/images/sizes.py --accept")
            elif size > known["budget"]:
                failures.append(f"{image} for {platform}: {size:,} bytes, over its budget of {known['budget']:,}; what grew:")
                failures += grown(known, now)
    return failures


def compiler(built, platform):
    """What the programs for a platform were built with: whose, and its version."""
    return (built / platform / "compiler").read_text(errors="replace").strip()


def write_readme(lines):
    """Puts the table into images/README.md."""
    head, found, rest = README.read_text().partition(MARKS[0])
    _, also, tail = rest.partition(MARKS[1])
    if not (found and also):
        raise ValueError(f"{README} has no place for the table: {MARKS[0]} and {MARKS[1]}")
    README.write_text(head + MARKS[0] + "\n" + "\n".join(lines) + "\n" + MARKS[1] + tail)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit status: 0 all are within their budgets, 1 one is not, 65 the record or a map is damaged, 66 nothing was built",
    )
    parser.add_argument("--accept", action="store_true", help="take the present sizes as the budget, with 5 %% of room")
    parser.add_argument("--readme", action="store_true", help="write the table into images/README.md, if Debian's compiler made all")
    parser.add_argument("--crates", action="store_true", help="print the bytes by crate, too")
    parser.add_argument("platforms", nargs="*", default=PLATFORMS, metavar="PLATFORM")
    options = parser.parse_args()
    options.built = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / "images"

    for platform in options.platforms:
        for name in ("compiler", *IMAGES, *(f"{image}.map" for image in IMAGES)):
            if not (options.built / platform / name).is_file():
                print(f"there is no {name} for {platform}: scripts/images/build.sh {platform}", file=sys.stderr)
                return 66
    compilers = sorted({compiler(options.built, platform) for platform in options.platforms})
    of_rustup = any(name.startswith("rustup") for name in compilers)
    if options.accept and of_rustup:
        print("budgets are set by what Debian's compiler made: IMAGES_COMPILER=debian scripts/images/build.sh", file=sys.stderr)
        return 64
    lines = table(options.built, options.platforms)
    print("Bytes of each image, unpacked (built with " + "; ".join(compilers) + "):\n")
    print("\n".join(lines) + "\n")
    try:
        record = read_record()
        failures = measure(options, record)
        if options.accept:
            write_record(record)
        if options.readme and not of_rustup:
            write_readme(lines)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 65
    print("\n".join(failures), file=sys.stderr, end="\n" if failures else "")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
