//! Who is at the other end of the guardian's socket, and when that process ends.

use crate::reactor::{self, Descriptor};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

/// The process at the other end, when it connected.
#[derive(Debug)]
pub(super) struct Peer {
    /// Its process id; 0 where it is not visible here.
    pub(super) pid: i32,
    /// The process itself; `None` where the kernel does not give it.
    process: Option<AsyncFd<Descriptor<OwnedFd>>>,
}

impl Peer {
    /// Who is at the other end.
    ///
    /// # Errors
    /// [`io::ErrorKind::PermissionDenied`] for another user's process; what the system says else.
    pub(super) fn of(stream: &UnixStream) -> io::Result<Self> {
        let pid = friend(stream)?;
        let process = match getsockopt(stream, sockopt::PeerPidfd) {
            Ok(process) => Some(process),
            // Before Linux 6.5: by its number, where it has one here.
            Err(_) => Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()),
        };
        Ok(Self { pid, process: process.map(reactor::readable).transpose()? })
    }

    /// A process in a pid namespace that is not below ours, on a kernel before 6.5.
    #[cfg(test)]
    pub(super) fn unseen() -> Self {
        Self { pid: 0, process: None }
    }

    /// Whether the end of the process can be seen.
    pub(super) fn is_seen(&self) -> bool {
        self.process.is_some()
    }

    /// Waits for the end of the process; for ever where that can not be seen.
    pub(super) async fn ended(&self) {
        if let Some(process) = &self.process
            && process.readable().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

/// Refuses the process of any user but ours and root. Answers its id, 0 where it is not visible.
pub(super) fn friend(stream: &UnixStream) -> io::Result<i32> {
    let (peer, us) = (stream.peer_cred()?, geteuid().as_raw());
    if peer.uid() != us && peer.uid() != 0 {
        let text = format!("a process of uid {} is at the other end, and ours is {us}", peer.uid());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(peer.pid().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use tokio::net::UnixListener;

    #[tokio::test]
    async fn the_end_of_a_process_is_seen_even_if_another_keeps_its_connection() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let ours = UnixStream::connect(&path).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let peer = Peer::of(&stream).unwrap();
        assert!(peer.is_seen() && u32::try_from(peer.pid) == Ok(std::process::id()));
        // We live, whatever becomes of the connection.
        drop(ours);
        assert!(futures_util::FutureExt::now_or_never(peer.ended()).is_none());

        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let process = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let peer = Peer { pid: 0, process: Some(reactor::readable(process).unwrap()) };
        child.kill().unwrap();
        peer.ended().await;
        child.wait().unwrap();
    }
}
