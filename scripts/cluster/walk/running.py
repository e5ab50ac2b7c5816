"""What runs does its work: lamps follow their clock, readings follow the light."""

import json
import re

from board import PHASES, shown
from cluster import APPS, until
from report import Failed

# How far a reading may be from what the circuit lets expect: much less than the two lights differ.
TOLERANCE = 0.25


def lamps(walk, node, phases=2):
    """So many of the four phases, by the record from now on. Two are seen within five seconds, all within eleven."""
    board = walk.board(node)
    since, lit = board.mark()
    seen = until(
        f"{phases} of {', '.join(PHASES)} on {node}",
        lambda: shown(board.record(since), lit),
        lambda states: len(set(PHASES) & set(states)) >= phases,
        limit=60,
    )
    return f"{node}'s board recorded {' > '.join(seen)}"


def readings(log):
    """Charge times in us: of lines that are a number, or JSON."""
    found = []
    for line in log.splitlines():
        if re.fullmatch(r"\d+", line):
            found.append(float(line))
        elif line.startswith("{"):
            found.append(json.loads(line).get("charge_us"))
    return [reading for reading in found if reading is not None]


def light(walk, node, lights=(200, 3)):
    """A reading in each light, of those that the log has after the light changed."""
    board, told = walk.board(node), []
    for lux in lights:
        pod = walk.cluster.pod(APPS, "light-sensor", node)
        before = len(readings(walk.cluster.logs(APPS, pod)))
        expected = board.shine(lux)
        # The first of them may have been under way when the light changed.
        seen = until(
            f"a reading of {expected:.0f} us, give or take a quarter, at {lux} lux",
            lambda: readings(walk.cluster.logs(APPS, pod))[before + 1 :],
            lambda new: any(abs(reading / expected - 1) < TOLERANCE for reading in new),
            limit=60,
        )
        told.append(f"{min(seen, key=lambda r: abs(r - expected)):.0f} us at {lux} lux (by its circuit {expected:.0f})")
    board.by_curve()
    return f"{node}'s log says {', '.join(told)}"


def by_http(walk):
    """The last reading through the app's Service, by way of the API server, which is reached from anywhere."""
    service = f"/api/v1/namespaces/{APPS}/services/light-sensor:http/proxy/reading"
    ask = ("get", "--raw", service)
    return json.dumps(until("a reading", lambda: json.loads(walk.cluster.kubectl(*ask)), lambda r: r["status"] == "ok"))


def both(walk, *looks):
    """Each look on each node, their words together."""
    return "; ".join(look(walk, node) for node in walk.nodes for look in looks)


def lamps_off(walk, node):
    """The lamps are off and the daemon says that nobody holds them."""
    board = walk.board(node)
    until(f"all lamps of {node} are off", board.lit, lambda lit: lit == "off", limit=60)
    nobody = lambda holders: not any(holders.values())
    holders = until(f"nobody holds the lamps of {node}", lambda: walk.holders(node), nobody, limit=60)
    return f"off by the board's record, and free: {', '.join(holders)}"


def same_pods(before, after, why):
    """Fails where a pod is another one, or was started anew."""
    different = {name for name in set(before) | set(after) if before.get(name) != after.get(name)}
    if different:
        raise Failed(f"the same pods, not started anew, {why}", f"before {before}, now {after}")
