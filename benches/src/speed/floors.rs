//! The least that there can be: two processes that pass a few bytes to and fro, or one way, and do nothing else.

use crate::process::{PATIENCE, Process};
use crate::{Fallible, now_ns};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The bench that sends back what it is sent.
pub(crate) const ECHO: &str = "echo";
/// The bench that makes edges: it sends the time to sockets.
pub(crate) const EDGES: &str = "edges";
/// Bytes that go to and fro: a small command's.
const BYTES: usize = 16;

/// Sends back what comes on one connection.
pub(crate) fn echo(mut arguments: impl Iterator<Item = OsString>) -> Fallible<()> {
    let listener = UnixListener::bind(arguments.next().ok_or("which socket?")?)?;
    let (mut stream, _) = listener.accept()?;
    let mut bytes = [0; BYTES];
    while stream.read_exact(&mut bytes).is_ok() {
        stream.write_all(&bytes)?;
    }
    Ok(())
}

/// One that is sent to and fro.
#[derive(Debug)]
pub(super) struct PingPong {
    stream: UnixStream,
    _echo: Process,
}

impl PingPong {
    pub(super) fn start(dir: &Path) -> Fallible<Self> {
        let socket = dir.join("echo.sock");
        let mut command = Command::new(std::env::current_exe()?);
        let mut echo = Process::start(ECHO, command.arg(ECHO).arg(&socket), dir)?;
        let stream = echo.until(|| Ok(UnixStream::connect(&socket)?))?;
        Ok(Self { stream, _echo: echo })
    }

    /// So many round trips, in ns.
    pub(super) fn trips(&mut self, count: u32) -> Fallible<Vec<u64>> {
        let mut bytes = [0; BYTES];
        (0..count)
            .map(|_| {
                let begin_ns = now_ns();
                self.stream.write_all(&bytes)?;
                self.stream.read_exact(&mut bytes)?;
                Ok(now_ns() - begin_ns)
            })
            .collect()
    }
}

/// How edges are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Train {
    /// Edges in all.
    pub(super) count: u32,
    /// Between two datagrams, in µs.
    pub(super) period_us: u64,
    /// Edges in each.
    pub(super) at_once: usize,
}

impl Train {
    /// Begins to send it to sockets, in a process of its own.
    pub(super) fn start(self, to: &[PathBuf], dir: &Path) -> Fallible<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(EDGES).args([
            self.count.to_string(),
            self.period_us.to_string(),
            self.at_once.to_string(),
        ]);
        Process::start(EDGES, command.args(to), dir)
    }
}

/// Sends the time to sockets, again and again.
pub(crate) fn edges(mut arguments: impl Iterator<Item = OsString>) -> Fallible<()> {
    let mut number = || -> Fallible<u64> {
        let text = arguments.next().and_then(|text| text.into_string().ok()).ok_or("how many?")?;
        Ok(text.parse()?)
    };
    let (count, period_us, at_once) = (number()?, number()?, usize::try_from(number()?)?);
    let socket = UnixDatagram::unbound()?;
    let to: Vec<OsString> = arguments.collect();
    // A clock that goes on by itself: one late edge makes no other late.
    let mut due_ns = now_ns();
    for _ in 0..count.div_ceil(at_once as u64) {
        if period_us > 0 {
            due_ns += period_us * 1000;
            let due = TimeSpec::from_duration(Duration::from_nanos(due_ns));
            clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &due)?;
        }
        let stamp = now_ns().to_ne_bytes().repeat(at_once);
        for path in &to {
            socket.send_to(&stamp, path)?;
        }
    }
    Ok(())
}

/// How late so many edges are heard by each of several sockets, in ns: none waits for anything but its own.
pub(super) fn one_way(sockets: usize, train: Train, dir: &Path) -> Fallible<Vec<u64>> {
    let dir = tempfile::tempdir_in(dir)?;
    let paths: Vec<PathBuf> = (0..sockets).map(|n| dir.path().join(n.to_string())).collect();
    let ears = paths.iter().map(UnixDatagram::bind).collect::<Result<Vec<_>, _>>()?;
    let epoll = Epoll::new(EpollCreateFlags::empty())?;
    for (n, ear) in ears.iter().enumerate() {
        epoll.add(ear, EpollEvent::new(EpollFlags::EPOLLIN, n as u64))?;
    }
    let _train = train.start(&paths, dir.path())?;
    let total = sockets * train.count as usize;
    let mut late = Vec::with_capacity(total);
    let mut ready = vec![EpollEvent::empty(); sockets];
    while late.len() < total {
        let count = epoll.wait(&mut ready, EpollTimeout::try_from(PATIENCE)?)?;
        if count == 0 {
            return Err(format!("no edge came for {} s", PATIENCE.as_secs()).into());
        }
        for event in &ready[..count] {
            let mut stamp = [0; 8];
            ears[usize::try_from(event.data())?].recv(&mut stamp)?;
            late.push(now_ns().saturating_sub(u64::from_ne_bytes(stamp)));
        }
    }
    Ok(late)
}
