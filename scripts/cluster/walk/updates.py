"""New images: of the apps, and of the daemon below running apps."""

import json

from board import judge_undisturbed
from cluster import APPS, GPIOD, until
from deployment import updated
from report import Failed, NotRun
from running import both, lamps, light, same_pods


def set_image(walk, namespace, name):
    """As a person does it; waits until it is rolled out. What nodes are not ours have no other tag to take."""
    if walk.cluster.own:
        pod = walk.cluster.get("daemonset", "--namespace", namespace, name)["spec"]["template"]["spec"]
        new = f"{pod['containers'][0]['name']}={updated(walk.images[name])}"
        walk.cluster.kubectl("set", "image", "--namespace", namespace, f"daemonset/{name}", new)
    else:
        walk.cluster.kubectl("rollout", "restart", "--namespace", namespace, f"daemonset/{name}")
    walk.cluster.rolled_out(namespace, name)


def apps(walk):
    told = []
    for name in ("light-sensor", "traffic-light"):
        before = {p["metadata"]["uid"] for p in walk.cluster.pods(APPS, name)}
        set_image(walk, APPS, name)
        until(f"{name} on both", lambda: walk.cluster.on(APPS, name), lambda there: there == walk.nodes)
        pods = walk.cluster.pods(APPS, name)
        old = [p["metadata"]["name"] for p in pods if p["metadata"]["uid"] in before]
        images = {p["spec"]["containers"][0]["image"] for p in pods}
        wanted = {updated(walk.images[name])} if walk.cluster.own else images
        if old or images != wanted:
            raise Failed(f"only new pods, of {wanted}", f"old ones {old}, images {images}")
        told.append(f"{name} is {', '.join(sorted(images))} on each node")
    return f"{'; '.join(told)}; {both(walk, lamps, light)}"


def daemon(walk):
    boards = {node: walk.board(node) for node in walk.nodes}
    apps_before = walk.app_pods()
    boards_before = {p["metadata"]["uid"] for p in walk.cluster.pods(GPIOD, "gpiod-board")}
    daemons_before = {p["metadata"]["uid"] for p in walk.cluster.pods(GPIOD, "gpiod")}
    marks = {node: board.mark() for node, board in boards.items()}
    set_image(walk, GPIOD, "gpiod")
    if daemons_before & {p["metadata"]["uid"] for p in walk.cluster.pods(GPIOD, "gpiod")}:
        raise Failed("only new pods of gpiod", "an old one")
    if boards_before != {p["metadata"]["uid"] for p in walk.cluster.pods(GPIOD, "gpiod-board")}:
        raise NotRun("the boards were replaced with the daemon, so nobody saw what it did to the lamps")
    told = []
    for node, board in boards.items():
        # Until the app has shown it a phase, the new daemon has not been asked for anything.
        since, lit = marks[node]
        new = walk.cluster.pod(GPIOD, "gpiod", node)
        events = until(
            f"{node}'s new daemon resumes the traffic light's session",
            lambda: audit(walk.cluster.logs(GPIOD, new)),
            lambda seen: any(e["audit"] == "resumed" and e.get("group") == "traffic-light" for e in seen),
            limit=60,
        )
        lost = [e for e in events if e["audit"] in ("released", "adopted")]
        if lost:
            raise Failed(f"{node}'s new daemon lets no holder's lines go", lost)
        lamps(walk, node)
        states = judge_undisturbed(board.record(since), lit)
        told.append(f"{node}: {' > '.join(states)}, {outage(walk, node)}")
    same_pods(apps_before, walk.app_pods(), "while the daemon below them is replaced")
    return f"sessions resumed, no pod of an app started anew, and by the boards' records {'; '.join(told)}"


def audit(log):
    """The audit events in a daemon's log."""
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [event for event in events if "audit" in event]


def outage(walk, node):
    """How long the traffic light says that the daemon was away."""
    log = walk.cluster.logs(APPS, walk.cluster.pod(APPS, "traffic-light", node))
    said = [line for line in log.splitlines() if "is back after" in line]
    return said[-1].removeprefix("traffic-light: ") if said else "which the app did not even notice"
