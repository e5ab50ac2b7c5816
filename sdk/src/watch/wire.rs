//! Edges and losses, from the API's messages.

use crate::error::Error;
use crate::line::Value;
use crate::values::Names;
use crate::watch::{EdgeEvent, EventSource, Loss, LossCause};
use gpiod_proto::v1;
use std::time::Duration;

/// An edge of one of the named lines. `seqno` is its number in its stream, 0 outside of one.
pub(crate) fn edge_event(names: &Names, event: &v1::EdgeEvent, seqno: u64) -> Result<EdgeEvent, Error> {
    let position = usize::try_from(event.line).unwrap_or(usize::MAX);
    let Some(line) = names.get(position).cloned() else {
        return Err(Error::protocol(format!("an edge of line {position}, which is not watched")));
    };
    let value = match event.edge() {
        v1::Edge::Rising => Value::Active,
        v1::Edge::Falling => Value::Inactive,
        v1::Edge::Unspecified | v1::Edge::Both => {
            return Err(Error::protocol("an edge that is neither rising nor falling"));
        }
    };
    let source = match event.source() {
        v1::EventSource::Kernel => EventSource::Kernel,
        v1::EventSource::Daemon => EventSource::Daemon,
        v1::EventSource::Unspecified => EventSource::Unknown,
    };
    let (timestamp_ns, line_seqno) = (event.timestamp_ns, event.line_seqno);
    Ok(EdgeEvent { line, position, value, timestamp_ns, line_seqno, seqno, source })
}

impl From<&v1::Loss> for Loss {
    fn from(loss: &v1::Loss) -> Self {
        let cause = match loss.cause() {
            v1::LossCause::Unspecified => LossCause::Unknown,
            v1::LossCause::Kernel => LossCause::Kernel,
            v1::LossCause::Watcher => LossCause::Watcher,
            v1::LossCause::Restart => LossCause::Restart,
            v1::LossCause::Hardware => LossCause::Hardware,
            v1::LossCause::Limit => LossCause::Limit,
        };
        let v1::Loss { count, from_ns, until_ns, .. } = *loss;
        let away =
            until_ns.zip(from_ns).map(|(until, from)| Duration::from_nanos(until.saturating_sub(from)));
        Self { cause, count, away, from_ns, until_ns }
    }
}
