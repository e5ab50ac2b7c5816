"""The admission policies refuse what they are for, in the namespaces that they are for, and let the apps through."""

import unittest

import policy
import refused
from given import rendered


def namespace(name, labels=None):
    return {"metadata": {"name": name, "labels": labels or {}}}


APPS = namespace("gpio-apps", refused.APPS)


class Policy(unittest.TestCase):
    def setUp(self):
        self.objects = rendered("overlays/policy").objects

    def refused(self, given, where, *asked):
        return "\n".join(policy.refusals(self.objects, given, where, *asked))

    def test_the_apps_and_the_daemon_are_let_through(self):
        for path in ("overlays/hostpath", "overlays/device-plugin", "overlays/watcher", "overlays/periodic"):
            self.assertEqual(list(policy.problems(self.objects, rendered(path))), [], path)
        self.assertEqual(self.refused(refused.with_group(), APPS), "")

    def test_each_thing_that_no_app_may_have_is_refused_with_its_reason(self):
        for path, value, said in refused.BEYOND_APPS:
            with self.subTest(path=path, value=value):
                given = refused.spoilt(refused.with_group(), path, value)
                self.assertIn(said, self.refused(given, APPS))

    def test_all_that_pod_security_calls_beyond_restricted_is_refused_and_nothing_within_it(self):
        for path, value, control in refused.BEYOND_RESTRICTED:
            with self.subTest(control=control, path=path, value=value):
                self.assertNotEqual(self.refused(refused.spoilt(refused.restricted(), path, value), APPS), "")
        for path, value in refused.WITHIN_RESTRICTED:
            with self.subTest(path=path, value=value):
                self.assertEqual(self.refused(refused.spoilt(refused.restricted(), path, value), APPS), "")

    def test_a_group_is_had_as_the_label_of_the_namespace_says(self):
        for path, let in refused.DIRECTORIES.items():
            given = refused.with_group()
            given["spec"]["volumes"][0]["hostPath"]["path"] = path
            self.assertEqual(self.refused(given, APPS) == "", let, path)
        for resource, let in refused.RESOURCES.items():
            given = refused.that_asks(resource, refused.restricted())
            self.assertEqual(self.refused(given, APPS) == "", let, resource)

    def test_elsewhere_nobody_gets_at_the_sockets_however_the_path_is_written(self):
        elsewhere = {"metadata": {"name": "default"}}
        for path in refused.SOCKETS:
            given = refused.that_mounts(path)
            self.assertIn("are for namespaces with the label", self.refused(given, elsewhere), path)
            self.assertEqual(self.refused(given, namespace("kube-system")), "")
            self.assertEqual(self.refused(given, namespace("x", {"gpiod.local/trusted": "true"})), "")
        for path in refused.OTHERS:
            self.assertEqual(self.refused(refused.that_mounts(path), elsewhere), "", path)
        given = refused.that_asks("gpiod.local/door")
        self.assertIn("a pod gets gpiod.local/NAME where", self.refused(given, elsewhere))

    def test_a_label_that_says_no_lets_nobody_in(self):
        no = namespace("gpio-apps", {**refused.GROUPS, **refused.NO})
        self.assertIn("are for namespaces with the label", self.refused(refused.with_group(), no))
        self.assertIn("are for namespaces with the label", self.refused(refused.that_mounts("/"), no))

    def test_a_container_that_is_added_to_a_running_pod_is_judged_too(self):
        given = refused.with_group()
        given["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "a", "securityContext": {"privileged": True}}]
        self.assertIn("privileged", self.refused(given, APPS, "UPDATE", "pods/ephemeralcontainers"))

    def test_a_pod_that_is_older_than_the_policies_may_lose_its_labels_and_finalizers(self):
        given = refused.spoilt(refused.that_mounts("/run/gpiod"), "metadata.finalizers", [])
        for where in (APPS, namespace("default")):
            self.assertNotEqual(self.refused(given, where), "")
            self.assertEqual(self.refused(given, where, "UPDATE"), "")

    def test_what_can_not_be_evaluated_is_refused(self):
        broken = [item for item in self.objects if item["metadata"]["name"] == "gpiod-apps"]
        broken[0]["spec"]["validations"] = [{"expression": "object.spec.nothing.like == 'that'", "message": "broken"}]
        self.assertIn("broken", "\n".join(policy.refusals(broken, refused.with_group(), APPS)))

    def test_the_quota_knows_every_group(self):
        limits = {f"requests.{name}" for app in rendered("overlays/device-plugin").pods("gpio-apps")
                  for name in app.spec["containers"][0]["resources"]["limits"] if name.startswith("gpiod.local/")}
        for quota in (item for item in self.objects if item["kind"] == "ResourceQuota"):
            wanted = limits | {f"{name}.watch" for name in limits}
            self.assertLessEqual(wanted, set(quota["spec"]["hard"]))
        self.assertIn("requests.gpiod.local/traffic-light", limits)
