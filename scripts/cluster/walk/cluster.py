"""The cluster as the walk sees it: kubectl, and the nodes themselves where they are ours."""

import json
import re
import subprocess
import time
from pathlib import Path

from report import Failed, Gone, NotRun, progress

HERE = Path(__file__).resolve().parents[1]
# The longest that anything of Kubernetes may take; nothing waits for it to pass.
PATIENCE = 240
GPIOD, APPS = "gpiod", "gpio-apps"
# Namespace and name of each DaemonSet.
WORKLOADS = [(GPIOD, "gpiod-board"), (GPIOD, "gpiod"), (APPS, "light-sensor"), (APPS, "traffic-light")]


def run(command, given=None, limit=PATIENCE):
    """What a command prints; `Gone` with its error if it fails or takes too long."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired as late:
        raise Gone(f"no answer within {limit} s: {' '.join(map(str, command))}") from late
    if done.returncode != 0:
        raise Gone(f"{' '.join(map(str, command[-6:]))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Cluster:
    """Ours, which cluster.sh made, or the one of a kubeconfig, whose nodes nobody here can look into."""

    def __init__(self, kubeconfig=None):
        self.own = kubeconfig is None
        self.command = [HERE / "cluster.sh", "kubectl"] if self.own else ["kubectl", "--kubeconfig", kubeconfig]

    def kubectl(self, *arguments, given=None, limit=PATIENCE):
        return run([*self.command, *arguments], given, limit)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "--output", "json"))

    def node(self, name, *command):
        """What a command prints within a node of ours."""
        return run([HERE / "cluster.sh", "node", name, *command])

    def restart_kubelet(self, name):
        run([HERE / "cluster.sh", "restart-kubelet", name])

    def nodes(self):
        """Names of the nodes that take pods."""
        nodes = self.get("nodes")["items"]
        return [n["metadata"]["name"] for n in nodes if "NoSchedule" not in effects(n)]

    def version(self):
        return json.loads(self.kubectl("version", "--output", "json"))["serverVersion"]["gitVersion"]

    def needs(self, minor, what):
        """`NotRun` on a Kubernetes older than 1.`minor`, which has no such thing."""
        version = self.version()
        if int(re.match(r"v1\.(\d+)", version)[1]) < minor:
            raise NotRun(f"{what} needs Kubernetes 1.{minor}, and this one is {version}")

    def tried(self, verb, manifests, dry_run="server", *options):
        """What would be done with manifests, without doing it: kubectl's words, and apart from them those of its errors."""
        command = [*self.command, verb, f"--dry-run={dry_run}", "--filename", "-", *options]
        try:
            done = subprocess.run(command, input=manifests, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired as late:
            raise Gone(f"no answer within {PATIENCE} s: a dry run") from late
        return done.stdout, done.stderr

    def pods(self, namespace, name=None):
        """The pods of an app, those that are ending left out."""
        pods = self.get("pods", "--namespace", namespace)["items"]
        return [p for p in pods if belongs(p, name) and "deletionTimestamp" not in p["metadata"]]

    def pod(self, namespace, name, node):
        """The name of an app's pod on a node."""
        found = [p for p in self.pods(namespace, name) if p["spec"].get("nodeName") == node]
        if len(found) != 1:
            raise Failed(f"one pod of {name} on {node}", [p["metadata"]["name"] for p in found] or "none")
        return found[0]["metadata"]["name"]

    def on(self, namespace, name):
        """The nodes on which an app's pods are ready."""
        return sorted(p["spec"]["nodeName"] for p in self.pods(namespace, name) if is_ready(p))

    def rolled_out(self, namespace, name):
        """Waits until each pod of an app is one of its newest kind, and ready."""
        rollout = ("rollout", "status", "--namespace", namespace, f"daemonset/{name}")
        self.kubectl(*rollout, f"--timeout={PATIENCE}s", limit=PATIENCE + 10)

    def take_away(self, namespace, name, *options):
        """Deletes an app's DaemonSet; returns what `put_back` makes the same one of."""
        there = self.get("daemonset", "--namespace", namespace, name)
        self.kubectl("delete", "--namespace", namespace, "daemonset", name, *options)
        kept = {key: there["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": kept, "spec": there["spec"]}

    def put_back(self, daemonset):
        namespace, name = daemonset["metadata"]["namespace"], daemonset["metadata"]["name"]
        self.kubectl("create", "--filename", "-", given=json.dumps(daemonset))
        until(f"{name} is looked at", lambda: self.get("daemonset", "--namespace", namespace, name), is_seen)
        self.rolled_out(namespace, name)

    def logs(self, namespace, pod, *arguments):
        return self.kubectl("logs", "--namespace", namespace, pod, *arguments)

    def story(self):
        """Pods, the newest events, and the last words of what runs: for a failure's reader."""
        told = []
        for arguments in (
            ["get", "pods", "--all-namespaces", "--output", "wide"],
            ["get", "events", "--all-namespaces", "--sort-by", ".lastTimestamp"],
            *(words_of(namespace, name) for namespace, name in WORKLOADS),
        ):
            try:
                told += [f"$ kubectl {' '.join(arguments)}", *self.kubectl(*arguments, limit=20).splitlines()[-20:]]
            except Gone as error:
                told.append(str(error))
        return "\n".join(f"    | {line}" for line in told)


def words_of(namespace, name):
    return ["logs", "--namespace", namespace, "--selector", f"app.kubernetes.io/name={name}", "--prefix", "--tail", "5"]


def effects(node):
    return {taint["effect"] for taint in node["spec"].get("taints", [])}


def belongs(pod, name):
    return name is None or pod["metadata"].get("labels", {}).get("app.kubernetes.io/name") == name


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def is_seen(daemonset):
    return daemonset["status"].get("observedGeneration", 0) >= 1 and daemonset["status"]["desiredNumberScheduled"] > 0


def restarts(pod):
    return sum(c["restartCount"] for c in pod["status"].get("containerStatuses", []))


def until(expected, look, holds, limit=PATIENCE):
    """Looks again and again until what is seen `holds`; returns it. `Failed` with the last of it when time is over."""
    begin = told = time.monotonic()
    while True:
        try:
            seen = look()
            if holds(seen):
                return seen
        except Gone as error:
            seen = str(error)
        now = time.monotonic()
        if now - begin > limit:
            raise Failed(f"{expected} within {limit} s", seen)
        if now - told > 15:
            told = now
            progress(f"{now - begin:.0f} s: waiting for {expected}; now: {seen!s:.200}")
        time.sleep(0.3)
