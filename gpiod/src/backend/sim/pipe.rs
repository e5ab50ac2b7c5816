//! One connection to the board's `lines.sock`: JSON lines, in turn, never waiting for longer than a hung board deserves.

use crate::board::messages::{LONGEST_REPLY, LineReply, LineRequest};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long a call waits for the board.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Pipe {
    stream: UnixStream,
    /// What has arrived and is not a whole line yet.
    unread: Vec<u8>,
    /// Whether a reply did not come in time: it may come yet, and then belongs to no question.
    hung: bool,
}

impl Pipe {
    pub(super) fn connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket).map_err(|error| {
            io::Error::new(error.kind(), format!("no board at {}: {error}", socket.display()))
        })?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, unread: Vec::new(), hung: false })
    }

    /// A handle to close this connection with.
    pub(super) fn alarm(&self) -> io::Result<UnixStream> {
        self.stream.try_clone()
    }

    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        self.stream.set_nonblocking(true)
    }

    pub(super) fn send(&mut self, request: &LineRequest) -> io::Result<()> {
        let mut text = serde_json::to_vec(request)?;
        text.push(b'\n');
        self.stream.write_all(&text).map_err(explained)
    }

    /// Sends a request and waits for its reply. When none comes in time, the connection is of no more use.
    pub(super) fn ask(&mut self, request: &LineRequest) -> io::Result<LineReply> {
        if self.hung {
            return Err(hung());
        }
        if let Err(error) = self.send(request) {
            // A board that has too many connections says so before it closes this one.
            return self.try_next().ok().flatten().ok_or(error);
        }
        let reply = self.try_next()?;
        self.hung = reply.is_none();
        reply.ok_or_else(hung)
    }

    /// The next reply; `None` when nothing came: at once on a connection that does not block, else after a while.
    pub(super) fn try_next(&mut self) -> io::Result<Option<LineReply>> {
        let mut chunk = [0; 8192];
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let line =
                    str::from_utf8(&line).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
                return Ok(Some(serde_json::from_str(line)?));
            }
            if self.unread.len() > LONGEST_REPLY {
                return Err(io::Error::new(ErrorKind::InvalidData, "the simulated board sends without end"));
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(gone(ErrorKind::UnexpectedEof)),
                Ok(n) => self.unread.extend(chunk.iter().take(n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(explained(error)),
            }
        }
    }
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn gone(kind: ErrorKind) -> io::Error {
    io::Error::new(kind, "the simulated board has gone")
}

fn hung() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the simulated board does not answer")
}

/// Says in words what a broken connection means.
fn explained(error: io::Error) -> io::Error {
    let kind = error.kind();
    if kind == ErrorKind::BrokenPipe || kind == ErrorKind::ConnectionReset { gone(kind) } else { error }
}
