"""The thesis's first steps: nothing runs until a node is labelled, and then on that node."""

from cluster import APPS, GPIOD, WORKLOADS, until
from deployment import UPDATE, full_name, give
from report import Failed, NotRun

LABEL = "device=raspberry"


def nodes(walk):
    ready = [n["metadata"]["name"] for n in walk.cluster.get("nodes")["items"] if condition(n, "Ready") == "True"]
    if len(set(ready) & set(walk.nodes)) < 2:
        raise Failed("two nodes that take pods", ready)
    return f"{', '.join(walk.nodes)} ready, Kubernetes {walk.cluster.version()}"


def images(walk):
    if not walk.cluster.own:
        raise NotRun(f"these nodes are not ours to give images to; they pull {', '.join(walk.images.values())}")
    give(walk.cluster, walk.images, walk.archives)
    for node in walk.nodes:
        there = walk.cluster.node(node, "ctr", "--namespace", "k8s.io", "images", "ls", "--quiet").split()
        lacking = [i for i in walk.images.values() if full_name(i) not in there]
        if lacking:
            raise Failed(f"{', '.join(walk.images.values())} on {node}", there)
    return f"{', '.join(sorted(walk.images.values()))}, and each as :{UPDATE}, on each node"


def apply(walk):
    walk.deployment.apply()

    def look():
        sets = {name: walk.cluster.get("daemonset", "--namespace", space, name)["status"] for space, name in WORKLOADS}
        # How many pods are wanted, which nobody knows before the controller has looked.
        return {name: s["desiredNumberScheduled"] if s.get("observedGeneration") else None for name, s in sets.items()}

    seen = until("each DaemonSet is looked at", look, lambda numbers: None not in numbers.values(), limit=60)
    wanted = {name: number for name, number in seen.items() if number}
    pods = [p["metadata"]["name"] for namespace in (GPIOD, APPS) for p in walk.cluster.pods(namespace)]
    if wanted or pods:
        raise Failed("no pod is wanted, none is there", f"wanted {wanted}, there {pods}")
    return f"{len(seen)} DaemonSets want 0 pods, and there are none"


def label(walk, node, expected):
    walk.cluster.kubectl("label", "--overwrite", "node", node, LABEL)
    seen = until(
        f"all four run on {', '.join(expected)} alone",
        lambda: {name: walk.cluster.on(namespace, name) for namespace, name in WORKLOADS},
        lambda s: all(there == expected for there in s.values()),
    )
    return f"{', '.join(seen)} are ready on {', '.join(expected)}"


def condition(thing, kind):
    return next((c["status"] for c in thing["status"].get("conditions", []) if c["type"] == kind), None)
