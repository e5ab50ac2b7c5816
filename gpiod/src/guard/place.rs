//! The guardian's directory below the run directory: closed to all other users, with its lock and its socket.

use super::{dir, socket};
use crate::run_dir::{Rights, at, bind, closed, lock, own};
use nix::fcntl::Flock;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// The directory, ours alone as long as this value lives.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) listener: UnixListener,
    pub(super) socket: PathBuf,
    pub(super) lock: Flock<File>,
}

impl Site {
    /// Takes the directory and binds the socket, with the care that the daemon's sockets have: bound where nobody else
    /// gets, given its rights, moved to its place.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another guardian has it; [`io::ErrorKind::AlreadyExists`] for a directory
    /// that is another user's, a link, or has things in it that are not gpiod's; what the system says else.
    pub(super) fn take(run_dir: &Path) -> io::Result<Self> {
        closed(run_dir)?;
        let dir = dir(run_dir);
        let fail = |error: io::Error| at(&dir, &error);
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(fail)?;
        own(&dir)?;
        fs::set_permissions(&dir, Permissions::from_mode(0o700)).map_err(fail)?;
        let lock = lock(&dir)?;
        let socket = socket(run_dir);
        let rights = Rights { mode: 0o600, gid: None };
        let listener = bind(&dir, &socket, rights).map_err(|error| at(&socket, &error))?;
        Ok(Self { listener, socket, lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_socket_is_closed_to_all_others_and_one_guardian_has_it() {
        let run = tempfile::tempdir().unwrap();
        let site = Site::take(run.path()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([&dir(run.path()), &site.socket].map(|path| mode(path)), [0o700, 0o600]);
        assert_eq!(Site::take(run.path()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(site);
        Site::take(run.path()).unwrap();
    }

    #[test]
    fn a_directory_that_is_a_link_or_has_what_is_not_ours_is_refused() {
        let (run, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(elsewhere.path(), dir(run.path())).unwrap();
        assert_eq!(Site::take(run.path()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::remove_file(dir(run.path())).unwrap();
        fs::write(run.path().join("letter"), "").unwrap();
        assert_eq!(Site::take(run.path()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
