#!/usr/bin/env python3
"""Says what is in packed images, and fails where they are not one release.

A release is all images for all platforms that one tag stands for, of one version, built of one commit with nothing
uncommitted.
"""

import argparse
import json
import sys
import tarfile
from pathlib import Path

LABEL = "org.opencontainers.image."


def contents(archive):
    """What an OCI archive holds: {platform: labels}."""
    with tarfile.open(archive) as tar:

        def blob(descriptor):
            return json.load(tar.extractfile("blobs/" + descriptor["digest"].replace(":", "/")))

        (top,) = json.load(tar.extractfile("index.json"))["manifests"]
        found = {}
        for manifest in blob(top)["manifests"]:
            platform = manifest["platform"]
            name = "/".join(filter(None, (platform["os"], platform["architecture"], platform.get("variant"))))
            # A processor that has no other variant is called by it, or not.
            name = name.removesuffix("/v8")
            found[name] = blob(blob(manifest)["config"])["config"].get("Labels") or {}
        return found


def faults(images, wanted):
    """Why these images, {archive: {platform: labels}}, are not one release for the platforms that are wanted."""
    found = []
    for archive, platforms in images.items():
        if missing := sorted(wanted - platforms.keys()):
            found.append(f"{archive.name} is not there for {', '.join(missing)}")
        if others := sorted(platforms.keys() - wanted):
            found.append(f"{archive.name} is there for {', '.join(others)}, too, which was not named")
    for label in ("version", "revision"):
        told = {labels.get(LABEL + label, "none") for platforms in images.values() for labels in platforms.values()}
        if len(told) > 1:
            found.append(f"they are of more than one {label}: {', '.join(sorted(told))}")
        if any(value.endswith("-dirty") for value in told):
            found.append("they were built of something that is not committed")
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit status: 0 it is a release, 65 it is none or no archive of images, 66 an archive is not there",
    )
    parser.add_argument("--version-of", action="store_true", help="print the version that the one archive has, and no more")
    parser.add_argument("--platform", action="append", default=[], metavar="P", help="one that the tag stands for")
    parser.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE", help="such as target/images/gpiod.oci.tar")
    options = parser.parse_args()

    images = {}
    for archive in options.archives:
        try:
            images[archive] = contents(archive)
        except FileNotFoundError:
            print(f"there is no {archive}: make images", file=sys.stderr)
            return 66
        except (OSError, tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
            print(f"{archive} is no archive of an image that make images made: {error}", file=sys.stderr)
            return 65
    if options.version_of:
        print(next(iter({labels.get(LABEL + "version", "") for labels in next(iter(images.values())).values()}), ""))
        return 0
    for archive, platforms in images.items():
        for platform, labels in sorted(platforms.items()):
            version, revision = (labels.get(LABEL + label, "none") for label in ("version", "revision"))
            print(f"{archive.name.removesuffix('.oci.tar'):14} {platform:13} {version:8} {revision}")
    reasons = faults(images, set(options.platform))
    print("".join(f"no release: {reason}\n" for reason in reasons), file=sys.stderr, end="")
    return 65 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
