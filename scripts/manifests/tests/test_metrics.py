"""Alerts and dashboards ask for numbers that there are."""

import json
import unittest

import metrics
from given import container, rendered


class Metrics(unittest.TestCase):
    def found(self, overlay):
        return "\n".join(metrics.problems(overlay))

    def test_the_manifests_keep_to_the_rules(self):
        self.assertEqual(self.found(rendered("overlays/monitoring")), "")

    def test_expressions_are_read_and_their_numbers_and_labels_known(self):
        numbers = metrics.told()
        self.assertEqual(numbers["gpiod_losses_total"], {"cause"})
        self.assertEqual(numbers["light_sensor_readings_total"], {"status"})
        for expression, said in [
            ("sum(", "is no expression"),
            ("vector(1)", "asks for no number"),
            ("gpiod_leases > 0", "gpiod_leases is told by nobody"),
            ('gpiod_losses_total{line="red"} > 0', "gpiod_losses_total has no label line"),
            ("sum by (line) (gpiod_losses_total)", "groups by line"),
            ('sum by (node, cause) (gpiod_losses_total{cause!="restart"})', ""),
        ]:
            found = "\n".join(metrics.of_expression(expression, numbers))
            self.assertIn(said, found) if said else self.assertEqual(found, "")

    def test_a_wrong_alert_panel_or_port_is_found(self):
        overlay = rendered("overlays/monitoring")
        rule = overlay.of_kind("PrometheusRule")[0]["spec"]["groups"][0]["rules"][0]
        rule.update(alert="NoSuchAlert", expr="gpiod_up == 0")
        dashboard = next(item for item in overlay.of_kind("ConfigMap") if "gpiod.json" in item["data"])
        panels = json.loads(dashboard["data"]["gpiod.json"])
        panels["panels"][0]["targets"][0]["expr"] = "gpiod_pins"
        dashboard["data"]["gpiod.json"] = json.dumps(panels)
        container(overlay, "DaemonSet/light-sensor")["ports"][0]["name"] = "web"
        found = self.found(overlay)
        for said in ("gpiod_up is told by nobody", "NoSuchAlert is not in", "gpiod_pins is told", "has no port http"):
            self.assertIn(said, found)
