"""Alerts and dashboard: whether they ask for numbers that somebody tells, with labels that these have."""

import json
import re

import promql_parser

from overlays import ROOT

README = ROOT / "gpiod" / "README.md"
LIGHT_SENSOR = ROOT / "images" / "light-sensor" / "README.md"
OPERATIONS = ROOT / "k8s" / "operations.md"
# Of Prometheus itself and of kube-state-metrics, with their labels.
OTHERS = {
    "up": {"job"},
    "kube_daemonset_status_number_unavailable": {"namespace", "daemonset"},
    "kube_pod_container_status_restarts_total": {"namespace", "pod", "container"},
    "kube_pod_status_phase": {"namespace", "pod", "phase"},
}
# What Prometheus adds to each number that it fetched, and what pods.yaml adds.
ADDED = {"job", "instance", "namespace", "pod", "container", "node"}
ROW = re.compile(r"^\| (`gpiod_\S+`.*|`process_\S+`.*?) \| (\w+) \| (.*?) \|", re.MULTILINE)
NAME = re.compile(r"\b(up|(?:gpiod|light_sensor|process|kube)_[a-z_]+)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")


def told():
    """Every number that the programs tell, with its labels: read from what their documents promise."""
    numbers = dict(OTHERS)
    for names, _, labels in ROW.findall(README.read_text()):
        for name in re.findall(r"`([a-z_]+)`", names):
            numbers[name] = set(re.findall(r"`([a-z_]+)`", labels))
    line = next(line for line in LIGHT_SENSOR.read_text().splitlines() if line.startswith("| `/metrics`"))
    for name, labels in re.findall(r"`(light_sensor_[a-z_]+)(?:\{([a-z_,]+)\})?`", line):
        numbers[name] = set(filter(None, labels.split(",")))
    return numbers


def of_expression(expression, numbers):
    """What is wrong with one expression of PromQL."""
    try:
        promql_parser.parse(expression)
    except ValueError as error:
        yield f"{expression!r} is no expression: {error}"
        return
    found = NAME.findall(expression)
    if not found:
        yield f"{expression!r} asks for no number that is known here"
    for name, matchers in found:
        if name not in numbers:
            yield f"{name} is told by nobody"
            continue
        if unknown := set(MATCHER.findall(matchers)) - numbers[name] - ADDED:
            yield f"{name} has no label {', '.join(sorted(unknown))}"
    by = {label.strip() for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for label in labels.split(",")}
    if unknown := by - set.union(ADDED, *(numbers.get(name, set()) for name, _ in found)):
        yield f"{expression!r} groups by {', '.join(sorted(unknown))}, which none of its numbers has"


def problems(rendered):
    """All that is wrong with alerts, dashboards and monitors of an overlay."""
    numbers = told()
    guide = OPERATIONS.read_text()
    for rules in rendered.of_kind("PrometheusRule"):
        for rule in (rule for group in rules["spec"]["groups"] for rule in group["rules"]):
            for problem in of_expression(rule["expr"], numbers):
                yield f"alert {rule['alert']}: {problem}"
            if not rule.get("annotations", {}).get("summary") or not rule.get("labels", {}).get("severity"):
                yield f"alert {rule['alert']} has no summary or no severity"
            if f"`{rule['alert']}`" not in guide:
                yield f"alert {rule['alert']} is not in k8s/operations.md"
    for item in rendered.of_kind("ConfigMap"):
        if (item["metadata"].get("labels") or {}).get("grafana_dashboard"):
            for text in item["data"].values():
                for panel in json.loads(text)["panels"]:
                    for problem in (p for target in panel["targets"] for p in of_expression(target["expr"], numbers)):
                        yield f"panel {panel['title']!r}: {problem}"
    for monitor in rendered.of_kind("PodMonitor"):
        yield from unheard(monitor, rendered)


def unheard(monitor, rendered):
    """A monitor asks pods that there are, at ports that they have."""
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    pods = [pod for pod in rendered.pods(monitor["metadata"]["namespace"]) if wanted <= pod.labels.items()]
    name = monitor["metadata"]["name"]
    if not pods:
        yield f"monitor {name} finds no pod"
    for pod in pods:
        ports = {port.get("name") for container in pod.containers() for port in container.get("ports") or []}
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            if endpoint["port"] not in ports:
                yield f"monitor {name}: {pod.name} has no port {endpoint['port']}"
