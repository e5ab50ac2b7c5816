//! One connection of `control.sock`.

use super::connection::{Lines, next, reply};
use super::shared::Shared;
use crate::board::messages::{ControlReply, ControlRequest};
use crate::board::model::{Board, ControlError};

/// The most entries in one page of the record.
const PAGE: usize = 1_000;

/// Serves a connection to its end.
pub(super) async fn serve(shared: Shared, mut lines: Lines) {
    while let Some(request) = next(&mut lines).await {
        let answer = match request {
            Err(reason) => ControlReply::Malformed(reason),
            Ok(ControlRequest::Follow { since }) => return follow(&shared, &mut lines, since).await,
            Ok(request) => shared.with(|board| answer(board, request)),
        };
        if reply(&mut lines, &answer).await.is_err() {
            break;
        }
    }
}

fn answer(board: &mut Board, request: ControlRequest) -> ControlReply {
    let done: Result<(), ControlError> = match request {
        ControlRequest::State {} => return ControlReply::State(board.state()),
        ControlRequest::Record { since } | ControlRequest::Follow { since } => {
            return ControlReply::Record(board.record(since, PAGE));
        }
        ControlRequest::Press { name, for_ns } => board.press(&name, for_ns),
        ControlRequest::Release { name } => board.let_go(&name),
        ControlRequest::Light { name, lux } => board.light(&name, lux),
        ControlRequest::Pulse { name, on } => board.pulse(&name, on),
        ControlRequest::Fault { fault } => board.fault(&fault),
        ControlRequest::Clear { target } => board.clear(target.as_deref()),
    };
    match done {
        Ok(()) => ControlReply::Done { last_seq: board.last_seq() },
        Err(refusal) => ControlReply::Refused(refusal),
    }
}

/// Sends the record from this entry on, as it grows, until the connection ends. A reader that is slow holds up
/// nobody: it has no queue of its own, and what the record dropped meanwhile is counted in its next page.
async fn follow(shared: &Shared, lines: &mut Lines, mut since: u64) {
    let mut grown = shared.follow();
    let mut first = true;
    loop {
        grown.mark_unchanged();
        let page = shared.with(|board| board.record(since, PAGE));
        let last = page.entries.last().map_or(since, |entry| entry.seq);
        let more = last < page.last_seq;
        if (first || last > since) && reply(lines, &ControlReply::Record(page)).await.is_err() {
            return;
        }
        (first, since) = (false, last);
        if more {
            continue;
        }
        tokio::select! {
            changed = grown.changed() => if changed.is_err() { return },
            // A follower has nothing more to say; what it says all the same is an end.
            _ = next::<ControlRequest>(lines) => return,
        }
    }
}
