"""Objects against Kubernetes' own schemas, of several versions, in which an unknown field is a mistake."""

import json
import os
import zipfile
from functools import cache
from pathlib import Path

import jsonschema

# The oldest that the manifests are for, the last ones that a 32-bit Pi can have of Kubernetes' own (1.26), those with which
# something came that is used here, and the newest of which there are schemas.
VERSIONS = [(1, 20), (1, 21), (1, 26), (1, 30), (1, 34), (1, 37)]
# Custom resources, whose schemas are not Kubernetes': metrics.py looks at what is in them.
CUSTOM = {"monitoring.coreos.com/v1"}


@cache
def definitions(version):
    """All definitions of a version, and the ways to them by apiVersion and kind. Raises KeyError for an unknown one."""
    folder = f"kubernetes_validate/kubernetes-json-schema/v{version[0]}.{version[1]}.0-local-strict"
    for package in sorted(Path(os.environ["KUBERNETES_SCHEMAS"]).glob("*.whl"), reverse=True):
        with zipfile.ZipFile(package) as files:
            if f"{folder}/_definitions.json" in files.namelist():
                document = json.loads(files.read(f"{folder}/_definitions.json"))
                break
    else:
        raise KeyError(f"no package has the schemas of {version}")
    key = "$defs" if "$defs" in document else "definitions"
    kinds = {}
    for name, definition in document[key].items():
        known = definition.get("x-kubernetes-group-version-kind") or []
        # Options and events of watches are of all groups at once, and no objects.
        if len(known) == 1:
            group, api = known[0]["group"], known[0]["version"]
            kinds[f"{group}/{api}" if group else api, known[0]["kind"]] = f"#/{key}/{name}"
    return document, kinds


@cache
def validator(version, api_version, kind):
    """What judges objects of a kind; None where that version has no such kind."""
    document, kinds = definitions(version)
    if (api_version, kind) not in kinds:
        return None
    schema = {key: document[key] for key in ("$defs", "definitions") if key in document}
    return jsonschema.Draft202012Validator({**schema, "$ref": kinds[api_version, kind]})


def problems(item, version):
    """What that version of Kubernetes has against an object, each with its place."""
    if item["apiVersion"] in CUSTOM:
        return
    found = validator(version, item["apiVersion"], item["kind"])
    if found is None:
        yield f"Kubernetes {version[0]}.{version[1]} has no {item['apiVersion']} {item['kind']}"
        return
    for error in found.iter_errors(item):
        place = ".".join(str(step) for step in error.absolute_path)
        yield f"{place or 'object'}: {error.message[:200]} (Kubernetes {version[0]}.{version[1]})"
