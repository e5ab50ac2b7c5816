"""The rules for the daemon's namespace, on the real manifests and on what somebody could make of them."""

import copy
import unittest

import daemon
from given import container, pod, rendered
from refused import put

GPIOD = "DaemonSet/gpiod"
BAD = [
    ("hostPID", True, "has hostPID"),
    ("hostNetwork", True, "has hostNetwork"),
    ("priorityClassName", None, "not critical"),
    ("tolerations", [], "leaves a tainted node"),
    ("nodeSelector.device", "other", "without the label"),
    ("containers.0.resources.limits", {}, "no limit of memory"),
    ("containers.0.securityContext.readOnlyRootFilesystem", False, "may write to its root"),
    ("containers.0.securityContext.capabilities.add", ["SYS_ADMIN"], "adds SYS_ADMIN"),
    ("containers.0.securityContext.capabilities", {}, "does not drop all"),
    ("containers.0.securityContext.seccompProfile", {"type": "Unconfined"}, "no filter"),
]


class Daemon(unittest.TestCase):
    def found(self, overlay):
        return "\n".join(daemon.problems(overlay))

    def test_the_manifests_keep_to_the_rules(self):
        for path in ("gpiod", "overlays/two-wirings", "overlays/unprivileged", "overlays/sim-device-plugin"):
            self.assertEqual(self.found(rendered(path)), "", path)

    def test_what_the_daemon_may_not_have_is_found(self):
        for place, value, said in BAD:
            with self.subTest(place=place):
                overlay = rendered("overlays/sim")
                put(pod(overlay, GPIOD).spec, place, value)
                self.assertIn(said, self.found(overlay))

    def test_a_second_privileged_container_is_found_wherever_it_is(self):
        overlay = rendered("overlays/hostpath")
        spec = pod(overlay, GPIOD).spec
        spec["containers"].append(copy.deepcopy(spec["containers"][0]))
        self.assertIn("more than one container of a pod is privileged", self.found(overlay))
        overlay = rendered("overlays/unprivileged")
        put(container(overlay, "DaemonSet/device-manager"), "securityContext", {"privileged": True})
        self.assertIn("is not the daemon", self.found(overlay))

    def test_an_overlay_that_promises_no_privilege_has_none(self):
        overlay = rendered("overlays/sim")
        put(container(overlay, GPIOD), "securityContext.privileged", True)
        self.assertIn("the overlay promises False", self.found(overlay))
        self.assertIn("says capabilities without effect", self.found(overlay))

    def test_of_the_host_nothing_else_is_mounted_and_little_to_be_written_to(self):
        overlay = rendered("overlays/device-plugin")
        mounts = container(overlay, GPIOD)["volumeMounts"]
        next(mount for mount in mounts if mount["name"] == "pod-resources").pop("readOnly")
        self.assertIn("may write to /var/lib/kubelet/pod-resources", self.found(overlay))
        pod(overlay, GPIOD).spec["volumes"][0]["hostPath"] = {"path": "/var/lib/kubelet", "type": "Directory"}
        self.assertIn("mounts /var/lib/kubelet of the host", self.found(overlay))

    def test_no_node_gets_two_daemons(self):
        overlay = rendered("overlays/two-wirings")
        del pod(overlay, GPIOD).spec["affinity"]
        self.assertIn("runs on nodes of another wiring", self.found(overlay))
        overlay = rendered("overlays/two-wirings")
        del pod(overlay, "DaemonSet/gpiod-spi").workload["spec"]["selector"]["matchLabels"]["gpiod.local/wiring"]
        self.assertIn("its selector takes the pods of", self.found(overlay))

    def test_boards_are_updated_one_after_the_other_and_never_beside_each_other(self):
        overlay = rendered("overlays/hostpath")
        put(pod(overlay, GPIOD).workload, "spec.updateStrategy.rollingUpdate", {"maxUnavailable": 0, "maxSurge": 1})
        self.assertIn("updated on several boards", self.found(overlay))
