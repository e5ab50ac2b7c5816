//! What clients may use up, and between which bounds the board's owner may set it.

use crate::tables::table;
use std::ops::RangeInclusive;
use toml::Spanned;

/// Makes of one list of keys, each with its default and its bounds, the limits in force and those that a file gives.
macro_rules! limits {
    ($($(#[$doc:meta])+ $key:ident = $usual:expr, $bounds:expr;)+) => {
        /// What clients may use up. Each has a key of the same name below `[limits]`; whoever reaches one is told its key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[$doc])+ pub $key: u32,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($key: $usual,)+ }
            }
        }

        impl Limits {
            /// Each with its key.
            pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, u32)> {
                [$((stringify!($key), self.$key),)+].into_iter()
            }
        }

        table! {
            /// Those of them that a file gives.
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            pub(super) struct Given {
                $($key: Option<Spanned<u32>>,)+
            }
        }

        impl Given {
            /// With the defaults for the others.
            fn or_usual(&self) -> Limits {
                let value = |given: &Option<Spanned<u32>>| given.as_ref().map(|given| *given.get_ref());
                Limits { $($key: value(&self.$key).unwrap_or($usual),)+ }
            }

            /// Each that is given, with its key and its bounds.
            pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, &Spanned<u32>, RangeInclusive<u32>)> {
                let all = [$((stringify!($key), self.$key.as_ref(), $bounds),)+];
                all.into_iter().filter_map(|(key, given, bounds)| Some((key, given?, bounds)))
            }
        }
    };
}

limits! {
    /// Connections to one socket. 1 to 4,096.
    connections = 16, 1..=4096;
    /// Connections to all sockets together; a part of them is each socket's own, so that the others can not take all.
    /// At least one for each socket, and 1 to 65,536.
    total_connections = 24, 1..=65_536;
    /// Calls, watches and sessions open at a time on one connection. 1 to 1,024.
    streams = 16, 1..=1024;
    /// The same on all connections together; a part of them is each socket's own. At least one for each socket, and 1 to
    /// 65,536.
    total_streams = 36, 1..=65_536;
    /// Bytes of one message. 1,024 to 4,194,304.
    message_bytes = 16 * 1024, 1024..=4 << 20;
    /// Operations of one batch. 1 to 256.
    batch_operations = 256, 1..=256;
    /// Sessions through one socket. 1 to 1,024.
    sessions = 16, 1..=1024;
    /// Watches through one socket, those within sessions included. 1 to 4,096.
    watches = 32, 1..=4096;
    /// Watches through all sockets together; a part of them is each socket's own. At least one for each socket, and 1 to
    /// 65,536.
    total_watches = 32, 1..=65_536;
    /// Watches of one session. 1 to 4,096.
    session_watches = 32, 1..=4096;
    /// Events that wait for one slow watcher before the oldest are dropped and counted. 16 to 65,536.
    watch_events = 512, 16..=65_536;
    /// Events of one line that are remembered for watchers who lost their connection and come back. 0 to 1,024.
    replay_events = 256, 0..=1024;
    /// Events per second that the watchers of one socket are told; what is beyond is dropped and counted. As many may
    /// come at once. 100 to 10,000,000.
    socket_events_per_s = 50_000, 100..=10_000_000;
    /// Programs that run at a time through one socket. 1 to 1,024.
    programs = 3, 1..=1024;
    /// Steps of one program. 1 to 4,096.
    program_steps = 256, 1..=4096;
    /// Edges that the captures of one program may ask for altogether. 1 to 1,048,576.
    program_edges = 400, 1..=1 << 20;
    /// What the waits and time-outs of one program may add up to, in ms. 1 to 600,000.
    program_ms = 10_000, 1..=600_000;
    /// What the programs of one socket may use at once of their thread's processor time, in µs. 100 to 100,000.
    program_burst_us = 4_000, 100..=100_000;
    /// Samplings through one socket. 1 to 64.
    samples = 1, 1..=64;
    /// Samples per second that one sampling may ask for. 1 to 1,000,000.
    samples_per_s = 100_000, 1..=1_000_000;
    /// What one socket may use at once of the reactor's time while other sockets are in use too, in µs. 50 to 100,000.
    turn_us = 1_000, 50..=100_000;
}

impl Given {
    /// All of them for so many sockets: of what all share and no file gives, there are two for each socket at least.
    pub(super) fn limits(&self, sockets: usize) -> Limits {
        let mut limits = self.or_usual();
        let least = u32::try_from(2 * sockets).unwrap_or(u32::MAX);
        for (total, given) in [
            (&mut limits.total_connections, &self.total_connections),
            (&mut limits.total_streams, &self.total_streams),
            (&mut limits.total_watches, &self.total_watches),
        ] {
            if given.is_none() {
                *total = (*total).max(least);
            }
        }
        limits
    }
}

impl Limits {
    /// What the waits and time-outs of one program may add up to, in ns.
    pub fn program_ns(&self) -> u64 {
        u64::from(self.program_ms) * 1_000_000
    }

    /// [`program_burst_us`](Self::program_burst_us) in ns.
    pub fn program_burst_ns(&self) -> u64 {
        u64::from(self.program_burst_us) * 1_000
    }

    /// The least time between two samples, in ns.
    pub fn sample_period_ns(&self) -> u64 {
        1_000_000_000 / u64::from(self.samples_per_s.max(1))
    }

    /// [`turn_us`](Self::turn_us) in ns.
    pub fn turn_ns(&self) -> u64 {
        u64::from(self.turn_us) * 1_000
    }
}
