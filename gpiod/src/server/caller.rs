//! Who is at the other end of a connection.

use crate::holder::Caller;
use crate::pod::Pod;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};
use std::os::fd::AsFd;
use tokio::net::UnixStream;

/// What the kernel vouches for; without it there is no service.
pub(super) fn of_stream(stream: &UnixStream) -> std::io::Result<Caller> {
    let credentials = stream.peer_cred()?;
    let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
    Ok(Caller { uid: credentials.uid(), gid: credentials.gid(), pid, pod: None })
}

/// The same with its pod, where that is known; for those who are let in, since it takes a look at a file.
pub(super) fn with_pod(caller: Caller, stream: &UnixStream) -> Caller {
    let pod = Some(caller.pid).filter(|pid| *pid > 0).and_then(Pod::of_process);
    // Its number may be another's by now if it has ended; what the kernel gives of itself can not.
    Caller { pod: pod.filter(|_| !has_ended(stream)), ..caller }
}

/// Whether the process that connected is known to have ended. Before Linux 6.5 it never is.
fn has_ended(stream: &UnixStream) -> bool {
    let Ok(process) = getsockopt(stream, sockopt::PeerPidfd) else { return false };
    // The descriptor of a process is readable once it has ended: pidfd_open(2).
    let mut process = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    poll(&mut process, PollTimeout::ZERO) != Ok(0)
}
