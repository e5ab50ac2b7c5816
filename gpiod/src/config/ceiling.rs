//! How much memory the daemon may come to need when all clients do their worst at once, by the limits: a pure sum of
//! terms, each with its reason.
//!
//! What one of a kind takes is measured by `gpiod-bench memory`, whose clients do not read and whose messages do not
//! end, and rounded up; `benches/README.md` has the figures, and says of which allocator they are. Memory that was used
//! once is used again, but given back to the system in part only.
//!
//! It is the daemon's process alone: what else runs in its control group, such as a container's probes, comes on top
//! (`k8s/README.md` has the figures).

use super::{Config, Limits};
use crate::line::MAX_LINES;
use crate::sample::{CHUNK_BYTES, CHUNK_GAPS, CHUNKS};

const KIB: u64 = 1024;
/// The daemon with two groups before anybody has come, a third of it the program's own text.
const BASE: u64 = 7 * 1024 * KIB;
/// A connection without streams, the most of it buffers for reading and writing.
const CONNECTION: u64 = 36 * KIB;
/// A stream beside what it receives and answers.
const STREAM: u64 = 12 * KIB;
/// What may be on its way to one stream without having been looked at, as HTTP/2's window allows.
const RECEIVED: u64 = 16 * KIB;
/// Answers of one stream that wait for a client that does not read, with what each takes beside its bytes.
const UNREAD: u64 = 8 * KIB;
/// An event in an answer, or a step, with the numbers of a daemon that has run for years.
const TOLD: u64 = 36;
/// Events of one answer to a watcher.
const PART: u64 = 256;
/// A stream that is answered with headers alone, as every refusal is, and whose client does not read them.
const REFUSED: u64 = 3 * KIB;
/// Small frames that wait to be looked at on one connection: 192, of some 210 to 300 bytes each.
const SMALL_FRAMES: u64 = 50 * KIB;
/// Streams of each connection beyond `limits.streams`, to be refused.
const REFUSED_STREAMS: u64 = 4;
/// Connections of each socket that are being told why they are refused.
const REFUSED_CONNECTIONS: u64 = 2;
/// A watch without events.
const WATCH: u64 = 2 * KIB;
/// An event that waits for a watcher. Its queue grows by doubling, but not beyond what it can hold.
const EVENT: u64 = 48;
/// A line in a watch: its entry, its position, and its number in each of 17 losses.
const WATCHED_LINE: u64 = 512;
/// A session: its lines, names and the task of its watchdog. Reckoned.
const SESSION: u64 = 2 * KIB;
/// A line in a session.
const HELD_LINE: u64 = 128;
/// A step of a program, with what it did.
const STEP: u64 = 128;
/// An edge that a program gathered, and one that no step has asked for yet: each in a list that grows by doubling.
const PROGRAM_EDGE: u64 = 160;
/// A sampling beside its samples: its lines, and its task. Reckoned.
const SAMPLING: u64 = 2 * KIB;
/// A gap between samples.
const GAP: u64 = 24;
/// A line that is or was watched, beside its remembered events.
const LISTENED: u64 = 2 * KIB;
/// An event that is remembered of a line, in a list that grows by doubling.
const REMEMBERED: u64 = 80;

/// A resource with a kubelet's connection to it, two while it changes over, and a part of what the kubelet tells of pods.
/// Reckoned.
const OFFERED: u64 = 80 * KIB;

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
    pub fn memory_terms(&self) -> [Term; 11] {
        let lines = self.groups.iter().map(|group| group.lines.len() as u64).sum();
        let groups = self.groups.len() as u64;
        let offered = self.kubernetes.as_ref().map_or(0, |kubernetes| {
            let watched = u64::from(kubernetes.watchers > 0);
            groups * (1 + watched)
        });
        terms(&self.limits, self.sockets() as u64, lines, offered)
    }

    /// What the daemon may come to need, in bytes; limits that clients reach together.
    pub fn memory_ceiling_bytes(&self) -> u64 {
        self.memory_terms().iter().map(|term| term.count.saturating_mul(term.bytes)).sum()
    }
}

fn terms(limits: &Limits, sockets: u64, lines: u64, offered: u64) -> [Term; 11] {
    let term = |what, count, bytes| Term { what, count, bytes };
    let of = u64::from;
    // A watch socket has no sessions and no programs.
    let driving = sockets.div_ceil(2);
    let connections = of(limits.total_connections).min(sockets * of(limits.connections));
    let of_connection = of(limits.streams) + REFUSED_STREAMS;
    let streams = of(limits.total_streams).min(connections * of(limits.streams));
    let watches = of(limits.total_watches).min(sockets * of(limits.watches));
    let (steps, edges) = (of(limits.program_steps), of(limits.program_edges));
    // What a program did, or a part of a watch: the longest answers.
    let answer = UNREAD + TOLD * (steps + edges).max(PART);
    let together = lines.min(MAX_LINES as u64);
    let queue = of(limits.watch_events) * EVENT;
    let chunk = CHUNK_BYTES as u64 + CHUNK_GAPS as u64 * GAP;
    [
        term("the daemon itself", 1, BASE),
        term("connections", connections + sockets * REFUSED_CONNECTIONS, CONNECTION),
        term("small frames of a connection", connections, SMALL_FRAMES),
        term("streams", streams, STREAM + of(limits.message_bytes) + RECEIVED + answer),
        term("streams that are refused", connections * of_connection, REFUSED),
        term("watches", watches, WATCH + queue + together * WATCHED_LINE),
        term("sessions", driving * of(limits.sessions), SESSION + together * HELD_LINE),
        term("programs", driving * of(limits.programs), steps * STEP + edges * PROGRAM_EDGE + queue),
        // Those that wait, the one that is filled, and the last.
        term("samplings", sockets * of(limits.samples), SAMPLING + (CHUNKS as u64 + 2) * chunk),
        term("watched lines", lines, LISTENED + of(limits.replay_events) * REMEMBERED),
        term("resources offered to a kubelet", offered, OFFERED),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn ceiling(limits: &Limits) -> u64 {
        terms(limits, 5, 8, 0).iter().map(|term| term.count * term.bytes).sum()
    }

    #[test]
    fn every_limit_on_what_is_kept_moves_the_ceiling() {
        let usual = Limits { samples: 2, ..Limits::default() };
        let less = [
            Limits { total_connections: 8, ..usual },
            Limits { connections: 2, ..usual },
            Limits { streams: 8, ..usual },
            Limits { total_streams: 8, ..usual },
            Limits { message_bytes: 2_000, ..usual },
            Limits { watches: 2, ..usual },
            Limits { total_watches: 8, ..usual },
            Limits { watch_events: 64, ..usual },
            Limits { replay_events: 64, ..usual },
            Limits { sessions: 8, ..usual },
            Limits { programs: 1, ..usual },
            Limits { program_steps: 8, ..usual },
            Limits { program_edges: 8, ..usual },
            Limits { samples: 1, ..usual },
        ];
        for limits in less {
            assert!(ceiling(&limits) < ceiling(&usual), "{limits:?}");
        }
    }

    #[test]
    fn two_groups_with_the_default_limits_stay_below_16_mib() {
        let readme = include_str!("../../README.md");
        let begin = readme.split_once("```toml\n").unwrap().1;
        let config = Config::parse(Path::new("x"), begin.split_once("```").unwrap().0).unwrap();
        assert_eq!(config.limits, Limits::default(), "the README's are the defaults");
        assert!(ceiling(&config.limits) <= 16 << 20, "{:?}", terms(&config.limits, 5, 8, 0));
        assert!(config.memory_ceiling_bytes() <= 16 << 20, "{:?}", config.memory_terms());
    }
}
