"""The checker of the level restricted finds each thing that the level refuses, and nothing else."""

import unittest

import pod_security
from given import restricted
from refused import BEYOND_RESTRICTED, WITHIN_RESTRICTED, put

OWN = "spec.containers.0.securityContext"


class Restricted(unittest.TestCase):
    def test_a_pod_that_keeps_to_it_is_let_through(self):
        self.assertEqual(list(pod_security.violations(restricted())), [])
        pod = restricted()
        put(pod.template, f"{OWN}.capabilities", {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]})
        put(pod.template, "spec.securityContext.runAsNonRoot", None)
        put(pod.template, f"{OWN}.runAsNonRoot", True)
        self.assertEqual(list(pod_security.violations(pod)), [])
        for path, value in WITHIN_RESTRICTED:
            pod = restricted()
            put(pod.template, path, value)
            self.assertEqual(list(pod_security.violations(pod)), [], path)

    def test_each_thing_that_is_refused_is_found_by_its_control(self):
        for path, value, control in BEYOND_RESTRICTED:
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
