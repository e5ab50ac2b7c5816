//! Where the daemon's socket is: a function of the environment and of what directories hold, and of nothing else.

use crate::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Directories with one directory for each line group: first those that may drive, then those that may not.
const ROOTS: [&str; 2] = ["/run/gpiod/groups", "/run/gpiod/watch"];

/// The socket's name in its directory.
const SOCKET: &str = "gpiod.sock";

/// The environment variable that names the socket.
pub(crate) const VARIABLE: &str = "GPIOD_SOCKET";

/// The socket to use. `variable` is the value of [`VARIABLE`]; `sockets` lists the sockets that exist one level
/// below a directory.
pub(crate) fn find(
    variable: Option<OsString>,
    group: Option<&str>,
    sockets: impl Fn(&Path) -> Vec<PathBuf>,
) -> Result<PathBuf, Error> {
    if let Some(path) = variable.filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    if group.is_some_and(|name| name.is_empty() || name.contains('/') || name.starts_with('.')) {
        return Err(Error::invalid(format!("{:?} can not be the name of a line group", group.unwrap_or(""))));
    }
    for root in ROOTS.map(Path::new) {
        let mut found = sockets(root);
        if let Some(group) = group {
            found.retain(|socket| *socket == root.join(group).join(SOCKET));
        }
        found.sort();
        match found.len() {
            0 => {}
            1 => return Ok(found.remove(0)),
            _ => return Err(Error::SocketAmbiguous { found }),
        }
    }
    let looked = ROOTS.map(|root| Path::new(root).join(group.unwrap_or("*")).join(SOCKET)).to_vec();
    Err(Error::SocketNotFound { looked })
}

/// The sockets that exist one level below a directory; none where it can not be read.
pub(crate) fn list(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = root.read_dir() else { return Vec::new() };
    entries.flatten().map(|entry| entry.path().join(SOCKET)).filter(|socket| socket.exists()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: &str = "/run/gpiod/groups/red/gpiod.sock";
    const BLUE: &str = "/run/gpiod/groups/blue/gpiod.sock";
    const READER: &str = "/run/gpiod/watch/red/gpiod.sock";

    fn find_among(variable: Option<&str>, group: Option<&str>, all: &[&str]) -> Result<PathBuf, Error> {
        find(variable.map(Into::into), group, |root| {
            all.iter().map(PathBuf::from).filter(|path| path.starts_with(root)).collect()
        })
    }

    #[test]
    fn the_environment_wins_over_all_that_is_found() {
        assert_eq!(find_among(Some("/a.sock"), Some("red"), &[RED]).unwrap(), Path::new("/a.sock"));
    }

    #[test]
    fn an_empty_variable_is_none() {
        assert_eq!(find_among(Some(""), None, &[RED]).unwrap(), Path::new(RED));
    }

    #[test]
    fn the_only_group_is_taken_before_a_reader() {
        assert_eq!(find_among(None, None, &[READER, RED]).unwrap(), Path::new(RED));
    }

    #[test]
    fn a_reader_is_taken_where_no_group_is() {
        assert_eq!(find_among(None, None, &[READER]).unwrap(), Path::new(READER));
        assert_eq!(find_among(None, Some("red"), &[READER, BLUE]).unwrap(), Path::new(READER));
    }

    #[test]
    fn several_groups_are_listed_and_the_group_decides() {
        let error = find_among(None, None, &[RED, BLUE]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(RED) && text.contains(BLUE) && text.contains("name the group"), "{text}");
        assert_eq!(find_among(None, Some("blue"), &[RED, BLUE]).unwrap(), Path::new(BLUE));
    }

    #[test]
    fn nothing_found_says_where_it_looked() {
        let text = find_among(None, None, &[]).unwrap_err().to_string();
        assert!(text.contains("/run/gpiod/groups/*/gpiod.sock"), "{text}");
        assert!(text.contains("/run/gpiod/watch/*/gpiod.sock"), "{text}");
        let text = find_among(None, Some("green"), &[RED]).unwrap_err().to_string();
        assert!(text.contains("/run/gpiod/groups/green/gpiod.sock"), "{text}");
    }

    #[test]
    fn a_group_is_a_name_and_no_path() {
        for name in ["", "../admin", "a/b", ".."] {
            assert!(matches!(find_among(None, Some(name), &[RED]), Err(Error::Invalid { .. })), "{name}");
        }
    }

    #[test]
    fn only_sockets_that_exist_are_listed() {
        let root = tempfile::tempdir().unwrap();
        for group in ["red", "blue"] {
            std::fs::create_dir(root.path().join(group)).unwrap();
        }
        let socket = root.path().join("red/gpiod.sock");
        std::fs::write(&socket, "").unwrap();
        assert_eq!(list(root.path()), [socket]);
        assert_eq!(list(&root.path().join("none")), [] as [PathBuf; 0]);
    }
}
