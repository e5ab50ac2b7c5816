//! The board's directory: held by one board at a time, its sockets bound under another name and moved into place.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Where programs claim lines: the stand-in for `/dev/gpiochip0`.
pub const LINES_SOCKET: &str = "lines.sock";
/// Where the board is worked from outside.
pub const CONTROL_SOCKET: &str = "control.sock";

/// What is wrong with the board's directory.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another board runs there.
    #[error("another board runs in {}", .0.display())]
    Taken(PathBuf),
    /// The system refused.
    #[error("can not {what} {}: {source}", path.display())]
    Os {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The directory while this board has it. Dropping it removes the sockets.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Locked, so that two boards never share a directory and what lies there unlocked may be replaced.
    _lock: File,
}

fn os(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DirectoryError {
    move |source| DirectoryError::Os { what, path: path.to_owned(), source }
}

impl Directory {
    pub(super) fn take(path: &Path) -> Result<Self, DirectoryError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(os("create", path))?;
        let lock = File::open(path).map_err(os("open", path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DirectoryError::Taken(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(os("lock", path)(error)),
        }
    }

    /// Binds a socket of this name, for this user only, never to be seen with another mode or before it listens.
    pub(super) fn bind(&self, name: &str) -> Result<UnixListener, DirectoryError> {
        let (nursery, socket) = (self.path.join(".new"), self.path.join(name));
        let _ = fs::remove_dir_all(&nursery);
        DirBuilder::new().mode(0o700).create(&nursery).map_err(os("create", &nursery))?;
        let newborn = nursery.join(name);
        let listener = UnixListener::bind(&newborn).map_err(os("bind", &newborn))?;
        fs::set_permissions(&newborn, Permissions::from_mode(0o600))
            .map_err(os("set the mode of", &newborn))?;
        fs::rename(&newborn, &socket).map_err(os("move into place", &socket))?;
        fs::remove_dir(&nursery).map_err(os("remove", &nursery))?;
        Ok(listener)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        for name in [LINES_SOCKET, CONTROL_SOCKET] {
            let _ = fs::remove_file(self.path.join(name));
        }
    }
}
