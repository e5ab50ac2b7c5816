"""The configurations within the manifests: that `gpiod check` takes each, and that what they need is granted."""

import json
import os
import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

FILE = "gpiod.toml"
# What the kubelet's probes of one container take at a time, readiness and liveness at once: each is a process of gpiod's,
# and before it one of the runtime's, in the daemon's own control group. Measured with runc 1.1 on amd64, the kernel's part
# included: 0.9 MB for one, 1.8 for two.
PROBES = 2 << 20
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


def texts(rendered):
    """The text of each wiring, by the ConfigMap's name."""
    maps = rendered.of_kind("ConfigMap")
    return {item["metadata"]["name"]: item["data"][FILE] for item in maps if FILE in (item.get("data") or {})}


def groups(rendered):
    """The groups of each wiring, by the ConfigMap's name and the group's."""
    read = {name: tomllib.loads(text) for name, text in texts(rendered).items()}
    return {name: {group["name"]: group for group in wiring.get("group", [])} for name, wiring in read.items()}


def problems(rendered):
    """All that is wrong with the wirings of an overlay."""
    for name, text in texts(rendered).items():
        checked = check(text)
        for problem in checked["problems"]:
            yield f"{name}, line {problem['line']}: {problem['key']}: {problem['reason']}"
        yield from memory(name, checked["memory_ceiling_bytes"], rendered)
        yield from plugin(name, text, rendered)
    shapes = {
        name: {(group, line) for group, wired in found.items() for line in wired["lines"]}
        for name, found in groups(rendered).items()
    }
    for name, shape in shapes.items():
        if missing := set.union(*shapes.values()) - shape:
            listed = ", ".join("/".join(line) for line in sorted(missing))
            yield f"{name} has not {listed}, which another wiring has: apps would run on some nodes only"


def check(text):
    """What `gpiod check` says of a configuration, all of it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, FILE)
        file.write_text(text)
        command = [os.environ["GPIOD"], "check", "--json", file]
        run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode not in (0, 78):
        raise RuntimeError(f"gpiod check: exit code {run.returncode}: {run.stderr.strip()}")
    return json.loads(run.stdout)


def quantity(text):
    """Bytes of a quantity such as 16Mi."""
    match = re.fullmatch(r"(\d+)(Ki|Mi|Gi)?", str(text))
    return int(match[1]) * UNITS.get(match[2], 1)


def daemons(name, rendered):
    """The daemon's pods that have a ConfigMap as their wiring, each with its container."""
    for pod in rendered.pods("gpiod"):
        volumes = {v["name"] for v in pod.spec.get("volumes") or [] if (v.get("configMap") or {}).get("name") == name}
        for container in pod.containers():
            if any(mount["name"] in volumes for mount in container.get("volumeMounts") or []):
                yield pod, container


def memory(name, ceiling, rendered):
    """The container may have what the daemon may come to need, and what is run beside it."""
    for pod, container in daemons(name, rendered):
        limit = quantity(container["resources"]["limits"]["memory"])
        kinds = ("livenessProbe", "readinessProbe")
        probes = PROBES if any("exec" in container.get(kind, {}) for kind in kinds) else 0
        if ceiling and ceiling + probes > limit:
            needs = f"{ceiling} bytes of memory, and {probes} for probes"
            yield f"{pod.name}: by {name} it may need {needs}; its limit is {limit}"
    if not list(daemons(name, rendered)):
        yield f"{name} is no pod's wiring"


def plugin(name, text, rendered):
    """A device plugin has the kubelet's directories, and one that has them is one."""
    section = tomllib.loads(text).get("kubernetes")
    for pod, container in daemons(name, rendered):
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        wanted = set()
        if section is not None:
            kubelet = section.get("kubelet_dir", "/var/lib/kubelet")
            wanted = {f"{kubelet}/device-plugins", f"{kubelet}/pod-resources"}
        if {mount for mount in mounts if "kubelet" in mount} != wanted:
            yield f"{pod.name}: by {name} it needs {sorted(wanted)} of the kubelet, and has {sorted(mounts)}"


def circuit(text):
    """What a simulated board has against a circuit; empty where it runs."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "circuit.toml")
        file.write_text(text)
        command = [os.environ["GPIOD"], "board", "--dir", f"{folder}/board", "--circuit", file]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as board:
            # It says one line: where it is, or what is wrong.
            said = board.stdout.readline()
            board.terminate()
    return "" if "simulated board at" in said else said.strip()
