"""A node's simulated board: its record, which is what the walk judges by, and the light on its sensor."""

import json

from cluster import GPIOD
from report import Failed

# The traffic light by the wiring of the simulated boards, and the phases that it may show, in their order.
LAMPS = {"GPIO9": "red", "GPIO10": "yellow", "GPIO11": "green"}
PHASES = ["red", "red+yellow", "green", "yellow"]
# Lamps that are switched by one write may be some ns apart.
TOGETHER_NS = 5_000_000
DRIVER = "gpiod:traffic-light"


class Board:
    """The board on a node, asked through its pod."""

    def __init__(self, cluster, node):
        self.cluster, self.node = cluster, node

    def ask(self, *words):
        pod = self.cluster.pod(GPIOD, "gpiod-board", self.node)
        return self.cluster.kubectl("exec", "--namespace", GPIOD, pod, "--", "/gpiod", "board", *words)

    def state(self):
        return json.loads(self.ask("state", "--json"))

    def mark(self):
        """A moment: the number of the record's newest entry, and the lamps' lines that are high then."""
        state = self.state()
        return state["last_seq"], {line["line"] for line in state["lines"] if line["high"] and line["line"] in LAMPS}

    def record(self, since=0):
        return [json.loads(line) for line in self.ask("record", "--json", "--since", str(since)).splitlines()]

    def lit(self):
        """The lamps that are lit now, as a phase is written; "off" if none is."""
        return phase(self.mark()[1])

    def claims(self):
        """Who has the lamps' lines, as the board sees it."""
        return {LAMPS[line["line"]]: line["consumer"] for line in self.state()["lines"] if line["line"] in LAMPS}

    def sensor(self):
        return next(part for part in self.state()["components"] if part["kind"] == "light-sensor")

    def shine(self, lux):
        """Puts the light sensor into so much light; returns the charge time to be expected, in us."""
        name = self.sensor()["name"]
        self.ask("light", name, str(lux))
        return self.sensor()["expected_charge_us"]

    def by_curve(self):
        """Gives the light sensor back to the light of its circuit."""
        self.ask("light", self.sensor()["name"], "curve")


def phase(high):
    return "+".join(colour for line, colour in LAMPS.items() if line in high) or "off"


def shown(entries, lit):
    """What the lamps showed, one state after the other, by the entries of a record before which `lit` were high."""
    high, states, previous = set(lit), [phase(lit)], None
    for entry in entries:
        if entry["line"] not in LAMPS or entry["change"] != "level":
            continue
        # What is switched together is one change.
        if previous is not None and entry["time_ns"] - previous <= TOGETHER_NS and len(states) > 1:
            states.pop()
        previous = entry["time_ns"]
        (high.add if entry["high"] else high.discard)(entry["line"])
        states.append(phase(high))
    return states


def judge_undisturbed(entries, lit):
    """The states that the lamps went through, if the traffic light alone switched them, phase after phase."""
    foreign = [
        f"{entry['line']} {entry['change']} by {entry['cause']}"
        for entry in entries
        if entry["line"] in LAMPS
        and (entry["change"] == "direction" or (entry["change"] == "level" and entry["cause"] != {"consumer": DRIVER}))
    ]
    states = shown(entries, lit)
    if foreign:
        raise Failed("the lamps are outputs all the time, and only the traffic light switches them", foreign)
    missed = 0
    for before, after in zip(states, states[1:]):
        if before not in PHASES or after not in PHASES or before == after:
            raise Failed("phase after phase, never off", " > ".join(states))
        # Those that are due while the daemon is away are left out, which is once.
        missed += (PHASES.index(after) - PHASES.index(before)) % len(PHASES) != 1
    if missed > 1 or states[0] not in PHASES:
        raise Failed("phase after phase, but for one time at most", " > ".join(states))
    return states
