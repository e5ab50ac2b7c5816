//! The sockets: made at start, each in a directory of its own that is never removed.
//!
//! A pod mounts the directory, not the socket, so it finds a restarted daemon's new socket at the same path. A socket
//! is bound in our own closed directory, given its rights, and moved to its place: the path is never missing and never
//! open to the wrong user, and a predecessor's socket is replaced in one step.

use super::doors::{Door, Hall};
use crate::broker::Scope;
use crate::config::{Config, Group};
use crate::state_file;
use crate::wiring::GroupIndex;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The file name of every socket.
const NAME: &str = "gpiod.sock";
/// Below which the full sockets are.
const GROUPS: &str = "groups";
/// Below which the watch sockets are.
const WATCH: &str = "watch";
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

/// A socket that clients can connect to.
#[derive(Debug)]
pub struct Socket {
    /// Where.
    pub path: PathBuf,
    /// What it gives access to.
    pub scope: Scope,
    pub(super) listener: UnixListener,
    pub(super) door: Door,
}

/// A run directory that is ours alone as long as this value lives.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: Flock<File>,
    /// The places that all sockets share.
    hall: OnceLock<Hall>,
}

impl RunDir {
    /// Makes the directory if need be, closes it to all users but our own, and locks it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another daemon has it; [`io::ErrorKind::AlreadyExists`] for a directory
    /// that is another user's or has things in it that are not ours; what the system says else.
    pub fn take(path: &Path) -> io::Result<Self> {
        closed(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)?, hall: OnceLock::new() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Binds all sockets of a configuration, and removes those of groups that are no longer in it. Directories stay.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn bind(&self, config: &Config) -> io::Result<Vec<Socket>> {
        let admin = Rights { mode: 0o600, gid: None };
        let hall = self.hall.get_or_init(|| Hall::new(config)).clone();
        let mut sockets =
            vec![self.bind_one("admin", Scope::Admin, admin, Door::new(&hall, &config.limits))?];
        for (index, group) in config.groups.iter().enumerate() {
            sockets.push(self.bind_group(config, group, Scope::Group(GroupIndex(index)), &hall)?);
            sockets.push(self.bind_group(config, group, Scope::Watch(GroupIndex(index)), &hall)?);
        }
        self.remove_others(&sockets)?;
        Ok(sockets)
    }

    /// Binds one of a group's sockets.
    fn bind_group(&self, config: &Config, group: &Group, scope: Scope, hall: &Hall) -> io::Result<Socket> {
        let kind = if matches!(scope, Scope::Watch(_)) { WATCH } else { GROUPS };
        let door = Door::new(hall, &config.limits);
        self.bind_one(&format!("{kind}/{}", group.name), scope, Rights::of(group), door)
    }

    /// Binds one of a group's sockets while others are served.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn bind_later(&self, config: &Config, group: &Group, scope: Scope) -> io::Result<Socket> {
        self.bind_group(config, group, scope, &self.hall.get_or_init(|| Hall::new(config)).later())
    }

    /// Removes a group's sockets. Its directories stay: whoever has one mounted finds the group there when it is back.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn remove_group(&self, group: &str) -> io::Result<()> {
        self.sockets_of(group).iter().try_for_each(|path| remove(path).map_err(|error| at(path, &error)))
    }

    /// Gives a group's sockets the rights that its configuration says.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn set_rights(&self, group: &Group) -> io::Result<()> {
        let rights = Rights::of(group);
        let paths = self.sockets_of(&group.name);
        paths.iter().try_for_each(|path| rights.give(path).map_err(|error| at(path, &error)))
    }

    fn sockets_of(&self, group: &str) -> [PathBuf; 2] {
        [GROUPS, WATCH].map(|kind| self.path.join(kind).join(group).join(NAME))
    }

    fn bind_one(&self, dir: &str, scope: Scope, rights: Rights, door: Door) -> io::Result<Socket> {
        let dir = self.path.join(dir);
        let path = dir.join(NAME);
        let listener = self.bind_at(&dir, &path, rights).map_err(|error| at(&path, &error))?;
        Ok(Socket { path, scope, listener, door })
    }

    /// Binds in our own closed directory and moves the socket out with the rights that it is to have.
    fn bind_at(&self, dir: &Path, path: &Path, rights: Rights) -> io::Result<UnixListener> {
        // Whoever has the directory mounted must get through it, whatever our umask is.
        DirBuilder::new().recursive(true).create(dir)?;
        own(dir)?;
        fs::set_permissions(dir, Permissions::from_mode(0o755))?;
        // What can be renamed there can still be too long to connect to.
        SocketAddr::from_pathname(path)?;
        let nursery = self.path.join(NURSERY);
        remove(&nursery)?;
        let listener = UnixListener::bind(&nursery)?;
        listener.set_nonblocking(true)?;
        rights.give(&nursery)?;
        fs::rename(&nursery, path)?;
        Ok(listener)
    }

    fn remove_others(&self, sockets: &[Socket]) -> io::Result<()> {
        for kind in [GROUPS, WATCH] {
            let dir = self.path.join(kind);
            for entry in fs::read_dir(&dir).map_err(|error| at(&dir, &error))? {
                let path = entry?.path().join(NAME);
                if !sockets.iter().any(|socket| socket.path == path) {
                    remove(&path).map_err(|error| at(&path, &error))?;
                }
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Rights {
    mode: u32,
    gid: Option<u32>,
}

impl Rights {
    fn of(group: &Group) -> Self {
        Self { mode: group.socket_mode, gid: group.socket_gid }
    }

    fn give(self, path: &Path) -> io::Result<()> {
        chown(path, None, self.gid)?;
        fs::set_permissions(path, Permissions::from_mode(self.mode))
    }
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
        own(&entry.path())?;
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
