"""What the tests of the images' scripts are given: repositories, archives and builds, made up."""

import io
import json
import os
import subprocess
import tarfile
import tempfile
import unittest
from hashlib import sha256
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1]
LABEL = "org.opencontainers.image."
# What would be taken from the environment in which the tests run.
TAKEN = ("SOURCE_DATE_EPOCH", "IMAGE_SOURCE", "IMAGE_REVISION", "IMAGES_COMPILER", "CARGO_TARGET_DIR")


def run(*command, cwd=None, **variables):
    """Runs a program to its end, with nothing in its environment that changes what it says."""
    environment = {name: value for name, value in os.environ.items() if name not in TAKEN and not name.startswith("GIT_")}
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, env={**environment, **variables}, capture_output=True, text=True, check=False
    )


class InFolder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()


def config(program, **labels):
    """The config of an image of ours, with these labels beside those that all have."""
    labels = {"title": program, "description": "d", "licenses": "MIT", "version": "0.1.0", "revision": "a" * 40, **labels}
    told = {LABEL + label: value for label, value in labels.items()}
    return {
        "User": "65532:65532", "StopSignal": "SIGTERM", "Entrypoint": [f"/{program}"],
        **({"Cmd": ["serve"]} if program == "gpiod" else {}),
        "Labels": {**told, "gpiod.compiler": "rustc"},
    }


def archive(path, images):
    """Writes an OCI archive as buildah does, of [(platform, config)], but for layers."""
    with tarfile.open(path, "w") as tar:

        def put(name, value):
            content = json.dumps(value).encode()
            digest = sha256(content).hexdigest()
            entry = tarfile.TarInfo(name or f"blobs/sha256/{digest}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
            return {"digest": f"sha256:{digest}", "size": len(content)}

        manifests = []
        for name, image in images:
            system, architecture, *variant = name.split("/")
            config = put(None, {"config": image})
            platform = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
            manifests.append({**put(None, {"config": config}), "platform": platform})
        put("index.json", {"manifests": [put(None, {"manifests": manifests})]})
    return path
