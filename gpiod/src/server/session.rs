//! The stream of a session: commands in, answers, events and results out.
//!
//! The response stream owns the request stream and the hold, and is written by hand because of how a session ends:
//! when a client is killed, hyper drops the response stream without polling it again. Whatever happens, dropping it
//! drops the [`Hold`], and that lets the lines go. A stream that ends by itself drops it before it says so, so that a
//! client that waits for the end finds its lines free.

mod watchdog;

use super::convert;
use super::watch::WatchStream;
use crate::broker::{Broker, Hold, OpenRequest, Scope, SessionEnd};
use crate::error::Error;
use crate::holder::Caller;
use crate::program::run::{self, Outcome};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use gpiod_proto::v1::operation::Operation;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_proto::v1::{
    BatchCommand, BatchResult, DoneResult, OpenCommand, OpenResult, SessionRequest, SessionResponse,
};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_stream::Stream;
use tonic::{Status, Streaming};
use watchdog::Watchdog;

/// How long a client may take to send its first command.
const OPEN_TIME: Duration = Duration::from_secs(10);
/// Operations that one batch may have.
const MAX_BATCH: usize = 1024;

/// Waits for the first command, holds the lines and makes the stream that carries the rest.
pub(super) async fn open(
    broker: &Arc<Broker>,
    scope: Scope,
    caller: Caller,
    mut requests: Streaming<SessionRequest>,
) -> Result<SessionStream, Status> {
    // A watch socket says no at once, whatever would have been asked.
    scope.may_drive()?;
    let first = tokio::time::timeout(OPEN_TIME, requests.message());
    let first = first.await.map_err(|_| Error::OpenTimedOut(OPEN_TIME.as_secs()))??;
    let Some(SessionRequest {
        id,
        command: Some(Command::Open(OpenCommand { lines, client_name, watchdog_ns })),
    }) = first
    else {
        return Err(Error::InvalidRequest("the first command of a session is open".to_owned()).into());
    };
    let client_name = convert::client_name(client_name)?;
    let watchdog_ns = convert::watchdog(watchdog_ns)?;
    let lines = convert::wanted_lines(lines)?;
    let (hold, end) = broker.open(OpenRequest { scope, caller, client_name, lines })?;
    let watchdog = watchdog_ns.map(|ns| Watchdog::start(Arc::clone(broker), hold.handle(), ns));
    let opened = SessionResponse {
        id,
        result: Some(Answer::Open(OpenResult { values: Some(convert::values(hold.first)) })),
    };
    Ok(SessionStream(Some(Open {
        opened: Some(opened),
        programs: FuturesUnordered::new(),
        watches: Vec::new(),
        watchdog,
        end,
        events_first: false,
        broker: Arc::clone(broker),
        requests,
        hold,
    })))
}

/// See the module; empty when the session has ended.
#[derive(Debug)]
pub(super) struct SessionStream(Option<Open>);

/// An open session. Fields are dropped in order: what works on the lines goes before the hold.
#[derive(Debug)]
struct Open {
    opened: Option<SessionResponse>,
    programs: FuturesUnordered<BoxFuture<'static, (u64, Result<Outcome, Error>)>>,
    watches: Vec<(u64, WatchStream)>,
    watchdog: Option<Watchdog>,
    end: SessionEnd,
    /// Whether events and results are looked at before commands: by turns, so that neither starves the other.
    events_first: bool,
    broker: Arc<Broker>,
    requests: Streaming<SessionRequest>,
    hold: Hold,
}

impl Open {
    /// Does a command. `None`: its answer comes later.
    fn command(&mut self, request: SessionRequest) -> Option<SessionResponse> {
        if let Some(watchdog) = &self.watchdog {
            watchdog.feed();
        }
        let id = request.id;
        let answer = match request.command {
            Some(Command::Watch(watch)) => self.watch(id, &watch).map(|()| None),
            Some(Command::Program(program)) => self.program(id, program).map(|()| None),
            command => self.plain(command).map(Some),
        };
        let result = match answer {
            Ok(None) => return None,
            Ok(Some(result)) => result,
            Err(error) => Answer::Error(error.into()),
        };
        Some(SessionResponse { id, result: Some(result) })
    }

    fn plain(&mut self, command: Option<Command>) -> Result<Answer, Error> {
        let done = |timestamp_ns| Answer::Done(DoneResult { timestamp_ns });
        Ok(match command {
            Some(Command::Read(read)) => Answer::Read(convert::values(self.hold.read(read.mask)?)),
            Some(Command::Write(write)) => done(self.hold.write(write.mask, write.bits)?.timestamp_ns),
            Some(Command::Configure(configure)) => {
                done(self.hold.configure(&convert::change(configure)?)?.timestamp_ns)
            }
            Some(Command::Feed(_)) => done(crate::clock::now_ns()),
            Some(Command::Unwatch(unwatch)) => {
                let index = self.watches.iter().position(|(id, _)| *id == unwatch.watch_id);
                let index = index.ok_or_else(|| {
                    Error::InvalidRequest(format!("the session has no watch with id {}", unwatch.watch_id))
                })?;
                self.watches.swap_remove(index);
                done(crate::clock::now_ns())
            }
            Some(Command::Batch(batch)) => Answer::Batch(self.batch(batch)?),
            Some(Command::Open(_)) => {
                return Err(Error::InvalidRequest("the session is open already".to_owned()));
            }
            Some(Command::Watch(_) | Command::Program(_)) | None => {
                return Err(Error::InvalidRequest("the request has no command".to_owned()));
            }
        })
    }

    fn batch(&mut self, batch: BatchCommand) -> Result<BatchResult, Error> {
        if !(1..=MAX_BATCH).contains(&batch.operations.len()) {
            let count = batch.operations.len();
            return Err(Error::InvalidRequest(format!(
                "a batch has 1 to {MAX_BATCH} operations, not {count}"
            )));
        }
        let mut result = BatchResult::default();
        for operation in batch.operations {
            let done = match operation.operation {
                Some(Operation::Read(read)) => self.hold.read(read.mask).map(|values| {
                    result.bits.push(values.bits);
                    values.timestamp_ns
                }),
                Some(Operation::Write(write)) => {
                    self.hold.write(write.mask, write.bits).map(|moment| moment.timestamp_ns)
                }
                None => Err(Error::InvalidRequest("the operation says nothing".to_owned())),
            };
            match done {
                Ok(timestamp_ns) => {
                    result.done += 1;
                    result.timestamp_ns = timestamp_ns;
                }
                Err(error) => {
                    result.error = Some(error.into());
                    break;
                }
            }
        }
        Ok(result)
    }

    fn watch(&mut self, id: u64, command: &gpiod_proto::v1::WatchCommand) -> Result<(), Error> {
        if self.watches.iter().any(|(running, _)| *running == id) {
            return Err(Error::InvalidRequest(format!("a watch with id {id} is running")));
        }
        let most = self.broker.limits().watches;
        if self.watches.len() >= most as usize {
            return Err(Error::LimitReached { limit: "limits.watches", max: most.into() });
        }
        let watch = self.hold.watch(command.mask, convert::edge_filter(command.edge)?)?;
        self.watches.push((id, WatchStream::new(watch)));
        Ok(())
    }

    fn program(&mut self, id: u64, program: gpiod_proto::v1::Program) -> Result<(), Error> {
        let steps = convert::steps(Some(program))?;
        let hold = self.hold.begin_program(&steps)?;
        self.programs.push(async move { (id, run::run(hold, &steps).await) }.boxed());
        Ok(())
    }

    /// A watch's next part or a program's result.
    fn poll_events(&mut self, context: &mut Context<'_>) -> Poll<SessionResponse> {
        if let Poll::Ready(Some((id, outcome))) = Pin::new(&mut self.programs).poll_next(context) {
            let result = match outcome {
                Ok(outcome) => Answer::Program(convert::program_result(outcome)),
                Err(error) => Answer::Error(error.into()),
            };
            return Poll::Ready(SessionResponse { id, result: Some(result) });
        }
        for index in 0..self.watches.len() {
            let (id, watch) = &mut self.watches[index];
            let id = *id;
            let result = match watch.poll_part(context) {
                // A stopping daemon closes the queues; the session's own end says so.
                Poll::Pending | Poll::Ready(Ok(None)) => continue,
                Poll::Ready(Ok(Some(part))) => {
                    // Behind the others: a busy line must not hide a quiet one.
                    self.watches[index..].rotate_left(1);
                    Answer::Watch(part)
                }
                Poll::Ready(Err(error)) => {
                    self.watches.swap_remove(index);
                    Answer::Error(error.into())
                }
            };
            return Poll::Ready(SessionResponse { id, result: Some(result) });
        }
        Poll::Pending
    }

    /// The answer to the next command; `None` when the client sends no more.
    fn poll_commands(&mut self, context: &mut Context<'_>) -> Poll<Option<SessionResponse>> {
        loop {
            match std::task::ready!(Pin::new(&mut self.requests).poll_next(context)) {
                None => return Poll::Ready(None),
                Some(Err(status)) => {
                    tracing::debug!(%status, "a session's stream broke");
                    return Poll::Ready(None);
                }
                Some(Ok(request)) => {
                    if let Some(answer) = self.command(request) {
                        return Poll::Ready(Some(answer));
                    }
                    // A watch or a program has begun: its waker must be left before we wait.
                    if let Poll::Ready(response) = self.poll_events(context) {
                        return Poll::Ready(Some(response));
                    }
                }
            }
        }
    }

    /// The next answer; `None` when the client has ended the session, an error when the daemon has.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<SessionResponse, Error>>> {
        if let Some(opened) = self.opened.take() {
            return Poll::Ready(Some(Ok(opened)));
        }
        if let Poll::Ready(why) = self.end.poll_unpin(context) {
            return Poll::Ready(Some(Err(why.unwrap_or(Error::SessionEnded))));
        }
        self.events_first = !self.events_first;
        if self.events_first
            && let Poll::Ready(response) = self.poll_events(context)
        {
            return Poll::Ready(Some(Ok(response)));
        }
        if let Poll::Ready(response) = self.poll_commands(context) {
            return Poll::Ready(response.map(Ok));
        }
        self.poll_events(context).map(|response| Some(Ok(response)))
    }
}

impl Stream for SessionStream {
    type Item = Result<SessionResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(open) = &mut self.0 else { return Poll::Ready(None) };
        let answer = std::task::ready!(open.poll(context));
        if !matches!(answer, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(answer.map(|answer| answer.map_err(Status::from)))
    }
}
