//! Accepting, hearing and answering, each with its bound.

use crate::connection::connection;
use crate::listener::Stream;
use crate::row::{Client, Row};
use crate::{Listener, Pages};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::task::{AbortHandle, yield_now};
use tokio::time::{Instant, timeout_at};

/// How many are answered at a time. One more ends the oldest, which has had time enough: who does not read keeps out
/// nobody who asks.
const ANSWERED: usize = 16;
/// How long accepting rests after it failed.
const REST: Duration = Duration::from_millis(100);

/// What a connection is to do, as the type that all tasks of our programs have: tokio has a kilobyte of code for each.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What there is to do.
enum Next {
    /// Somebody has connected, or could not.
    Came(io::Result<Box<dyn Stream>>),
    /// Somebody is to be answered.
    Heard(Client),
}

/// Serves for as long as it is asked to. Whoever is being answered then still gets its page, if the runtime goes on.
pub async fn serve(listener: Listener, pages: Arc<dyn Pages>) -> Infallible {
    let mut row = Row::default();
    let mut answered: VecDeque<AbortHandle> = VecDeque::with_capacity(ANSWERED);
    let mut rest = None;
    loop {
        match next(&listener, &mut row, &mut rest).await {
            Next::Came(Ok(stream)) => row.push(stream),
            Next::Came(Err(error)) => {
                pages.not_accepted(&error);
                rest = Some(Instant::now() + REST);
            }
            Next::Heard(client) => {
                answered.retain(|connection| !connection.is_finished());
                if answered.len() >= ANSWERED
                    && let Some(oldest) = answered.pop_front()
                {
                    oldest.abort();
                }
                let task: Task = Box::pin(connection(client, Arc::clone(&pages)));
                answered.push_back(tokio::spawn(task).abort_handle());
            }
        }
        // Many at once still give others their turn. The runtime looks at the sockets meanwhile: whoever has asked is
        // heard before one more comes.
        yield_now().await;
    }
}

/// Waits for what is to be done next. Nobody is accepted until `rest`.
async fn next(listener: &Listener, row: &mut Row, rest: &mut Option<Instant>) -> Next {
    loop {
        rest.take_if(|until| *until <= Instant::now());
        let until = row.until().into_iter().chain(*rest).min();
        // Who has said all in its time is heard, also where we were late ourselves.
        let next = poll_fn(|context| match row.heard(context).or_else(|| row.late(Instant::now())) {
            Some(client) => Poll::Ready(Next::Heard(client)),
            None if rest.is_some() => Poll::Pending,
            None => listener.0.poll_accept(context).map(Next::Came),
        });
        match until {
            None => return next.await,
            Some(until) => {
                if let Ok(next) = timeout_at(until, next).await {
                    return next;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
