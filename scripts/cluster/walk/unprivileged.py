"""k8s/overlays/unprivileged as far as a machine without pins goes: a device plugin gives the daemon its device nodes, and
the daemon opens them without privilege. What it finds there is no GPIO chip, and it says so."""

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

from cluster import GPIOD, HERE, run, until
from dryrun import objects
from report import Failed, Gone, NotRun

TOOLS = HERE.parent / "with-python-tools.sh"
NODES = ("gpiochip0", "gpiomem")
# /dev/fuse by other names, in place of the pins: it answers no request of a GPIO chip, and is none of the devices that
# every container may open.
DEVICE = (10, 229)
FOLDER = "/var/lib/gpiod-walk"
NOT_A_CHIP, REFUSED = "Not a tty", "Operation not permitted"
MOUNTED = "gpiod-walk-mounted"


def daemon(walk):
    """On whichever node the new daemon is tried first: in place of the one with a simulated board, which ends with it."""
    if not walk.cluster.own:
        raise NotRun("these nodes are not ours to make devices on")
    if not Path("/dev/fuse").is_char_device():
        raise NotRun("this machine has no /dev/fuse, which is to stand for the pins")
    try:
        run([TOOLS, "python3", "-c", "import grpc"])
    except Gone as error:
        raise NotRun(f"a stand-in for smarter-device-manager needs grpcio: {error}") from error
    # But for the device plugin, whose image would have to be pulled: a stand-in takes its place.
    items = [i for i in objects(walk.cluster, "unprivileged") if i["metadata"]["name"] != "device-manager"]
    [spec] = [i["spec"]["template"]["spec"] for i in items if i["kind"] == "DaemonSet" and i["metadata"]["name"] == GPIOD]
    context = spec["containers"][0]["securityContext"]
    granted = sorted(f"CAP_{name}" for name in context["capabilities"].get("add", []))
    whole = {"apiVersion": "v1", "kind": "List", "items": items}
    walk.cluster.kubectl("apply", "--filename", "-", given=json.dumps(whole))
    node, waiting = until("a daemon waits for its device nodes", lambda: waits(walk), lambda found: found[0])
    try:
        for name in NODES:
            walk.cluster.node(node, "mkdir", "-p", FOLDER)
            walk.cluster.node(node, "mknod", "-m", "600", f"{FOLDER}/{name}", "c", *map(str, DEVICE))
        with given_out(walk, node):
            words = said(lambda: walk.cluster.pods(GPIOD, GPIOD), walk, node)
            has = container(walk, node)
        mounted = mounts_it(walk, node, spec)
    finally:
        walk.cluster.node(node, "rm", "-rf", FOLDER)
    if NOT_A_CHIP not in words or has != {"devices": sorted(NODES), "privileged": False, "capabilities": granted}:
        raise Failed(f"it opens what it was given ({NOT_A_CHIP}), with {granted} at most", f"{words}; {has}")
    if REFUSED not in mounted:
        raise Failed(f"a node that is only mounted is refused ({REFUSED})", mounted)
    return (
        f"without a device plugin {waiting!r}; then, given {', '.join(has['devices'])}, not privileged and with no more "
        f"than {', '.join(granted)}, it opens them: {words!r}; the same nodes only mounted: {mounted!r}"
    )


def waits(walk):
    """The node whose daemon is not scheduled, and the scheduler's words; or nothing and what there is."""
    pods = walk.cluster.pods(GPIOD, GPIOD)
    for pod in pods:
        for condition in pod["status"].get("conditions", []):
            if condition["type"] == "PodScheduled" and "smarter-devices" in condition.get("message", ""):
                wanted = json.dumps(pod["spec"]["affinity"])
                return next(node for node in walk.nodes if f'"{node}"' in wanted), condition["message"]
    return None, [p["status"]["phase"] for p in pods]


@contextmanager
def given_out(walk, node):
    """A stand-in for the device plugin, as long as this lasts: it ends with its standard input, however we end."""
    words = [f"{name}={FOLDER}/{name}" for name in NODES]
    command = [HERE / "cluster.sh", "node", node, TOOLS, "python3", HERE / "walk/device_manager.py", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as plugin:
        told = [plugin.stdout.readline() for _ in NODES]
        if not all(told):
            raise Gone(f"the stand-in for the device plugin did not register: {told}")
        yield


def said(look, walk, node):
    """Why the daemon ended, as the last line of its log says: of the pods that are looked at, the one on the node."""

    def last():
        # None before it is scheduled; and of one that has just been started again there may be no word yet.
        pods = [p["metadata"]["name"] for p in look() if p["spec"].get("nodeName") == node]
        return "".join(walk.cluster.logs(GPIOD, pods[0]).splitlines()[-1:]) if pods else ""

    return until("the daemon has said why it ends", last, lambda line: line.startswith("gpiod: "), limit=120)


def container(walk, node):
    """What the runtime was told to give the daemon's container."""
    asked = ("ctr", "--namespace", "k8s.io", "containers")
    [pod] = [p["metadata"]["uid"] for p in walk.cluster.pods(GPIOD, GPIOD) if p["spec"].get("nodeName") == node]
    labels = f"labels.io.kubernetes.pod.uid=={pod},labels.io.kubernetes.container.name==gpiod"
    listed = walk.cluster.node(node, *asked, "ls", "--quiet", labels).split()
    spec = json.loads(walk.cluster.node(node, *asked, "info", listed[0]))["Spec"]
    allowed = spec["linux"]["resources"]["devices"]
    return {
        "devices": sorted(d["path"].removeprefix("/dev/") for d in spec["linux"].get("devices", []) if "gpio" in d["path"]),
        "privileged": any(d["allow"] and d.get("type", "a") == "a" and "major" not in d for d in allowed),
        "capabilities": sorted({c for kind in spec["process"].get("capabilities", {}).values() for c in kind or []}),
    }


def mounts_it(walk, node, spec):
    """The daemon with the nodes mounted from the host instead of given by a device plugin."""
    spec |= {"restartPolicy": "Never", "nodeName": node}
    own = spec["containers"][0]
    own["resources"]["limits"] = {"memory": own["resources"]["limits"]["memory"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        own.pop(probe, None)
    # Not in the way of the other one.
    spec["volumes"] = [v if v["name"] != "run" else {"name": "run", "emptyDir": {}} for v in spec["volumes"]]
    for name in NODES:
        own["volumeMounts"].append({"name": name, "mountPath": f"/dev/{name}"})
        spec["volumes"].append({"name": name, "hostPath": {"path": f"{FOLDER}/{name}", "type": "CharDevice"}})
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": MOUNTED, "namespace": GPIOD}, "spec": spec}
    walk.cluster.kubectl("apply", "--filename", "-", given=json.dumps(pod))
    try:
        return said(lambda: [walk.cluster.get("pod", "--namespace", GPIOD, MOUNTED)], walk, node)
    finally:
        walk.cluster.kubectl("delete", "--namespace", GPIOD, "pod", MOUNTED)
