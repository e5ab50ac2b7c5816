//! What clients may use up, and between which bounds the board's owner may set it.

use serde::Deserialize;
use std::ops::RangeInclusive;

/// What clients may use up. Each has a key of the same name below `[limits]`; whoever reaches one is told its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections to one socket. 1 to 4,096.
    pub connections: u32,
    /// Connections to all sockets together; a part of them is each socket's own, so that the others can not take all.
    /// At least one for each socket, and 1 to 65,536.
    pub total_connections: u32,
    /// Calls, watches and sessions open at a time on one connection. 1 to 1,024.
    pub streams: u32,
    /// The same on all connections together; a part of them is each socket's own. At least one for each socket, and 1 to
    /// 65,536.
    pub total_streams: u32,
    /// Bytes of one message. 1,024 to 4,194,304.
    pub message_bytes: u32,
    /// Operations of one batch. 1 to 256.
    pub batch_operations: u32,
    /// Sessions through one socket. 1 to 1,024.
    pub sessions: u32,
    /// Watches through one socket, those within sessions included. 1 to 4,096.
    pub watches: u32,
    /// Watches through all sockets together; a part of them is each socket's own. At least one for each socket, and 1 to
    /// 65,536.
    pub total_watches: u32,
    /// Watches of one session. 1 to 4,096.
    pub session_watches: u32,
    /// Events that wait for one slow watcher before the oldest are dropped and counted. 16 to 65,536.
    pub watch_events: u32,
    /// Events of one line that are remembered for watchers who lost their connection and come back. 0 to 1,024.
    pub replay_events: u32,
    /// Events per second that the watchers of one socket are told; what is beyond is dropped and counted. As many may
    /// come at once. 100 to 10,000,000.
    pub socket_events_per_s: u32,
    /// Programs that run at a time through one socket. 1 to 1,024.
    pub programs: u32,
    /// Steps of one program. 1 to 4,096.
    pub program_steps: u32,
    /// Edges that the captures of one program may ask for altogether. 1 to 1,048,576.
    pub program_edges: u32,
    /// What the waits and time-outs of one program may add up to, in ms. 1 to 600,000.
    pub program_ms: u32,
    /// What the programs of one socket may use at once of their thread's processor time, in µs. 100 to 100,000.
    pub program_burst_us: u32,
    /// What one socket may use at once of the reactor's time while other sockets are in use too, in µs. 50 to 100,000.
    pub turn_us: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16,
            total_connections: 24,
            streams: 16,
            total_streams: 36,
            message_bytes: 16 * 1024,
            batch_operations: 256,
            sessions: 16,
            watches: 32,
            total_watches: 32,
            session_watches: 32,
            watch_events: 512,
            replay_events: 256,
            socket_events_per_s: 50_000,
            programs: 3,
            program_steps: 256,
            program_edges: 512,
            program_ms: 10_000,
            program_burst_us: 4_000,
            turn_us: 1_000,
        }
    }
}

impl Limits {
    /// The same with at least two connections, streams and watches for each socket, where the sums are the defaults.
    #[must_use]
    pub(super) fn for_sockets(mut self, sockets: usize) -> Self {
        let usual = Self::default();
        let least = u32::try_from(2 * sockets).unwrap_or(u32::MAX);
        for (total, default) in [
            (&mut self.total_connections, usual.total_connections),
            (&mut self.total_streams, usual.total_streams),
            (&mut self.total_watches, usual.total_watches),
        ] {
            if *total == default {
                *total = default.max(least);
            }
        }
        self
    }

    /// What the waits and time-outs of one program may add up to, in ns.
    pub fn program_ns(&self) -> u64 {
        u64::from(self.program_ms) * 1_000_000
    }

    /// [`program_burst_us`](Self::program_burst_us) in ns.
    pub fn program_burst_ns(&self) -> u64 {
        u64::from(self.program_burst_us) * 1_000
    }

    /// [`turn_us`](Self::turn_us) in ns.
    pub fn turn_ns(&self) -> u64 {
        u64::from(self.turn_us) * 1_000
    }

    /// Each with its key and its bounds.
    pub(super) fn ranges(&self) -> [(&'static str, u32, RangeInclusive<u32>); 19] {
        [
            ("connections", self.connections, 1..=4096),
            ("total_connections", self.total_connections, 1..=65_536),
            ("streams", self.streams, 1..=1024),
            ("total_streams", self.total_streams, 1..=65_536),
            ("message_bytes", self.message_bytes, 1024..=4 << 20),
            ("batch_operations", self.batch_operations, 1..=256),
            ("sessions", self.sessions, 1..=1024),
            ("watches", self.watches, 1..=4096),
            ("total_watches", self.total_watches, 1..=65_536),
            ("session_watches", self.session_watches, 1..=4096),
            ("watch_events", self.watch_events, 16..=65_536),
            ("replay_events", self.replay_events, 0..=1024),
            ("socket_events_per_s", self.socket_events_per_s, 100..=10_000_000),
            ("programs", self.programs, 1..=1024),
            ("program_steps", self.program_steps, 1..=4096),
            ("program_edges", self.program_edges, 1..=1 << 20),
            ("program_ms", self.program_ms, 1..=600_000),
            ("program_burst_us", self.program_burst_us, 100..=100_000),
            ("turn_us", self.turn_us, 50..=100_000),
        ]
    }
}
