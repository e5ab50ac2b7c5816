"""A reading now and then by a CronJob, into a volume: what k8s/overlays/periodic has instead of an app that goes on."""

import json

from cluster import APPS, until
from dryrun import objects
from report import Failed, NotRun
from running import readings

NAME = "light-sensor"
# On the node, where the volume of a cluster without a storage class is.
FOLDER = "/var/lib/gpiod-walk"
VOLUME = "gpiod-walk"


def cron_job(walk, node):
    """The overlay's CronJob and its claim, beside a daemon with a simulated board; each minute instead of each hour."""
    walk.cluster.needs(21, "a CronJob of batch/v1")
    if not walk.cluster.own:
        raise NotRun("these nodes are not ours to make a volume on")
    found = {item["kind"]: item for item in objects(walk.cluster, "periodic")}
    job, claim = found["CronJob"], found["PersistentVolumeClaim"]
    job["spec"]["schedule"] = "* * * * *"
    # The app that goes on holds the line; the overlay does not have it.
    daemonset = walk.cluster.take_away(APPS, NAME)
    try:
        until("no light sensor runs", lambda: walk.cluster.pods(APPS, NAME), lambda pods: not pods)
        walk.cluster.node(node, "mkdir", "-p", FOLDER)
        told = once(walk, node, [volume(node, claim), claim, job])
    finally:
        for kind, name in (("cronjob", NAME), ("pvc", claim["metadata"]["name"]), ("pv", VOLUME)):
            walk.cluster.kubectl("delete", "--ignore-not-found", "--namespace", APPS, kind, name)
        walk.cluster.node(node, "rm", "-rf", FOLDER)
        walk.board(node).by_curve()
        walk.cluster.put_back(daemonset)
    return told


def volume(node, claim):
    """The node's folder as a volume for the claim."""
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": VOLUME},
        "spec": {
            "capacity": claim["spec"]["resources"]["requests"],
            "accessModes": claim["spec"]["accessModes"],
            "local": {"path": FOLDER},
            "claimRef": {"namespace": APPS, "name": claim["metadata"]["name"]},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def once(walk, node, items):
    """Waits for a job that the CronJob made; judges its log, and what it wrote."""
    expected = walk.board(node).shine(20)
    walk.cluster.kubectl("apply", "--filename", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    jobs = until(
        "a job of the CronJob is done",
        lambda: [job for job in walk.cluster.get("jobs", "--namespace", APPS)["items"] if is_of(job)],
        lambda there: any(job["status"].get("succeeded") or job["status"].get("failed", 0) > 2 for job in there),
    )
    job = next(job for job in jobs if job["status"].get("succeeded") or job["status"].get("failed"))
    log = walk.cluster.logs(APPS, f"job/{job['metadata']['name']}")
    written = walk.cluster.node(node, "cat", f"{FOLDER}/light.jsonl")
    found = readings(written)
    if not job["status"].get("succeeded") or not found or abs(found[-1] / expected - 1) > 0.25:
        raise Failed(f"a reading of {expected:.0f} us or so in the volume", f"{job['status']}: {log} {written}")
    owner = walk.cluster.node(node, "stat", "--format", "%U:%g %a", FOLDER).strip()
    return f"{job['metadata']['name']} wrote {written.splitlines()[-1]} into the volume ({owner}), by its circuit {expected:.0f} us"


def is_of(job):
    return any(o["kind"] == "CronJob" and o["name"] == NAME for o in job["metadata"].get("ownerReferences", []))
