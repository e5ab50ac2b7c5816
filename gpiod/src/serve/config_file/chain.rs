//! All that a path hangs on, watched: the directories on its way, those in which its links stand, and the file itself.
//!
//! Only where a name of ours may change is a directory watched for its names; further up it is watched for being moved
//! itself, so that what others do in `/tmp` or `/etc` wakes nobody.

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// The most steps of one way, with those of its links: also the end of links that go in a circle.
const MAX_STEPS: usize = 256;

/// A way through the file system, watched.
#[derive(Debug)]
pub(super) struct Chain {
    inotify: Inotify,
    watched: Watched,
}

type Watched = HashMap<WatchDescriptor, Spot>;

/// What is watched at one place.
#[derive(Debug, Default)]
struct Spot {
    path: PathBuf,
    /// Which names in it are ours; none where only it itself is.
    names: Vec<OsString>,
}

impl AsFd for Chain {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

impl Chain {
    /// One that watches nothing yet.
    ///
    /// # Errors
    /// When the system has no more to give.
    pub(super) fn new() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        Ok(Self { inotify, watched: Watched::new() })
    }

    /// Watches the way that the path has now, and nothing else any more. What changes on it after the call gives a sign.
    ///
    /// # Errors
    /// What the system does not let us watch, or a way without end; the rest of it is watched.
    pub(super) fn follow(&mut self, path: &Path) -> io::Result<()> {
        let mut now = Watched::new();
        let outcome = self.walk(path, &mut now);
        for gone in self.watched.keys().filter(|old| !now.contains_key(old)) {
            // One whose place was deleted has gone by itself.
            let _ = self.inotify.rm_watch(*gone);
        }
        self.watched = now;
        outcome
    }

    /// Goes as the kernel does. A place is watched before it is looked at, so that nothing changes unseen in between.
    fn walk(&self, path: &Path, now: &mut Watched) -> io::Result<()> {
        let (mut here, mut left) = (PathBuf::from("/"), Vec::new());
        push(&mut left, &std::path::absolute(path)?);
        for _ in 0..MAX_STEPS {
            let Some(name) = left.last().cloned() else { return Ok(()) };
            if name == ".." {
                left.pop();
                here.pop();
                continue;
            }
            let place = here.join(&name);
            if fs::symlink_metadata(&place).is_ok_and(|found| found.is_dir()) {
                // Who may pass through a directory need not be let to list it.
                match self.watch(now, &place, None) {
                    // It has just become something else: looked at anew.
                    Err(Errno::ENOTDIR | Errno::ENOENT) => continue,
                    Ok(()) | Err(Errno::EACCES) => {}
                    Err(errno) => return Err(errno.into()),
                }
                left.pop();
                here = place;
                continue;
            }
            self.watch(now, &here, Some(&name))?;
            match fs::symlink_metadata(&place) {
                Ok(found) if found.is_dir() => {}
                Ok(found) if found.is_symlink() => {
                    let Ok(target) = fs::read_link(&place) else { continue };
                    left.pop();
                    if target.is_absolute() {
                        here = PathBuf::from("/");
                    }
                    push(&mut left, &target);
                }
                Ok(_) => {
                    // It may be written to by another of its names.
                    let written = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_DONT_FOLLOW;
                    return match self.inotify.add_watch(&place, written) {
                        Ok(file) => {
                            now.insert(file, Spot { path: place, names: Vec::new() });
                            Ok(())
                        }
                        // It has just gone, which may be seen above.
                        Err(Errno::ENOENT) => Ok(()),
                        Err(errno) => Err(errno.into()),
                    };
                }
                // It begins here when it comes.
                Err(_) => return Ok(()),
            }
        }
        Err(Errno::ELOOP.into())
    }

    /// Watches a directory for itself and, once a name in it is ours, for its names.
    fn watch(&self, now: &mut Watched, dir: &Path, name: Option<&OsStr>) -> nix::Result<()> {
        let known = now.values().find(|spot| spot.path == dir).map(|spot| spot.names.clone());
        let mut names = known.unwrap_or_default();
        names.extend(name.map(OsStr::to_owned));
        let mut flags = AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_ONLYDIR
            | AddWatchFlags::IN_DONT_FOLLOW;
        if !names.is_empty() {
            flags |= AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CREATE;
        }
        let watch = self.inotify.add_watch(dir, flags)?;
        now.insert(watch, Spot { path: dir.to_owned(), names });
        Ok(())
    }

    /// Takes the signs that are there, and tells whether one is ours; `None` where there is none.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn signs(&self) -> io::Result<Option<bool>> {
        match self.inotify.read_events() {
            Ok(events) => Ok(Some(events.iter().any(|event| self.concerns(event)))),
            Err(Errno::EAGAIN) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn concerns(&self, event: &InotifyEvent) -> bool {
        let Some(spot) = self.watched.get(&event.wd) else {
            // Signs that were lost may have been ours.
            return event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
        };
        let Some(name) = &event.name else { return true };
        let made = event.mask.contains(AddWatchFlags::IN_CREATE);
        spot.names.contains(name) && (!made || fs::symlink_metadata(spot.path.join(name)).is_ok_and(is_whole))
    }
}

/// Whether what has just been made says already what it is to say: a link does. A file's new name changes the time of
/// its status alone, and a file that is being written has both times the same: that one is read when it is closed.
fn is_whole(found: Metadata) -> bool {
    let (written, changed) = ((found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec()));
    !found.is_file() || found.nlink() > 1 || written < changed
}

/// Puts the steps of a path before those that are left.
fn push(left: &mut Vec<OsString>, path: &Path) {
    let steps = path.components().filter_map(|step| match step {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    let at = left.len();
    left.extend(steps);
    left[at..].reverse();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    fn followed(path: &Path) -> Chain {
        let mut chain = Chain::new().unwrap();
        chain.follow(path).unwrap();
        chain
    }

    /// Whether any sign that is there is ours.
    fn sign(chain: &Chain) -> bool {
        let mut ours = false;
        while let Some(sign) = chain.signs().unwrap() {
            ours |= sign;
        }
        ours
    }

    #[test]
    fn a_file_that_is_only_just_made_gives_no_sign_until_it_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gpiod.toml");
        let chain = followed(&path);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!sign(&chain));
        drop(file);
        assert!(sign(&chain));
    }

    #[test]
    fn what_others_do_beside_the_file_and_further_up_gives_no_sign() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("etc").join("gpiod.toml");
        fs::create_dir(dir.path().join("etc")).unwrap();
        fs::write(&path, "").unwrap();
        let chain = followed(&path);
        fs::write(dir.path().join("etc").join("other"), "").unwrap();
        symlink("other", dir.path().join("etc").join("link")).unwrap();
        assert!(!sign(&chain));
        fs::write(dir.path().join("gpiod.toml"), "").unwrap();
        assert!(chain.signs().unwrap().is_none(), "it is not even woken");
    }

    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let dir = tempfile::tempdir().unwrap();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        let mut chain = Chain::new().unwrap();
        let error = chain.follow(&dir.path().join("a")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::ELOOP as i32));
        fs::remove_file(dir.path().join("b")).unwrap();
        fs::write(dir.path().join("b"), "").unwrap();
        assert!(sign(&chain), "what is on the circle is watched all the same");
    }
}
