//! What the broker counts for the metrics: plain numbers under its mutex, which a command makes larger by one.

use super::session::Cause;
use super::usage::Resource;
use super::{Broker, Hold, Scope, State};
use crate::sorted::SortedMap;
use crate::watch::{Queue, Tally};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, TryLockError};

/// What clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The lines of the socket.
    List,
    /// Values.
    Read,
    /// To set lines.
    Write,
    /// To hold lines.
    Open,
    /// To change direction or pull.
    Configure,
    /// To be told of edges.
    Watch,
    /// No longer to be told of them.
    Unwatch,
    /// To run a program, in a session or by itself.
    Program,
    /// To be told values at a steady rate.
    Sample,
    /// To be known alive.
    Feed,
    /// To do several reads and writes, each of which counts besides.
    Batch,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::List,
        Self::Read,
        Self::Write,
        Self::Open,
        Self::Configure,
        Self::Watch,
        Self::Unwatch,
        Self::Program,
        Self::Sample,
        Self::Feed,
        Self::Batch,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Open => "open",
            Self::Configure => "configure",
            Self::Watch => "watch",
            Self::Unwatch => "unwatch",
            Self::Program => "program",
            Self::Sample => "sample",
            Self::Feed => "feed",
            Self::Batch => "batch",
        }
    }
}

/// What was counted of one socket.
#[derive(Clone, Copy, Debug, Default)]
struct Socket {
    commands: [u64; Command::ALL.len()],
    /// Of watches that have ended.
    watched: Tally,
    connections: u64,
}

/// What was counted since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// The administrator's first, then by group: its two sockets are counted together.
    sockets: Vec<Socket>,
    /// Of what programs listened to.
    programs: Tally,
    /// The watches that there are, and what programs listen to.
    watches: HashMap<u64, (Option<Scope>, Arc<Queue>)>,
    releases: [u64; Cause::ALL.len()],
}

fn place(scope: Scope) -> usize {
    match scope {
        Scope::Admin => 0,
        Scope::Group(group) | Scope::Watch(group) => group.0 + 1,
    }
}

impl Counts {
    fn at(&mut self, scope: Scope) -> &mut Socket {
        let place = place(scope);
        if place >= self.sockets.len() {
            self.sockets.resize(place + 1, Socket::default());
        }
        &mut self.sockets[place]
    }

    /// Counts a command, whatever becomes of it.
    #[inline]
    pub(super) fn command(&mut self, scope: Scope, command: Command) {
        self.commands(scope, command, 1);
    }

    /// Counts so many of them.
    #[inline]
    pub(super) fn commands(&mut self, scope: Scope, command: Command, count: u32) {
        if count > 0 {
            self.at(scope).commands[command as usize] += u64::from(count);
        }
    }

    pub(super) fn released(&mut self, cause: Cause) {
        self.releases[cause as usize] += 1;
    }

    /// A watch, or what a program listens to, has begun.
    pub(super) fn watches(&mut self, id: u64, scope: Option<Scope>, queue: Arc<Queue>) {
        self.watches.insert(id, (scope, queue));
    }

    /// It has ended.
    pub(super) fn watched(&mut self, id: u64) {
        let Some((scope, queue)) = self.watches.remove(&id) else { return };
        match scope {
            Some(scope) => self.at(scope).watched.add(&queue.tally()),
            None => self.programs.add(&queue.tally()),
        }
    }
}

/// What is counted of one group's sockets, or of the administrator's.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// How often each was asked for, in the order of [`Command::ALL`].
    pub commands: [u64; Command::ALL.len()],
    /// Events that were told to watchers, or wait for them.
    pub events: u64,
    /// Open connections.
    pub connections: u64,
    /// Holders that are there, of lines that are one holder's alone.
    pub holders: u64,
    /// Holders that are waited for.
    pub away: u64,
    /// Sessions, those that are waited for and calls of programs included.
    pub sessions: u64,
    /// Watches.
    pub watches: u64,
    /// Programs that run.
    pub programs: u64,
    /// Samplings.
    pub samplings: u64,
}

/// The broker's numbers at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By group, `admin` for the administrator.
    pub sockets: SortedMap<String, Used>,
    /// What watchers and programs lost.
    pub losses: Tally,
    /// How often lines were let go, by cause.
    pub releases: [u64; Cause::ALL.len()],
    /// How often a limit was reached, by its key.
    pub limits_hit: SortedMap<&'static str, u64>,
    /// Audit events that were summed up.
    pub audit_summed: u64,
}

impl Used {
    /// Adds what is counted of the same group elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.commands.iter_mut().zip(other.commands) {
            *sum += count;
        }
        self.events += other.events;
        self.connections += other.connections;
        self.holders += other.holders;
        self.away += other.away;
        self.sessions += other.sessions;
        self.watches += other.watches;
        self.programs += other.programs;
        self.samplings += other.samplings;
    }
}

impl State {
    fn snapshot(&self) -> Snapshot {
        let mut sockets: SortedMap<String, Used> = SortedMap::new();
        let mut losses = self.counts.programs;
        for (i, socket) in self.counts.sockets.iter().enumerate() {
            let Socket { commands, watched, connections } = *socket;
            let counted = Used { commands, events: watched.events, connections, ..Used::default() };
            sockets.get_or_default(self.socket_name(i)).add(&counted);
            losses.add(&watched);
        }
        // Those that nothing was asked of are there, too: with 0.
        for name in ["admin"].into_iter().chain(self.wiring.groups.iter().map(|group| group.name.as_str())) {
            sockets.get_or_default(name.to_owned());
        }
        let mut add = |scope: Scope, used: &Used| {
            sockets.get_or_default(scope.name(&self.wiring).to_owned()).add(used);
        };
        for (scope, queue) in self.counts.watches.values() {
            let tally = queue.tally();
            losses.add(&tally);
            if let Some(scope) = scope {
                add(*scope, &Used { events: tally.events, ..Used::default() });
            }
        }
        for (scope, resource, open) in self.usage.open() {
            let mut used = Used::default();
            *match resource {
                Resource::Session => &mut used.sessions,
                Resource::Watch => &mut used.watches,
                Resource::Program => &mut used.programs,
                Resource::Sample => &mut used.samplings,
            } = open.into();
            add(scope, &used);
        }
        let holders: HashSet<_> = self.lines.iter().filter_map(|line| line.holder).collect();
        for (id, session) in self.sessions.iter() {
            let away = session.holder.away_until_ns.is_some();
            let holders = u64::from(!away && holders.contains(id));
            add(session.scope, &Used { holders, away: away.into(), ..Used::default() });
        }
        Snapshot {
            sockets,
            losses,
            releases: self.counts.releases,
            limits_hit: self.usage.hits().clone(),
            audit_summed: self.audit.summed(),
        }
    }

    fn socket_name(&self, place: usize) -> String {
        let group = place.checked_sub(1).and_then(|group| self.wiring.groups.get(group));
        group.map_or_else(|| "admin".to_owned(), |group| group.name.clone())
    }
}

impl Broker {
    /// The numbers now; `None` while somebody works on the lines, who may be waiting for a slow chip.
    pub fn snapshot(&self) -> Option<Snapshot> {
        match self.state.try_lock() {
            Ok(state) => Some(state.snapshot()),
            Err(TryLockError::Poisoned(state)) => Some(state.into_inner().snapshot()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Counts a command that was refused before it came to the broker.
    pub fn count_refused(&self, scope: Scope, command: Command) {
        self.lock().counts.command(scope, command);
    }

    /// Counts a connection for as long as the answer lives.
    pub fn connected(self: &Arc<Self>, scope: Scope) -> Connected {
        self.lock().counts.at(scope).connections += 1;
        Connected { broker: Arc::clone(self), scope }
    }
}

impl Hold {
    /// Counts a command that the broker has nothing to do for.
    pub fn count(&self, command: Command) {
        self.broker.lock().counts.command(self.scope, command);
    }
}

/// A connection that is counted.
#[derive(Debug)]
pub struct Connected {
    broker: Arc<Broker>,
    scope: Scope,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut state = self.broker.lock();
        let connections = &mut state.counts.at(self.scope).connections;
        *connections = connections.saturating_sub(1);
    }
}
