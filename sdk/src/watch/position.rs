//! Where a watch is, so that the daemon can go on from there when the connection broke.

use gpiod_proto::v1;

/// Where a watch of the lines in `mask` is; nothing until the daemon has said where it begins.
#[derive(Debug)]
pub(crate) struct Position {
    mask: u64,
    last: Option<v1::WatchPosition>,
}

impl Position {
    pub(crate) fn new(mask: u64) -> Self {
        Self { mask, last: None }
    }

    /// Where to go on; `None` with a daemon that knows no positions.
    pub(crate) fn resume(&self) -> Option<v1::WatchPosition> {
        self.last.clone()
    }

    /// Brings it forward by a message that was taken whole.
    pub(crate) fn pass(&mut self, message: &v1::WatchResponse) {
        if let Some(position) = &message.position {
            self.last = Some(position.clone()).filter(|position| position.epoch != 0);
        }
        let Some(position) = &mut self.last else { return };
        for event in &message.events {
            let Some(bit) = 1_u64.checked_shl(event.line) else { continue };
            position.seqno = position.seqno.saturating_add(1);
            position.timestamp_ns = position.timestamp_ns.max(event.timestamp_ns);
            let at = (self.mask & (bit - 1)).count_ones() as usize;
            if let Some(seqno) = position.line_seqnos.get_mut(at) {
                *seqno = (*seqno).max(event.line_seqno);
            }
            if let Some(values) = &mut position.values {
                let active = event.edge() == v1::Edge::Rising;
                values.bits = if active { values.bits | bit } else { values.bits & !bit };
            }
        }
    }

    /// The watch begins anew, with a daemon that can not go on.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }
}
