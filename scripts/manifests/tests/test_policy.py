"""The admission policies refuse what they are for, in the namespaces that they are for, and let the apps through."""

import unittest

import policy
from given import pod, put, rendered, restricted

OWN = "containers.0.securityContext"
PATH = "/run/gpiod/groups/traffic-light"
# What is done to a pod that may mount a group, and a word of the message that refuses it.
BAD = [
    ("hostNetwork", True, "host's namespaces"),
    ("hostPID", True, "host's namespaces"),
    (f"{OWN}.privileged", True, "privileged"),
    (f"{OWN}.allowPrivilegeEscalation", True, "allowPrivilegeEscalation"),
    (OWN, {}, "allowPrivilegeEscalation"),
    (f"{OWN}.capabilities", {"drop": ["ALL"], "add": ["NET_ADMIN"]}, "drops all"),
    (f"{OWN}.capabilities", {"drop": ["NET_RAW"]}, "drops all"),
    (f"{OWN}.runAsNonRoot", False, "root"),
    (f"{OWN}.runAsUser", 0, "root"),
    ("securityContext.runAsUser", 0, "root"),
    ("securityContext", {"seccompProfile": {"type": "RuntimeDefault"}}, "root"),
    ("securityContext", {"runAsNonRoot": True}, "seccomp"),
    (f"{OWN}.seccompProfile", {"type": "Unconfined"}, "seccomp"),
    (f"{OWN}.procMount", "Unmasked", "/proc"),
    ("containers.0.ports", [{"containerPort": 80, "hostPort": 80}], "port of the host"),
    ("containers.0.volumeDevices", [{"name": "x", "devicePath": "/dev/x"}], "device"),
    ("volumes", [{"name": "x", "nfs": {"server": "a", "path": "/"}}], "a volume is of a kind"),
    ("initContainers", [{"name": "first", "image": "a"}], "allowPrivilegeEscalation"),
    ("ephemeralContainers", [{"name": "late", "image": "a"}], "allowPrivilegeEscalation"),
    ("containers.0.volumeMounts", [{"name": "gpiod", "mountPath": PATH}], "read-only"),
    ("containers.0.volumeMounts", [{"name": "gpiod", "mountPath": PATH, "readOnly": False}], "read-only"),
    *(
        ("volumes", [{"name": "gpiod", "hostPath": {"path": path}}], "of the host a pod mounts nothing but")
        for path in ("/", "/dev/gpiomem", "/run/gpiod", "/run/gpiod/groups", "/run/gpiod/admin", f"{PATH}/gpiod.sock",
                     "/run/gpiod/groups/light-sensor", "/run/gpiod/groups/../admin", f"/var{PATH}", f"/{PATH}")
    ),
]


def namespace(name, labels=None):
    return {"metadata": {"name": name, "labels": labels or {}}}


GROUPS = {"group.gpiod.local/traffic-light": "hold", "group.gpiod.local/door": "watch"}
APPS = namespace("gpio-apps", {"gpiod.local/apps": "true", **GROUPS})


def spec():
    """A pod that the policies let through."""
    given = restricted().spec
    given["volumes"] = [{"name": "gpiod", "hostPath": {"path": PATH, "type": "Directory"}}]
    given["containers"][0]["volumeMounts"] = [{"name": "gpiod", "mountPath": PATH, "readOnly": True}]
    return given


class Policy(unittest.TestCase):
    def setUp(self):
        self.objects = rendered("overlays/policy").objects

    def refused(self, given, where, resource="pods"):
        return "\n".join(policy.refusals(self.objects, given, where, resource))

    def test_the_apps_and_the_daemon_are_let_through(self):
        for path in ("overlays/hostpath", "overlays/device-plugin", "overlays/watcher", "overlays/periodic"):
            self.assertEqual(list(policy.problems(self.objects, rendered(path))), [], path)
        self.assertEqual(self.refused(spec(), APPS), "")

    def test_each_thing_that_no_app_may_have_is_refused_with_its_reason(self):
        for path, value, said in BAD:
            with self.subTest(path=path, value=value):
                given = spec()
                put(given, path, value)
                self.assertIn(said, self.refused(given, APPS))

    def test_a_group_is_had_as_the_label_of_the_namespace_says(self):
        for path, let in [
            (PATH, True),
            ("/run/gpiod/watch/traffic-light", True),
            ("/run/gpiod/watch/door", True),
            ("/run/gpiod/groups/door", False),
            ("/run/gpiod/watch/other", False),
        ]:
            given = spec()
            given["volumes"][0]["hostPath"]["path"] = path
            self.assertEqual(self.refused(given, APPS) == "", let, path)
        for resource, let in [
            ("gpiod.local/traffic-light", True),
            ("gpiod.local/traffic-light.watch", True),
            ("gpiod.local/door.watch", True),
            ("gpiod.local/door", False),
            ("gpiod.local/other.watch", False),
            ("example.org/door", True),
        ]:
            given = restricted().spec
            given["containers"][0]["resources"] = {"limits": {"memory": "1Mi", resource: 1}}
            self.assertEqual(self.refused(given, APPS) == "", let, resource)

    def test_elsewhere_nobody_gets_at_the_sockets_however_the_path_is_written(self):
        elsewhere = {"metadata": {"name": "default"}}
        for path in ("/", "//", "/run", "/run/", "/./run", "/run//gpiod", "/run/gpiod/groups/door", "/var/run",
                     "/var/run/gpiod", "/var//run/./gpiod/watch"):
            given = {"containers": [{"name": "a"}], "volumes": [{"name": "x", "hostPath": {"path": path}}]}
            self.assertIn("are for namespaces with the label", self.refused(given, elsewhere), path)
            self.assertEqual(self.refused(given, namespace("kube-system")), "")
            self.assertEqual(self.refused(given, namespace("x", {"gpiod.local/trusted": "true"})), "")
        for path in ("/dev", "/run/flannel", "/run/gpiodx", "/var/log", "/var/lib/running", "/etc/run"):
            given = {"containers": [{"name": "a"}], "volumes": [{"name": "x", "hostPath": {"path": path}}]}
            self.assertEqual(self.refused(given, elsewhere), "", path)
        given = {"containers": [{"name": "a", "resources": {"limits": {"gpiod.local/door": 1}}}]}
        self.assertIn("a pod gets gpiod.local/NAME where", self.refused(given, elsewhere))

    def test_a_container_that_is_added_to_a_running_pod_is_judged_too(self):
        given = spec()
        given["ephemeralContainers"] = [{"name": "debug", "image": "a", "securityContext": {"privileged": True}}]
        self.assertIn("privileged", self.refused(given, APPS, "pods/ephemeralcontainers"))

    def test_what_can_not_be_evaluated_is_refused(self):
        broken = [item for item in self.objects if item["metadata"]["name"] == "gpiod-apps"]
        broken[0]["spec"]["validations"] = [{"expression": "object.spec.nothing.like == 'that'", "message": "broken"}]
        self.assertIn("broken", "\n".join(policy.refusals(broken, spec(), APPS)))

    def test_the_quota_knows_every_group(self):
        limits = {f"requests.{name}" for app in rendered("overlays/device-plugin").pods("gpio-apps")
                  for name in app.spec["containers"][0]["resources"]["limits"] if name.startswith("gpiod.local/")}
        for quota in (item for item in self.objects if item["kind"] == "ResourceQuota"):
            wanted = limits | {f"{name}.watch" for name in limits}
            self.assertLessEqual(wanted, set(quota["spec"]["hard"]))
        self.assertIn("requests.gpiod.local/traffic-light", limits)
