"""The overlays, and what each of them promises. One that is not listed here is a failure, so that none goes unchecked."""

import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"


@dataclass(frozen=True)
class Overlay:
    """What must hold for an overlay besides what holds for all."""

    path: str
    # The first version of Kubernetes whose API has all that it uses.
    since: tuple = (1, 20)
    # How the apps reach their sockets: "hostpath", "device-plugin", or None where there are no apps.
    delivery: str | None = None
    # Whether the daemon may be privileged there.
    privileged: bool = False


OVERLAYS = [
    Overlay("gpiod", privileged=True),
    Overlay("overlays/hostpath", delivery="hostpath", privileged=True),
    Overlay("overlays/two-wirings", delivery="hostpath", privileged=True),
    Overlay("overlays/journal", delivery="hostpath", privileged=True),
    Overlay("overlays/monitoring", delivery="hostpath", privileged=True),
    Overlay("overlays/unprivileged", delivery="hostpath"),
    Overlay("overlays/sim", delivery="hostpath"),
    Overlay("overlays/device-plugin", delivery="device-plugin", privileged=True),
    Overlay("overlays/watcher", delivery="device-plugin", privileged=True),
    Overlay("overlays/periodic", delivery="device-plugin", privileged=True, since=(1, 21)),
    Overlay("overlays/sim-device-plugin", delivery="device-plugin"),
    Overlay("overlays/policy", since=(1, 30)),
]


@dataclass
class Pod:
    """A pod as a workload makes it: where it stands, and what it is."""

    workload: dict
    template: dict

    @property
    def name(self):
        """Kind and name of the workload, for messages."""
        return f"{self.workload['kind']}/{self.workload['metadata']['name']}"

    @property
    def namespace(self):
        """The namespace that it is made in."""
        return self.workload["metadata"].get("namespace", "default")

    @property
    def spec(self):
        """Its spec."""
        return self.template["spec"]

    @property
    def labels(self):
        """Its labels."""
        return self.template.get("metadata", {}).get("labels", {})

    def containers(self):
        """All its containers, of whatever kind."""
        for kind in ("initContainers", "containers", "ephemeralContainers"):
            yield from self.spec.get(kind) or []


@dataclass
class Rendered:
    """All objects of an overlay."""

    overlay: Overlay
    objects: list = field(default_factory=list)

    def pods(self, namespace=None):
        """The pods of all workloads, or of those in a namespace."""
        pods = [pod for pod in map(pod_of, self.objects) if pod]
        return [pod for pod in pods if namespace in (None, pod.namespace)]

    def of_kind(self, kind):
        """All objects of a kind."""
        return [item for item in self.objects if item["kind"] == kind]

    def namespace(self, name):
        """The Namespace of that name as it is rendered, or an empty one."""
        found = [item for item in self.of_kind("Namespace") if item["metadata"]["name"] == name]
        return found[0] if found else {"metadata": {"name": name, "labels": {}}}


def pod_of(item):
    """The pod that an object is or makes; None for anything else."""
    spec = item.get("spec") or {}
    if item["kind"] == "Pod":
        return Pod(item, item)
    if item["kind"] == "CronJob":
        return Pod(item, spec["jobTemplate"]["spec"]["template"])
    if item["kind"] in ("DaemonSet", "Deployment", "StatefulSet", "ReplicaSet", "Job"):
        return Pod(item, spec["template"])
    return None


@cache
def render(overlay):
    """Renders an overlay with kustomize, once. Raises CalledProcessError, with what kustomize said."""
    script = Path(__file__).with_name("kustomize.sh")
    run = subprocess.run([script, K8S / overlay.path], check=True, capture_output=True, text=True)
    return Rendered(overlay, [item for item in yaml.safe_load_all(run.stdout) if item])


def unlisted():
    """Folders below overlays/ that OVERLAYS does not name, and names without a folder."""
    there = {f"overlays/{folder.name}" for folder in (K8S / "overlays").iterdir() if folder.is_dir()}
    listed = {overlay.path for overlay in OVERLAYS} - {"gpiod"}
    return sorted(there ^ listed)
