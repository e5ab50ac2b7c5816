"""Each overlay as it stands, given to the API server without being applied: what it refuses, and what it warns of."""

import json
import re

from cluster import run
from deployment import ROOT
from report import Failed, Gone

OVERLAYS = ROOT / "k8s/overlays"
UNKNOWN = re.compile(r'no matches for kind "(\w+)"')


def rendered(name):
    """The manifests of an overlay, as kustomize writes them."""
    return run(["kubectl", "kustomize", str(OVERLAYS / name)])


def objects(cluster, manifests):
    """The same as objects; those of kinds that the cluster does not know are left out."""
    # Only kubectl reads YAML here. Whatever it says of kinds, the others are there.
    said = []
    for document in re.split(r"^---$", manifests, flags=re.MULTILINE):
        try:
            said.append(cluster.kubectl("create", "--dry-run=client", "--output", "json", "--filename", "-", given=document))
        except Gone as error:
            if not UNKNOWN.search(str(error)):
                raise
    return [json.loads(text) for text in said]


def all_overlays(walk):
    """Every overlay is taken without an error and without a warning, but for kinds that the cluster does not have."""
    told, wrong = [], []
    for folder in sorted(path.parent for path in OVERLAYS.glob("*/kustomization.yaml")):
        said, errors = walk.cluster.tried("apply", rendered(folder.name))
        lines = [line for line in errors.splitlines() if line and "ensure CRDs are installed first" not in line]
        unknown = sorted({kind for line in lines for kind in UNKNOWN.findall(line)})
        wrong += [f"{folder.name}: {line}" for line in lines if not UNKNOWN.search(line)]
        taken = len(said.splitlines())
        told.append(f"{folder.name} {taken}" + (f" (not {', '.join(unknown)}, unknown here)" if unknown else ""))
    if wrong:
        raise Failed("no error and no warning", "; ".join(wrong))
    return f"objects that were taken: {', '.join(told)}"
