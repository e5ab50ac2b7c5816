//! What is told. Labels are names of the configuration, of the board's chips, and words of ours: nothing that a client says.

use super::Answer;
use super::process::Process;
use super::text::{Kind, Text};
use crate::broker::{Cause, Command, Used};
use crate::sorted::SortedMap;
use crate::watch::Tally;
use std::time::Duration;

/// All numbers at one moment.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub(super) answers: &'a [Answer<'a>],
    /// Taken and refused.
    pub(super) reloads: [u64; 2],
    pub(super) starts: u64,
    pub(super) state_file_failures: u64,
    /// How long one turn of the reactor took.
    pub(super) turn: Duration,
    pub(super) process: Process,
    /// When the daemon was started, since 1970.
    pub(super) started: Duration,
}

/// Writes them.
pub(super) fn text(told: &Told<'_>) -> String {
    let mut text = Text::default();
    text.family("gpiod_build", Kind::Info, "What is running.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    by_group(&mut text, told.answers);
    in_all(&mut text, told.answers);
    daemon(&mut text, told);
    process(&mut text, told);
    text.end()
}

/// Of each group: all its parts and both its sockets together.
fn by_group(text: &mut Text, answers: &[Answer<'_>]) {
    let mut groups: SortedMap<&str, Used> = SortedMap::new();
    for (name, used) in answers.iter().flat_map(|answer| answer.numbers.sockets.iter()) {
        groups.get_or_default(name.as_str()).add(used);
    }
    let mut gauge = |name, help, of: fn(&Used) -> u64| {
        let mut family = text.family(name, Kind::Gauge, help);
        for (group, used) in groups.iter() {
            family.sample(&[("group", group)], of(used));
        }
    };
    gauge("gpiod_holders", "Clients that are there and hold lines for themselves alone.", |used| {
        used.holders
    });
    gauge("gpiod_holders_away", "Clients that are waited for, and whose lines are kept.", |used| used.away);
    gauge(
        "gpiod_sessions",
        "Sessions, those of clients that are away and calls of programs included.",
        |used| used.sessions,
    );
    gauge("gpiod_watches", "Watches, those within sessions included.", |used| used.watches);
    gauge("gpiod_programs_running", "Programs that run.", |used| used.programs);
    gauge("gpiod_samplings", "Samplings.", |used| used.samplings);
    gauge("gpiod_connections", "Open connections.", |used| used.connections);
    let mut commands = text.family(
        "gpiod_commands",
        Kind::Counter,
        "What clients asked for, done or refused; operations of a batch count besides.",
    );
    for (group, used) in groups.iter() {
        for (command, count) in Command::ALL.into_iter().zip(used.commands) {
            commands.sample(&[("group", group), ("kind", command.word())], count);
        }
    }
    let mut events = text.family("gpiod_events", Kind::Counter, "Edges that were put into watchers' queues.");
    for (group, used) in groups.iter() {
        events.sample(&[("group", group)], used.events);
    }
}

fn in_all(text: &mut Text, answers: &[Answer<'_>]) {
    let mut losses = Tally::default();
    let mut releases = [0; Cause::ALL.len()];
    let mut limits: SortedMap<&str, u64> = SortedMap::new();
    for answer in answers {
        losses.add(&answer.numbers.losses);
        for (sum, count) in releases.iter_mut().zip(answer.numbers.releases) {
            *sum += count;
        }
        for (limit, count) in answer.numbers.limits_hit.iter() {
            *limits.get_or_default(*limit) += count;
        }
    }
    let Tally { events: _, kernel, watcher, limit, hardware, restart } = losses;
    let help = "Events that watchers and programs did not get; for hardware and restart, how often some may be missing.";
    let mut family = text.family("gpiod_losses", Kind::Counter, help);
    for (cause, count) in [
        ("kernel", kernel),
        ("watcher", watcher),
        ("limit", limit),
        ("hardware", hardware),
        ("restart", restart),
    ] {
        family.sample(&[("cause", cause)], count);
    }
    let mut family = text.family("gpiod_releases", Kind::Counter, "How often a holder's lines were let go.");
    for (cause, count) in Cause::ALL.into_iter().zip(releases) {
        family.sample(&[("cause", cause.word())], count);
    }
    let mut family = text.family(
        "gpiod_limit_hits",
        Kind::Counter,
        "How often a limit of the configuration refused something.",
    );
    for (limit, count) in limits {
        family.sample(&[("limit", limit)], count);
    }
    let summed = answers.iter().map(|answer| answer.numbers.audit_summed).sum::<u64>();
    text.family("gpiod_audit_summed", Kind::Counter, "Audit events that are in the log as sums only.")
        .sample(&[], summed);
    let help =
        "Whether a part of the daemon answered in time; if not, its numbers are those of the time before.";
    let mut family = text.family("gpiod_part_answered", Kind::Gauge, help);
    for answer in answers {
        family.sample(&[("part", answer.part)], u8::from(answer.now));
    }
}

fn daemon(text: &mut Text, told: &Told<'_>) {
    text.family("gpiod_starts", Kind::Counter, "How often the daemon was started since the boot.")
        .sample(&[], told.starts);
    let mut family =
        text.family("gpiod_reloads", Kind::Counter, "How often the configuration was read anew.");
    for (outcome, count) in ["taken", "refused"].into_iter().zip(told.reloads) {
        family.sample(&[("outcome", outcome)], count);
    }
    let help = "How often the state file could not be written.";
    text.family("gpiod_state_file_failures", Kind::Counter, help).sample(&[], told.state_file_failures);
    let help = "How long the main reactor took for one turn, while this was asked.";
    text.family("gpiod_reactor_turn_seconds", Kind::Gauge, help).sample(&[], told.turn.as_secs_f64());
}

fn process(text: &mut Text, told: &Told<'_>) {
    let Process { resident_bytes, open_fds } = told.process;
    if let Some(bytes) = resident_bytes {
        text.family("process_resident_memory_bytes", Kind::Gauge, "Memory that is there for the process.")
            .sample(&[], bytes);
    }
    if let Some(open) = open_fds {
        text.family("process_open_fds", Kind::Gauge, "Open descriptors.").sample(&[], open);
    }
    text.family("process_start_time_seconds", Kind::Gauge, "When it was started, since 1970.")
        .sample(&[], told.started.as_secs_f64());
}
