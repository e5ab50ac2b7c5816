"""The schemas find mistakes, and know what each version of Kubernetes does not have yet."""

import unittest

import schemas
from given import container, pod, rendered


class Schemas(unittest.TestCase):
    def found(self, item, version):
        return "\n".join(schemas.problems(item, version))

    def test_every_version_knows_the_daemon_set_and_no_field_that_is_misspelt(self):
        for version in schemas.VERSIONS:
            workload = pod(rendered("overlays/hostpath"), "DaemonSet/gpiod").workload
            self.assertEqual(self.found(workload, version), "")
            workload["spec"]["template"]["spec"]["nodeselector"] = {}
            self.assertIn("nodeselector", self.found(workload, version))

    def test_a_value_of_the_wrong_type_is_found_with_its_place(self):
        overlay = rendered("overlays/hostpath")
        container(overlay, "DaemonSet/gpiod")["securityContext"]["runAsUser"] = "root"
        found = self.found(pod(overlay, "DaemonSet/gpiod").workload, (1, 30))
        self.assertIn("spec.template.spec.containers.0.securityContext.runAsUser", found)

    def test_what_a_version_does_not_have_yet_is_found(self):
        workload = pod(rendered("overlays/hostpath"), "DaemonSet/gpiod").workload
        workload["spec"]["updateStrategy"]["rollingUpdate"]["maxSurge"] = 0
        self.assertIn("maxSurge", self.found(workload, (1, 20)))
        self.assertEqual(self.found(workload, (1, 26)), "")
        job = pod(rendered("overlays/periodic"), "CronJob/light-sensor").workload
        self.assertIn("has no batch/v1 CronJob", self.found(job, (1, 20)))
        self.assertEqual(self.found(job, (1, 21)), "")
        policy = rendered("overlays/policy").of_kind("ValidatingAdmissionPolicy")[0]
        self.assertIn("has no admissionregistration.k8s.io/v1", self.found(policy, (1, 26)))
