"""The commands of the documents name what there is, and those that lead from `git clone` to lights fit each other."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import commands
import yaml
from given import rendered
from overlays import K8S, ROOT

README = (K8S / "README.md").read_text()
WALK = README.partition("## From `git clone`")[2].partition("\n## ")[0]


def steps():
    """The commands of the walk, each line its own."""
    return [list(commands.split(line)) for line in commands.blocks(WALK)[0].splitlines()]


def step(*begin):
    """The words after those that a command of the walk begins with."""
    return next(c[len(begin) :] for line in steps() for c in line if tuple(c[: len(begin)]) == begin)


class Commands(unittest.TestCase):
    def test_the_documents_name_what_there_is(self):
        for path in ("README.md", "operations.md", "../images/README.md"):
            self.assertEqual(list(commands.problems((K8S / path).read_text())), [], path)

    def test_what_there_is_not_is_found(self):
        for command, said in [
            ("make imags", "no target imags"),
            ("make images PLATFORM=linux/arm64", "does not ask for PLATFORM"),
            ("scripts/images/toolchains.sh --install linux/arm64", "no program scripts/images/toolchains.sh"),
            ("sudo scripts/hardware/packages.sh images --instal", "no option --instal"),
            ("sudo k8s/cluster/cluster control-plan", "there is no k8s/cluster/cluster control-plan"),
            ("cd x && k8s/cluster/cluster add --labels pi@pi-1", "no option --labels"),
            ("kubectl apply -k k8s/overlays/hostpaths", "no overlay k8s/overlays/hostpaths"),
            ("kubectl -n gpio-app logs ds/traffic-light", "no overlay has ds/traffic-light in gpio-app"),
            ("kubectl -n gpio-apps set image ds/traffic-light light=x:1", "has no container light"),
            ("kubectl -n gpiod exec ds/gpiod -- /gpiod line", "there is no gpiod line"),
            ("kubectl -n gpiod exec ds/gpiod -- /gpiod release GROUP --because TEXT", "no option --because"),
        ]:
            for text in (f"```sh\n{command}   # so\n```\n", f"Text, `{command}`, and more.\n"):
                if "cd x" not in text or text.startswith("```"):
                    self.assertIn(said, "\n".join(commands.problems(text)), text)


class FromCloneToLights(unittest.TestCase):
    def test_ten_commands_at_most_each_with_its_line(self):
        numbers = re.findall(r"# (\d+)$", commands.blocks(WALK)[0], re.MULTILINE)
        self.assertEqual(numbers, [str(number + 1) for number in range(len(steps()))])
        self.assertEqual(re.findall(r"^(\d+)\. ", WALK, re.MULTILINE), numbers)
        self.assertLessEqual(len(numbers), 10)

    def test_compilers_are_fetched_for_the_platforms_that_are_built(self):
        fetched = [word for word in step("scripts/images/toolchain.sh") if not word.startswith("-")]
        named = [word.partition("=")[2].split() for word in step("make", "images") if word.startswith("PLATFORMS=")]
        taken = '. scripts/images/platforms.sh && take_platforms "$@" && echo "${platforms[@]}"'
        command = ["bash", "-c", taken, "bash", *sum(named, [])]
        built = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
        self.assertEqual(sorted(fetched), sorted(built))
        self.assertIn("linux/arm64", built)

    def test_the_images_are_named_after_the_registry_that_they_were_pushed_to_also_the_second_time(self):
        registry = step("make", "images-push")[0].removeprefix("REGISTRY=")
        *command, path = step("sed")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "kustomization.yaml")
            copy.write_text((ROOT / path).read_text())
            for _ in range(2):
                subprocess.run(["sed", *command, copy], check=True)
                images = yaml.safe_load(copy.read_text())["images"]
                self.assertEqual([image["newName"] for image in images], [f"{registry}/{i['name']}" for i in images])

    def test_what_is_followed_in_the_end_is_applied_before(self):
        overlay = rendered(step("kubectl", "apply")[-1].removeprefix("k8s/"))
        self.assertIn("DaemonSet/traffic-light", [pod.name for pod in overlay.pods(step("kubectl", "-n")[0])])
        self.assertIn("ds/traffic-light", step("kubectl", "-n"))
        self.assertTrue(any(pod.spec["nodeSelector"] == {"device": "raspberry"} for pod in overlay.pods()))
