//! What happens in the kubelet's directory of plugins, as inotify tells it: its own socket is made anew when it is started
//! anew, and ours are deleted then. A sign says no more than that it is to be looked.

use crate::reactor::{self, Descriptor};
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use tokio::io::unix::AsyncFd;

/// A directory that is watched or, until there is one, where it will be.
#[derive(Debug)]
pub(super) struct Signs {
    inotify: AsyncFd<Descriptor<Inotify>>,
    watched: Option<WatchDescriptor>,
    /// Whose coming and going is a sign: the kubelet writes other files there with each pod.
    names: Vec<OsString>,
}

impl Signs {
    /// # Errors
    /// When the system has no more to give.
    pub(super) fn new() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        Ok(Self { inotify: reactor::readable(inotify)?, watched: None, names: Vec::new() })
    }

    /// Watches a directory for these names. What happens after the call gives a sign.
    ///
    /// # Errors
    /// What the system does not let us watch.
    pub(super) fn follow(&mut self, dir: &Path, names: impl Iterator<Item = String>) -> io::Result<()> {
        let flags = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        self.names = names.map(OsString::from).collect();
        let (mut here, mut missing) = (dir, None);
        let watch = loop {
            match self.inotify.get_ref().0.add_watch(here, flags) {
                // What is missing may have come before this was watched.
                Ok(_) if missing.is_some_and(|name| here.join(name).is_dir()) => {
                    (here, missing) = (dir, None);
                }
                Ok(watch) => break watch,
                // It begins further up, where the next name on the way comes.
                Err(Errno::ENOENT | Errno::ENOTDIR) => {
                    let up = here.parent().zip(here.file_name());
                    let (parent, name) = up.ok_or(Errno::ENOENT)?;
                    (here, missing) = (parent, Some(name));
                }
                Err(errno) => return Err(errno.into()),
            }
        };
        if let Some(name) = missing {
            self.names = vec![name.to_owned()];
        }
        if let Some(before) = self.watched.replace(watch).filter(|before| *before != watch) {
            // One whose place was deleted has gone by itself.
            let _ = self.inotify.get_ref().0.rm_watch(before);
        }
        Ok(())
    }

    /// Waits for a sign. May be dropped while it waits; nothing is lost.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn next(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.inotify.readable_mut().await?;
            let mut sign = false;
            match ready.get_inner_mut().0.read_events() {
                Ok(events) => {
                    for event in events {
                        // Of the directory itself, or that signs were lost: they have no name.
                        sign |= event.name.is_none_or(|name| self.names.contains(&name));
                    }
                }
                Err(Errno::EAGAIN) => ready.clear_ready(),
                Err(errno) => return Err(errno.into()),
            }
            if sign {
                return Ok(());
            }
            // A directory in which others do much still gives everybody their turn.
            tokio::task::consume_budget().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::fs;

    /// Whether there is a sign now.
    fn sign(signs: &mut Signs) -> bool {
        signs.next().now_or_never().is_some()
    }

    async fn next(signs: &mut Signs) {
        signs.next().await.unwrap();
    }

    #[tokio::test]
    async fn the_kubelets_socket_and_ours_give_signs_and_its_other_files_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut signs = Signs::new().unwrap();
        signs.follow(dir.path(), ["kubelet.sock", "ours.sock"].map(str::to_owned).into_iter()).unwrap();
        fs::write(dir.path().join("ours.sock"), "").unwrap();
        next(&mut signs).await;
        fs::write(dir.path().join("kubelet_internal_checkpoint"), "").unwrap();
        fs::remove_file(dir.path().join("ours.sock")).unwrap();
        next(&mut signs).await;
        fs::write(dir.path().join("kubelet.sock"), "").unwrap();
        next(&mut signs).await;
        assert!(!sign(&mut signs));
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_yet_is_waited_for_from_where_it_will_begin() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = dir.path().join("kubelet").join("device-plugins");
        let mut signs = Signs::new().unwrap();
        let follow =
            |signs: &mut Signs| signs.follow(&wanted, ["kubelet.sock".to_owned()].into_iter()).unwrap();
        follow(&mut signs);
        fs::create_dir(dir.path().join("other")).unwrap();
        fs::create_dir(dir.path().join("kubelet")).unwrap();
        next(&mut signs).await;
        follow(&mut signs);
        fs::create_dir(&wanted).unwrap();
        next(&mut signs).await;
        follow(&mut signs);
        fs::write(wanted.join("kubelet.sock"), "").unwrap();
        next(&mut signs).await;
    }
}
