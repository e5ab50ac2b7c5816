//! Watches: what is asked for, and the parts of the answer.

use super::{edge_filter, invalid, values};
use crate::broker::WatchRequest;
use crate::error::Error;
use crate::line::{Edge, MAX_LINES, Moment, Values};
use crate::watch::{Batch, Event, Losses, Position, Source};
use gpiod_proto::v1;

/// What a client wants to watch of lines.
pub(in crate::server) fn watch_request(
    edge: i32,
    resume: Option<v1::WatchPosition>,
) -> Result<WatchRequest, Error> {
    let resume = resume.map(came_from).transpose()?;
    Ok(WatchRequest { filter: edge_filter(edge)?, resume, caller: None })
}

/// The position that a client comes back from. Whether it can be one of this life of the daemon is not decided here.
fn came_from(position: v1::WatchPosition) -> Result<Position, Error> {
    let v1::WatchPosition { epoch, line_seqnos, timestamp_ns, seqno, values, uncertainty_ns } = position;
    if epoch == 0 {
        return Err(invalid("the position to resume from has no epoch"));
    }
    if line_seqnos.len() > MAX_LINES {
        return Err(invalid(format!("the position to resume from has more than {MAX_LINES} lines")));
    }
    if i64::try_from(seqno).is_err() {
        return Err(invalid("the position to resume from has a seqno beyond 2^63 - 1"));
    }
    let v1::Values { bits, timestamp_ns: read_ns } = values.unwrap_or_default();
    let read = Moment { timestamp_ns: read_ns, uncertainty_ns };
    Ok(Position { epoch, line_seqnos, timestamp_ns, seqno, values: Values { bits, read } })
}

/// A part of a watch; `present` are the values of now, told at the beginning and after a loss.
pub(in crate::server) fn watch_part(batch: Batch, present: Option<Values>) -> v1::WatchResponse {
    v1::WatchResponse {
        losses: losses(&batch.losses),
        values: present.map(values),
        first_seqno: batch.first_seqno,
        events: batch.events.iter().map(event).collect(),
        position: batch.position.map(position),
    }
}

fn position(position: Position) -> v1::WatchPosition {
    v1::WatchPosition {
        epoch: position.epoch,
        line_seqnos: position.line_seqnos,
        timestamp_ns: position.timestamp_ns,
        seqno: position.seqno,
        values: Some(values(position.values)),
        uncertainty_ns: position.values.read.uncertainty_ns,
    }
}

fn losses(losses: &Losses) -> Vec<v1::Loss> {
    let uncounted = |cause: v1::LossCause| v1::Loss { cause: cause.into(), ..v1::Loss::default() };
    let counted = [
        (v1::LossCause::Kernel, losses.kernel),
        (v1::LossCause::Watcher, losses.watcher),
        (v1::LossCause::Limit, losses.limit),
    ];
    let counted = counted.into_iter().filter(|(_, count)| *count > 0);
    let counted = counted.map(|(cause, count)| v1::Loss { count: Some(count), ..uncounted(cause) });
    let restart = losses.restart.map(|time| v1::Loss {
        from_ns: time.from_ns,
        until_ns: Some(time.until_ns),
        ..uncounted(v1::LossCause::Restart)
    });
    let hardware = losses.hardware.then(|| uncounted(v1::LossCause::Hardware));
    restart.into_iter().chain(counted).chain(hardware).collect()
}

/// An edge, as it is told.
pub(super) fn event(event: &Event) -> v1::EdgeEvent {
    let edge = match event.edge {
        Edge::Rising => v1::Edge::Rising,
        Edge::Falling => v1::Edge::Falling,
    };
    let source = match event.source {
        Source::Kernel => v1::EventSource::Kernel,
        Source::Daemon => v1::EventSource::Daemon,
    };
    v1::EdgeEvent {
        line: event.position.into(),
        edge: edge.into(),
        timestamp_ns: event.timestamp_ns,
        line_seqno: event.line_seqno,
        source: source.into(),
    }
}
