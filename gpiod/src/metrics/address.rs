//! Where metrics are served: a TCP address or a Unix socket.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The rights of a Unix socket: its directory decides who else gets there.
const MODE: u32 = 0o660;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("a path is missing behind unix:".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                "it is an IP address with a port, such as 127.0.0.1:9090, or unix:PATH".to_owned()
            }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A socket that listens; who connects waits until it is served. A Unix socket's path stays, for the next daemon to replace.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: Socket,
    address: Address,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens at an address. `run_dir` is the daemon's own, in which nothing else may be.
    ///
    /// # Errors
    /// What the system says, with the address.
    pub fn bind(address: &Address, run_dir: &Path) -> io::Result<Self> {
        let bound = match address {
            Address::Tcp(address) => TcpListener::bind(address)
                .and_then(|listener| Ok((Address::Tcp(listener.local_addr()?), Socket::Tcp(listener)))),
            Address::Unix(path) => {
                unix(path, run_dir).map(|listener| (address.clone(), Socket::Unix(listener)))
            }
        };
        let (address, socket) =
            bound.map_err(|error| io::Error::new(error.kind(), format!("metrics at {address}: {error}")))?;
        Ok(Self { socket, address })
    }

    /// Where it listens, with the port that the system chose if 0 was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether others than processes of this machine reach it.
    pub fn is_open(&self) -> bool {
        matches!(self.address, Address::Tcp(address) if !address.ip().is_loopback())
    }
}

/// Takes the place of a predecessor's socket, and of nothing else.
fn unix(path: &Path, run_dir: &Path) -> io::Result<UnixListener> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let run_dir = fs::canonicalize(run_dir).unwrap_or_else(|_| run_dir.to_owned());
    if fs::canonicalize(parent)?.starts_with(run_dir) {
        return refuse("the run directory is for gpiod's own files");
    }
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => return refuse("what is there is no socket"),
        Ok(_) if UnixStream::connect(path).is_ok() => return refuse("somebody listens there"),
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_ip_address_with_a_port_or_a_path() {
        for text in ["127.0.0.1:9090", "[::1]:9090", "unix:/run/metrics.sock"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", "9090", "localhost:9090", "127.0.0.1", "unix:", "/run/metrics.sock"] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_predecessors_socket_is_replaced_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.sock");
        let bind = |run_dir: &Path| Listener::bind(&Address::Unix(path.clone()), run_dir);
        drop(bind(Path::new("/run/gpiod")).unwrap());
        let listener = bind(Path::new("/run/gpiod")).unwrap();
        assert!(bind(Path::new("/run/gpiod")).unwrap_err().to_string().ends_with("somebody listens there"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        drop(listener);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        let refused = bind(Path::new("/run/gpiod")).unwrap_err().to_string();
        assert_eq!(refused, format!("metrics at unix:{}: what is there is no socket", path.display()));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        bind(dir.path()).unwrap_err();
    }

    #[test]
    fn who_listens_for_other_machines_is_known() {
        let bind = |text: &str| Listener::bind(&text.parse().unwrap(), Path::new("/run/gpiod")).unwrap();
        assert!(!bind("127.0.0.1:0").is_open());
        assert!(bind("0.0.0.0:0").is_open());
    }
}
