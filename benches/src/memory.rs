//! How much memory the daemon takes when its clients take all that the limits allow, and what it says that it may take.

pub(crate) mod promised;
mod wire;

use crate::Fallible;
use crate::daemon::Daemon;
use crate::frames::{begun, message};
use lexopt::prelude::*;
use promised::{Promised, Term, may_grow_kib};
use serde::Serialize;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use wire::{Client, MOST, nested, number};

pub(crate) const HELP: &str = "\
Does the worst to one gpiod that its default limits allow, all at once, and compares what it takes of memory with what
`gpiod check` says that it may take. On the simulated board, with two groups.

usage: gpiod-bench memory --gpiod PATH [OPTION]...

  --gpiod PATH     the gpiod to measure
  --limits TEXT    lines for [limits], instead of the defaults
  --json PATH      write the figures there

exit code 1 when it takes more than it says
";

/// How long nothing must come, or change, for a step to be taken for done.
const QUIET: Duration = Duration::from_millis(100);
/// How long the daemon has for one small command.
const EACH: Duration = Duration::from_micros(200);
/// Edges that programs gather and that watchers do not read of: more than their sockets and queues hold.
const EDGES: u32 = 12_000;

/// The connection that makes the edges: to the second socket, the first group's, and the only one that is read of.
const WRITER: usize = 1;
/// Small answers that wait on a stream: more than there is room for. And frames that wait to be looked at then: with those
/// of its neighbours on a connection nearly as many as may be.
const SMALL: (usize, usize) = (24, 50);

/// What is measured.
#[derive(Debug)]
pub(crate) struct Arguments {
    gpiod: PathBuf,
    limits: String,
    json: Option<PathBuf>,
}

/// One step: what was added, and how much memory the daemon had then, in KiB.
#[derive(Debug, Serialize)]
struct Step {
    what: &'static str,
    count: usize,
    resident_kib: u64,
    grown_kib: u64,
}

/// What came out.
#[derive(Debug, Serialize)]
struct Report {
    steps: Vec<Step>,
    most_kib: u64,
    ceiling_kib: u64,
    terms: Vec<Term>,
}

impl Report {
    /// By how much it grew after it had started.
    fn grown_kib(&self) -> u64 {
        self.most_kib.saturating_sub(self.steps.first().map_or(0, |step| step.resident_kib))
    }

    fn may_grow_kib(&self) -> u64 {
        may_grow_kib(&self.terms)
    }
}

/// Reads the command line; `None` when help was asked for.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Arguments>, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut gpiod, mut limits, mut json) = (None, String::new(), None);
    let told = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(told)? {
        match argument {
            Long("gpiod") => gpiod = Some(PathBuf::from(parser.value().map_err(told)?)),
            Long("limits") => limits = parser.value().and_then(ValueExt::string).map_err(told)?,
            Long("json") => json = Some(PathBuf::from(parser.value().map_err(told)?)),
            Short('h') | Long("help") => return Ok(None),
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected().to_string()),
        }
    }
    Ok(Some(Arguments { gpiod: gpiod.ok_or("--gpiod is missing")?, limits, json }))
}

/// Measures, and prints what came out.
pub(crate) fn run(wanted: &Arguments) -> Fallible<()> {
    let report = measure(wanted)?;
    println!("| step | count | resident, KiB | grown by | each |\n|---|---|---|---|---|");
    for Step { what, count, resident_kib, grown_kib } in &report.steps {
        let each = *grown_kib as f64 / (*count).max(1) as f64;
        println!("| {what} | {count} | {resident_kib} | {grown_kib} | {each:.1} |");
    }
    println!("\n| term of the ceiling | count | each, KiB | KiB |\n|---|---|---|---|");
    for Term { what, count, bytes } in &report.terms {
        println!("| {what} | {count} | {:.1} | {} |", *bytes as f64 / 1024.0, count * bytes / 1024);
    }
    println!(
        "\nmost: {} KiB of {} KiB; grown by {} KiB of {} KiB",
        report.most_kib,
        report.ceiling_kib,
        report.grown_kib(),
        report.may_grow_kib()
    );
    if let Some(path) = &wanted.json {
        fs::write(path, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    if report.most_kib > report.ceiling_kib {
        return Err("the daemon took more memory than it says it may".into());
    }
    Ok(())
}

fn measure(wanted: &Arguments) -> Fallible<Report> {
    let Arguments { gpiod, limits, .. } = wanted;
    let groups = "[[group]]\nname = \"a\"\nlines.out = { line = \"GPIO22\", direction = \"output\" }\n\
                  lines.in = { line = \"GPIO27\", direction = \"input\" }\n\
                  [[group]]\nname = \"b\"\nlines.in = { line = \"GPIO27\", direction = \"input\" }\n";
    let circuit = "[[wire]]\nname = \"jumper\"\nbetween = [\"GPIO22\", \"GPIO27\"]\n";
    let daemon = Daemon::on_board(gpiod, circuit, limits, groups)?;
    let promised = Promised::of(gpiod, &daemon.config())?;
    let sockets = ["admin", "groups/a", "watch/a", "groups/b", "watch/b"].map(|below| daemon.socket(below));
    let mut meter = Meter { daemon, steps: Vec::new() };
    meter.step("nobody has come", 1)?;
    worst(&mut meter, &sockets, &promised.memory_terms)?;
    let most_kib = meter.daemon.process.memory_kib("VmHWM")?;
    let Promised { memory_ceiling_bytes, memory_terms: terms } = promised;
    Ok(Report { steps: meter.steps, most_kib, ceiling_kib: memory_ceiling_bytes / 1024, terms })
}

struct Meter {
    daemon: Daemon,
    steps: Vec<Step>,
}

impl Meter {
    /// Notes what the daemon has, once that has not changed for a while.
    fn step(&mut self, what: &'static str, count: usize) -> Fallible<()> {
        let resident_kib = self.daemon.process.settled_kib()?;
        let before = self.steps.last().map_or(0, |step| step.resident_kib);
        let grown_kib = resident_kib.saturating_sub(before);
        self.steps.push(Step { what, count, resident_kib, grown_kib });
        Ok(())
    }
}

/// A session: which connection it is on, and which of its streams it is.
struct Session {
    client: usize,
    stream: u32,
}

/// Takes all there is, and reads nothing.
fn worst(meter: &mut Meter, sockets: &[PathBuf; 5], terms: &[Term]) -> Fallible<()> {
    let most = |what: &str| {
        let term = terms.iter().find(|term| term.what == what);
        let count = term.and_then(|term| usize::try_from(term.count).ok());
        count.ok_or_else(|| format!("check tells of no {what}"))
    };
    let refusals = 2 * sockets.len();
    let connections = most("connections")? - refusals;
    // The admin socket and the two groups' in turn: what is open through these is the most.
    let driving = [0, 1, 3];
    let mut clients = Vec::new();
    for n in 0..connections {
        let socket = if n < 2 * sockets.len() { n % sockets.len() } else { driving[n % 3] };
        // What is sent to these waits in the daemon, however much their sockets take.
        let window = if n == WRITER { MOST } else { 0 };
        let mut client = Client::connect(&sockets[socket], window)?;
        client.read(QUIET)?;
        clients.push((socket, client));
    }
    meter.step("connections", connections)?;
    let opened = |line: &str| message(&nested(2, &nested(1, &nested(1, line.as_bytes()))));
    let writing = clients[WRITER].1.open("Session")?;
    clients[WRITER].1.data(writing, &opened("out"))?;
    clients[WRITER].1.answer(writing)?;
    let able: Vec<usize> =
        (0..clients.len()).filter(|n| *n != WRITER && clients[*n].0 % 2 == 1 || clients[*n].0 == 0).collect();
    let streams = most("streams")? - 1;
    // As long a text as there is for a mistake, on all streams that the sessions leave.
    let unknown = nested(1, "\u{10ffff}".repeat(64).as_bytes());
    let of_connection = most("streams that are refused")? / connections;
    for (n, (_, client)) in clients.iter_mut().enumerate().filter(|(n, _)| *n != WRITER) {
        let kept = if able.contains(&n) { streams.div_ceil(able.len()) } else { 0 };
        for _ in kept..of_connection {
            client.call("Read", &unknown)?;
        }
    }
    meter
        .step("mistakes that nobody reads of", (of_connection * (connections - 1)).saturating_sub(streams))?;
    let mut sessions = Vec::new();
    for n in 0..streams {
        let at = able[n % able.len()];
        let (socket, client) = &mut clients[at];
        let stream = client.open("Session")?;
        client.data(stream, &opened(if *socket == 0 { "a/in" } else { "in" }))?;
        sessions.push(Session { client: at, stream });
    }
    meter.step("sessions", sessions.len() + 1)?;
    let programs = most("programs")?;
    for Session { client, stream } in sessions.iter().cycle().take(most("watches")?) {
        let watch = [number(1, 7 + u64::from(*stream)), nested(6, &number(1, 1))].concat();
        clients[*client].1.data(*stream, &message(&watch))?;
    }
    meter.step("watches, nothing happens", most("watches")?)?;
    let nothing = nested(1, &nested(3, &number(1, 0)));
    let capture = [number(1, 1), number(3, 500), number(4, 9_000_000_000)].concat();
    let program = [nothing.repeat(200), nested(1, &nested(5, &capture))].concat();
    for (n, Session { client, stream }) in sessions.iter().take(programs).enumerate() {
        let run = [number(1, 90_000 + n as u64), nested(8, &program)].concat();
        clients[*client].1.data(*stream, &message(&run))?;
    }
    meter.step("programs that wait for edges", programs)?;
    let feed = message(&[number(1, 4), nested(9, &[])].concat());
    for Session { client, stream } in sessions.iter().cycle().take(sessions.len() * SMALL.0) {
        clients[*client].1.data(*stream, &feed)?;
        // Else several would be answered in one piece, which takes less.
        clients[*client].1.read(EACH)?;
    }
    meter.step("small answers that nobody reads", sessions.len() * SMALL.0)?;
    let write = |bits| nested(1, &nested(2, &[number(1, 1), number(2, bits)].concat()));
    let batch = nested(10, &[write(1), write(0)].concat().repeat(50));
    for _ in 0..EDGES / 100 {
        clients[WRITER].1.data(writing, &message(&batch))?;
        clients[WRITER].1.answer(writing)?;
    }
    meter.step("edges that nobody reads of", EDGES as usize)?;
    let feed = message(&[number(1, 5), nested(9, &[])].concat());
    for Session { client, stream } in sessions.iter().cycle().take(sessions.len() * SMALL.1) {
        // A socket that takes no more is as full as it gets.
        let _ = clients[*client].1.data(*stream, &feed);
    }
    meter.step("frames that nobody looks at", sessions.len() * SMALL.1)?;
    for Session { client, stream } in &sessions {
        let _ = clients[*client].1.data(*stream, &begun(16_000, &[0; 8_000]));
    }
    meter.step("messages that do not end", sessions.len())?;
    let mut refused = 0;
    for (_, client) in &mut clients {
        for _ in 0..20 {
            refused += usize::from(client.open("Session").is_ok());
        }
    }
    meter.step("streams that are refused", refused)?;
    let mut strangers = Vec::new();
    for n in 0..refusals {
        let mut stranger = Client::connect(&sockets[n % sockets.len()], 0)?;
        let _ = stranger.open("Read");
        strangers.push(stranger);
    }
    meter.step("connections that are refused", refusals)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the program's own text takes depends on how it was built; what clients add to that does not by much.
    #[test]
    fn clients_that_take_all_there_is_make_the_daemon_grow_by_less_than_it_says() {
        let tests = std::env::current_exe().unwrap();
        let gpiod = tests.ancestors().nth(2).unwrap().join("gpiod");
        assert!(gpiod.exists(), "cargo build --workspace comes first");
        let report = measure(&Arguments { gpiod, limits: String::new(), json: None }).unwrap();
        assert!(report.grown_kib() > report.may_grow_kib() / 8, "the worst was not done: {report:?}");
        assert!(report.grown_kib() <= report.may_grow_kib(), "{report:?}");
    }
}
