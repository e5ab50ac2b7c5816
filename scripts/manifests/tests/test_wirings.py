"""Configurations are judged by gpiod itself, and what they need must be granted."""

import re
import unittest

import wirings
from given import container, rendered


def wiring(overlay, name="gpiod"):
    return next(item["data"] for item in overlay.of_kind("ConfigMap") if item["metadata"]["name"] == name)


class Wirings(unittest.TestCase):
    def found(self, overlay):
        return "\n".join(wirings.problems(overlay))

    def test_the_manifests_keep_to_the_rules(self):
        for path in ("overlays/two-wirings", "overlays/sim"):
            self.assertEqual(self.found(rendered(path)), "", path)

    def test_a_wrong_configuration_is_told_with_its_line(self):
        overlay = rendered("overlays/hostpath")
        wiring(overlay)["gpiod.toml"] = wiring(overlay)["gpiod.toml"].replace('"output"', '"outptu"', 1)
        self.assertRegex(self.found(overlay), r"gpiod, line \d+: .*outptu")

    def test_a_container_that_may_not_have_the_memory_that_its_wiring_may_need_is_found(self):
        overlay = rendered("overlays/hostpath")
        container(overlay, "DaemonSet/gpiod")["resources"]["limits"]["memory"] = "8Mi"
        self.assertIn("its limit is 8388608", self.found(overlay))
        overlay = rendered("overlays/hostpath")
        wiring(overlay)["gpiod.toml"] = wiring(overlay)["gpiod.toml"].replace("[limits]\n", "[limits]\nsamples = 16\n")
        self.assertIn("bytes of memory", self.found(overlay))

    def test_a_container_without_room_for_its_probes_is_found(self):
        overlay = rendered("overlays/hostpath")
        text = wiring(overlay)["gpiod.toml"]
        wiring(overlay)["gpiod.toml"] = re.sub(r"^\[limits\]\n(?:.+\n)*", "", text, flags=re.MULTILINE)
        self.assertIn("and 2097152 for probes; its limit is 16777216", self.found(overlay))
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            del container(overlay, "DaemonSet/gpiod")[probe]
        self.assertEqual(self.found(overlay), "")

    def test_wirings_have_the_same_groups_and_lines(self):
        overlay = rendered("overlays/two-wirings")
        text = wiring(overlay, "gpiod-spi")["gpiod.toml"]
        wiring(overlay, "gpiod-spi")["gpiod.toml"] = text.replace("lines.yellow", "lines.amber")
        self.assertIn("gpiod has not traffic-light/amber", self.found(overlay))
        self.assertIn("gpiod-spi has not traffic-light/yellow", self.found(overlay))

    def test_a_plugin_has_the_kubelets_directories_and_nobody_else(self):
        overlay = rendered("overlays/device-plugin")
        mounts = container(overlay, "DaemonSet/gpiod")["volumeMounts"]
        mounts[:] = [mount for mount in mounts if mount["name"] != "pod-resources"]
        self.assertIn("of the kubelet, and has", self.found(overlay))
        overlay = rendered("overlays/device-plugin")
        section = re.compile(r"^\[kubernetes\]\n(?:(?!\[).*\n)*|^allow_namespaces = .*\n", re.MULTILINE)
        wiring(overlay)["gpiod.toml"] = section.sub("", wiring(overlay)["gpiod.toml"])
        self.assertIn("it needs [] of the kubelet", self.found(overlay))

    def test_a_circuit_is_judged_by_a_board(self):
        maps = rendered("overlays/sim").of_kind("ConfigMap")
        text = next(item["data"]["circuit.toml"] for item in maps if "circuit.toml" in item["data"])
        self.assertEqual(wirings.circuit(text), "")
        self.assertIn("GPIO99", wirings.circuit(text.replace("GPIO10", "GPIO99")))
