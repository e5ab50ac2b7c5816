//! The run directory: what is in it, that it is closed to others, and how sockets are made in it and below.

use crate::state_file;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};

/// Below which the full sockets are.
pub(crate) const GROUPS: &str = "groups";
/// Below which the watch sockets are.
pub(crate) const WATCH: &str = "watch";
/// The file name of every socket that clients connect to.
pub(crate) const SOCKET: &str = "gpiod.sock";
/// Where a socket is until it has its rights.
const NURSERY: &str = ".new.sock";
/// What a run directory has in it.
const OURS: [&str; 9] = [
    "admin",
    "guard",
    GROUPS,
    WATCH,
    "lock",
    NURSERY,
    state_file::NAME,
    state_file::NURSERY,
    state_file::SET_ASIDE,
];

/// Where one of a group's sockets is.
pub(crate) fn socket_of(run_dir: &Path, kind: &str, group: &str) -> PathBuf {
    run_dir.join(kind).join(group).join(SOCKET)
}

/// Who may connect to a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights {
    /// Permission bits.
    pub(crate) mode: u32,
    /// The Unix group; ours where there is none.
    pub(crate) gid: Option<u32>,
}

impl Rights {
    /// Gives them to a socket.
    pub(crate) fn give(self, path: &Path) -> io::Result<()> {
        chown(path, None, self.gid)?;
        fs::set_permissions(path, Permissions::from_mode(self.mode))
    }
}

/// Binds a socket in a closed directory of our own, and moves it to its place when it has its rights: there it is never
/// missing, and never open to the wrong user.
pub(crate) fn bind(closed: &Path, path: &Path, rights: Rights) -> io::Result<UnixListener> {
    // What can be renamed there can still be too long to connect to.
    SocketAddr::from_pathname(path)?;
    let nursery = closed.join(NURSERY);
    remove(&nursery)?;
    let listener = UnixListener::bind(&nursery)?;
    listener.set_nonblocking(true)?;
    rights.give(&nursery)?;
    fs::rename(&nursery, path)?;
    Ok(listener)
}

/// Tries whether a socket can be given these rights, on one that nobody sees.
pub(crate) fn try_rights(closed: &Path, rights: Rights) -> io::Result<()> {
    let nursery = closed.join(NURSERY);
    remove(&nursery)?;
    UnixListener::bind(&nursery)?;
    let given = rights.give(&nursery);
    remove(&nursery)?;
    given
}

/// Makes the run directory if need be, and closes it to all users but our own.
pub(crate) fn closed(path: &Path) -> io::Result<()> {
    let fail = |error: io::Error| at(path, &error);
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail)?;
    // It may have been made for us with other rights; somebody else's is not ours to close. What was added before
    // it was closed is looked for again.
    ours_alone(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(fail)?;
    ours_alone(path)
}

/// The lock in a directory: held by one process as long as the value lives.
pub(crate) fn lock(dir: &Path) -> io::Result<Flock<File>> {
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).open(dir.join("lock"));
    let file = file.map_err(|error| at(dir, &error))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| io::Error::from(errno))
}

/// Refuses a directory that is another user's or has things in it that are not ours.
fn ours_alone(path: &Path) -> io::Result<()> {
    let fail = |error: io::Error| at(path, &error);
    own(path)?;
    for entry in fs::read_dir(path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if !OURS.iter().any(|ours| entry.file_name() == *ours) {
            let name = entry.file_name().display().to_string();
            return Err(refuse(path, format!("holds {name}, so it is not gpiod's alone")));
        }
        // What the state file is, is looked at when it is read: no start fails because of it.
        if entry.file_name() != state_file::NAME {
            own(&entry.path())?;
        }
    }
    Ok(())
}

/// Refuses what is another user's, or a link to somewhere else.
pub(crate) fn own(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path).map_err(|error| at(path, &error))?;
    if metadata.is_symlink() {
        return Err(refuse(path, "is a link".to_owned()));
    }
    let (owner, us) = (metadata.uid(), nix::unistd::geteuid().as_raw());
    if owner == us { Ok(()) } else { Err(refuse(path, format!("belongs to uid {owner}, not to our {us}"))) }
}

fn refuse(path: &Path, why: String) -> io::Error {
    at(path, &io::Error::new(io::ErrorKind::AlreadyExists, why))
}

pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path).map_err(|error| (error.kind(), error)) {
        Ok(()) | Err((io::ErrorKind::NotFound | io::ErrorKind::NotADirectory, _)) => Ok(()),
        Err((_, error)) => Err(error),
    }
}

pub(crate) fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
