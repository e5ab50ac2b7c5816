//! The file that readings are appended to, one line each, on a volume that outlives the program.
//!
//! It is opened anew for each line: a volume may come late, go, be full for a while, or be rotated, and readings go
//! on all the same.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The file, and whether it worked the last time.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    failed: u64,
}

impl Journal {
    /// A journal in that file, which need not exist yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, failed: 0 }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes how an attempt ended; gives what is to be told, which is only what has changed.
    pub(crate) fn note(&mut self, attempt: io::Result<()>) -> Option<String> {
        let path = self.path.display();
        match attempt {
            Ok(()) if self.failed == 0 => None,
            Ok(()) => {
                let lost = std::mem::take(&mut self.failed);
                Some(format!("{path} can be written again; {lost} readings are not in it"))
            }
            Err(error) => {
                self.failed += 1;
                (self.failed == 1)
                    .then(|| format!("can not append to {path}, readings go on without it: {error}"))
            }
        }
    }
}

/// Appends a line, which comes without its end. Where the last line of the file has no end, because its writer was
/// interrupted, that line is ended first.
///
/// It blocks for as long as the file system does.
pub(crate) fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut last = [b'\n'];
    if let Some(place) = file.metadata()?.len().checked_sub(1) {
        file.read_exact_at(&mut last, place)?;
    }
    let start = if last == [b'\n'] { "" } else { "\n" };
    // In one write, so that two writers do not mix their lines.
    file.write_all(format!("{start}{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn lines_are_appended_to_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("light.jsonl");
        append(&path, "one").unwrap();
        append(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn half_a_line_of_a_crashed_predecessor_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("light.jsonl");
        fs::write(&path, "one\n{\"time\":\"20").unwrap();
        append(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "one\n{\"time\":\"20\ntwo\n");
    }

    #[test]
    fn a_missing_volume_is_told_once_and_so_is_its_return() {
        let folder = tempfile::tempdir().unwrap();
        let volume = folder.path().join("volume");
        let path = volume.join("light.jsonl");
        let mut journal = Journal::new(path.clone());
        let mut attempt = || {
            let attempt = append(journal.path(), "one");
            journal.note(attempt)
        };
        let told = attempt().unwrap();
        assert!(told.contains("light.jsonl") && told.contains("No such file"), "{told}");
        assert_eq!(attempt(), None);
        fs::create_dir(&volume).unwrap();
        let told = attempt().unwrap();
        assert!(told.contains("2 readings are not in it"), "{told}");
        assert_eq!(attempt(), None);
        assert_eq!(fs::read_to_string(path).unwrap(), "one\none\n");
    }

    #[test]
    fn a_directory_in_place_of_the_file_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let error = append(folder.path(), "one").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }
}
