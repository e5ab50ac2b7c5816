"""A single reading instead of a long-running pod, and the end: nothing is left of what was applied."""

import copy
import json

from cluster import APPS, GPIOD, until
from report import Failed, Gone
from running import readings

JOB = "single-reading"


def single_reading(walk, node):
    """What a CronJob does when its time has come: the DaemonSet's pod with --once, in place of the DaemonSet."""
    daemonset = walk.cluster.take_away(APPS, "light-sensor")
    until("no light sensor runs", lambda: walk.cluster.pods(APPS, "light-sensor"), lambda pods: not pods)
    spec = copy.deepcopy(daemonset["spec"]["template"]["spec"])
    spec |= {"restartPolicy": "Never", "nodeSelector": {"kubernetes.io/hostname": node}}
    container = spec["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe", "ports"):
        container.pop(probe, None)
    container["args"] = ["--once", "--json"]
    template = {"metadata": {"labels": {"app.kubernetes.io/name": JOB}}, "spec": spec}
    named = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": JOB, "namespace": APPS}}
    job = named | {"spec": {"backoffLimit": 3, "template": template}}
    expected = walk.board(node).shine(20)
    walk.cluster.kubectl("apply", "--filename", "-", given=json.dumps(job))
    status = until(
        "the job is done",
        lambda: walk.cluster.get("job", "--namespace", APPS, JOB)["status"],
        lambda s: s.get("succeeded") or s.get("failed", 0) > 3,
    )
    log = walk.cluster.logs(APPS, f"job/{JOB}")
    found = readings(log)
    if not status.get("succeeded") or len(found) != 1 or abs(found[0] / expected - 1) > 0.25:
        raise Failed(f"one reading of {expected:.0f} us or so, and success", f"{status}: {log}")
    walk.cluster.kubectl("delete", "--namespace", APPS, "job", JOB)
    walk.board(node).by_curve()
    walk.cluster.put_back(daemonset)
    tries = status.get("failed", 0) + 1
    return f"{log.strip()} (by its circuit {expected:.0f} us), exit code 0{f', at try {tries}' if tries > 1 else ''}"


def removal(walk):
    """All that was applied is deleted; then each node is looked through."""
    walk.deployment.delete()
    until("the namespaces are gone", lambda: namespaces(walk), lambda there: not there)
    for node in walk.nodes:
        walk.cluster.kubectl("label", "node", node, "device-")
    if not walk.cluster.own:
        return "the namespaces are gone; these nodes are not ours to look into"
    found = {
        node: until(f"nothing is left on {node}", lambda node=node: left(walk.cluster, node), lambda s: not s, limit=60)
        for node in walk.nodes
    }
    kept = "; ".join(f"{node}: {files(walk.cluster, node)}" for node in found)
    return f"no pod, container, process, mount or device of it on either node; kept in /run: {kept}"


def namespaces(walk):
    there = [n["metadata"]["name"] for n in walk.cluster.get("namespaces")["items"]]
    return [name for name in there if name in (GPIOD, APPS)]


# Run within a node; each prints what there must not be.
CHECKS = {
    "containers": "ctr --namespace k8s.io containers ls --quiet",
    "processes": "find /sys/fs/cgroup/pids/gpiod-cluster/$0 -name cgroup.procs -exec cat {} +",
    "pods' folders": "ls -A /var/lib/kubelet/pods",
    "mounts": "awk '{ print $2 }' /proc/self/mounts | grep -E '^(/var/lib/kubelet/pods|/run/gpiod)' || true",
    # The groups' sockets stay in /run, for clients to find the next daemon there: nobody listens at them.
    "sockets": "find /run/gpiod-board /var/lib/kubelet/device-plugins -type s ! -name kubelet.sock 2>/dev/null || true",
}


def left(cluster, node):
    """What there is of pods on a node of ours, a line each."""
    found = []
    for what, command in CHECKS.items():
        try:
            found += [f"{what}: {line}" for line in cluster.node(node, "bash", "-c", command, node).splitlines()]
        except Gone as error:
            found.append(f"{what}: {error}")
    return found


def files(cluster, node):
    """Files that outlive the daemon on purpose."""
    there = cluster.node(node, "bash", "-c", "find /run/gpiod /run/gpiod-board ! -type d 2>/dev/null || true")
    return ", ".join(there.split()) or "empty folders"
