//! The daemon is stopped and killed while clients write, hold and watch: no `keep` output moves unless it was asked to,
//! every client comes back to its own lines, and every edge is told once or lies in a loss that was told.

mod watcher;
mod writer;

use super::arguments::Arguments;
use super::dice::Dice;
use super::part::Parts;
use super::table::{Row, Table};
use super::world::{Follow, PATIENCE, World, in_time};
use crate::{Fallible, now_ns};
use gpiod::board::record::{Change, Entry};
use gpiod_sdk::Client;
use nix::sys::signal::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use watcher::Watcher;
use writer::{Asked, Writer};

const CONFIG: &str = r#"
[[group]]
name = "w1"
on_release = "keep"
lines.a = { line = "GPIO5", direction = "output" }
lines.b = { line = "GPIO6", direction = "output" }

[[group]]
name = "w2"
on_release = "keep"
lines.a = { line = "GPIO9", direction = "output" }
lines.b = { line = "GPIO10", direction = "output" }

[[group]]
name = "w3"
on_release = "keep"
lines.a = { line = "GPIO11", direction = "output" }
lines.b = { line = "GPIO12", direction = "output" }

[[group]]
name = "h1"
on_release = "keep"
lines.a = { line = "GPIO13", direction = "output" }
lines.b = { line = "GPIO16", direction = "output" }

[[group]]
name = "h2"
on_release = "keep"
lines.a = { line = "GPIO19", direction = "output" }
lines.b = { line = "GPIO20", direction = "output" }

[[group]]
name = "in"
lines.fast = { line = "GPIO23", direction = "input" }
lines.slow = { line = "GPIO24", direction = "input" }
"#;

const CIRCUIT: &str = r#"
[[pulse]]
name = "fast"
line = "GPIO23"
frequency_hz = 250
duty = 0.5
on = true

[[pulse]]
name = "slow"
line = "GPIO24"
frequency_hz = 30
duty = 0.3
on = true
"#;

/// Each with its two lines as the board calls them, and whether it writes all the time or only holds.
const WRITERS: [(&str, [&str; 2], bool); 5] = [
    ("w1", ["GPIO5", "GPIO6"], true),
    ("w2", ["GPIO9", "GPIO10"], true),
    ("w3", ["GPIO11", "GPIO12"], true),
    ("h1", ["GPIO13", "GPIO16"], false),
    ("h2", ["GPIO19", "GPIO20"], false),
];

/// At most so long between two restarts. A session that was open for a second comes back by short waits first.
const PAUSE_US: u64 = 1_500_000;

/// Restarts so often, with all processors busy.
pub(crate) async fn run(wanted: &Arguments, table: &mut Table) -> Fallible<()> {
    let rounds = wanted.rounds(200);
    let mut world = World::new(&wanted.gpiod, CONFIG, CIRCUIT).await?;
    world.start_daemon().await?;
    let follow = world.follow().await?;
    let (begin, record) = record(&world, follow).await?;
    let (stop, stopped) = watch::channel(false);
    let mut writers = Vec::new();
    for (group, lines, writes) in WRITERS {
        let writer = Writer::open(world.client(group).await?, writes, stopped.clone()).await?;
        let resumed = writer.resumed();
        writers.push((group, lines, resumed, tokio::spawn(writer.run())));
    }
    let mut watchers = Vec::new();
    for (name, lines, in_session) in [
        ("fast", &["fast"][..], false),
        ("both", &["fast", "slow"], false),
        ("session", &["slow", "fast"], true),
    ] {
        let path = if in_session { world.socket("in") } else { world.path("run/watch/in/gpiod.sock") };
        let client = Client::at(path).name(name).wait(PATIENCE).connect().await?;
        watchers.push(Watcher::open(name, client, lines, in_session).await?);
    }

    eprintln!("restart: all processors busy, {rounds} times, SIGTERM and SIGKILL in turn");
    let load = Parts::load()?;
    let (mut dice, mut gone) = (Dice::new(), Row::default());
    for round in 0..rounds {
        dice.wait_us(PAUSE_US).await;
        let before = resumed(&writers);
        let signal = if round % 2 == 0 { Signal::SIGTERM } else { Signal::SIGKILL };
        let (at_ns, status) = world.end_daemon(signal).await?;
        if signal == Signal::SIGTERM && !status.success() {
            gone.broken.push(format!("restart {round}: a stopped daemon ended with {status}"));
        }
        world.start_daemon().await?;
        gone.times.push(now_ns() - at_ns);
        // Now and then it is gone again before all are back.
        if dice.below(4) > 0 {
            let back = async {
                while resumed(&writers).iter().zip(&before).any(|(now, before)| now <= before) {
                    a_moment().await;
                }
            };
            in_time("a session that does not come back", back).await?;
        }
    }
    drop(load);

    // All are to be back, and to have heard all that there was.
    stop.send(true)?;
    let mut written = Vec::new();
    for (group, lines, _, writer) in writers {
        written.push((group, lines, in_time("a writer that does not come back", writer).await???));
    }
    for watcher in &watchers {
        watcher.is_back().await?;
    }
    let mut board = world.board().await?;
    board.pulse("fast", false).await?;
    let last = board.pulse("slow", false).await?;
    let entries = in_time("the record", record.until(last)).await??;
    for watcher in &watchers {
        watcher.has_heard(&entries).await?;
    }
    gone.scene = "restart";
    gone.case = "signal to ready, all processors busy".to_owned();
    gone.found = format!("{rounds} restarts; the record has {} changes", entries.len());
    gone.promise = "a stopped daemon exits 0".to_owned();
    // The session of a watch is still open.
    gone.broken.extend(world.leaked().await?.into_iter().filter(|leaked| !leaked.ends_with(" session")));
    table.add(gone);
    judge_writers(&written, &entries, &begin, table);
    judge_watchers(watchers, &entries, table);
    Ok(())
}

type Running = (&'static str, [&'static str; 2], Arc<AtomicU64>, JoinHandle<Fallible<Asked>>);

/// How often each of them came back.
fn resumed(writers: &[Running]) -> Vec<u64> {
    writers.iter().map(|(_, _, resumed, _)| resumed.load(Ordering::Relaxed)).collect()
}

fn judge_writers(
    written: &[(&str, [&str; 2], Asked)],
    entries: &[Entry],
    begin: &[(String, bool)],
    table: &mut Table,
) {
    let mut row = Row { scene: "restart", case: "5 sessions: time away".to_owned(), ..Row::default() };
    let (mut asks, mut unknown, mut resumed) = (0, 0, 0);
    for (group, lines, asked) in written {
        row.times.extend(&asked.away_ns);
        asks += asked.asks.len();
        unknown += asked.asks.iter().filter(|ask| ask.done_ns.is_none()).count();
        resumed += asked.resumed.load(Ordering::Relaxed);
        row.broken.extend(asked.wrong.iter().map(|wrong| format!("{group}: {wrong}")));
        for (bit, line) in lines.iter().enumerate() {
            let before = begin.iter().any(|(name, high)| name == line && *high);
            let wrong = asked.unasked(bit, line, before, entries);
            row.broken.extend(wrong.map(|wrong| format!("{group}: {wrong}")));
        }
    }
    row.found = format!("{asks} writes, {unknown} of them cut off; resumed {resumed} times, always kept");
    row.promise = "no keep output moves unasked; all resume with kept lines".to_owned();
    table.add(row);
}

fn judge_watchers(watchers: Vec<Watcher>, entries: &[Entry], table: &mut Table) {
    let mut row = Row { scene: "restart", case: "3 watches".to_owned(), ..Row::default() };
    let (mut told, mut in_intervals, mut counted, mut made) = (0, 0, 0, 0);
    for watcher in watchers {
        let account = watcher.account(entries);
        told += account.told;
        in_intervals += account.in_intervals;
        counted += account.counted;
        made += account.made;
        row.broken.extend(account.wrong.into_iter().map(|wrong| format!("watch {}: {wrong}", account.name)));
    }
    row.found = format!(
        "of {made} edges {told} told once and in order, {in_intervals} in intervals that were told, {counted} counted as lost"
    );
    row.promise = "each edge is told once, or is in a loss".to_owned();
    table.add(row);
}

/// Takes the record in, all the time.
struct Recording {
    entries: JoinHandle<Fallible<Vec<Entry>>>,
    until: watch::Sender<u64>,
}

impl Recording {
    /// All up to this entry and with it.
    async fn until(self, last: u64) -> Fallible<Vec<Entry>> {
        self.until.send(last)?;
        self.entries.await?
    }
}

/// The levels of now, and what comes.
async fn record(world: &World, mut follow: Follow) -> Fallible<(Vec<(String, bool)>, Recording)> {
    let state = world.board().await?.state().await?;
    let begin = state.lines.iter().map(|line| (line.line.to_string(), line.high)).collect();
    let (until, mut end) = watch::channel(u64::MAX);
    let entries = tokio::spawn(async move {
        let mut entries = Vec::new();
        while follow.seen < *end.borrow_and_update() {
            tokio::select! {
                page = follow.next() => entries.extend(page?.into_iter().filter(|entry| entry.change == Change::Level)),
                _ = end.changed() => {}
            }
        }
        Ok(entries)
    });
    Ok((begin, Recording { entries, until }))
}

/// A while in which something may come, before it is looked for again.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}
