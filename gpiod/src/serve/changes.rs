//! What others do with the board's lines, as the kernel tells it: said in the log, so that an owner sees who took
//! one, and known to whoever offers them to others.

use crate::backend::{Backend, ChangeSource};
use crate::health::Health;
use crate::line::{LineId, LineInfo};
use crate::log_keys as keys;
use crate::reactor;
use crate::reactor::task;
use crate::wiring::Wiring;
use std::io;
use std::sync::Arc;

/// Begins to tell of changes, where the board tells of them. Lines that the daemon claims are nobody else's to change.
pub(super) fn watch(board: &dyn Backend, wiring: &Wiring, health: &Arc<Health>) {
    let claimed: Vec<LineId> =
        wiring.lines.iter().filter(|line| line.claim).map(|line| line.info.id).collect();
    match board.changes(&claimed) {
        Ok(sources) => {
            for source in sources {
                tokio::spawn(task(tell(source, Arc::clone(health))));
            }
        }
        Err(error) => tracing::warn!({ keys::ERROR } = %error, "who else takes lines will not be told"),
    }
}

/// Tells of the changes of one chip, until it goes.
async fn tell(source: Box<dyn ChangeSource>, health: Arc<Health>) {
    if let Err(error) = follow(source, &health).await {
        tracing::warn!({ keys::ERROR } = %error, "who else takes lines is no longer told");
    }
}

async fn follow(source: Box<dyn ChangeSource>, health: &Health) -> io::Result<()> {
    let mut source = reactor::readable(source)?;
    loop {
        let mut ready = source.readable_mut().await?;
        // A program that requests and lets go in a loop still gives others their turn.
        tokio::task::consume_budget().await;
        match ready.get_inner_mut().0.next() {
            Ok(Some(info)) => {
                say(&info);
                health.held_by(info.id, info.consumer.as_deref());
            }
            Ok(None) => ready.clear_ready(),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}

fn say(info: &LineInfo) {
    let line = info.name_or_place();
    match &info.consumer {
        Some(consumer) => {
            tracing::info!(
                { keys::LINE } = line,
                { keys::CONSUMER } = consumer,
                "line held by another program"
            );
        }
        None => tracing::debug!({ keys::LINE } = line, "line is free"),
    }
}
