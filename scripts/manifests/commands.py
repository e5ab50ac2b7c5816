"""The commands in documents: that each program, verb, option, make target, path and workload which they name is there."""

import os
import re
import shlex
import subprocess
from functools import cache

from overlays import K8S, OVERLAYS, ROOT, pod_of, render

# What begins a command within a line of text.
OURS = ("kubectl", "make", "cluster", "scripts/", "k8s/")
CLUSTER = "k8s/cluster/cluster"
JOINTS = {"&&", "||", "|", ";"}
# A target of the Makefile and its recipe, which may have conditions.
TARGET = re.compile(r"^([a-z-]+):.*\n((?:[\t#].*\n|ifeq.*\n|else\n|endif\n)*)", re.MULTILINE)
WORKLOADS = {"ds": "DaemonSet", "daemonset": "DaemonSet", "sts": "StatefulSet", "cronjob": "CronJob"}


def problems(text):
    """What the commands of a document name and what is not there."""
    for command in [*in_blocks(text), *in_lines(text)]:
        for problem in of_command(command):
            yield f"{shlex.join(command)}: {problem}"


def blocks(text):
    """The text of each block of shell commands."""
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def in_blocks(text):
    """The commands of all blocks, each a list of words."""
    for block in blocks(text):
        for line in block.splitlines():
            yield from split(line)


def in_lines(text):
    """The commands that stand within the text and are of this project."""
    for span in re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)):
        if span.removeprefix("sudo ").startswith(OURS) and " " in span:
            yield from split(span.replace("…", ""))


def split(line):
    """The commands of a line, without what only says as whom and with which environment."""
    words = []
    for word in [*shlex.split(line, comments=True), ";"]:
        if word.rstrip(";") and word not in JOINTS:
            words.append(word.rstrip(";"))
        if word in JOINTS or word.endswith(";"):
            while words and (words[0] in ("sudo", "do") or re.match(r"[A-Z_]+=", words[0])):
                words = words[1:]
            if words and words[0] not in ("for", "done"):
                yield words
            words = []


def of_command(words):
    """What a command names and what is not there; of programs that are not ours nothing is known."""
    if words[0] == "make":
        yield from of_make(words[1:])
    elif words[0] == "kubectl":
        yield from of_kubectl(words[1:])
    elif words[0] == "cluster" or words[0].startswith(("scripts/", "k8s/")):
        program = CLUSTER if words[0] == "cluster" else words[0]
        if len(words) > 1 or program != words[0]:
            yield from of_program(program, words[1:])


def of_make(words):
    """A target with what is said to it, which its recipe must ask for."""
    targets = dict(TARGET.findall((ROOT / "Makefile").read_text()))
    target, *given = words
    if target not in targets:
        yield f"make has no target {target}"
        return
    for name in (word.partition("=")[0] for word in given if "=" in word):
        if not re.search(rf"\b{name}\b", targets[target]):
            yield f"make {target} does not ask for {name}"


@cache
def told(*command):
    """What a program says about itself when asked by --help; None where that fails."""
    run = subprocess.run([*command, "--help"], capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL)
    return run.stdout if run.returncode == 0 else None


def of_program(program, words):
    """A script of ours, its verb where it has some, and its options."""
    path = ROOT / program
    if not os.access(path, os.X_OK) or not path.is_file():
        yield f"there is no program {program}"
        return
    verb = [words[0]] if program == CLUSTER and words and words[0].islower() and not words[0].startswith("-") else []
    yield from of_options(words, told(path, *verb), " ".join([program, *verb]), told(path) or "")


def of_options(words, said, program, besides=""):
    """The options among words are told of by the program's help."""
    if said is None:
        yield f"there is no {program}"
        return
    for option in (word.partition("=")[0] for word in words if word.startswith("--")):
        if not re.search(rf"(?<![\w-]){option}(?![\w-])", said + besides):
            yield f"{program} has no option {option}"


@cache
def workloads():
    """The containers of each workload of all overlays, by its namespace, kind and name."""
    found = {}
    for overlay in OVERLAYS:
        for pod in filter(None, map(pod_of, render(overlay).objects)):
            workload = (pod.namespace, pod.workload["kind"], pod.workload["metadata"]["name"])
            found.setdefault(workload, set()).update(container["name"] for container in pod.containers())
    return found


def of_kubectl(words):
    """An overlay that is applied, a workload that is asked, the command that is run in it."""
    inside = words[words.index("--") + 1 :] if "--" in words else []
    words = words[: words.index("--")] if inside else words
    after = dict(zip(words, words[1:]))
    if folder := after.get("-k"):
        if folder.removeprefix("k8s/") not in {overlay.path for overlay in OVERLAYS} or not (K8S.parent / folder).is_dir():
            yield f"there is no overlay {folder}"
    space = after.get("-n")
    for word in words:
        kind, _, name = word.partition("/")
        if kind in WORKLOADS and name.islower():
            there = workloads().get((space, WORKLOADS[kind], name))
            if there is None:
                yield f"no overlay has {word} in {space}"
            elif after.get("set") == "image" and (odd := {w.partition("=")[0] for w in words if "=" in w} - there):
                yield f"{word} has no container {', '.join(odd)}"
    if inside[:1] == ["/gpiod"]:
        # A verb may have verbs of its own.
        verbs = [word for word in inside[1:3] if word.islower() and not word.startswith("-")]
        said = told(os.environ["GPIOD"], *verbs) or told(os.environ["GPIOD"], *verbs[:1])
        yield from of_options(inside[1:], said, " ".join(["gpiod", *verbs]))
