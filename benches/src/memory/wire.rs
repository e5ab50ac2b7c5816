//! A client that speaks HTTP/2 and gRPC without their manners: it does not read unless it is told to.

use crate::Fallible;
use crate::frames::{
    DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE, call, frame, message,
};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// As much as a client may allow the daemon to send.
pub(crate) const MOST: u32 = 0x7fff_ffff;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a socket that takes no more is tried.
const FULL: Duration = Duration::from_millis(300);

/// A connection. What comes is read only by [`Client::read`].
#[derive(Debug)]
pub(crate) struct Client {
    socket: UnixStream,
    next_stream: u32,
}

impl Client {
    /// A connection on whose streams the daemon may send so many bytes.
    pub(crate) fn connect(path: &Path, window: u32) -> Fallible<Self> {
        let mut socket = UnixStream::connect(path)?;
        socket.set_write_timeout(Some(FULL))?;
        socket.write_all(PREFACE)?;
        let mut client = Self { socket, next_stream: 1 };
        client.frame(SETTINGS, 0, 0, &[&[0, 4][..], &window.to_be_bytes()].concat())?;
        client.frame(WINDOW_UPDATE, 0, 0, &(MOST - 65_535).to_be_bytes())?;
        Ok(client)
    }

    /// Opens a stream of the API's service.
    pub(crate) fn open(&mut self, method: &str) -> Fallible<u32> {
        let stream = self.next_stream;
        self.next_stream += 2;
        self.frame(HEADERS, END_HEADERS, stream, &call(method))?;
        Ok(stream)
    }

    /// Calls with one message, after which no other comes.
    pub(crate) fn call(&mut self, method: &str, request: &[u8]) -> Fallible<()> {
        let stream = self.open(method)?;
        self.frame(DATA, END_STREAM, stream, &message(request))
    }

    /// Sends bytes on a stream; at most one frame of them.
    pub(crate) fn data(&mut self, stream: u32, bytes: &[u8]) -> Fallible<()> {
        self.frame(DATA, 0, stream, bytes)
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Fallible<()> {
        Ok(self.socket.write_all(&frame(kind, flags, stream, payload))?)
    }

    /// Reads until a part of an answer has come on a stream: what it answers has been taken out of the window then.
    pub(crate) fn answer(&mut self, wanted: u32) -> Fallible<()> {
        self.socket.set_read_timeout(Some(PATIENCE))?;
        loop {
            let mut head = [0; 9];
            self.socket.read_exact(&mut head)?;
            let [a, b, c, kind, _, stream @ ..] = head;
            let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c]))?];
            self.socket.read_exact(&mut payload)?;
            if kind == DATA && u32::from_be_bytes(stream) == wanted {
                return Ok(());
            }
        }
    }

    /// Reads and forgets what comes until nothing has come for so long.
    pub(crate) fn read(&mut self, quiet: Duration) -> Fallible<()> {
        self.socket.set_read_timeout(Some(quiet))?;
        let mut buffer = [0; 65_536];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err("the daemon closed a connection".into()),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A field of a message: a number.
pub(crate) fn number(field: u8, mut value: u64) -> Vec<u8> {
    let mut bytes = vec![field << 3];
    while value > 0x7f {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push((value & 0x7f) as u8);
    bytes
}

/// A field of a message: another message, or text.
pub(crate) fn nested(field: u8, inner: &[u8]) -> Vec<u8> {
    let mut bytes = number(field, inner.len() as u64);
    bytes[0] |= 2;
    bytes.extend(inner);
    bytes
}
