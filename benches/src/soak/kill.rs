//! Clients are killed while they write: each line does what its `on_release` says, soon, and none is left held.

use super::arguments::Arguments;
use super::dice::Dice;
use super::part::{self, LINES, OPENED, Parts};
use super::table::{Row, Table, ms};
use super::world::{Follow, World, in_time, is_level};
use crate::{Fallible, now_ns};
use gpiod::board::record::{Change, Entry};
use gpiod::line::Direction;
use std::process::Stdio;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

const CONFIG: &str = r#"
[[group]]
name = "victim"
lines.inactive = { line = "GPIO9", direction = "output", on_release = "inactive" }
lines.active = { line = "GPIO10", direction = "output", on_release = "active" }
lines.keep = { line = "GPIO20", direction = "output", on_release = "keep" }
lines.input = { line = "GPIO22", direction = "output", on_release = "input", bias = "pull-down" }
"#;

/// What the board calls them.
const BOARD_LINES: [&str; 4] = ["GPIO9", "GPIO10", "GPIO20", "GPIO22"];
/// What each is after its release; one keeps what it has.
const RELEASED: [Option<bool>; 4] = [Some(false), Some(true), None, Some(false)];

/// Until the level, from the kill; for clients whose memory takes the kernel as long by itself, from their end.
const SOON_NS: u64 = 10_000_000;

/// From so many rounds on there are large clients, too: they are for a machine that has nothing else to do.
const LARGE_FROM: u32 = 100;

/// From when the time is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    /// The moment just before kill(2).
    Kill,
    /// The end of the client's descriptors, as another one of them shows it: the kernel frees its memory first, and
    /// nobody can know of its end before.
    End,
}

/// Kills so many clients, idle and with all processors busy.
pub(crate) async fn run(wanted: &Arguments, table: &mut Table) -> Fallible<()> {
    let rounds = wanted.rounds(1000);
    let few = |divisor: u32| (rounds / divisor).max(2);
    let mut world = World::new(&wanted.gpiod, CONFIG, "").await?;
    world.start_daemon().await?;
    let mut scene = Scene { follow: world.follow().await?, world, levels: [false; 4], dice: Dice::new() };
    table.add(scene.case("idle", rounds.div_ceil(2), 0, Since::Kill).await?);
    let load = Parts::load()?;
    table.add(scene.case("all processors busy", rounds / 2, 0, Since::Kill).await?);
    if rounds < LARGE_FROM {
        return Ok(());
    }
    table.add(scene.case("busy, client of 250 MB, since its end", few(10), 250, Since::End).await?);
    drop(load);
    table.add(scene.case("idle, client of 25 MB, since its end", few(10), 25, Since::End).await?);
    table.add(scene.case("idle, client of 250 MB, since its end", few(10), 250, Since::End).await?);
    table.add(scene.case("idle, client of 1 GB, since its end", few(40), 1024, Since::End).await?);
    Ok(())
}

struct Scene {
    world: World,
    follow: Follow,
    /// Of all lines after the last round.
    levels: [bool; 4],
    dice: Dice,
}

impl Scene {
    async fn case(&mut self, case: &str, rounds: u32, megabytes: u32, since: Since) -> Fallible<Row> {
        eprintln!("kill: {case}, {rounds} times");
        let mut row = Row { scene: "kill", case: case.to_owned(), ..Row::default() };
        let (mut asked, mut frees, mut kills) = (0, Vec::new(), Vec::new());
        for round in 1..=rounds {
            let client = start(&self.world, megabytes)?;
            let killed =
                self.round(client).await.map_err(|error| format!("{case}, kill {round}: {error}"))?;
            let since_end_ns = killed.ns.saturating_sub(killed.frees_ns);
            row.times.push(if since == Since::End { since_end_ns } else { killed.ns });
            kills.push(killed.ns);
            frees.push(killed.frees_ns);
            asked += killed.asked;
            row.broken.extend(killed.wrong.map(|wrong| format!("kill {round}: {wrong}")));
        }
        row.broken.extend(self.world.leaked().await?);
        let state = self.world.board().await?.state().await?;
        for (bit, line) in BOARD_LINES.iter().enumerate() {
            let now =
                state.lines.iter().find(|state| state.line.to_string() == *line).ok_or("no such line")?;
            let wanted = if bit == 3 { Direction::Input } else { Direction::Output };
            if (now.high, now.direction) != (self.levels[bit], wanted) {
                row.broken.push(format!("{line} is {:?}, {} at the end", now.direction, now.high));
            }
        }
        row.found = format!("{asked} writes; the kernel ended its descriptors after {} ms", p50_p99(frees));
        if since == Since::End {
            row.found += &format!(", the level came {} ms after the kill", p50_p99(kills));
        }
        row.promise =
            "on_release, none stuck, no hold leaked, each write done or not; p99 ≤ 10 ms".to_owned();
        row.p99_at_most(SOON_NS);
        Ok(row)
    }

    async fn round(&mut self, mut client: Child) -> Fallible<Killed> {
        let mut pipe = client.stdout.take().ok_or("no pipe")?;
        let mut asked = Vec::new();
        in_time("a client that does not open its session", async {
            while !asked.ends_with(&[OPENED]) {
                asked.push(pipe.read_u8().await?);
            }
            Fallible::Ok(())
        })
        .await??;
        self.dice.wait_us(15_000).await;
        let killed_ns = now_ns();
        client.start_kill()?;
        in_time("a client that is not dead", pipe.read_to_end(&mut asked)).await??;
        let end_ns = now_ns();
        client.wait().await?;
        asked.retain(|pattern| *pattern != OPENED);
        let entries = self.until_released().await?;
        let moved = |entry: &&Entry| {
            let of_release = matches!(entry.change, Change::Level | Change::Direction);
            of_release && BOARD_LINES.contains(&entry.line.to_string().as_str())
        };
        let last = entries.iter().filter(moved).map(|entry| entry.time_ns).max().unwrap_or(killed_ns);
        let wrong = explained(&mut self.levels, &asked, &entries).err();
        Ok(Killed {
            ns: last.saturating_sub(killed_ns),
            frees_ns: end_ns - killed_ns,
            asked: asked.len(),
            wrong,
        })
    }

    /// The record from the last round on, until all lines are as they are to be.
    async fn until_released(&mut self) -> Fallible<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut levels = self.levels;
        let mut is_input = false;
        let follow = &mut self.follow;
        let released = async {
            loop {
                for entry in follow.next().await? {
                    let Some(bit) = BOARD_LINES.iter().position(|line| entry.line.to_string() == *line)
                    else {
                        continue;
                    };
                    if entry.change == Change::Level {
                        levels[bit] = entry.high;
                    }
                    if (bit, entry.change) == (3, Change::Direction) {
                        is_input = entry.direction == Direction::Input;
                    }
                    entries.push(entry);
                }
                let all =
                    levels.iter().zip(RELEASED).all(|(level, wanted)| wanted.is_none_or(|to| to == *level));
                if is_input && all {
                    return Fallible::Ok(());
                }
            }
        };
        in_time("a line that is not released", released).await??;
        Ok(entries)
    }
}

/// As the table says it: the median and the 99th percentile, in ms.
fn p50_p99(times: Vec<u64>) -> String {
    let summary = Row { times, ..Row::default() }.summary();
    summary.map_or_else(String::new, |times| format!("{} / {}", ms(times.p50_ns), ms(times.p99_ns)))
}

/// What came of a kill.
struct Killed {
    /// From the kill until the last line had its level.
    ns: u64,
    /// From the kill until another descriptor of the client ended, as seen from here: first the kernel frees its memory.
    frees_ns: u64,
    asked: usize,
    wrong: Option<String>,
}

fn start(world: &World, megabytes: u32) -> Fallible<Child> {
    let mut command = part::command()?;
    command.arg("hold").arg(world.socket("victim")).arg(megabytes.to_string());
    command.stdout(Stdio::piped());
    Ok(Command::from(command).kill_on_drop(true).spawn()?)
}

/// Whether the record is what was asked for, where the last write was done or not, and then the release. Brings `levels`
/// to what they are by that.
fn explained(levels: &mut [bool; 4], asked: &[u8], entries: &[Entry]) -> Result<(), String> {
    let before = *levels;
    for (level, line) in levels.iter_mut().zip(BOARD_LINES) {
        *level = entries.iter().rfind(|entry| is_level(entry, line)).map_or(*level, |entry| entry.high);
    }
    let as_asked = |done: usize| {
        (0..LINES.len()).all(|bit| {
            let asked = asked.iter().take(done).map(|pattern| pattern >> bit & 1 == 1);
            let mut wanted: Vec<bool> =
                std::iter::once(before[bit]).chain(asked).chain(RELEASED[bit]).collect();
            wanted.dedup();
            let seen =
                entries.iter().filter(|entry| is_level(entry, BOARD_LINES[bit])).map(|entry| entry.high);
            seen.eq(wanted.into_iter().skip(1))
        })
    };
    // What was asked for last may not have been on its way yet.
    if as_asked(asked.len()) || (asked.len() > 1 && as_asked(asked.len() - 1)) {
        return Ok(());
    }
    Err(format!(
        "the record of {} entries is not what {} writes and a release make",
        entries.len(),
        asked.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpiod::board::record::Cause;

    fn level(line: &str, high: bool) -> Entry {
        Entry {
            seq: 1,
            time_ns: 1,
            line: line.parse().unwrap(),
            change: Change::Level,
            high,
            direction: Direction::Output,
            contention: false,
            cause: Cause::Consumer("gpiod".into()),
        }
    }

    #[test]
    fn the_last_write_may_be_missing_and_no_other() {
        // The kept line is on after the first write, off after the second, on after the third.
        let asked = [0b0110, 0b0010, 0b0110];
        let start = [false, true, false, false];
        let kept = |levels: &[bool]| levels.iter().map(|high| level("GPIO20", *high)).collect::<Vec<_>>();
        for (seen, right) in [
            (&[true, false, true][..], true),
            (&[true, false], true),
            (&[true], false),
            (&[true, false, true, false], false),
        ] {
            let mut levels = start;
            assert_eq!(explained(&mut levels, &asked, &kept(seen)).is_ok(), right, "{seen:?}");
            assert_eq!(levels[2], *seen.last().unwrap());
        }
    }

    #[test]
    fn a_line_that_is_not_released_is_no_release() {
        let entries = [level("GPIO9", true), level("GPIO9", false)];
        explained(&mut [false, true, false, false], &[0b0011], &entries).unwrap();
        assert!(explained(&mut [false, true, false, false], &[0b0011], &entries[..1]).is_err());
    }
}
