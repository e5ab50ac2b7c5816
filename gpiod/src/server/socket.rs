//! The sockets: made at start, each in a directory of its own that is never removed.
//!
//! A pod mounts the directory, not the socket, so it finds a restarted daemon's new socket at the same path. A socket
//! is bound under a temporary name, given its rights, and renamed: the path is never missing and never open to the
//! wrong user, and a predecessor's socket is replaced in one step.

use crate::broker::Scope;
use crate::config::{Config, Group};
use crate::wiring::GroupIndex;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// The file name of every socket.
const NAME: &str = "gpiod.sock";

/// A socket that clients can connect to.
#[derive(Debug)]
pub struct Socket {
    /// Where.
    pub path: PathBuf,
    /// What it gives access to.
    pub scope: Scope,
    pub(super) listener: UnixListener,
}

/// A run directory that is ours alone as long as this value lives.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: Flock<File>,
}

impl RunDir {
    /// Makes the directory if need be, with access for our own user only, and locks it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another daemon has it; what the system says else.
    pub fn take(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| at(path, &error))?;
        let file = File::create(path.join("lock"))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| io::Error::from(errno))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Binds all sockets of a configuration.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn bind(&self, config: &Config) -> io::Result<Vec<Socket>> {
        let admin = Rights { mode: 0o600, gid: None };
        let mut sockets = vec![self.bind_one("admin", Scope::Admin, admin)?];
        for (index, group) in config.groups.iter().enumerate() {
            let rights = Rights::of(group);
            let full = format!("groups/{}", group.name);
            let watch = format!("watch/{}", group.name);
            sockets.push(self.bind_one(&full, Scope::Group(GroupIndex(index)), rights)?);
            sockets.push(self.bind_one(&watch, Scope::Watch(GroupIndex(index)), rights)?);
        }
        Ok(sockets)
    }

    fn bind_one(&self, dir: &str, scope: Scope, rights: Rights) -> io::Result<Socket> {
        let dir = self.path.join(dir);
        let path = dir.join(NAME);
        let listener = bind(&dir, &path, rights).map_err(|error| at(&path, &error))?;
        Ok(Socket { path, scope, listener })
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
}

fn bind(dir: &Path, path: &Path, rights: Rights) -> io::Result<UnixListener> {
    // Whoever has the directory mounted must get through it, whatever our umask is.
    DirBuilder::new().recursive(true).create(dir)?;
    fs::set_permissions(dir, Permissions::from_mode(0o755))?;
    let temporary = dir.join(".gpiod.sock.new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&temporary)?;
    chown(&temporary, None, rights.gid)?;
    fs::set_permissions(&temporary, Permissions::from_mode(rights.mode))?;
    fs::rename(&temporary, path)?;
    Ok(listener)
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
