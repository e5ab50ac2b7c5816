"""What an app may have: nothing of the host but its group's directory, read-only, or its group as a resource."""

import re

import pod_security
from wirings import groups

NAMESPACE = "gpio-apps"
SOCKETS = re.compile(r"/run/gpiod/(groups|watch)/([a-z0-9_-]+)")
DOMAIN = "gpiod.local/"


def problems(rendered):
    """All that is wrong with the apps of an overlay."""
    pods = rendered.pods(NAMESPACE)
    delivery = rendered.overlay.delivery
    if bool(pods) != bool(delivery):
        yield f"{len(pods)} apps, and delivery is {delivery}"
    labels = rendered.namespace(NAMESPACE)["metadata"].get("labels") or {}
    level = labels.get("pod-security.kubernetes.io/enforce")
    if delivery == "device-plugin" and level != "restricted":
        yield f"namespace {NAMESPACE} enforces {level}, not restricted"
    for pod in pods:
        for problem in of_pod(pod, delivery):
            yield f"{pod.name}: {problem}"
        for problem in of_group(pod, rendered, labels):
            yield f"{pod.name}: {problem}"
    if delivery and (others := {pod.namespace for pod in rendered.pods()} - {NAMESPACE, "gpiod"}):
        yield f"pods in namespaces that nobody checks: {', '.join(sorted(others))}"


def of_pod(pod, delivery):
    """What no app may have, whatever way it has to its socket."""
    for control, what in pod_security.violations(pod):
        # The group's directory is the one thing beyond restricted, and where there is a device plugin not even that.
        if control != "Volume Types" or delivery != "hostpath":
            yield f"restricted, {control}: {what}"
    if pod.spec.get("automountServiceAccountToken") is not False:
        yield "has a token for the API server"
    uid = (pod.spec.get("securityContext") or {}).get("runAsUser")
    for container in pod.containers():
        name, context = container["name"], container.get("securityContext") or {}
        if not context.get("runAsUser", uid):
            yield f"{name} has no user, or root"
        if (context.get("capabilities") or {}).get("add"):
            yield f"{name} adds capabilities"
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"{name} may write to its root"
        if container.get("volumeDevices"):
            yield f"{name} has a device"
        resources = container.get("resources") or {}
        if not {"cpu", "memory"} <= set(resources.get("requests") or {}):
            yield f"{name} requests no processor or no memory"
        if "memory" not in (resources.get("limits") or {}):
            yield f"{name} has no limit of memory"
    yield from host_paths(pod, delivery)


def host_paths(pod, delivery):
    """Of the host only a group's directory, never its device nodes or single sockets, and never writable."""
    for volume in pod.spec.get("volumes") or []:
        if "hostPath" not in volume:
            if not set(volume) - {"name"} <= pod_security.VOLUMES:
                yield f"volume {volume['name']} is of an unknown kind"
            continue
        path = volume["hostPath"]["path"]
        if delivery != "hostpath":
            yield f"mounts {path} of the host"
        if not SOCKETS.fullmatch(path):
            yield f"mounts {path} of the host, which is no group's directory"
        if volume["hostPath"].get("type") != "Directory":
            yield f"{path} is mounted as {volume['hostPath'].get('type')}, not as a directory"
        mounts = [m for c in pod.containers() for m in c.get("volumeMounts") or [] if m["name"] == volume["name"]]
        if not mounts:
            yield f"{path} is a volume that nobody mounts"
        for mount in mounts:
            if mount.get("readOnly") is not True:
                yield f"{path} is mounted to be written to"
            if mount["mountPath"] != path or mount.get("subPath"):
                yield f"{path} is mounted at {mount['mountPath']}, where nobody looks for it"


def of_group(pod, rendered, labels):
    """An app asks for groups that there are, by all wirings, and that its namespace is allowed."""
    for way, group in wanted(pod):
        for name, wired in groups(rendered).items():
            if group not in wired:
                yield f"wants group {group}, which wiring {name} does not have"
            elif NAMESPACE not in (wired[group].get("allow_namespaces") or [NAMESPACE]):
                yield f"wants group {group}, which wiring {name} does not let this namespace have"
        if labels.get(f"group.gpiod.local/{group}") not in (("hold", "watch") if way == "watch" else ("hold",)):
            yield f"wants group {group}, which its namespace has no label for"
    if not list(wanted(pod)):
        yield "has no way to a socket"


def wanted(pod):
    """The groups that a pod asks for: pairs of "groups" or "watch", and the name."""
    for volume in pod.spec.get("volumes") or []:
        if match := SOCKETS.fullmatch((volume.get("hostPath") or {}).get("path", "")):
            yield match.groups()
    for container in pod.containers():
        for resource in (container.get("resources") or {}).get("limits") or {}:
            if resource.startswith(DOMAIN):
                group = resource.removeprefix(DOMAIN)
                yield ("watch" if group.endswith(".watch") else "groups"), group.removesuffix(".watch")
