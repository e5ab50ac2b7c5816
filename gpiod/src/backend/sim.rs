//! The simulated board, reached over its socket as a real one is through the kernel: each call is one short, blocking
//! round trip, like an ioctl, and a hold is a connection, which ends with its holder's process.

mod pipe;

use super::{Backend, EdgeSource, Error, HeldLines, Request, Wanted};
use crate::board::messages::{LineReply, LineRequest};
use crate::board::model::Refusal;
use crate::board::process::LINES_SOCKET;
use crate::line::{EdgeEvent, LineConfig, LineInfo, MAX_LINES, Moment, Values};
use pipe::Pipe;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// A simulated board.
#[derive(Debug)]
pub struct Sim {
    socket: PathBuf,
    model: String,
}

/// Finds the board whose sockets are in this directory.
///
/// # Errors
/// [`Error::Failed`] when no board answers there.
pub fn connect(dir: &Path) -> Result<Sim, Error> {
    let socket = dir.join(LINES_SOCKET);
    let (model, _) = board(&socket)?;
    Ok(Sim { socket, model })
}

/// Asks the board on a connection of its own, so that a board that was started anew is found again.
fn board(socket: &Path) -> Result<(String, Vec<LineInfo>), Error> {
    const OPERATION: &str = "asking the simulated board for its lines";
    let mut pipe = Pipe::connect(socket).map_err(failed(OPERATION))?;
    let reply = pipe.ask(&LineRequest::Lines {}).map_err(failed(OPERATION))?;
    let LineReply::Board { model, lines } = reply else { return Err(refused(OPERATION, reply)) };
    Ok((model, lines))
}

fn failed(operation: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Failed { operation, source }
}

/// What an answer that was not hoped for means.
fn refused(operation: &'static str, reply: LineReply) -> Error {
    let LineReply::Refused(refusal) = reply else {
        let source = io::Error::new(io::ErrorKind::InvalidData, format!("the board answered {reply:?}"));
        return Error::Failed { operation, source };
    };
    let source = match refusal {
        Refusal::Busy { line, consumer } => return Error::Busy { line, consumer },
        Refusal::Invalid(_) => io::Error::new(io::ErrorKind::InvalidInput, refusal),
        Refusal::NotOutput(_) => io::Error::new(io::ErrorKind::PermissionDenied, refusal),
    };
    Error::Failed { operation, source }
}

impl Backend for Sim {
    fn kind(&self) -> &'static str {
        "sim"
    }

    fn board(&self) -> &str {
        &self.model
    }

    fn atomic_writes(&self) -> bool {
        true
    }

    fn lines(&self) -> Result<Vec<LineInfo>, Error> {
        board(&self.socket).map(|(_, lines)| lines)
    }

    fn request(&self, consumer: &str, lines: &[Wanted]) -> Result<Vec<Request>, Error> {
        const OPERATION: &str = "requesting lines of the simulated board";
        let mut hold = Pipe::connect(&self.socket).map_err(failed(OPERATION))?;
        let wanted = lines.iter().map(|line| (line.id, line.config)).collect();
        let as_found =
            (0..MAX_LINES).zip(lines).fold(0, |mask, (i, line)| mask | u64::from(line.as_found) << i);
        let request = LineRequest::Claim { consumer: consumer.to_owned(), lines: wanted, as_found };
        let reply = hold.ask(&request).map_err(failed(OPERATION))?;
        let LineReply::Claimed { claim, kept } = reply else { return Err(refused(OPERATION, reply)) };
        let mut edges = Pipe::connect(&self.socket).map_err(failed(OPERATION))?;
        let reply = edges.ask(&LineRequest::Edges { claim }).map_err(failed(OPERATION))?;
        let LineReply::Attached = reply else { return Err(refused(OPERATION, reply)) };
        // Only after this the board sends edges, so none can have hidden behind the reply.
        edges
            .send(&LineRequest::More {})
            .and_then(|()| edges.set_nonblocking())
            .map_err(failed(OPERATION))?;
        let alarm = edges.alarm().map_err(failed(OPERATION))?;
        Ok(vec![Request {
            wanted: (0..lines.len()).collect(),
            kept,
            lines: Box::new(Hold { pipe: hold, edges: alarm }),
            edges: Some(Box::new(Edges { pipe: edges })),
        }])
    }
}

/// A claim on the board.
#[derive(Debug)]
struct Hold {
    pipe: Pipe,
    /// The edges' connection: closing it tells whoever waits for edges that the board has gone.
    edges: UnixStream,
}

impl Hold {
    /// Asks the board. One that does not answer in time is as good as gone, and stays so: its answer may come yet
    /// and would belong to no question.
    fn ask(&mut self, request: &LineRequest) -> io::Result<LineReply> {
        let reply = self.pipe.ask(request);
        if reply.is_err() {
            let _ = self.edges.shutdown(Shutdown::Both);
        }
        reply
    }
}

impl HeldLines for Hold {
    fn read(&mut self, mask: u64) -> Result<Values, Error> {
        const OPERATION: &str = "reading lines of the simulated board";
        let reply = self.ask(&LineRequest::Read { mask }).map_err(failed(OPERATION))?;
        let LineReply::Values(values) = reply else { return Err(refused(OPERATION, reply)) };
        Ok(values)
    }

    fn write(&mut self, mask: u64, bits: u64) -> Result<Moment, Error> {
        const OPERATION: &str = "writing lines of the simulated board";
        let reply = self.ask(&LineRequest::Write { mask, bits }).map_err(failed(OPERATION))?;
        let LineReply::Done(moment) = reply else { return Err(refused(OPERATION, reply)) };
        Ok(moment)
    }

    fn configure(&mut self, lines: &[(u8, LineConfig)]) -> Result<Moment, Error> {
        const OPERATION: &str = "configuring lines of the simulated board";
        let request = LineRequest::Configure { lines: lines.to_vec() };
        let reply = self.ask(&request).map_err(failed(OPERATION))?;
        let LineReply::Done(moment) = reply else { return Err(refused(OPERATION, reply)) };
        Ok(moment)
    }
}

/// Where the edges of a claim come from.
#[derive(Debug)]
struct Edges {
    pipe: Pipe,
}

impl AsFd for Edges {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl EdgeSource for Edges {
    fn read(&mut self, into: &mut Vec<EdgeEvent>) -> Result<bool, Error> {
        const OPERATION: &str = "reading edges of the simulated board";
        while let Some(reply) = self.pipe.try_next().map_err(failed(OPERATION))? {
            let LineReply::Edges(edges) = reply else { return Err(refused(OPERATION, reply)) };
            into.extend(edges);
            self.pipe.send(&LineRequest::More {}).map_err(failed(OPERATION))?;
        }
        Ok(false)
    }
}
