//! The stream of a session: commands in, answers, events and results out.
//!
//! The response stream owns the request stream and the hold, and is written by hand because of how a session ends: a client
//! that was killed is seen by either, or its stream is dropped without being polled again. Whatever happens, dropping it
//! drops the [`Hold`], and that lets the lines go. A stream that ends by itself drops it before it says so, so that a
//! client that waits for the end finds its lines free.

mod commands;
mod watchdog;

use super::answers::Telling;
use super::convert;
use super::messages::Messages;
use super::metered::slice_is_over;
use super::places::Places;
use super::service::Service;
use super::watch::WatchStream;
use crate::broker::{self, Hold, OpenRequest, SessionEnd};
use crate::error::Error;
use crate::holder::Caller;
use crate::programs::Programs;
use crate::run::Outcome;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use gpiod_proto::quick::{self, Short};
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_proto::v1::{OpenCommand, SessionRequest, SessionResponse};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::task::coop;
use tokio_stream::Stream;
use tonic::Status;
use watchdog::Watchdog;

/// How long a client may take to send its first command.
const OPEN_TIME: Duration = Duration::from_secs(10);

/// Of so many reads and writes one looks whether the turn is over.
const LOOK_EVERY: u8 = 8;

/// Waits for the first command, holds the lines and makes the stream that carries the rest.
pub(super) async fn open(
    Service { broker, programs, scope, watches }: &Service,
    caller: Caller,
    requests: Messages<SessionRequest>,
) -> Result<SessionStream, Status> {
    let scope = *scope;
    // A watch socket says no at once, whatever would have been asked.
    scope.may_drive().inspect_err(|_| broker.count_refused(scope, broker::Command::Open))?;
    let mut requests = requests.decoded_by(quick::request);
    let first = tokio::time::timeout(OPEN_TIME, requests.next());
    let first = first.await.map_err(|_| Error::OpenTimedOut(OPEN_TIME.as_secs()))??;
    let Some(SessionRequest { id, command: Some(Command::Open(open)) }) = first else {
        return Err(Error::InvalidRequest("the first command of a session is open".to_owned()).into());
    };
    let OpenCommand { lines, client_name, watchdog_ns, resume_token } = *open;
    let client_name = convert::client_name(client_name)?;
    let watchdog_ns = convert::watchdog(watchdog_ns)?;
    let lines = convert::wanted_lines(lines)?;
    let token = convert::token(&resume_token)?;
    broker.look_for_pods(scope, true).await;
    let (hold, end) = broker.open(OpenRequest { scope, caller, client_name, lines, token })?;
    let watchdog = watchdog_ns.map(|ns| Watchdog::start(Arc::clone(broker), hold.session(), ns));
    let opened = SessionResponse { id, result: Some(Answer::Open(convert::open_result(&hold))) };
    Ok(SessionStream(Some(Box::new(Open {
        opened: Some(opened),
        programs: Arc::clone(programs),
        places: watches.clone(),
        results: FuturesUnordered::new(),
        running: Vec::new(),
        watches: Vec::new(),
        watchdog,
        end,
        events_first: false,
        pause: false,
        unlooked: 0,
        requests,
        hold,
    }))))
}

/// See the module; empty when the session has ended.
#[derive(Debug)]
pub(super) struct SessionStream(Option<Box<Open>>);

/// An open session. Fields are dropped in order: what works on the lines goes before the hold.
#[derive(Debug)]
struct Open {
    opened: Option<SessionResponse>,
    programs: Arc<Programs>,
    /// Where its watches have places.
    places: Places,
    /// What the programs that run will have done. Dropping it ends them.
    results: FuturesUnordered<BoxFuture<'static, (u64, Result<Outcome, Error>)>>,
    /// The ids of the programs that run.
    running: Vec<u64>,
    watches: Vec<(u64, WatchStream)>,
    watchdog: Option<Watchdog>,
    end: SessionEnd,
    /// Whether events and results are looked at before commands: by turns, so that neither starves the other.
    events_first: bool,
    /// Whether others are to have a turn before the next command.
    pause: bool,
    /// Commands since the clock was last looked at.
    unlooked: u8,
    requests: Messages<SessionRequest>,
    hold: Hold,
}

impl Open {
    /// A watch's next part or a program's result.
    fn poll_events(&mut self, context: &mut Context<'_>) -> Poll<SessionResponse> {
        if let Poll::Ready(Some((id, outcome))) = Pin::new(&mut self.results).poll_next(context) {
            self.running.retain(|running| *running != id);
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
                    Answer::Watch(part.into())
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

    /// The answer to the next command; `None` when the client has ended the session or has gone.
    fn poll_commands(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<SessionResponse, Status>>> {
        loop {
            // A client that never pauses still gives others their turn: when its own is over, and after a batch. A look
            // at the clock costs a tenth of a command.
            self.unlooked = (self.unlooked + 1) % LOOK_EVERY;
            if std::mem::take(&mut self.pause) || self.unlooked == 0 && slice_is_over() {
                self.requests.leave_rest();
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Poll::Ready(turn) = coop::poll_proceed(context) else {
                self.requests.leave_rest();
                return Poll::Pending;
            };
            let request = match ready!(self.requests.poll_next(context)) {
                Some(Ok(request)) => request,
                // What can not be read ends the session, and its sender is told why.
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                None => return Poll::Ready(None),
            };
            turn.made_progress();
            if !matches!(request.command, Some(Command::Read(_) | Command::Write(_) | Command::Feed(_))) {
                // It may cost much more than those.
                self.unlooked = LOOK_EVERY - 1;
            }
            if let Some(answer) = self.command(request) {
                return Poll::Ready(Some(Ok(answer)));
            }
            // A watch or a program has begun: its waker must be left before we wait.
            if let Poll::Ready(response) = self.poll_events(context) {
                return Poll::Ready(Some(Ok(response)));
            }
        }
    }

    /// Ends the session as its client wished: what works on the lines goes before the hold.
    fn end(self) {
        let Self { results, watches, hold, .. } = self;
        drop((results, watches));
        hold.end();
    }

    /// The next answer; `None`, the client's wish, or an error ends the session.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<SessionResponse, Status>>> {
        if let Some(opened) = self.opened.take() {
            return Poll::Ready(Some(Ok(opened)));
        }
        // Told before anything else; whether it is to be told later is asked where there is nothing else.
        if !self.end.is_empty() {
            return self.poll_end(context);
        }
        self.events_first = !self.events_first;
        if self.events_first
            && let Poll::Ready(response) = self.poll_events(context)
        {
            return Poll::Ready(Some(Ok(response)));
        }
        if let Poll::Ready(answer) = self.poll_commands(context) {
            return Poll::Ready(answer);
        }
        if let Poll::Ready(response) = self.poll_events(context) {
            return Poll::Ready(Some(Ok(response)));
        }
        self.poll_end(context)
    }

    /// Ready when the daemon has ended the session: why.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<SessionResponse, Status>>> {
        self.end.poll_unpin(context).map(|why| Some(Err(why.unwrap_or(Error::SessionEnded).into())))
    }
}

impl Telling for SessionStream {
    type Message = SessionResponse;

    fn short(message: &SessionResponse) -> Option<Short> {
        Short::response(message)
    }

    fn no_room(mut self: Pin<&mut Self>) {
        if let Some(open) = &mut self.0 {
            open.requests.read_on();
        }
    }
}

impl Stream for SessionStream {
    type Item = Result<SessionResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(open) = &mut self.0 else { return Poll::Ready(None) };
        let answer = ready!(open.poll(context));
        if answer.is_none()
            && let Some(open) = self.0.take()
        {
            open.end();
        }
        if !matches!(answer, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(answer)
    }
}
