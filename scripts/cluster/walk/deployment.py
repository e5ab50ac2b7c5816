"""What is applied: an overlay of k8s/ as it stands, with the images' names replaced where a registry is told."""

import os
import re
from pathlib import Path

from cluster import run
from report import Gone

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = ("gpiod", "light-sensor", "traffic-light")
# The tag by which an update is told from what was there before. The programs are the same.
UPDATE = "walk-update"


class Deployment:
    """One overlay, applied from a folder of the walk's own that names it and the images."""

    def __init__(self, cluster, overlay, scratch, registry=None, tag=None):
        self.cluster, self.overlay = cluster, overlay
        self.folder = scratch / overlay.name
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization"]
        # kustomize takes no absolute paths.
        lines += ["resources:", f"  - {os.path.relpath(overlay, self.folder.resolve())}"]
        if registry:
            lines.append("images:")
            for program in PROGRAMS:
                lines += [f"  - name: {program}", f"    newName: {registry}/{program}"]
                lines += [f"    newTag: {tag}"] if tag else []
        (self.folder / "kustomization.yaml").write_text("\n".join(lines) + "\n")

    def manifests(self):
        return run(["kubectl", "kustomize", str(self.folder)])

    def images(self):
        """The name of each program's image, as the manifests have it."""
        named = set(re.findall(r"^[ -]*image: *['\"]?([^\s'\"]+)", self.manifests(), re.MULTILINE))
        return {program: name for name in named for program in PROGRAMS if re.search(rf"(^|/){program}(:|@|$)", name)}

    def apply(self):
        # Server and client may be far apart in age, and an old API server does not know all of validation.
        return self.cluster.kubectl("apply", "--filename", "-", given=self.manifests())

    def delete(self):
        return self.cluster.kubectl("delete", "--ignore-not-found", "--filename", "-", given=self.manifests(), limit=300)


def full_name(image):
    """As a container runtime writes an image's name that has no registry."""
    first, _, rest = image.partition("/")
    if not rest:
        return f"docker.io/library/{image}"
    return image if "." in first or ":" in first or first == "localhost" else f"docker.io/{image}"


def give(cluster, images, archives):
    """Imports each image under the name of the manifests, and under the tag of the update."""
    for program, image in images.items():
        name, _, tag = full_name(image).rpartition(":")
        if not name or "@" in image:
            raise Gone(f"the manifests name {image}, which has no tag")
        run([cluster.command[0], "import", str(archives / f"{program}.oci.tar"), name, tag, UPDATE])


def updated(image):
    """The same image by the update's tag."""
    return f"{image.rpartition(':')[0]}:{UPDATE}"
