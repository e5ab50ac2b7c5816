//! Pins within the daemon's process: what is measured on these is the daemon alone, without a board or a kernel.
//!
//! An output keeps its value. Edges are sent to a datagram socket, as time stamps; the first input of the first request
//! that has one has them all, rising and falling by turns.

use gpiod::backend::{Backend, EdgeSource, Error, HeldLines, Request, Wanted};
use gpiod::line::{
    AtExit, Direction, Edge, EdgeEvent, LineConfig, LineId, LineInfo, MAX_LINES, Moment, OnExit, Value,
    Values,
};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lines of the only chip, as many as a Raspberry Pi's.
const LINES: u32 = 54;
/// Edges of one datagram at most.
pub(crate) const AT_ONCE: usize = 256;
/// Datagrams that are taken at once; the rest waits for the next look.
const DATAGRAMS: usize = 4;

/// The board.
#[derive(Debug)]
pub(crate) struct Pins {
    edges: PathBuf,
}

impl Pins {
    /// Edges will be heard of at that path.
    pub(crate) fn new(edges: PathBuf) -> Self {
        Self { edges }
    }
}

fn failed(operation: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Failed { operation, source }
}

fn now() -> Moment {
    Moment { timestamp_ns: crate::now_ns(), uncertainty_ns: 0 }
}

impl Backend for Pins {
    fn kind(&self) -> &'static str {
        "pins"
    }

    fn board(&self) -> &'static str {
        "pins within the process"
    }

    fn atomic_writes(&self) -> bool {
        true
    }

    fn lines(&self) -> Result<Vec<LineInfo>, Error> {
        let line = |offset| LineInfo {
            id: LineId { chip: 0, offset },
            chip: "pins".to_owned(),
            name: format!("GPIO{offset}"),
            header_pin: None,
            direction: Direction::Input,
            high: Some(false),
            drives_high: None,
            consumer: None,
            function: None,
            at_exit: AtExit { claimed: Some(OnExit::Keep), unclaimed: false },
            waits: false,
        };
        Ok((0..LINES).map(line).collect())
    }

    fn request(&self, _: &str, lines: &[Wanted]) -> Result<Vec<Request>, Error> {
        let levels = lines.iter().enumerate().fold(0, |levels, (position, line)| {
            levels | u64::from(line.config.value == Value::Active) << position
        });
        let levels = Arc::new(AtomicU64::new(levels));
        let input = lines.iter().take(MAX_LINES).position(|line| line.config.direction == Direction::Input);
        let edges = match input {
            Some(position) if !self.edges.exists() => {
                let position = u8::try_from(position).unwrap_or(0);
                Some(Box::new(Edges::at(&self.edges, position, &levels)?) as Box<dyn EdgeSource>)
            }
            Some(_) | None => None,
        };
        let (wanted, lines) = ((0..lines.len()).collect(), Box::new(Levels(levels)));
        Ok(vec![Request { wanted, kept: 0, lines, edges }])
    }
}

/// The levels of a request's lines.
#[derive(Debug)]
struct Levels(Arc<AtomicU64>);

impl HeldLines for Levels {
    fn read(&mut self, mask: u64) -> Result<Values, Error> {
        Ok(Values { bits: self.0.load(Ordering::Relaxed) & mask, read: now() })
    }

    fn write(&mut self, mask: u64, bits: u64) -> Result<Moment, Error> {
        self.0.store(self.0.load(Ordering::Relaxed) & !mask | bits & mask, Ordering::Relaxed);
        Ok(now())
    }

    fn configure(&mut self, _: &[(u8, LineConfig)]) -> Result<Moment, Error> {
        Ok(now())
    }
}

/// Where edges are heard of.
#[derive(Debug)]
struct Edges {
    socket: UnixDatagram,
    position: u8,
    levels: Arc<AtomicU64>,
    seqno: u32,
}

impl Edges {
    fn at(path: &Path, position: u8, levels: &Arc<AtomicU64>) -> Result<Self, Error> {
        let socket = UnixDatagram::bind(path).map_err(failed("binding the socket of edges"))?;
        socket.set_nonblocking(true).map_err(failed("binding the socket of edges"))?;
        Ok(Self { socket, position, levels: Arc::clone(levels), seqno: 0 })
    }
}

impl AsFd for Edges {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl EdgeSource for Edges {
    fn read(&mut self, into: &mut Vec<EdgeEvent>) -> Result<bool, Error> {
        for _ in 0..DATAGRAMS {
            let mut stamps = [0; 8 * AT_ONCE];
            let length = match self.socket.recv(&mut stamps) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(failed("reading edges")(error)),
            };
            for stamp in stamps[..length].as_chunks().0 {
                self.seqno = self.seqno.wrapping_add(1);
                let (position, seqno) = (self.position, self.seqno);
                let edge = if seqno % 2 == 1 { Edge::Rising } else { Edge::Falling };
                self.levels.fetch_xor(1 << position, Ordering::Relaxed);
                let timestamp_ns = u64::from_ne_bytes(*stamp);
                into.push(EdgeEvent { position, edge, timestamp_ns, seqno, line_seqno: seqno });
            }
        }
        Ok(true)
    }
}
