"""The thesis's walk on a real Kubernetes: step by step, judged by what the simulated boards recorded."""

import argparse
import json
import shutil
import sys
from pathlib import Path

import admission
import dryrun
import ending
import failures
import labels
import periodic
import running
import unprivileged
import updates
from board import Board
from cluster import APPS, GPIOD, Cluster, restarts
from deployment import ROOT, Deployment
from report import Gone, Report

NODES, IMAGES, NOTHING, DRY = "two nodes", "images on the nodes", "applied: no pod", "every overlay, as a dry run"
FIRST = "first node labelled: pods there"
LAMPS, LIGHT, HTTP = "lamps follow their clock", "readings follow the light", "a reading from outside, by the Service"
SECOND = "second node labelled: pods there"
APPS_ROLL, DAEMON_ROLLS = "apps updated by set image", "daemon updated below running apps"
FORCE, KILL, READING = "pod deleted by force: lights off", "app killed: lights off", "single reading, as of a CronJob"
DEVICES, SECURITY = "kubelet restarted: devices back", "Pod Security: restricted enforced"
POLICIES, CRON = "admission policies and quotas in force", "readings by a CronJob, in a volume"
UNPRIVILEGED, REMOVED = "device nodes by a device plugin", "all removed: nothing left"


class Walk:
    """What the steps share."""

    def __init__(self, options):
        self.cluster = Cluster(options.kubeconfig)
        self.nodes = sorted(self.cluster.nodes())[:2]
        self.archives = options.archives
        self.domain = options.domain
        scratch = options.scratch
        shutil.rmtree(scratch, ignore_errors=True)
        self.deployment = Deployment(self.cluster, options.overlay, scratch, options.registry, options.tag)
        self.plugin = None
        if (options.plugin / "kustomization.yaml").exists():
            self.plugin = Deployment(self.cluster, options.plugin, scratch, options.registry, options.tag)
        self.images = self.deployment.images()

    def board(self, node):
        return Board(self.cluster, node)

    def app_pods(self):
        """Each pod of an app: which one it is, and how often its containers were started anew."""
        return {p["metadata"]["name"]: (p["metadata"]["uid"], restarts(p)) for p in self.cluster.pods(APPS)}

    def holders(self, node):
        """Who holds the lamps' lines, by the daemon's word."""
        pod = self.cluster.pod(GPIOD, "gpiod", node)
        said = self.cluster.kubectl("exec", "--namespace", GPIOD, pod, "--", "/gpiod", "lines", "--json")
        lines = json.loads(said)["lines"]
        return {line["name"]: line.get("holder") for line in lines if line["name"].startswith("traffic-light/")}


def steps(report, walk):
    first, second = walk.nodes
    report.run(NODES, "both ready", lambda: labels.nodes(walk))
    report.run(IMAGES, "each image under the manifests' name", lambda: labels.images(walk), [NODES])
    report.run(NOTHING, "no node is labelled, so there is no pod", lambda: labels.apply(walk), [NODES])
    # With namespaces, and no pod that a level of the other overlays could refuse.
    report.run(DRY, "taken, without a warning", lambda: dryrun.all_overlays(walk), [NOTHING])
    report.run(FIRST, f"all on {first}, none on {second}", lambda: labels.label(walk, first, [first]), [NOTHING])
    report.run(LAMPS, "each phase in the board's record", lambda: running.lamps(walk, first, 4), [FIRST])
    report.run(LIGHT, "the charge time of the circuit, within a quarter", lambda: running.light(walk, first), [FIRST])
    report.run(HTTP, "the newest reading in JSON", lambda: running.by_http(walk), [FIRST])
    report.run(SECOND, "all on both", lambda: labels.label(walk, second, walk.nodes), [FIRST])
    report.run(APPS_ROLL, "new pods of the new image, which do their work", lambda: updates.apps(walk), [SECOND])
    report.run(DAEMON_ROLLS, "no lamp blinks, no session is lost", lambda: updates.daemon(walk), [SECOND])
    report.run(FORCE, "all lamps off, their lines free", lambda: failures.by_force(walk, first), [SECOND])
    report.run(KILL, "all lamps off, then the app again", lambda: failures.killed(walk, first), [SECOND])
    report.run(READING, "one reading, exit code 0", lambda: ending.single_reading(walk, second), [SECOND])
    report.run(DEVICES, "as many as before, no blink", lambda: failures.devices(walk, first), [SECOND])
    report.run(SECURITY, "apps let in, all else refused", lambda: admission.pod_security(walk), [DEVICES])
    report.run(POLICIES, "as they are evaluated without a cluster", lambda: admission.policies(walk, first), [DEVICES])
    report.run(CRON, "a job in its time, a reading in the volume", lambda: periodic.cron_job(walk, second), [DEVICES])
    report.run(UNPRIVILEGED, "opened without privilege", lambda: unprivileged.daemon(walk), [DEVICES])


def options_of(words):
    """What the words say; ends with 64 where they are no options."""
    # No short forms: test.sh looks for --kubeconfig as a whole.
    parser = argparse.ArgumentParser(prog="walk", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only-options", action="store_true", help="see whether the options are right, and do nothing")
    parser.add_argument("--kubeconfig", help="a cluster that is there, with two nodes; by default the one of cluster.sh")
    parser.add_argument("--registry", help="where the nodes get the images from, such as ghcr.io/you")
    parser.add_argument("--tag", help="of the images in the registry; by default the manifests'")
    parser.add_argument("--archives", type=Path, default=ROOT / "target/images", help="where the images' archives are")
    parser.add_argument("--overlay", type=Path, default=ROOT / "k8s/overlays/sim", help="what is applied")
    plugin = ROOT / "k8s/overlays/sim-device-plugin"
    parser.add_argument("--plugin", type=Path, default=plugin, help="the same with the device plugin")
    parser.add_argument("--domain", default="gpiod.local", help="of the device plugin's resources")
    made = ROOT / "target/cluster"
    parser.add_argument("--scratch", type=Path, default=made / "overlays", help="a folder for what is applied")
    parser.add_argument("--json", type=Path, default=made / "walk.json", help="a file for what was seen")
    try:
        options = parser.parse_args(words)
        if "" in (options.kubeconfig, options.registry, options.tag):
            parser.error("an empty value is none")
        return options
    except SystemExit as end:
        # Python's own is 2.
        sys.exit(64 if end.code else 0)


def main():
    options = options_of(sys.argv[1:])
    if options.only_options:
        return 0
    try:
        walk = Walk(options)
        if len(walk.nodes) < 2:
            raise Gone(f"two nodes that take pods are needed; there are {walk.nodes}")
        there = ending.namespaces(walk)
        nodes = walk.cluster.get("nodes")["items"]
        labelled = [n["metadata"]["name"] for n in nodes if "device" in n["metadata"]["labels"]]
        # What is there is somebody's, and would be removed at the end.
        if there or labelled:
            raise Gone(f"this cluster is in use: namespaces {there}, nodes with a label `device`: {labelled}")
    except Gone as error:
        print(f"walk: {error}", file=sys.stderr)
        return 69
    report = Report(walk.cluster.story)
    try:
        steps(report, walk)
    finally:
        # Also when the walk was interrupted: a cluster that is not ours is left as it was found.
        report.run(REMOVED, "no trace on either node", lambda: ending.removal(walk))
    whose = "two nodes on this machine" if walk.cluster.own else options.kubeconfig
    return report.end(options.json, f"Kubernetes {walk.cluster.version()}, {whose}")


if __name__ == "__main__":
    sys.exit(main())
