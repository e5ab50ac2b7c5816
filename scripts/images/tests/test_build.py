"""How the programs are built, with a compiler that only writes down what it was told."""

import shutil

from given import SCRIPTS, InFolder, run

PROGRAMS = ("gpiod", "light-sensor", "traffic-light")
TARGET = "x86_64-unknown-linux-musl"
# Its programs are the words "a program", made where they are missing as cargo does, with what the linker writes beside them.
CARGO = """#!/bin/bash
env | grep -v ^_= >"$TOLD"
[[ "$1" == build ]] || exit 0
[[ -z "$FAILS" ]] || exit 101
made="$CARGO_TARGET_DIR/x86_64-unknown-linux-musl/image"
mkdir -p "$made/deps"
while (($#)); do
    if [[ "$1" == -p ]]; then
        name="${2//-/_}-0123"
        if [[ ! -e "$made/deps/$name" ]]; then
            echo "a program $2" | tee "$made/$2" >"$made/deps/$name"
            [[ -n "$NO_MAP" ]] || echo "map of $2" >"$made/deps/$name.map"
        fi
    fi
    shift
done
"""
RUSTC = '#!/bin/sh\ncase "$1" in --print) echo "$SYSROOT" ;; *) echo "rustc 1.0.0" ;; esac\n'
RUSTUP = f"#!/bin/sh\necho {TARGET}\n"


class Build(InFolder):
    def setUp(self):
        super().setUp()
        self.tree, tools = self.folder / "tree", self.folder / "tools"
        shutil.copytree(SCRIPTS, self.tree / "scripts" / "images", ignore=shutil.ignore_patterns("tests", "__pycache__"))
        (self.tree / "Cargo.toml").write_text('[workspace.package]\nversion = "1.2.3"\n')
        (self.tree / ".gitignore").write_text("/target\n")
        tools.mkdir()
        for name, text in (("cargo", CARGO), ("rustc", RUSTC), ("rustup", RUSTUP)):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        linker = self.folder / "sysroot" / "lib" / "rustlib" / "host" / "bin" / "rust-lld"
        linker.parent.mkdir(parents=True)
        linker.touch()
        for words in (["init", "--quiet"], ["add", "--all"],
                      ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "a"]):
            run("git", *words, cwd=self.tree)
        self.built = self.tree / "target" / "images" / "linux" / "amd64"

    def build(self, status=0, **variables):
        given = {
            "PATH": f"{self.folder / 'tools'}:/usr/local/bin:/usr/bin:/bin", "SYSROOT": str(self.folder / "sysroot"),
            "TOLD": str(self.folder / "told"), "CARGO_HOME": str(self.folder), "FAILS": "", "NO_MAP": "",
        }
        ended = run(self.tree / "scripts" / "images" / "build.sh", "linux/amd64", cwd="/", **{**given, **variables})
        self.assertEqual(ended.returncode, status, ended.stderr)
        return ended

    def told(self):
        return (self.folder / "told").read_text()

    def test_each_program_has_its_map_and_what_it_was_made_of_beside_it(self):
        self.build()
        for program in PROGRAMS:
            self.assertEqual((self.built / program).read_text(), f"a program {program}\n")
            self.assertEqual((self.built / f"{program}.map").read_text(), f"map of {program}\n")
        head = run("git", "rev-parse", "HEAD", cwd=self.tree).stdout
        self.assertEqual((self.built / "revision").read_text(), head)
        self.assertEqual((self.built / "version").read_text(), "1.2.3\n")
        self.assertEqual((self.built / "compiler").read_text(), "rustup: rustc 1.0.0\n")

    def test_nothing_of_the_environment_changes_the_programs(self):
        wrong = {
            "CARGO_PROFILE_IMAGE_OPT_LEVEL": "0", "CARGO_BUILD_TARGET_DIR": "/wrong", "CARGO_INCREMENTAL": "1",
            "CARGO_UNSTABLE_BUILD_STD": "std", "RUSTFLAGS": "-Cwrong", "RUSTC_WRAPPER": "wrong", "RUSTC_BOOTSTRAP": "1",
            "RUSTUP_TOOLCHAIN": "wrong",
        }
        self.build(**wrong)
        for name in wrong:
            self.assertNotIn(f"\n{name}=", f"\n{self.told()}")
        self.assertIn(f"\nCARGO_TARGET_DIR={self.tree / 'target'}\n", self.told())

    def test_rustups_compiler_is_given_stable_flags_and_its_own_printf(self):
        self.build()
        self.assertIn("-Crelocation-model=static", self.told())
        self.assertIn(f"--remap-path-prefix={self.tree}=", self.told())
        for word in ("max-store", "IMAGES_NO_PRINTF", "RUSTC_BOOTSTRAP"):
            self.assertNotIn(word, self.told())

    def test_a_build_that_fails_leaves_nothing_that_is_packed(self):
        self.build()
        self.build(FAILS="yes", status=101)
        self.assertEqual([name for name in ("compiler", "revision", "version") if (self.built / name).exists()], [])

    def test_a_map_of_other_bytes_is_taken_for_none(self):
        self.built.mkdir(parents=True)
        for program in PROGRAMS:
            (self.built / f"{program}.map.new").write_text("left by somebody")
        said = self.build(NO_MAP="yes", status=66).stderr
        self.assertIn("the linker's maps are gone: rm these and build again:", said)
        self.assertFalse((self.built / "revision").exists())

    def test_what_was_linked_without_a_map_is_linked_again(self):
        self.build(NO_MAP="yes", status=66)
        self.build()
        self.assertEqual((self.built / "light-sensor.map").read_text(), "map of light-sensor\n")

    def test_a_target_that_rustup_lacks_is_named(self):
        (self.folder / "tools" / "rustup").write_text("#!/bin/sh\n")
        self.assertIn(f"rustup target add {TARGET}", self.build(IMAGES_COMPILER="rustup", status=69).stderr)
