//! Accepting, with a bound on the connections.

use crate::connection::connection;
use crate::{Listener, Pages};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, yield_now};
use tokio::time::sleep;

/// Connections at a time. One more ends the oldest: that one has had time enough, and whoever floods must not keep
/// out who measures.
const CONNECTIONS: usize = 16;
/// How long accepting rests after it failed.
const REST: Duration = Duration::from_millis(100);

/// What a connection is to do, as the type that all tasks of our programs have: tokio has a kilobyte of code for each.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves for as long as it is asked to. Whoever is being served then still gets its page, if the runtime goes on.
pub async fn serve(listener: Listener, pages: Arc<dyn Pages>) -> Infallible {
    let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(CONNECTIONS);
    loop {
        let stream = match poll_fn(|context| listener.0.poll_accept(context)).await {
            Ok(stream) => stream,
            Err(error) => {
                pages.not_accepted(&error);
                sleep(REST).await;
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let task: Task = Box::pin(connection(stream, Arc::clone(&pages)));
        open.push_back(tokio::spawn(task).abort_handle());
        // Many at once still give others their turn.
        yield_now().await;
    }
}

#[cfg(test)]
mod tests;
