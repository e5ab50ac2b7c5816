"""What the daemon's namespace may have: one privileged container on a node at most, and of the host what it is for."""

NAMESPACE = "gpiod"
# Of the host, and whether it may be written to.
PATHS = {
    "/run/gpiod": True,
    "/run/gpiod-board": True,
    "/var/lib/kubelet/device-plugins": True,
    "/var/lib/kubelet/pod-resources": False,
    # The other device plugin looks which nodes there are.
    "/dev": False,
}
# For programs in real time, and only for a daemon that is not privileged.
CAPABILITIES = {"SYS_NICE", "IPC_LOCK"}


def problems(rendered):
    """All that is wrong with the daemon's pods of an overlay."""
    pods = rendered.pods(NAMESPACE)
    daemons = [pod for pod in pods if pod.labels.get("app.kubernetes.io/name") == "gpiod"]
    if pods and not daemons:
        yield "there is no daemon"
    for pod in pods:
        for problem in of_pod(pod):
            yield f"{pod.name}: {problem}"
    privileged = [(pod, c) for pod in pods for c in pod.containers() if context(c).get("privileged")]
    for pod, container in privileged:
        if pod not in daemons:
            yield f"{pod.name}: {container['name']} is privileged, and is not the daemon"
    if len({pod.name for pod, _ in privileged}) < len(privileged):
        yield "more than one container of a pod is privileged"
    if bool(privileged) != rendered.overlay.privileged and daemons:
        yield f"privileged containers: {len(privileged)}, and the overlay promises {rendered.overlay.privileged}"
    yield from apart(daemons)


def context(container):
    """A container's security context."""
    return container.get("securityContext") or {}


def of_pod(pod):
    """What holds for each pod of the namespace."""
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(key):
            yield f"has {key}"
    if pod.spec.get("automountServiceAccountToken") is not False:
        yield "has a token for the API server"
    if pod.spec.get("priorityClassName") != "system-node-critical":
        yield "is not critical for its node"
    if pod.spec.get("nodeSelector", {}).get("device") != "raspberry":
        yield "runs on nodes without the label device=raspberry"
    if {"operator": "Exists"} not in (pod.spec.get("tolerations") or []):
        yield "leaves a tainted node"
    strategy = pod.workload["spec"].get("updateStrategy", {}).get("rollingUpdate") or {}
    if strategy.get("maxUnavailable", 1) != 1 or strategy.get("maxSurge"):
        yield "is updated on several boards at a time, or beside its predecessor"
    for container in pod.containers():
        yield from of_container(container)
    yield from host_paths(pod)


def of_container(container):
    """What holds for each container: no more than the device needs."""
    name, own = container["name"], context(container)
    if own.get("readOnlyRootFilesystem") is not True:
        yield f"{name} may write to its root"
    if not {"cpu", "memory"} <= set((container.get("resources") or {}).get("requests") or {}):
        yield f"{name} requests no processor or no memory"
    if "memory" not in ((container.get("resources") or {}).get("limits") or {}):
        yield f"{name} has no limit of memory"
    if own.get("privileged"):
        # The API server refuses the first, and the runtime passes over the others.
        for key in ("allowPrivilegeEscalation", "capabilities", "seccompProfile"):
            if key in own:
                yield f"{name} is privileged, and says {key} without effect"
        return
    wanted = own.get("capabilities") or {}
    if "ALL" not in (wanted.get("drop") or []):
        yield f"{name} does not drop all capabilities"
    if added := set(wanted.get("add") or []) - CAPABILITIES:
        yield f"{name} adds {', '.join(sorted(added))}"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may get privileges"
    if (own.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
        yield f"{name} has no filter of system calls"


def host_paths(pod):
    """Of the host what is listed, as it is listed."""
    for volume in pod.spec.get("volumes") or []:
        path = (volume.get("hostPath") or {}).get("path")
        if path is None:
            continue
        if path not in PATHS:
            yield f"mounts {path} of the host"
        if volume["hostPath"].get("type") not in ("Directory", "DirectoryOrCreate"):
            yield f"mounts {path} without saying that it is a directory"
        for container in pod.containers():
            for mount in container.get("volumeMounts") or []:
                if mount["name"] == volume["name"] and not mount.get("readOnly") and not PATHS.get(path):
                    yield f"{container['name']} may write to {path}"


def apart(daemons):
    """No node has two daemons: all but the default wiring name their nodes, and the default one leaves those out."""
    places = []
    for pod in daemons:
        wiring = pod.spec.get("nodeSelector", {}).get("gpiod.local/wiring")
        affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
        terms = [e for term in required.get("nodeSelectorTerms") or [] for e in term.get("matchExpressions") or []]
        absent = {"key": "gpiod.local/wiring", "operator": "DoesNotExist"} in terms
        if absent == (wiring is not None):
            yield f"{pod.name}: runs on nodes of another wiring"
        places.append(wiring)
        selector = pod.workload["spec"]["selector"]["matchLabels"]
        others = [other for other in daemons if other is not pod and selector.items() <= other.labels.items()]
        if others:
            yield f"{pod.name}: its selector takes the pods of {others[0].name}"
    if len(set(places)) < len(places):
        yield "two wirings are for the same nodes"
