//! How much memory the daemon may come to need when all clients do their worst at once, by the limits: a pure sum of
//! terms, each with its reason.
//!
//! What one of a kind takes was measured on a release build with glibc (x86-64, 2026-11-29) by clients that do not read
//! and messages that do not end, and rounded up. Memory that was used once is used again, but given back to the system
//! in part only.

use super::{Config, Limits};

const KIB: u64 = 1024;
/// The daemon with two groups before anybody has come: 6.3 MiB were measured, a third of them the program's own text.
const BASE: u64 = 7 * 1024 * KIB;
/// A connection without streams: 36 to 42 KiB were measured, the most of them buffers for reading.
const CONNECTION: u64 = 48 * KIB;
/// A stream beside the message that it gathers: 14 to 21 KiB were measured.
const STREAM: u64 = 24 * KIB;
/// A stream whose client does not read, when what may wait to be sent has been filled up with small messages: 45 KiB
/// were measured, with a queue of 256 events.
const UNREAD: u64 = 40 * KIB;
/// An event that waits for a watcher: 48 bytes, in a queue that grows by doubling.
const EVENT: u64 = 96;
/// A session: its lines, names and the task of its watchdog. Reckoned, not measured.
const SESSION: u64 = 16 * KIB;
/// A step of a program, with what it did. Reckoned, not measured.
const STEP: u64 = 256;
/// An edge that a program gathered: kept, told, and on its way. Reckoned, not measured.
const PROGRAM_EDGE: u64 = 256;
/// Connections of each socket that are being told why they are refused.
const REFUSALS: u64 = 2;

/// One term of the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// What it is for.
    pub what: &'static str,
    /// How many there may be.
    pub count: u64,
    /// What each may take, in bytes.
    pub bytes: u64,
}

impl Config {
    /// The terms of the memory ceiling.
    pub fn memory_terms(&self) -> [Term; 6] {
        terms(&self.limits, self.groups.len() as u64)
    }

    /// What the daemon may come to need, in bytes; limits that clients reach together.
    pub fn memory_ceiling_bytes(&self) -> u64 {
        self.memory_terms().iter().map(|term| term.count.saturating_mul(term.bytes)).sum()
    }
}

fn terms(limits: &Limits, groups: u64) -> [Term; 6] {
    let term = |what, count, bytes| Term { what, count, bytes };
    let of = u64::from;
    // A watch socket has no sessions and no programs.
    let (sockets, driving) = (1 + 2 * groups, 1 + groups);
    let connections = of(limits.total_connections).min(sockets * of(limits.connections));
    let stream = (of(limits.message_bytes) + STREAM).max(UNREAD);
    let program = of(limits.program_steps) * STEP + of(limits.program_edges) * PROGRAM_EDGE;
    [
        term("the daemon itself", 1, BASE),
        term("connections", connections + sockets * REFUSALS, CONNECTION),
        term("streams", connections * of(limits.streams), stream),
        term("watches", sockets * of(limits.watches), of(limits.watch_events) * EVENT),
        term("sessions", driving * of(limits.sessions), SESSION),
        term("programs", driving * of(limits.programs), program),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ceiling(limits: &Limits) -> u64 {
        terms(limits, 2).iter().map(|term| term.count * term.bytes).sum()
    }

    #[test]
    fn every_limit_on_what_is_kept_moves_the_ceiling() {
        let usual = Limits::default();
        let less = [
            Limits { total_connections: 32, ..usual },
            Limits { connections: 2, ..usual },
            Limits { streams: 8, ..usual },
            Limits { message_bytes: 20_000, ..usual },
            Limits { watches: 8, ..usual },
            Limits { watch_events: 64, ..usual },
            Limits { sessions: 8, ..usual },
            Limits { programs: 2, ..usual },
            Limits { program_steps: 8, ..usual },
            Limits { program_edges: 8, ..usual },
        ];
        assert!(less.iter().all(|limits| ceiling(limits) < ceiling(&usual)));
    }

    #[test]
    fn a_small_board_can_be_kept_below_16_mib() {
        let small = Limits {
            connections: 4,
            total_connections: 12,
            streams: 10,
            message_bytes: 16 * 1024,
            watches: 16,
            watch_events: 128,
            sessions: 8,
            programs: 4,
            program_steps: 64,
            program_edges: 256,
            ..Limits::default()
        };
        assert!(ceiling(&small) <= 16 << 20, "{}", ceiling(&small));
    }
}
