//! The sockets: made at start, each in a directory of its own that is never removed.
//!
//! A pod mounts the directory, not the socket, so it finds a restarted daemon's new socket at the same path. A socket
//! is bound in our own closed directory, given its rights, and moved to its place: the path is never missing and never
//! open to the wrong user, and a predecessor's socket is replaced in one step.

use super::doors::{Door, House};
use crate::broker::Scope;
use crate::config::{Config, Group};
use crate::run_dir::{
    GROUPS, Rights, SOCKET, WATCH, at, bind, closed, lock, own, remove, socket_of, try_rights,
};
use crate::wiring::GroupIndex;
use nix::fcntl::Flock;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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
    /// What all sockets share.
    house: OnceLock<House>,
}

impl RunDir {
    /// Makes the directory if need be, closes it to all users but our own, and locks it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another daemon has it; [`io::ErrorKind::AlreadyExists`] for a directory
    /// that is another user's or has things in it that are not ours; what the system says else.
    pub fn take(path: &Path) -> io::Result<Self> {
        closed(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)?, house: OnceLock::new() })
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
        let house = self.house.get_or_init(|| House::new(config)).clone();
        let mut sockets =
            vec![self.bind_one("admin", Scope::Admin, admin, Door::new(&house, &config.limits))?];
        for (index, group) in config.groups.iter().enumerate() {
            sockets.push(self.bind_group(config, group, Scope::Group(GroupIndex(index)), &house)?);
            sockets.push(self.bind_group(config, group, Scope::Watch(GroupIndex(index)), &house)?);
        }
        self.remove_others(&sockets)?;
        Ok(sockets)
    }

    /// Binds one of a group's sockets.
    fn bind_group(&self, config: &Config, group: &Group, scope: Scope, house: &House) -> io::Result<Socket> {
        let kind = if matches!(scope, Scope::Watch(_)) { WATCH } else { GROUPS };
        let door = Door::new(house, &config.limits);
        self.bind_one(&format!("{kind}/{}", group.name), scope, rights(group), door)
    }

    /// Binds one of a group's sockets while others are served.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn bind_later(&self, config: &Config, group: &Group, scope: Scope) -> io::Result<Socket> {
        self.bind_group(config, group, scope, &self.house.get_or_init(|| House::new(config)).later())
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
        let rights = rights(group);
        let paths = self.sockets_of(&group.name);
        paths.iter().try_for_each(|path| rights.give(path).map_err(|error| at(path, &error)))
    }

    /// Tries whether a group's sockets can be given the rights that its configuration says.
    ///
    /// # Errors
    /// What the system says, with a path.
    pub fn try_rights(&self, group: &Group) -> io::Result<()> {
        let [path, _] = self.sockets_of(&group.name);
        try_rights(&self.path, rights(group)).map_err(|error| at(&path, &error))
    }

    fn sockets_of(&self, group: &str) -> [PathBuf; 2] {
        [GROUPS, WATCH].map(|kind| socket_of(&self.path, kind, group))
    }

    fn bind_one(&self, dir: &str, scope: Scope, rights: Rights, door: Door) -> io::Result<Socket> {
        let dir = self.path.join(dir);
        let path = dir.join(SOCKET);
        let listener = self.bind_at(&dir, &path, rights).map_err(|error| at(&path, &error))?;
        Ok(Socket { path, scope, listener, door })
    }

    /// Binds in our own closed directory and moves the socket out with the rights that it is to have.
    fn bind_at(&self, dir: &Path, path: &Path, rights: Rights) -> io::Result<UnixListener> {
        // Whoever has the directory mounted must get through it, whatever our umask is.
        DirBuilder::new().recursive(true).create(dir)?;
        own(dir)?;
        fs::set_permissions(dir, Permissions::from_mode(0o755))?;
        bind(&self.path, path, rights)
    }

    fn remove_others(&self, sockets: &[Socket]) -> io::Result<()> {
        for kind in [GROUPS, WATCH] {
            let dir = self.path.join(kind);
            for entry in fs::read_dir(&dir).map_err(|error| at(&dir, &error))? {
                let path = entry?.path().join(SOCKET);
                if !sockets.iter().any(|socket| socket.path == path) {
                    remove(&path).map_err(|error| at(&path, &error))?;
                }
            }
        }
        Ok(())
    }
}

/// Removes a socket that nobody was served by.
///
/// # Errors
/// What the system says, with the path.
pub fn unbind(socket: Socket) -> io::Result<()> {
    remove(&socket.path).map_err(|error| at(&socket.path, &error))
}

fn rights(group: &Group) -> Rights {
    Rights { mode: group.socket_mode, gid: group.socket_gid }
}
