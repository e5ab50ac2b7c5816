"""Pods that are refused, and what must refuse them: for the tests of the checks, which evaluate the rules, and for the walk
(scripts/cluster), which asks an API server. Needs no package."""

OWN = "containers.0.securityContext"
PATH = "/run/gpiod/groups/traffic-light"
# The labels of a namespace whose pods may mount, or ask for, some groups.
GROUPS = {"group.gpiod.local/traffic-light": "hold", "group.gpiod.local/door": "watch"}
APPS = {"gpiod.local/apps": "true", **GROUPS}
# Labels that are there, and say no.
NO = {"gpiod.local/apps": "false", "gpiod.local/trusted": "false"}


def put(thing, path, value):
    """Sets what a path such as "spec.containers.0.image" leads to; the last step may be new."""
    *way, last = path.split(".")
    for step in way:
        thing = thing[int(step)] if isinstance(thing, list) else thing.setdefault(step, {})
    if isinstance(thing, list):
        thing[int(last)] = value
    else:
        thing[last] = value


def restricted():
    """A pod that the level restricted lets through, with one container."""
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "good", "namespace": "gpio-apps"},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "app", "image": "app:1", "securityContext": own}],
        },
    }


def with_group():
    """One that mounts a group, which the policies let through where the namespace has the label."""
    pod = restricted()
    pod["spec"]["volumes"] = [{"name": "gpiod", "hostPath": {"path": PATH, "type": "Directory"}}]
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "gpiod", "mountPath": PATH, "readOnly": True}]
    return pod


def spoilt(pod, path, value):
    """The pod, with one thing of it changed."""
    put(pod, path, value)
    return pod


# What is done to `restricted`, and the control of Pod Security's level restricted that must find it; in a namespace with
# the labels `APPS`, where no level is enforced, the policies refuse it all the same.
BEYOND_RESTRICTED = [
    ("spec.hostNetwork", True, "Host Namespaces"),
    ("spec.hostPID", True, "Host Namespaces"),
    ("spec.hostIPC", True, "Host Namespaces"),
    ("spec.securityContext.windowsOptions", {"hostProcess": True}, "HostProcess"),
    (f"spec.{OWN}.windowsOptions", {"hostProcess": True}, "HostProcess"),
    (f"spec.{OWN}.privileged", True, "Privileged Containers"),
    (f"spec.{OWN}.allowPrivilegeEscalation", True, "Privilege Escalation"),
    (f"spec.{OWN}.allowPrivilegeEscalation", None, "Privilege Escalation"),
    (f"spec.{OWN}.capabilities", {"drop": ["ALL"], "add": ["SYS_NICE"]}, "Capabilities"),
    (f"spec.{OWN}.capabilities", {"drop": ["NET_RAW"]}, "Capabilities"),
    (f"spec.{OWN}.capabilities", {}, "Capabilities"),
    ("spec.volumes", [{"name": "x", "hostPath": {"path": "/run/gpiod/groups/door"}}], "Volume Types"),
    ("spec.volumes", [{"name": "x", "nfs": {"server": "a", "path": "/"}}], "Volume Types"),
    ("spec.containers.0.ports", [{"containerPort": 80, "hostPort": 80}], "Host Ports"),
    (f"spec.{OWN}.procMount", "Unmasked", "/proc Mount Type"),
    (f"spec.{OWN}.runAsNonRoot", False, "Running as Non-root"),
    ("spec.securityContext.runAsNonRoot", None, "Running as Non-root"),
    (f"spec.{OWN}.runAsUser", 0, "Running as Non-root user"),
    ("spec.securityContext.runAsUser", 0, "Running as Non-root user"),
    ("spec.securityContext.seccompProfile", None, "Seccomp"),
    ("spec.securityContext.seccompProfile.type", "Unconfined", "Seccomp"),
    (f"spec.{OWN}.seccompProfile", {"type": "Unconfined"}, "Seccomp"),
    ("spec.securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}], "Sysctls"),
    ("spec.securityContext.appArmorProfile", {"type": "Unconfined"}, "AppArmor"),
    ("metadata.annotations", {"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}, "AppArmor"),
    (f"spec.{OWN}.seLinuxOptions", {"type": "spc_t"}, "SELinux"),
    ("spec.securityContext.seLinuxOptions", {"user": "system_u"}, "SELinux"),
    ("spec.containers.0.livenessProbe", {"httpGet": {"host": "10.0.0.1", "port": 80}}, "Host Probes / Lifecycle Hooks"),
    ("spec.containers.0.lifecycle", {"preStop": {"tcpSocket": {"host": "x", "port": 1}}}, "Host Probes / Lifecycle Hooks"),
]
# What is done to `restricted`, and keeps to it: the policies must not be stricter by mistake.
WITHIN_RESTRICTED = [
    ("spec.securityContext.appArmorProfile", {"type": "RuntimeDefault"}),
    (f"spec.{OWN}.appArmorProfile", {"type": "Localhost", "localhostProfile": "mine"}),
    ("metadata.annotations", {"container.apparmor.security.beta.kubernetes.io/app": "runtime/default", "other": "x"}),
    (f"spec.{OWN}.seLinuxOptions", {"type": "container_t", "level": "s0:c1,c2"}),
    ("spec.securityContext.sysctls", [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]),
    ("spec.containers.0.readinessProbe", {"httpGet": {"path": "/", "port": 80}}),
    ("spec.containers.0.startupProbe", {"exec": {"command": ["/app"]}}),
    ("spec.containers.0.lifecycle", {"preStop": {"exec": {"command": ["/app"]}}}),
    ("spec.volumes", [{"name": "a", "configMap": {"name": "a"}}, {"name": "b", "emptyDir": {}}]),
]

# What is done to `with_group` in a namespace with the labels `APPS`, and a word of the policy's message that refuses it.
BEYOND_APPS = [
    (f"spec.{OWN}.appArmorProfile", {"type": "Unconfined"}, "AppArmor"),
    ("spec.securityContext.appArmorProfile", {"type": "Unconfined"}, "AppArmor"),
    ("metadata.annotations", {"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}, "AppArmor"),
    (f"spec.{OWN}.seLinuxOptions", {"type": "spc_t"}, "SELinux"),
    (f"spec.{OWN}.seLinuxOptions", {"role": "sysadm_r"}, "SELinux"),
    ("spec.securityContext.seLinuxOptions", {"user": "system_u"}, "SELinux"),
    ("spec.securityContext.sysctls", [{"name": "net.core.somaxconn", "value": "1"}], "sysctls"),
    ("spec.containers.0.livenessProbe", {"httpGet": {"host": "10.0.0.1", "port": 80}}, "probes and hooks"),
    ("spec.containers.0.readinessProbe", {"tcpSocket": {"host": "10.0.0.1", "port": 80}}, "probes and hooks"),
    ("spec.containers.0.startupProbe", {"httpGet": {"host": "10.0.0.1", "port": 80}}, "probes and hooks"),
    ("spec.containers.0.lifecycle", {"preStop": {"tcpSocket": {"host": "x", "port": 1}}}, "probes and hooks"),
    ("spec.containers.0.lifecycle", {"postStart": {"httpGet": {"host": "x", "port": 1}}}, "probes and hooks"),
    ("spec.hostNetwork", True, "host's namespaces"),
    ("spec.hostPID", True, "host's namespaces"),
    (f"spec.{OWN}.privileged", True, "privileged"),
    (f"spec.{OWN}.allowPrivilegeEscalation", True, "allowPrivilegeEscalation"),
    (f"spec.{OWN}", {}, "allowPrivilegeEscalation"),
    (f"spec.{OWN}.capabilities", {"drop": ["ALL"], "add": ["NET_ADMIN"]}, "drops all"),
    (f"spec.{OWN}.capabilities", {"drop": ["NET_RAW"]}, "drops all"),
    (f"spec.{OWN}.runAsNonRoot", False, "root"),
    (f"spec.{OWN}.runAsUser", 0, "root"),
    ("spec.securityContext.runAsUser", 0, "root"),
    ("spec.securityContext", {"seccompProfile": {"type": "RuntimeDefault"}}, "root"),
    ("spec.securityContext", {"runAsNonRoot": True}, "seccomp"),
    (f"spec.{OWN}.seccompProfile", {"type": "Unconfined"}, "seccomp"),
    (f"spec.{OWN}.procMount", "Unmasked", "/proc"),
    ("spec.containers.0.ports", [{"containerPort": 80, "hostPort": 80}], "port of the host"),
    ("spec.containers.0.volumeDevices", [{"name": "x", "devicePath": "/dev/x"}], "device"),
    ("spec.volumes", [{"name": "gpiod", "nfs": {"server": "a", "path": "/"}}], "a volume is of a kind"),
    ("spec.initContainers", [{"name": "first", "image": "a"}], "allowPrivilegeEscalation"),
    ("spec.ephemeralContainers", [{"name": "late", "image": "a"}], "allowPrivilegeEscalation"),
    ("spec.containers.0.volumeMounts", [{"name": "gpiod", "mountPath": PATH}], "read-only"),
    ("spec.containers.0.volumeMounts", [{"name": "gpiod", "mountPath": PATH, "readOnly": False}], "read-only"),
    *(
        ("spec.volumes", [{"name": "gpiod", "hostPath": {"path": path}}], "of the host a pod mounts nothing but")
        for path in ("/", "/dev/gpiomem", "/run/gpiod", "/run/gpiod/groups", "/run/gpiod/admin", f"{PATH}/gpiod.sock",
                     "/run/gpiod/groups/light-sensor", "/run/gpiod/groups/../admin", f"/var{PATH}", f"/{PATH}")
    ),
]

# Directories, and whether such a pod may mount them; resources, and whether it may ask for them.
DIRECTORIES = {
    PATH: True,
    "/run/gpiod/watch/traffic-light": True,
    "/run/gpiod/watch/door": True,
    "/run/gpiod/groups/door": False,
    "/run/gpiod/watch/other": False,
}
RESOURCES = {
    "gpiod.local/traffic-light": True,
    "gpiod.local/traffic-light.watch": True,
    "gpiod.local/door.watch": True,
    "gpiod.local/door": False,
    "gpiod.local/other.watch": False,
    "example.org/door": True,
}

# Directories that no pod of a namespace without such labels may mount, and those that are not gpiod's to refuse.
# A path that begins with no slash is taken, by the API server too.
SOCKETS = ("/", "//", "/run", "/run/", "/./run", "/run//gpiod", "/run/gpiod/groups/door", "/var/run", "/var/run/gpiod",
           "/var//run/./gpiod/watch", ".", "run", "run/gpiod", "./run/gpiod/groups/door", "var/run", "etc")
OTHERS = ("/dev", "/run/flannel", "/run/gpiodx", "/var/log", "/var/lib/running", "/etc/run")


def that_mounts(path):
    """A pod that mounts a directory of the host, and else asks for nothing."""
    container = {"name": "a", "image": "a:1", "volumeMounts": [{"name": "x", "mountPath": "/x"}]}
    return pod_of({"containers": [container], "volumes": [{"name": "x", "hostPath": {"path": path}}]})


def that_asks(resource, pod=None):
    """A pod that asks for one of a resource."""
    pod = pod or pod_of({"containers": [{"name": "a", "image": "a:1"}]})
    pod["spec"]["containers"][0]["resources"] = {"limits": {"memory": "1Mi", resource: 1}}
    return pod


def pod_of(spec):
    """A pod by its spec."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "good"}, "spec": spec}
