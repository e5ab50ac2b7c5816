"""What is said of the images' sizes, and when they are too large."""

import sys

from given import SCRIPTS, InFolder, run

sys.path.insert(0, str(SCRIPTS))
import sizes  # noqa: E402

MAP = """         VMA              LMA     Size Align Out     In      Symbol
      200120           200120      {size:x}     4 .text
      200120           200120      {size:x}     4         x.o:(.text._RNvCs1_5gpiod4main)
"""


class Sizes(InFolder):
    def setUp(self):
        super().setUp()
        self.record = self.folder / "sizes.tsv"
        self.readme = self.folder / "README.md"
        self.readme.write_text(f"before\n{sizes.MARKS[0]}\nold\n{sizes.MARKS[1]}\nafter\n")
        (self.folder / "sizes.py").write_text(
            f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import sizes; from pathlib import Path\n"
            f"sizes.RECORD, sizes.README = Path({str(self.record)!r}), Path({str(self.readme)!r})\nsys.exit(sizes.main())\n"
        )
        self.build("linux/amd64")
        self.ran("--accept", "linux/amd64")

    def build(self, platform, size=3000, compiler="debian: rustc 1.0"):
        folder = self.folder / "target" / "images" / platform
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "compiler").write_text(compiler)
        for image in sizes.IMAGES:
            (folder / image).write_bytes(bytes(size))
            (folder / f"{image}.map").write_text(MAP.format(size=size))

    def ran(self, *words, status=0):
        ended = run(sys.executable, self.folder / "sizes.py", *words, CARGO_TARGET_DIR=str(self.folder / "target"), PYTHONDONTWRITEBYTECODE="1")
        self.assertEqual(ended.returncode, status, ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)
        return ended

    def test_what_outgrew_its_budget_is_told_with_the_crates_that_grew(self):
        self.ran("linux/amd64")
        self.build("linux/amd64", size=5000)
        said = self.ran("linux/amd64", status=1).stderr
        self.assertIn("gpiod for linux/amd64: 5,000 bytes, over its budget of 4,096; what grew:\n       +2,000 gpiod\n", said)

    def test_a_platform_of_rustups_is_not_judged_and_the_others_are(self):
        self.build("linux/arm64", size=9000, compiler="rustup: rustc 1.0")
        self.build("linux/amd64", size=9000)
        said = self.ran("linux/arm64", "linux/amd64", status=1).stderr
        self.assertIn("linux/arm64 is not judged", said)
        self.assertIn("gpiod for linux/amd64: 9,000 bytes", said)
        self.assertNotIn("gpiod for linux/arm64", said)

    def test_no_budget_is_set_by_what_rustup_made(self):
        before = self.record.read_text()
        self.build("linux/amd64", compiler="rustup: rustc 1.0")
        self.ran("--accept", "linux/amd64", status=64)
        self.assertEqual(self.record.read_text(), before)

    def test_a_platform_beyond_the_tag_needs_no_budget_and_one_of_the_tag_does(self):
        self.build("linux/arm/v6")
        self.assertIn("linux/arm/v6 is not judged", self.ran("linux/arm/v6").stderr)
        self.build("linux/arm64")
        self.assertIn("has no budget", self.ran("linux/arm64", status=1).stderr)

    def test_a_damaged_record_is_named(self):
        good = self.record.read_text()
        for row in ["x", "gpiod\tlinux/amd64\tbudget\t²", "gpiod\tlinux/amd64\tbudget\t5000", "gpiod\tlinux/arm64\th2\t7"]:
            self.record.write_text(f"{good}{row}\n")
            self.assertIn("git has the last one", self.ran("linux/amd64", status=65).stderr, row)
        self.record.write_bytes(b"\xff\xfe\x00")
        self.assertIn("git has the last one", self.ran("linux/amd64", status=65).stderr)

    def test_what_was_not_built_is_named_and_so_is_a_map_of_nothing(self):
        self.assertIn("there is no compiler for linux/arm64", self.ran("linux/arm64", status=66).stderr)
        folder = self.folder / "target" / "images" / "linux/amd64"
        (folder / "gpiod.map").write_bytes(b"\xff\x00")
        self.assertIn("gpiod.map is no map of a program", self.ran("linux/amd64", status=65).stderr)
        (folder / "gpiod.map").unlink()
        self.assertIn("there is no gpiod.map for linux/amd64", self.ran("linux/amd64", status=66).stderr)

    def test_the_table_is_written_where_it_belongs(self):
        self.ran("--readme", "linux/amd64")
        text = self.readme.read_text()
        self.assertTrue(text.startswith("before\n") and text.endswith("after\n") and "3,000" in text and "old" not in text, text)
        self.readme.write_text("no place\n")
        self.assertIn("has no place for the table", self.ran("--readme", "linux/amd64", status=65).stderr)
