"""What the scripts say of a command line, before they do anything."""

from given import SCRIPTS, InFolder, run


class Arguments(InFolder):
    def refused(self, script, *words, why="usage:", **variables):
        ended = run(SCRIPTS / script, *words, CARGO_TARGET_DIR=str(self.folder), XDG_CACHE_HOME=str(self.folder), **variables)
        self.assertEqual((ended.returncode, ended.stdout), (64, ""), ended.stderr)
        self.assertIn(why, ended.stderr)
        self.assertEqual(list(self.folder.rglob("*")), [], "nothing was begun")

    def test_an_unknown_platform_or_option_is_refused_by_each(self):
        for script in ("build.sh", "pack.sh", "sbom.sh", "toolchain.sh"):
            self.refused(script, "linux/arm64", "linux/riscv64", why="no platform linux/riscv64")
            self.refused(script, "linux/arm64", "--instal")
        self.refused("toolchain.sh")

    def test_platforms_are_taken_once_and_in_one_order(self):
        taken = '. "$1"; shift; take_platforms "$@"; echo "${platforms[*]}"'
        ended = run("bash", "-euc", taken, "bash", SCRIPTS / "platforms.sh", "linux/arm/v7", "linux/amd64", "linux/arm/v7")
        self.assertEqual(ended.stdout, "linux/amd64 linux/arm/v7\n", ended.stderr)

    def test_a_compiler_that_there_is_not_is_refused(self):
        self.refused("build.sh", IMAGES_COMPILER="gcc", why="IMAGES_COMPILER is rustup or debian, not gcc")

    def test_minutes_are_a_number(self):
        for wrong in ("", "x", "-1", "1.5"):
            self.refused("ci.sh", wrong)

    def test_a_compiler_that_is_missing_is_named(self):
        ended = run(SCRIPTS / "toolchain.sh", "linux/arm64", XDG_CACHE_HOME=str(self.folder))
        self.assertEqual((ended.returncode, ended.stdout), (69, ""), ended.stderr)
        self.assertIn("scripts/images/toolchain.sh --install linux/arm64", ended.stderr)

    def test_help_is_help_and_no_mistake(self):
        for script in sorted(SCRIPTS.glob("*.sh")):
            if not script.stat().st_mode & 0o100:
                continue
            ended = run(script, "--help")
            self.assertEqual((ended.returncode, ended.stderr), (0, ""), script)
            self.assertIn(f"usage: scripts/images/{script.name}", ended.stdout)
