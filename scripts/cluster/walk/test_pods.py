"""What an API server said of pods is read as it was meant, whichever of them it said it of."""

import unittest

from pods import templates, verdicts
from report import Gone

WORDS = """\
Error from server (Forbidden): error when creating "STDIN": pods "case-1" is forbidden: violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true)
The Pod "case-2" is invalid:
* spec.containers[0].securityContext: Invalid value: cannot set both
"""


class Answers:
    """A cluster that answers dry runs as it was told."""

    def __init__(self, said, errors):
        self.answer = said, errors

    def tried(self, _verb, _manifests):
        return self.answer


class Pods(unittest.TestCase):
    def test_each_pod_has_its_own_verdict(self):
        cluster = Answers("pod/case-0 created (server dry run)\n", WORDS)
        given = [{"metadata": {"name": "x"}} for _ in range(3)]
        let_in, forbidden, invalid = verdicts(cluster, "apps", given)
        self.assertIsNone(let_in)
        self.assertEqual(forbidden[0], "forbidden")
        self.assertIn("PodSecurity", forbidden[1])
        self.assertEqual(invalid[0], "invalid")
        self.assertEqual(given[0]["metadata"], {"name": "x"})

    def test_a_pod_without_a_verdict_is_an_error_and_not_let_in(self):
        cluster = Answers("pod/case-0 created (server dry run)\n", "error: no answer\n")
        with self.assertRaisesRegex(Gone, "1 of 2 pods were not judged: error: no answer"):
            verdicts(cluster, "apps", [{"metadata": {}}, {"metadata": {}}])

    def test_a_job_of_a_cron_job_has_a_pod_and_a_stateful_set_a_claim_more(self):
        pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}}
        named = {"name": "x", "namespace": "apps"}
        cron = {"kind": "CronJob", "metadata": named, "spec": {"jobTemplate": {"spec": {"template": pod}}}}
        claim = {"metadata": {"name": "readings"}}
        state = {"kind": "StatefulSet", "metadata": named, "spec": {"template": pod, "volumeClaimTemplates": [claim]}}
        found = list(templates([cron, {"kind": "Namespace", "metadata": {"name": "apps"}}, state]))
        self.assertEqual([name for name, _, _ in found], ["CronJob/x", "StatefulSet/x"])
        self.assertEqual(found[0][2]["metadata"]["labels"], {"a": "b"})
        self.assertEqual([v["name"] for v in found[1][2]["spec"]["volumes"]], ["readings"])


if __name__ == "__main__":
    unittest.main()
