"""What the images say of their commit."""

from given import SCRIPTS, InFolder, run


class Commit(InFolder):
    def setUp(self):
        super().setUp()
        self.git("init", "--quiet")
        self.put("Cargo.toml", "")
        self.git("add", "--all")
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "a", "--date=@5", GIT_COMMITTER_DATE="@77 +0000")
        self.head = self.git("rev-parse", "HEAD").stdout.strip()

    def git(self, *words, **variables):
        return run("git", *words, cwd=self.folder, **variables)

    def put(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def tell(self, what, *words, cwd=None, **variables):
        """What `commit_WHAT` prints; what it says when it fails."""
        told = run("bash", "-euc", f'. "$1"; shift; told="$(commit_{what} "$@")"; echo "$told"', "bash", SCRIPTS / "commit.sh", *words,
                   cwd=cwd or self.folder, **variables)
        return told.stdout.strip() if told.returncode == 0 else (told.returncode, told.stderr.strip())

    def test_the_source_is_one_address_however_a_clone_spells_it(self):
        for origin in [
            "https://example.org/you/gpiod", "https://example.org/you/gpiod.git", "https://example.org/you/gpiod/",
            "https://you:secr@t@example.org/you/gpiod.git", "http://example.org/you/gpiod", "git@example.org:you/gpiod.git",
            "ssh://git@example.org:2222/you/gpiod.git", "git://example.org/you/gpiod",
        ]:
            self.git("remote", "remove", "origin")
            self.git("remote", "add", "origin", origin)
            self.assertEqual(self.tell("source"), "https://example.org/you/gpiod", origin)
        self.assertEqual(self.tell("source", IMAGE_SOURCE="https://b.example/x"), "https://b.example/x")

    def test_no_folder_of_the_builder_and_no_part_of_a_password_is_told(self):
        for origin in ["/home/you/gpiod", "../gpiod", "file:///home/you/gpiod", "./a:b", "https://you:a/b@example.org/x", "a b:c"]:
            self.git("remote", "remove", "origin")
            self.git("remote", "add", "origin", origin)
            self.assertEqual(self.tell("source"), "", origin)
        self.git("remote", "remove", "origin")
        self.assertEqual(self.tell("source"), "")

    def test_what_is_new_or_changed_is_dirty_but_for_documents_and_manifests(self):
        self.assertEqual(self.tell("revision"), self.head)
        self.put("images/README.md", "sizes")
        self.put("k8s/kustomization.yaml", "newName: ghcr.io/you/gpiod")
        self.assertEqual(self.tell("revision"), self.head)
        self.put("gpiod/new.rs", "")
        self.assertEqual(self.tell("revision", cwd=self.folder / "images"), f"{self.head}-dirty")
        (self.folder / "gpiod" / "new.rs").unlink()
        self.put("Cargo.toml", "changed")
        self.assertEqual(self.tell("revision"), f"{self.head}-dirty")
        self.assertEqual(self.tell("revision", IMAGE_REVISION="v1"), "v1")

    def test_settings_of_a_user_hide_nothing(self):
        self.git("config", "status.showUntrackedFiles", "no")
        self.git("config", "url.https://mirror.example/.insteadOf", "https://example.org/")
        self.git("remote", "add", "origin", "https://example.org/you/gpiod")
        self.put(".git/info/exclude", "new.rs\n")
        self.put("gpiod/images-sbom-7.json", "")
        self.assertEqual(self.tell("revision"), self.head)
        self.put("gpiod/new.rs", "")
        self.assertEqual(self.tell("revision", GIT_LITERAL_PATHSPECS="1"), f"{self.head}-dirty")
        self.assertEqual(self.tell("source"), "https://example.org/you/gpiod")

    def test_where_git_fails_nothing_is_taken_to_be_committed(self):
        (self.folder / ".git" / "index").write_bytes(b"DIRC no index")
        status, said = self.tell("revision")
        self.assertEqual((status, said.splitlines()[-1]), (69, "git does not tell the commit's name here: set IMAGE_REVISION"))
        self.git("checkout", "--orphan", "none")
        self.assertEqual(self.tell("revision")[0], 69)

    def test_the_version_is_that_of_the_workspace(self):
        self.put("Cargo.toml", '[workspace.package]\nversion = "1.2.3"\n\n[workspace.dependencies]\nversion = "9"\n')
        self.assertEqual(self.tell("version"), "1.2.3")

    def test_the_date_is_that_of_the_commit_that_was_built(self):
        self.assertEqual(self.tell("date", self.head), "77")
        self.assertEqual(self.tell("date", f"{self.head}-dirty"), "77")
        self.assertEqual(self.tell("date", self.head, SOURCE_DATE_EPOCH="0"), "0")
        for wrong in ["-1", "1.5", "now", "08", "9" * 13, " 1"]:
            status, said = self.tell("date", self.head, SOURCE_DATE_EPOCH=wrong)
            self.assertEqual((status, said), (64, f"SOURCE_DATE_EPOCH is no whole number of seconds since 1970: {wrong}"))

    def test_without_git_it_says_what_must_be_told(self):
        status, said = self.tell("date", "f" * 40)
        self.assertEqual((status, said.splitlines()[-1]), (69, "git does not tell the commit's date here: set SOURCE_DATE_EPOCH"))
        alone = {"cwd": "/", "GIT_CEILING_DIRECTORIES": "/"}
        self.assertIn("set IMAGE_REVISION", self.tell("revision", **alone)[1])
        self.assertIn("set SOURCE_DATE_EPOCH", self.tell("date", "HEAD", **alone)[1])
        self.assertEqual(self.tell("source", **alone), "")
        self.assertEqual(self.tell("revision", IMAGE_REVISION="a b", **alone), (64, "IMAGE_REVISION is no name of a commit: a b"))
