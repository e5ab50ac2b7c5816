//! The daemon is killed and does not come back: its guardian makes inputs of the lines that are not to stay on, within
//! the time that it states, and no other line moves.

use super::arguments::Arguments;
use super::dice::Dice;
use super::table::{Row, Table};
use super::world::{Follow, World, in_time};
use crate::Fallible;
use gpiod::board::record::{Change, Entry};
use gpiod::line::Direction;
use gpiod_sdk::{Client, Error, Reason, Session, Value};
use nix::sys::signal::Signal;

const CONFIG: &str = r#"
resume_within = "10ms"

[[group]]
name = "heater"
lines.coil = { line = "GPIO9", direction = "output", bias = "pull-down", on_daemon_exit = "input" }
lines.fan = { line = "GPIO10", direction = "both", on_daemon_exit = "input" }
lines.lamp = { line = "GPIO20", direction = "output", on_release = "keep", on_daemon_exit = "keep" }
"#;

const WARDS: [&str; 2] = ["GPIO9", "GPIO10"];
const KEPT: &str = "GPIO20";

/// What the guardian is told to wait.
const WAIT: &str = "200ms";
/// How much later than it states the machine may let it be.
const LATER_NS: u64 = 100_000_000;

/// Takes the daemon away so often.
pub(crate) async fn run(wanted: &Arguments, table: &mut Table) -> Fallible<()> {
    let rounds = wanted.rounds(50);
    eprintln!("guard: {rounds} rounds");
    let mut world = World::new(&wanted.gpiod, CONFIG, "").await?;
    let _guardian = world.start_guard(WAIT).await?;
    let mut follow = world.follow().await?;
    let mut dice = Dice::new();
    let mut row = Row { scene: "guard", case: format!("killed, guardian waits {WAIT}"), ..Row::default() };
    let mut within_ns = 0;
    for round in 1..=rounds {
        world.start_daemon().await?;
        let client = world.client("heater").await?;
        within_ns = stated(&client).await?;
        let session = open(&client, dice.coin()).await?;
        dice.wait_us(5000).await;
        let (killed_ns, _) = world.end_daemon(Signal::SIGKILL).await?;
        drop(session);
        let entries =
            in_time("a line that does not become an input", until_inputs(&mut follow, killed_ns)).await??;
        let after: Vec<&Entry> = entries.iter().filter(|entry| entry.time_ns >= killed_ns).collect();
        let became = after.iter().filter(|entry| became_input(entry)).map(|entry| entry.time_ns).max();
        row.times.push(became.unwrap_or(u64::MAX).saturating_sub(killed_ns));
        if after.iter().any(|entry| moved(entry) && entry.line.to_string() == KEPT) {
            row.broken.push(format!("round {round}: {KEPT} moved"));
        }
    }
    if row.times.iter().any(|ns| *ns < within_ns) {
        row.broken.push("the guardian did not wait".to_owned());
    }
    row.max_at_most(within_ns + LATER_NS);
    row.found = format!("{} lines became inputs; the kept one never moved", row.times.len() * WARDS.len());
    row.promise = format!("inputs within {WAIT} (and 100 ms for the machine), keep does not move");
    table.add(row);
    Ok(())
}

/// By when the guardian acts, as the daemon lists it, in ns.
async fn stated(client: &Client) -> Fallible<u64> {
    let lines = client.lines().await?;
    let guardian = lines.get("coil").and_then(|line| line.guardian).filter(|guardian| guardian.present);
    Ok(guardian.ok_or("the daemon has no guardian")?.within_ns)
}

/// Everything on, but for the lamp, which is so or so. The daemon may wait for the session of the round before.
async fn open(client: &Client, lamp: bool) -> Fallible<Session> {
    let lamp = if lamp { Value::Active } else { Value::Inactive };
    let open = async {
        loop {
            let session =
                client.session().output_at("coil", Value::Active).both("fan").output_at("lamp", lamp);
            match session.open().await {
                Ok(session) => return Ok(session),
                Err(error) if error.reason() == Some(&Reason::LineHeld) => tokio::task::yield_now().await,
                Err(error) => return Err(error),
            }
        }
    };
    let session: Result<Session, Error> = in_time("lines that stay held", open).await?;
    let session = session?;
    session.both("fan")?.drive(Value::Active).await?;
    Ok(session)
}

fn moved(entry: &Entry) -> bool {
    matches!(entry.change, Change::Level | Change::Direction)
}

fn became_input(entry: &Entry) -> bool {
    (entry.change, entry.direction) == (Change::Direction, Direction::Input)
        && WARDS.contains(&entry.line.to_string().as_str())
}

/// The record, until all wards have become inputs after that moment.
async fn until_inputs(follow: &mut Follow, after_ns: u64) -> Fallible<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        entries.extend(follow.next().await?);
        let is_input = |line: &&str| {
            let of_line = |entry: &&Entry| entry.time_ns >= after_ns && became_input(entry);
            entries.iter().filter(of_line).any(|entry| entry.line.to_string() == **line)
        };
        if WARDS.iter().all(is_input) {
            return Ok(entries);
        }
    }
}
