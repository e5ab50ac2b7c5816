"""Each overlay as it stands, given to the API server without being applied: what it refuses, and what it warns of."""

import json
import re
from functools import cache

from cluster import run
from deployment import ROOT
from report import Failed, Gone

OVERLAYS = ROOT / "k8s/overlays"
UNKNOWN = re.compile(r'no matches for kind "(\w+)"')


@cache
def rendered(name):
    """The manifests of an overlay, as kustomize writes them."""
    return run(["kubectl", "kustomize", str(OVERLAYS / name)])


@cache
def as_json(cluster, name):
    """The same one after the other in JSON, by kubectl, since nobody else here reads YAML."""
    said, errors = cluster.tried("create", rendered(name), "client", "--output", "json")
    if wrong := [line for line in errors.splitlines() if not is_of_unknown(line)]:
        raise Gone(f"{name}: {'; '.join(wrong)}")
    return said


def objects(cluster, name):
    """The objects of an overlay, anew for each caller; those of kinds that the cluster does not know are left out."""
    said, found = as_json(cluster, name).lstrip(), []
    while said:
        item, end = json.JSONDecoder().raw_decode(said)
        # Several are a list, or not, by version.
        found += item["items"] if item["kind"] == "List" else [item]
        said = said[end:].lstrip()
    return found


def is_of_unknown(line):
    """Whether a line of kubectl's errors is about a kind that the cluster does not know."""
    return not line or "ensure CRDs are installed first" in line or bool(UNKNOWN.search(line))


def all_overlays(walk):
    """Every overlay is taken without an error and without a warning, but for kinds that the cluster does not have."""
    told, wrong = [], []
    for folder in sorted(path.parent for path in OVERLAYS.glob("*/kustomization.yaml")):
        said, errors = walk.cluster.tried("apply", rendered(folder.name))
        unknown = sorted(set(UNKNOWN.findall(errors)))
        wrong += [f"{folder.name}: {line}" for line in errors.splitlines() if not is_of_unknown(line)]
        taken = len(said.splitlines())
        if not taken:
            wrong.append(f"{folder.name}: no object was taken")
        told.append(f"{folder.name} {taken}" + (f" (not {', '.join(unknown)}, unknown here)" if unknown else ""))
    if wrong:
        raise Failed("no error and no warning", "; ".join(wrong))
    return f"objects that were taken: {', '.join(told)}"
