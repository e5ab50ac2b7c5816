"""What is pushed, and what is not."""

from given import SCRIPTS, InFolder, archive, config, run

ALL = ("linux/amd64", "linux/arm64", "linux/arm/v7")
PROGRAMS = ("gpiod", "light-sensor", "traffic-light")


class Release(InFolder):
    def setUp(self):
        super().setUp()
        # A skopeo that writes down what it was to do, and has a digest for it.
        (self.folder / "bin").mkdir()
        skopeo = self.folder / "bin" / "skopeo"
        skopeo.write_text('#!/bin/sh\necho "$@" >>"$CALLS"\nwhile [ "$1" != --digestfile ]; do shift; done\nprintf sha256:abc >"$2"\n')
        skopeo.chmod(0o755)
        self.built = self.folder / "target" / "images"
        self.built.mkdir(parents=True)

    def pack(self, programs=PROGRAMS, platforms=ALL, but=None, **labels):
        for program in programs:
            images = [(platform, {**config(program, **labels), **(but or {})}) for platform in platforms]
            archive(self.built / f"{program}.oci.tar", images)

    def push(self, *words):
        calls = self.folder / "calls"
        calls.write_text("")
        path = f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        ended = run(SCRIPTS / "push.sh", *words, PATH=path, CALLS=str(calls), CARGO_TARGET_DIR=str(self.folder / "target"))
        return ended, calls.read_text().splitlines()

    def refused(self, *words, why, status=65):
        ended, calls = self.push(*words)
        self.assertEqual((ended.returncode, calls), (status, []), ended.stderr)
        self.assertIn(why, ended.stderr)

    def test_a_release_is_pushed_under_its_version_and_told_by_the_registrys_digest(self):
        self.pack(version="0.2.0")
        ended, calls = self.push("ghcr.io/you/", "--dest-tls-verify=false")
        self.assertEqual(ended.stdout.split(), [f"ghcr.io/you/{program}@sha256:abc" for program in PROGRAMS], ended.stderr)
        self.assertEqual(len(calls), 3)
        for program, call in zip(PROGRAMS, calls):
            self.assertIn("--all --preserve-digests", call)
            self.assertTrue(call.endswith(f"--dest-tls-verify=false oci-archive:{self.built}/{program}.oci.tar docker://ghcr.io/you/{program}:0.2.0"))

    def test_what_skopeo_did_not_push_is_not_said_to_be_pushed(self):
        self.pack()
        (self.folder / "bin" / "skopeo").write_text("#!/bin/sh\nexit 0\n")
        ended, _ = self.push("ghcr.io/you", "--help")
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertIn("skopeo did not say what it pushed of gpiod", ended.stderr)

    def test_a_tag_of_some_platforms_is_pushed_only_where_they_are_named(self):
        self.pack(platforms=ALL[1:])
        self.refused("ghcr.io/you", why="no release: gpiod is not there for linux/amd64\n")
        self.assertEqual(self.push("--platforms", "linux/arm/v7 linux/arm64", "ghcr.io/you")[0].returncode, 0)
        self.refused("--platforms", "linux/arm64", "ghcr.io/you", why="is there for linux/arm/v7, too")
        self.refused("--platforms", "linux/arm65", "ghcr.io/you", why="no platform linux/arm65", status=64)

    def test_a_platform_that_is_there_twice_is_found_and_64_bit_arm_has_one_name(self):
        self.pack(platforms=(*ALL, "linux/amd64"))
        self.refused("ghcr.io/you", why="gpiod is there more than once for linux/amd64")
        self.pack(platforms=("linux/amd64", "linux/arm64/v8", "linux/arm/v7"))
        self.assertEqual(self.push("ghcr.io/you")[0].returncode, 0)

    def test_an_image_that_breaks_a_promise_is_no_release(self):
        for but in [
            {"User": "0:0"}, {"User": ""}, {"StopSignal": "SIGKILL"}, {"StopSignal": None}, {"Entrypoint": ["/bin/sh", "-c", "x"]},
            {"Labels": None}, {"Cmd": ["board"]}, {"Volumes": {"/x": {}}}, {"ExposedPorts": {"1/tcp": {}}},
        ]:
            self.pack(but=but)
            self.refused("ghcr.io/you", why="no release: traffic-light for linux/arm64: ")
        for label in ("title", "description", "licenses", "version", "revision"):
            self.pack(**{label: ""})
            self.refused("ghcr.io/you", why=f"it has no label {label}")
        self.pack(title="evil")
        self.refused("ghcr.io/you", why="gpiod for linux/amd64: its title is 'evil'")

    def test_images_of_several_commits_or_of_none_are_pushed_only_anyway(self):
        self.pack()
        self.pack(programs=PROGRAMS[:1], revision="b" * 40)
        self.refused("ghcr.io/you", why=f"they are of more than one revision: {'a' * 40}, {'b' * 40}")
        self.pack()
        self.pack(programs=PROGRAMS[:1], version="0.2.0")
        self.refused("ghcr.io/you", why="they are of more than one version: 0.1.0, 0.2.0")
        self.pack(revision="unknown")
        self.refused("ghcr.io/you", why="is no commit of git: unknown")
        self.pack(revision=f"{'a' * 40}-dirty")
        self.refused("ghcr.io/you", why="not committed")
        ended, calls = self.push("--anyway", "ghcr.io/you")
        self.assertEqual((ended.returncode, len(calls)), (0, 3))

    def test_what_was_not_packed_or_is_no_archive_is_named(self):
        self.refused("ghcr.io/you", why="gpiod.oci.tar: make images", status=66)
        self.pack()
        (self.built / "gpiod.oci.tar").write_bytes(b"x" * 5000)
        self.refused("ghcr.io/you", why="gpiod.oci.tar is no archive of an image")
        (self.built / "gpiod.oci.tar").unlink()
        self.refused("--anyway", "ghcr.io/you", why="gpiod.oci.tar: make images", status=66)

    def test_what_is_no_registry_is_told_before_anything_is_pushed(self):
        self.pack()
        for wrong in ["https://ghcr.io/you", "ghcr.io/You", "a b", "ghcr.io/you:tag", "docker://x"]:
            self.refused(wrong, why="is no registry", status=64)
        for wrong in [[], [""], ["--anyway"], ["--platforms"], ["--platforms", ""], ["--dest-tls-verify=false", "ghcr.io/you"]]:
            self.refused(*wrong, why="usage:", status=64)
