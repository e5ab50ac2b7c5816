"""The checker of the level restricted finds each thing that the level refuses, and nothing else."""

import unittest

import pod_security
from given import put, restricted

OWN = "spec.containers.0.securityContext"
# What is done to a good pod, and the control that must find it.
BAD = [
    ("spec.hostNetwork", True, "Host Namespaces"),
    ("spec.hostPID", True, "Host Namespaces"),
    ("spec.hostIPC", True, "Host Namespaces"),
    ("spec.securityContext.windowsOptions", {"hostProcess": True}, "HostProcess"),
    (f"{OWN}.windowsOptions", {"hostProcess": True}, "HostProcess"),
    (f"{OWN}.privileged", True, "Privileged Containers"),
    (f"{OWN}.allowPrivilegeEscalation", True, "Privilege Escalation"),
    (f"{OWN}.allowPrivilegeEscalation", None, "Privilege Escalation"),
    (f"{OWN}.capabilities", {"drop": ["ALL"], "add": ["SYS_NICE"]}, "Capabilities"),
    (f"{OWN}.capabilities", {"drop": ["NET_RAW"]}, "Capabilities"),
    (f"{OWN}.capabilities", {}, "Capabilities"),
    ("spec.volumes", [{"name": "x", "hostPath": {"path": "/run/gpiod/groups/door"}}], "Volume Types"),
    ("spec.volumes", [{"name": "x", "nfs": {"server": "a", "path": "/"}}], "Volume Types"),
    ("spec.containers.0.ports", [{"containerPort": 80, "hostPort": 80}], "Host Ports"),
    (f"{OWN}.procMount", "Unmasked", "/proc Mount Type"),
    (f"{OWN}.runAsNonRoot", False, "Running as Non-root"),
    ("spec.securityContext.runAsNonRoot", None, "Running as Non-root"),
    (f"{OWN}.runAsUser", 0, "Running as Non-root user"),
    ("spec.securityContext.runAsUser", 0, "Running as Non-root user"),
    ("spec.securityContext.seccompProfile", None, "Seccomp"),
    ("spec.securityContext.seccompProfile.type", "Unconfined", "Seccomp"),
    (f"{OWN}.seccompProfile", {"type": "Unconfined"}, "Seccomp"),
    ("spec.securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}], "Sysctls"),
    ("spec.securityContext.appArmorProfile", {"type": "Unconfined"}, "AppArmor"),
    ("metadata.annotations", {"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}, "AppArmor"),
    (f"{OWN}.seLinuxOptions", {"type": "spc_t"}, "SELinux"),
    ("spec.securityContext.seLinuxOptions", {"user": "system_u"}, "SELinux"),
    ("spec.containers.0.livenessProbe", {"httpGet": {"host": "10.0.0.1", "port": 80}}, "Host Probes / Lifecycle Hooks"),
    ("spec.containers.0.lifecycle", {"preStop": {"tcpSocket": {"host": "x", "port": 1}}}, "Host Probes / Lifecycle Hooks"),
]


class Restricted(unittest.TestCase):
    def test_a_pod_that_keeps_to_it_is_let_through(self):
        self.assertEqual(list(pod_security.violations(restricted())), [])
        pod = restricted()
        put(pod.template, f"{OWN}.capabilities", {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]})
        put(pod.template, "spec.volumes", [{"name": "a", "configMap": {"name": "a"}}, {"name": "b", "emptyDir": {}}])
        put(pod.template, "spec.securityContext.runAsNonRoot", None)
        put(pod.template, f"{OWN}.runAsNonRoot", True)
        self.assertEqual(list(pod_security.violations(pod)), [])

    def test_each_thing_that_is_refused_is_found_by_its_control(self):
        for path, value, control in BAD:
            with self.subTest(path=path, value=value):
                pod = restricted()
                put(pod.template, path, value)
                self.assertEqual({found for found, _ in pod_security.violations(pod)}, {control})

    def test_the_containers_that_come_before_and_are_added_later_are_looked_at_too(self):
        for kind in ("initContainers", "ephemeralContainers"):
            pod = restricted()
            pod.spec[kind] = [{"name": "other", "image": "a:1"}]
            found = {control for control, _ in pod_security.violations(pod)}
            self.assertLessEqual({"Capabilities", "Privilege Escalation"}, found, kind)
