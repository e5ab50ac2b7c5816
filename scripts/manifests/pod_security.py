"""Pod Security's level restricted, which has all that baseline has too: the standard's controls, one function each.

Written after the standard (kubernetes.io, "Pod Security Standards") as of Kubernetes 1.34. It may only be stricter:
the exemptions for Windows are left out.
"""

# Kinds of volumes that restricted knows.
VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "image",
}
SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
SELINUX = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def violations(pod):
    """What of a pod's spec the level restricted refuses: pairs of the control's name and what is wrong."""
    for control in (host_namespaces, volumes, sysctls, windows):
        yield from control(pod.spec)
    context = pod.spec.get("securityContext") or {}
    for container in pod.containers():
        for control in (privilege, capabilities, ports, masks, user, seccomp, confinement, probes):
            yield from control(container["name"], container, context)
    yield from confinement("pod", {"securityContext": context}, {})
    yield from user("pod", {"securityContext": context}, context, whole=True)
    for name in pod.template.get("metadata", {}).get("annotations") or {}:
        if name.startswith("container.apparmor.security.beta.kubernetes.io/"):
            profile = pod.template["metadata"]["annotations"][name]
            if profile != "runtime/default" and not profile.startswith("localhost/"):
                yield "AppArmor", f"annotation {name} is {profile}"


def host_namespaces(spec):
    """No namespace of the host."""
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            yield "Host Namespaces", key


def volumes(spec):
    """No kind of volume that is not listed; hostPath is none of them."""
    for volume in spec.get("volumes") or []:
        kinds = set(volume) - {"name"}
        if not kinds <= VOLUMES or not kinds:
            yield "Volume Types", f"volume {volume['name']} is {', '.join(sorted(kinds)) or 'nothing'}"


def sysctls(spec):
    """None that is not the pod's own."""
    for sysctl in (spec.get("securityContext") or {}).get("sysctls") or []:
        if sysctl["name"] not in SYSCTLS:
            yield "Sysctls", sysctl["name"]


def windows(spec):
    """No process of the host."""
    contexts = [spec.get("securityContext") or {}]
    contexts += [container.get("securityContext") or {} for container in spec.get("containers") or []]
    if any((context.get("windowsOptions") or {}).get("hostProcess") for context in contexts):
        yield "HostProcess", "windowsOptions.hostProcess"


def privilege(name, container, _):
    """Neither privileged nor on the way to become it."""
    context = container.get("securityContext") or {}
    if context.get("privileged"):
        yield "Privileged Containers", f"{name} is privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "Privilege Escalation", f"{name} does not say allowPrivilegeEscalation: false"


def capabilities(name, container, _):
    """All dropped; only NET_BIND_SERVICE may be added."""
    wanted = (container.get("securityContext") or {}).get("capabilities") or {}
    if "ALL" not in (wanted.get("drop") or []):
        yield "Capabilities", f"{name} does not drop ALL"
    if added := set(wanted.get("add") or []) - {"NET_BIND_SERVICE"}:
        yield "Capabilities", f"{name} adds {', '.join(sorted(added))}"


def ports(name, container, _):
    """No port of the host."""
    for port in container.get("ports") or []:
        if port.get("hostPort"):
            yield "Host Ports", f"{name} takes port {port['hostPort']} of the host"


def masks(name, container, _):
    """/proc as the runtime masks it."""
    if (container.get("securityContext") or {}).get("procMount", "Default") != "Default":
        yield "/proc Mount Type", name


def user(name, container, context, whole=False):
    """Not root: said, and not contradicted by a number."""
    own = container.get("securityContext") or {}
    if not whole and own.get("runAsNonRoot", context.get("runAsNonRoot")) is not True:
        yield "Running as Non-root", f"{name} does not say runAsNonRoot: true"
    if own.get("runAsUser") == 0:
        yield "Running as Non-root user", f"{name} is uid 0"


def seccomp(name, container, context):
    """A filter of system calls, the runtime's or one of the node's."""
    own = container.get("securityContext") or {}
    profile = (own.get("seccompProfile") or context.get("seccompProfile") or {}).get("type")
    if profile not in ("RuntimeDefault", "Localhost"):
        yield "Seccomp", f"{name} has the profile {profile}"


def confinement(name, container, _):
    """Of AppArmor and SELinux what the runtime gives."""
    own = container.get("securityContext") or {}
    if (own.get("appArmorProfile") or {}).get("type", "RuntimeDefault") not in ("RuntimeDefault", "Localhost"):
        yield "AppArmor", f"{name} is unconfined"
    options = own.get("seLinuxOptions") or {}
    if options.get("type", "") not in SELINUX or options.get("user") or options.get("role"):
        yield "SELinux", f"{name} has options of its own"


def probes(name, container, _):
    """No probe, and no hook, of another host."""
    checks = [container.get(key) or {} for key in ("livenessProbe", "readinessProbe", "startupProbe")]
    checks += (container.get("lifecycle") or {}).values()
    for check in checks:
        for kind in ("httpGet", "tcpSocket"):
            if (check.get(kind) or {}).get("host"):
                yield "Host Probes / Lifecycle Hooks", f"{name} asks {check[kind]['host']}"
