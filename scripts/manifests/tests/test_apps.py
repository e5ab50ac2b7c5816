"""The rules for apps, on the real manifests and on what somebody could make of them."""

import unittest

import apps
from given import container, pod, rendered
from refused import put

LIGHT = "DaemonSet/traffic-light"
OWN = "containers.0.securityContext"
# What is done to an app's pod, in whichever overlay, and what must be said of it.
BAD = [
    ("hostNetwork", True, "Host Namespaces"),
    ("hostPID", True, "Host Namespaces"),
    (f"{OWN}.privileged", True, "privileged"),
    (f"{OWN}.capabilities.add", ["NET_BIND_SERVICE"], "adds capabilities"),
    (f"{OWN}.capabilities.add", ["SYS_RAWIO"], "SYS_RAWIO"),
    (f"{OWN}.runAsUser", 0, "root"),
    ("securityContext.runAsUser", 0, "root"),
    ("securityContext.runAsUser", None, "has no user, or root"),
    ("securityContext.runAsNonRoot", False, "Non-root"),
    (f"{OWN}.readOnlyRootFilesystem", None, "may write to its root"),
    (f"{OWN}.allowPrivilegeEscalation", None, "Privilege Escalation"),
    ("automountServiceAccountToken", None, "token"),
    ("containers.0.volumeDevices", [{"name": "x", "devicePath": "/dev/gpiochip0"}], "has a device"),
    ("containers.0.resources.limits.memory", None, None),
    ("containers.0.resources.requests", {}, "requests no processor"),
]
# What of the host a pod must not mount, in whichever overlay.
PATHS = [
    {"path": "/dev/gpiomem", "type": "CharDevice"},
    {"path": "/dev", "type": "Directory"},
    {"path": "/run/gpiod", "type": "Directory"},
    {"path": "/run/gpiod/groups", "type": "Directory"},
    {"path": "/run/gpiod/admin", "type": "Directory"},
    {"path": "/run/gpiod/groups/traffic-light/gpiod.sock", "type": "Socket"},
    {"path": "/run/gpiod/groups/../admin", "type": "Directory"},
]


class Apps(unittest.TestCase):
    overlays = ("overlays/hostpath", "overlays/device-plugin")

    def found(self, overlay):
        return "\n".join(apps.problems(overlay))

    def test_the_manifests_keep_to_the_rules(self):
        for path in (*self.overlays, "overlays/periodic", "overlays/journal", "overlays/watcher"):
            self.assertEqual(self.found(rendered(path)), "", path)

    def test_what_no_app_may_have_is_found_in_each_overlay(self):
        for path in self.overlays:
            for place, value, said in BAD:
                with self.subTest(overlay=path, place=place, value=value):
                    overlay = rendered(path)
                    if said is None:
                        del container(overlay, LIGHT)["resources"]["limits"]["memory"]
                        said = "no limit of memory"
                    else:
                        put(pod(overlay, LIGHT).spec, place, value)
                    self.assertRegex(self.found(overlay), f"{LIGHT}: .*{said}")

    def test_nothing_of_the_host_is_mounted_but_a_groups_directory(self):
        for path in self.overlays:
            for host_path in PATHS:
                with self.subTest(overlay=path, host_path=host_path):
                    overlay = rendered(path)
                    spec = pod(overlay, LIGHT).spec
                    spec.setdefault("volumes", []).append({"name": "more", "hostPath": host_path})
                    mount = {"name": "more", "mountPath": host_path["path"], "readOnly": True}
                    spec["containers"][0].setdefault("volumeMounts", []).append(mount)
                    self.assertIn("no group's directory", self.found(overlay))

    def test_a_groups_directory_is_read_only_whole_and_at_its_own_place(self):
        for key, value, said in [
            ("readOnly", False, "to be written to"),
            ("mountPath", "/run/gpiod/groups/other", "where nobody looks"),
            ("subPath", "gpiod.sock", "where nobody looks"),
        ]:
            overlay = rendered("overlays/hostpath")
            container(overlay, LIGHT)["volumeMounts"][0][key] = value
            self.assertIn(said, self.found(overlay), key)

    def test_with_a_device_plugin_not_even_that_is_mounted_and_the_namespace_is_restricted(self):
        overlay = rendered("overlays/device-plugin")
        spec = pod(overlay, LIGHT).spec
        path = "/run/gpiod/groups/traffic-light"
        spec["volumes"] = [{"name": "gpiod", "hostPath": {"path": path, "type": "Directory"}}]
        spec["containers"][0]["volumeMounts"] = [{"name": "gpiod", "mountPath": path, "readOnly": True}]
        self.assertIn("Volume Types", self.found(overlay))
        overlay = rendered("overlays/device-plugin")
        overlay.namespace("gpio-apps")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "baseline"
        self.assertIn("not restricted", self.found(overlay))

    def test_an_app_asks_for_groups_that_there_are_and_that_its_namespace_may_have(self):
        overlay = rendered("overlays/device-plugin")
        limits = container(overlay, LIGHT)["resources"]["limits"]
        limits["gpiod.local/door"] = limits.pop("gpiod.local/traffic-light")
        self.assertIn("wants group door, which wiring gpiod does not have", self.found(overlay))
        del limits["gpiod.local/door"]
        self.assertIn("has no way to a socket", self.found(overlay))
        overlay = rendered("overlays/device-plugin")
        wiring = next(item for item in overlay.of_kind("ConfigMap") if item["metadata"]["name"] == "gpiod")
        wiring["data"]["gpiod.toml"] = wiring["data"]["gpiod.toml"].replace("gpio-apps", "elsewhere")
        self.assertIn("does not let this namespace have", self.found(overlay))
        overlay = rendered("overlays/device-plugin")
        overlay.namespace("gpio-apps")["metadata"]["labels"]["group.gpiod.local/traffic-light"] = "watch"
        self.assertIn("which its namespace has no label for", self.found(overlay))

    def test_a_pod_where_nobody_looks_is_found(self):
        overlay = rendered("overlays/hostpath")
        pod(overlay, LIGHT).workload["metadata"]["namespace"] = "elsewhere"
        self.assertIn("namespaces that nobody checks: elsewhere", self.found(overlay))
