//! What goes over the board's two sockets: one JSON object on a line, a request and its reply, in turn.

use super::claim::ClaimId;
use super::model::{ControlError, Fault, Refusal, State};
use super::record::Page;
use crate::json::{tagged, variants};
use crate::line::{EdgeEvent, LineConfig, LineId, LineInfo, Moment, Values};
use serde::Serialize;

/// The longest request that the board reads, in bytes.
pub const LONGEST_REQUEST: usize = 64 * 1024;
/// The longest reply that a client of the board has to expect, in bytes.
pub const LONGEST_REPLY: usize = 1024 * 1024;

/// A request on `lines.sock`. The connection that sends `claim` is the claim: it ends with the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum LineRequest {
    /// Which board is this, and what are its lines? Needs no claim.
    Lines {},
    /// Claims these lines; once for each connection.
    Claim {
        /// Who claims.
        consumer: String,
        /// Which lines, to be what.
        lines: Vec<(LineId, LineConfig)>,
        /// Of which of them, by position, those stay as they are that turn out to be driven.
        as_found: u64,
    },
    /// Reads lines of the claim.
    Read {
        /// Which.
        mask: u64,
    },
    /// Sets outputs of the claim.
    Write {
        /// Which.
        mask: u64,
        /// To what.
        bits: u64,
    },
    /// Changes lines of the claim.
    Configure {
        /// Positions, and what they are to be.
        lines: Vec<(u8, LineConfig)>,
    },
    /// Makes this connection, which has no claim of its own, the one that a claim's edges come over. After the
    /// reply, each `more` is answered with one batch, as soon as there are edges.
    Edges {
        /// Whose edges.
        claim: ClaimId,
    },
    /// The edges so far are taken; more are welcome. Without edges for it, it waits.
    More {},
}

tagged!(LineRequest, "op", nothing_else {
    "lines" => Lines {},
    "claim" => Claim { consumer, lines, as_found },
    "read" => Read { mask },
    "write" => Write { mask, bits },
    "configure" => Configure { lines },
    "edges" => Edges { claim },
    "more" => More {},
});

/// A reply on `lines.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineReply {
    /// To `lines`.
    Board {
        /// The board's model.
        model: String,
        /// Its lines, by BCM number.
        lines: Vec<LineInfo>,
    },
    /// To `claim`.
    Claimed {
        /// Its claim.
        claim: ClaimId,
        /// Positions of lines that turned out to be driven, and stay as they are.
        kept: u64,
    },
    /// To `read`.
    Values(Values),
    /// To `write` and `configure`.
    Done(Moment),
    /// To `edges`.
    Attached,
    /// To `more`: at least one edge, oldest first.
    Edges(Vec<EdgeEvent>),
    /// The board refuses; nothing has changed.
    Refused(Refusal),
    /// The request is no request, or not one for this connection. The connection may be closed after it.
    Malformed(String),
}

variants!(LineReply {
    "board" => Board { model, lines },
    "claimed" => Claimed { claim, kept },
    "values" => Values(values),
    "done" => Done(moment),
    "attached" => Attached,
    "edges" => Edges(edges),
    "refused" => Refused(refusal),
    "malformed" => Malformed(why),
});

/// A request on `control.sock`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum ControlRequest {
    /// All of the board, now.
    State {},
    /// A page of the record.
    Record {
        /// The entries after this one.
        since: u64,
    },
    /// The record as it grows: pages, without end, the first at once even if it is empty.
    Follow {
        /// The entries after this one.
        since: u64,
    },
    /// Presses a button.
    Press {
        /// Its name.
        name: String,
        /// For how long; until `release` if it is not said.
        for_ns: Option<u64>,
    },
    /// Lets a button go.
    Release {
        /// Its name.
        name: String,
    },
    /// Puts a light sensor into steady light.
    Light {
        /// Its name.
        name: String,
        /// How much; the circuit's own light if it is not said.
        lux: Option<f64>,
    },
    /// Switches a pulse source.
    Pulse {
        /// Its name.
        name: String,
        /// On or off.
        on: bool,
    },
    /// Breaks something.
    Fault {
        /// What, and how.
        fault: Fault,
    },
    /// Mends faults.
    Clear {
        /// Of this line or component; all if it is not said.
        target: Option<String>,
    },
}

tagged!(ControlRequest, "op", nothing_else {
    "state" => State {},
    "record" => Record { since },
    "follow" => Follow { since },
    "press" => Press { name, for_ns },
    "release" => Release { name },
    "light" => Light { name, lux },
    "pulse" => Pulse { name, on },
    "fault" => Fault { fault },
    "clear" => Clear { target },
});

/// A reply on `control.sock`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlReply {
    /// To `state`.
    State(State),
    /// To `record` and `follow`.
    Record(Page),
    /// It is done, and this is the newest entry of the record after it.
    Done {
        /// The newest entry.
        last_seq: u64,
    },
    /// The board refuses; nothing has changed.
    Refused(ControlError),
    /// The request is no request. The connection may be closed after it.
    Malformed(String),
}

variants!(ControlReply {
    "state" => State(state),
    "record" => Record(page),
    "done" => Done { last_seq },
    "refused" => Refused(refusal),
    "malformed" => Malformed(why),
});

#[cfg(test)]
mod tests;
