#!/usr/bin/env python3
"""Says what is in packed images, and fails where they are not one release.

A release is all images for all platforms that one tag stands for, each with what an image promises: a user who is nobody,
its program as the entry point, the signal that ends it and its labels; of one version, built of one commit with nothing
uncommitted.
"""

import argparse
import json
import re
import sys
import tarfile
from pathlib import Path

# The programs of platforms.sh.
PROGRAMS = {"gpiod", "light-sensor", "traffic-light"}
LABEL = "org.opencontainers.image."
# What is asked of each image beside what it says of its commit. Where the source is not told, that is no fault of it.
PROMISED = {"User": "65532:65532", "StopSignal": "SIGTERM"}
CMD = {"gpiod": ["serve"]}
LABELS = ("title", "description", "licenses", "version", "revision")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class NoArchive(Exception):
    """An archive that make images did not make."""


def contents(archive):
    """What an OCI archive holds: a list of (platform, config)."""
    try:
        with tarfile.open(archive, "r:") as tar:

            def blob(descriptor):
                return json.load(tar.extractfile("blobs/" + descriptor["digest"].replace(":", "/")))

            (top,) = json.load(tar.extractfile("index.json"))["manifests"]
            found = []
            for manifest in blob(top)["manifests"]:
                platform = manifest["platform"]
                name = "/".join(filter(None, (platform["os"], platform["architecture"], platform.get("variant"))))
                config = blob(blob(manifest)["config"])["config"]
                labels = {label: str(value or "") for label, value in (config.get("Labels") or {}).items()}
                # 64-bit ARM is called by its only variant, or not.
                found.append((name.removesuffix("/v8"), {**config, "Labels": labels}))
            return found
    except FileNotFoundError:
        raise
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoArchive(f"{archive} is no archive of an image that make images made: {error}") from error


def told(config, label):
    """What an image says of itself."""
    return config["Labels"].get(LABEL + label, "") or "none"


def broken(program, config):
    """Which of its promises an image does not keep."""
    found = [f"{key} is {config.get(key)!r}" for key, value in PROMISED.items() if config.get(key) != value]
    if config.get("Entrypoint") != [f"/{program}"]:
        found.append(f"Entrypoint is {config.get('Entrypoint')!r}")
    if config.get("Cmd") != CMD.get(program):
        found.append(f"Cmd is {config.get('Cmd')!r}")
    found += [f"{key} is {config[key]!r}" for key in ("Volumes", "ExposedPorts") if config.get(key)]
    if told(config, "title") != program:
        found.append(f"its title is {told(config, 'title')!r}")
    found += [f"it has no label {label}" for label in LABELS if told(config, label) == "none"]
    return found + ([] if config["Labels"].get("gpiod.compiler") else ["it does not name its compiler"])


def faults(images, wanted, uncommitted):
    """Why these images, {program: [(platform, config)]}, are not one release for the platforms that are wanted."""
    found = []
    for program, platforms in images.items():
        names = [name for name, _ in platforms]
        if missing := sorted(wanted - set(names)):
            found.append(f"{program} is not there for {', '.join(missing)}")
        if others := sorted(set(names) - wanted):
            found.append(f"{program} is there for {', '.join(others)}, too, which was not named")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            found.append(f"{program} is there more than once for {', '.join(twice)}")
        found += [f"{program} for {name}: {fault}" for name, config in platforms for fault in broken(program, config)]
    if missing := sorted(PROGRAMS - images.keys()):
        found.append(f"there is no {', '.join(missing)}")
    for label in ("version", "revision"):
        all_told = {told(config, label) for platforms in images.values() for _, config in platforms}
        if len(all_told) > 1:
            found.append(f"they are of more than one {label}: {', '.join(sorted(all_told))}")
    if not uncommitted and any(value.endswith("-dirty") for value in all_told):
        found.append("they were built of something that is not committed")
    if other := sorted(value for value in all_told if not COMMIT.fullmatch(value.removesuffix("-dirty"))):
        found.append(f"what they were built of is no commit of git: {', '.join(other)}")
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit status: 0 it is a release, 65 it is none or no archive of images, 66 an archive is not there",
    )
    parser.add_argument("--version-of", action="store_true", help="print the version that the one archive has, and no more")
    parser.add_argument("--uncommitted", action="store_true", help="find no fault with what is not committed")
    parser.add_argument("--platform", action="append", default=[], metavar="P", help="one that the tag stands for")
    parser.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE", help="such as target/images/gpiod.oci.tar")
    options = parser.parse_args()

    images = {}
    for archive in options.archives:
        try:
            program = archive.name.removesuffix(".oci.tar")
            if program in images:
                raise NoArchive(f"{archive} is a second archive of that name")
            images[program] = contents(archive)
        except FileNotFoundError:
            print(f"there is no {archive}: make images", file=sys.stderr)
            return 66
        except NoArchive as error:
            print(error, file=sys.stderr)
            return 65
    if options.version_of:
        print(*{told(config, "version") for platforms in images.values() for _, config in platforms[:1]})
        return 0
    for program, platforms in images.items():
        for name, config in sorted(platforms, key=lambda platform: platform[0]):
            row = f"{program:14} {name:13} {told(config, 'version'):8} {told(config, 'revision')}"
            # Somebody else's archive may say anything, a terminal's commands too.
            print(row.encode("unicode_escape").decode())
    reasons = faults(images, set(options.platform), options.uncommitted)
    print("".join(f"no release: {reason}\n" for reason in reasons), file=sys.stderr, end="")
    return 65 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
