#!/usr/bin/env python3
"""Renders the overlays, tests the checks, and says what is wrong with which. Run by test.sh, which brings what it needs."""

import subprocess
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apps
import daemon
import metrics
import policy
import schemas
import wirings
from overlays import OVERLAYS, render, unlisted


def problems(rendered, policies):
    """All that is wrong with an overlay."""
    for item in rendered.objects:
        name = f"{item['kind']}/{item['metadata']['name']}"
        for version in (v for v in schemas.VERSIONS if v >= rendered.overlay.since):
            for problem in schemas.problems(item, version):
                yield f"{name}: {problem}"
    for pod in rendered.pods():
        for container in pod.containers():
            if ":" not in container["image"].rsplit("/", 1)[-1]:
                yield f"{pod.name}: image {container['image']} has no tag: images/kustomization.yaml does not reach it"
    yield from wirings.problems(rendered)
    for item in rendered.of_kind("ConfigMap"):
        if circuit := (item.get("data") or {}).get("circuit.toml"):
            if said := wirings.circuit(circuit):
                yield f"{item['metadata']['name']}: {said}"
    yield from daemon.problems(rendered)
    # The daemon alone is not what apps are rendered with.
    if rendered.overlay.delivery:
        yield from apps.problems(rendered)
    yield from metrics.problems(rendered)
    yield from policy.problems(policies, rendered)


def rendering(overlay):
    """An overlay rendered, or what kustomize has against it."""
    try:
        return render(overlay)
    except subprocess.CalledProcessError as error:
        return error.stderr.strip()


def tested():
    """Whether the checks find what is wrong, by manifests that were spoiled."""
    suite = unittest.defaultTestLoader.discover(str(Path(__file__).with_name("tests")))
    return unittest.TextTestRunner(verbosity=0).run(suite).wasSuccessful()


def main():
    """Exits with 1 if anything is wrong."""
    named = set(sys.argv[1:])
    if unknown := named - {overlay.path for overlay in OVERLAYS}:
        print(f"no such overlay: {', '.join(sorted(unknown))}", file=sys.stderr)
        sys.exit(64)
    begin = time.monotonic()
    with ThreadPoolExecutor() as pool:
        done = dict(zip((overlay.path for overlay in OVERLAYS), pool.map(rendering, OVERLAYS)))
    failed = []
    if any(isinstance(result, str) for result in done.values()):
        print("NOT TESTED: the checks, since they are by overlays that can be rendered")
    elif not tested():
        failed.append("the checks")
    policies = done["overlays/policy"]
    policies = [] if isinstance(policies, str) else policies.objects
    for overlay in (overlay for overlay in OVERLAYS if not named or overlay.path in named):
        result = done[overlay.path]
        found = [result] if isinstance(result, str) else list(problems(result, policies))
        since = ".".join(map(str, overlay.since))
        print(f"{'FAILED' if found else 'ok':6} {overlay.path:28} Kubernetes {since} and newer")
        for problem in found:
            print(f"       {problem}")
        if found:
            failed.append(overlay.path)
    for path in unlisted():
        print(f"FAILED {path}: scripts/manifests/overlays.py and k8s/overlays differ")
        failed.append(path)
    verdict = f"wrong: {', '.join(failed)}" if failed else "all as it should be"
    print(f"{verdict}, in {time.monotonic() - begin:.1f} s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
