"""What the API server makes of pods: which it lets in, which not and why. Nothing is made, so a hundred take a second."""

import copy
import json
import re

from report import Gone

VERDICT = re.compile(r'pods? "case-(\d+)" is (forbidden|invalid): ?(.*)', re.IGNORECASE)


def verdicts(cluster, namespace, pods):
    """For each pod None, if it would be let in, or why not: ("forbidden" or "invalid", the API server's words)."""
    items = []
    for number, pod in enumerate(pods):
        pod = copy.deepcopy(pod)
        pod["metadata"] |= {"name": f"case-{number}", "namespace": namespace}
        items.append(pod)
    said, errors = cluster.tried("create", json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    found = {int(number): None for number in re.findall(r"^pod/case-(\d+) created", said, re.MULTILINE)}
    found |= {int(number): (how.lower(), words) for number, how, words in VERDICT.findall(errors)}
    if sorted(found) != list(range(len(items))):
        raise Gone(f"{len(items) - len(found)} of {len(items)} pods were not judged: {errors.strip()[:500]}")
    return [found[number] for number in range(len(items))]


def templates(manifests):
    """The pods that workloads among manifests would make: name of the workload, its namespace, the pod."""
    for item in manifests:
        spec = item.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec and item["kind"] != "Pod":
            meta = {key: spec["template"]["metadata"].get(key) or {} for key in ("labels", "annotations")}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec["template"]["spec"]}
            # What a StatefulSet adds for its volumes.
            claims = [c["metadata"]["name"] for c in spec.get("volumeClaimTemplates", [])]
            volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
            pod["spec"] |= {"volumes": pod["spec"].get("volumes", []) + volumes}
            yield f"{item['kind']}/{item['metadata']['name']}", item["metadata"]["namespace"], pod
