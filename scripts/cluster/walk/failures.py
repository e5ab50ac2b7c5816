"""What goes wrong on a node: pods deleted by force, apps killed, a kubelet that starts anew."""

from board import judge_undisturbed, shown
from cluster import APPS, GPIOD, restarts, until
from report import Failed, NotRun
from running import lamps, lamps_off, same_pods


def by_force(walk, node):
    """A pod that nobody makes anew, deleted without waiting for it."""
    pod = walk.cluster.pod(APPS, "traffic-light", node)
    daemonset = walk.cluster.take_away(APPS, "traffic-light", "--cascade=orphan")
    since, lit = walk.board(node).mark()
    walk.cluster.kubectl("delete", "--namespace", APPS, "pod", pod, "--force", "--grace-period=0")
    seen = lamps_off(walk, node)
    states = shown(walk.board(node).record(since), lit)
    if states[-1] != "off":
        raise Failed("off is the last that the lamps showed", " > ".join(states))
    walk.cluster.put_back(daemonset)
    return f"{' > '.join(states)}, {seen}; and with its DaemonSet back: {lamps(walk, node)}"


def killed(walk, node):
    """SIGKILL to the app's process, from within the node; Kubernetes starts it again."""
    if not walk.cluster.own:
        raise NotRun("these nodes are not ours to kill a process of")
    name = walk.cluster.pod(APPS, "traffic-light", node)
    pod = walk.cluster.get("pod", "--namespace", APPS, name)
    container = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    board = walk.board(node)
    since, lit = board.mark()
    walk.cluster.node(node, "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", container)
    until("all lamps go off", lambda: shown(board.record(since), lit), lambda states: "off" in states, limit=60)
    now = until(
        "the app is started again",
        lambda: walk.cluster.get("pod", "--namespace", APPS, name),
        lambda p: restarts(p) == restarts(pod) + 1,
    )
    return f"off by the board's record, started again {restarts(now)} time; {lamps(walk, node)}"


def resources(walk, node):
    """What the node has of line groups to give out: by the API, names with a number."""
    status = walk.cluster.get("node", node)["status"]["allocatable"]
    return {name: int(number) for name, number in status.items() if name.startswith(f"{walk.domain}/")}


def devices(walk, node):
    """The plugin's overlay in place of the other one; then a kubelet that starts anew, and what it knows after that."""
    if walk.plugin is None:
        raise NotRun("k8s/overlays/ has no overlay with simulated boards and the device plugin")
    walk.deployment = walk.plugin
    walk.plugin.apply()
    for namespace, name in ((GPIOD, "gpiod"), (APPS, "traffic-light"), (APPS, "light-sensor")):
        walk.cluster.rolled_out(namespace, name)
    had = until(f"{node} has line groups to give out", lambda: resources(walk, node), lambda r: r and all(r.values()))
    if not walk.cluster.own:
        raise NotRun(f"{node} has {had}, but is not ours: its kubelet can not be started anew")
    lamps(walk, node)
    pods, (since, lit) = walk.app_pods(), walk.board(node).mark()
    walk.cluster.restart_kubelet(node)
    # What a kubelet wrote before its end says nothing of the one that is there now.
    heartbeat = beat(walk, node)
    until(f"{node}'s new kubelet is heard of", lambda: beat(walk, node), lambda b: b != heartbeat, limit=120)
    back = until(f"{node} has {had} again", lambda: resources(walk, node), lambda r: r == had)
    same_pods(pods, walk.app_pods(), "while the kubelet starts anew")
    lamps(walk, node)
    states = judge_undisturbed(walk.board(node).record(since), lit)
    # And they are given out: to the pod that takes this one's place.
    pod = walk.cluster.pod(APPS, "traffic-light", node)
    walk.cluster.kubectl("delete", "--namespace", APPS, "pod", pod)
    until("another traffic light", lambda: walk.cluster.on(APPS, "traffic-light"), lambda there: there == walk.nodes)
    if walk.cluster.pod(APPS, "traffic-light", node) == pod:
        raise Failed("another pod", pod)
    return f"{back} again, lamps meanwhile {' > '.join(states)}, and a new pod gets its group; {lamps(walk, node)}"


def beat(walk, node):
    conditions = walk.cluster.get("node", node)["status"]["conditions"]
    return [c["lastHeartbeatTime"] for c in conditions if c["type"] == "Ready"]
