//! Hostile clients in numbers, while one session of another socket writes a thousand times a second and watches a line
//! that toggles with it: it loses nothing, and the daemon stays as it is.

pub(crate) mod client;
mod good;

use super::arguments::Arguments;
use super::part::{self, Parts};
use super::table::{Row, Table, ms};
use super::world::World;
use crate::hostile::Flood;
use crate::memory::promised::{Promised, may_grow_kib};
use crate::process::keep_on_one_processor;
use crate::{Fallible, now_ns};
use good::{Good, Stay};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

const CIRCUIT: &str = "[[wire]]\nname = \"loop\"\nbetween = [\"GPIO22\", \"GPIO27\"]\n";

/// How many sockets are flooded: one lets only so many connect.
const SOCKETS: usize = 4;
/// How many more descriptors than at its start the daemon has in the variant that takes them away.
const DESCRIPTORS: u32 = 96;
/// What the daemon may have grown by when the hostile clients have gone, in KiB.
const GROWN_KIB: u64 = 16 * 1024;
/// What may be logged in a second, in bytes.
const LOG_PER_SECOND: u64 = 16 * 1024;

/// Floods the daemon, and once more one that has few descriptors.
pub(crate) async fn run(wanted: &Arguments, table: &mut Table) -> Fallible<()> {
    table.add(flooded(wanted, "", wanted.seconds, None).await?);
    let case = format!(", {DESCRIPTORS} descriptors");
    table.add(flooded(wanted, &case, wanted.seconds.div_ceil(2), Some(DESCRIPTORS)).await?);
    Ok(())
}

fn config() -> String {
    let mut text = "[[group]]\nname = \"good\"\nlines.out = { line = \"GPIO22\", direction = \"output\" }\n\
         lines.in = { line = \"GPIO27\", direction = \"input\" }\n"
        .to_owned();
    for bad in 0..SOCKETS {
        text += &format!(
            "[[group]]\nname = \"bad{bad}\"\nlines.in = {{ line = \"GPIO27\", direction = \"input\" }}\n\
             lines.lamp = {{ line = \"GPIO{}\", direction = \"output\" }}\n",
            9 + bad
        );
    }
    text
}

async fn flooded(wanted: &Arguments, variant: &str, seconds: u32, descriptors: Option<u32>) -> Fallible<Row> {
    let clients = usize::try_from(wanted.clients)?;
    let case = format!("{clients} clients for {seconds} s{variant}");
    eprintln!("hostile: {case}");
    let mut world = World::new(&wanted.gpiod, &config(), CIRCUIT).await?;
    let whole = nix::sched::sched_getaffinity(Pid::from_raw(0))?;
    // What is started has it from here.
    keep_on_one_processor(0)?;
    match descriptors {
        None => world.start_daemon().await?,
        Some(descriptors) => {
            let mut limited = tokio::process::Command::new("sh");
            limited.args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")]).arg(&wanted.gpiod);
            world.start_daemon_by(limited).await?;
        }
    }
    keep_off_the_first(&whole)?;
    let flooded = judged(wanted, &mut world, clients, seconds).await;
    sched_setaffinity(Pid::from_raw(0), &whole)?;
    Ok(Row { case, ..flooded? })
}

async fn judged(wanted: &Arguments, world: &mut World, clients: usize, seconds: u32) -> Fallible<Row> {
    let mut row = Row { scene: "hostile", ..Row::default() };
    let mut good = Good::open(world).await?;
    let pid = world.daemon.as_ref().ok_or("no daemon")?.pid()?;
    let log = world.path("daemon.log");
    let before = good.stay(Duration::from_secs(u64::from(seconds.div_ceil(6))), pid).await?;
    let logged = fs::metadata(&log)?.len();
    let parts = flood(world, clients)?;
    let during = good.stay(Duration::from_secs(seconds.into()), pid).await?;
    drop(parts);
    let logged = fs::metadata(&log)?.len() - logged;
    let after_kib = calm(pid, before.rss_kib).await?;
    let after = good.stay(Duration::from_secs(1), pid).await?;
    row.broken.extend(good.account(world, &[&before, &during, &after]).await?);
    if let Some(status) = world.daemon.as_mut().ok_or("no daemon")?.has_ended()? {
        row.broken.push(format!("the daemon ended with {status}"));
    }
    if after_kib > before.rss_kib + GROWN_KIB {
        row.broken.push(format!("the daemon has {after_kib} KiB afterwards, {} before", before.rss_kib));
    }
    let promised = Promised::of(&wanted.gpiod, &world.path("gpiod.toml"))?;
    let (grown_kib, may_kib) =
        (during.peak_kib.saturating_sub(before.rss_kib), may_grow_kib(&promised.memory_terms));
    if grown_kib > may_kib {
        row.broken.push(format!("the daemon grew by {grown_kib} KiB, and gpiod check tells {may_kib}"));
    }
    if logged > LOG_PER_SECOND * u64::from(seconds) {
        row.broken.push(format!("{logged} bytes were logged"));
    }
    told(&mut row, &before, &during, after_kib, logged, promised.memory_ceiling_bytes);
    Ok(row)
}

fn told(row: &mut Row, before: &Stay, during: &Stay, after_kib: u64, logged: u64, ceiling: u64) {
    row.times.clone_from(&during.trips);
    let quiet = Row { times: before.trips.clone(), ..Row::default() }.summary();
    let (quiet, busy) = (quiet.map_or((0, 0), |quiet| (quiet.p50_ns, quiet.p99_ns)), row.summary());
    if let Some(busy) = busy.filter(|busy| busy.p50_ns > 2 * quiet.0) {
        row.late.push(format!("p50 {} ms, before {} ms", ms(busy.p50_ns), ms(quiet.0)));
    }
    row.found = format!(
        "before: p50 {}, p99 {}; writes {}, edges all told; RSS {} → {} (ceiling {}) → {} MiB; {} KiB logged",
        ms(quiet.0),
        ms(quiet.1),
        during.trips.len(),
        before.rss_kib >> 10,
        during.peak_kib >> 10,
        ceiling >> 20,
        after_kib >> 10,
        logged >> 10,
    );
    row.promise = "nothing lost; p50 ≤ 2×; memory comes back; no crash; log bounded".to_owned();
}

/// The clients, as processes that give way to the session where both want the processor.
fn flood(world: &World, clients: usize) -> Fallible<Parts> {
    let mut parts = Parts::default();
    let program = std::env::current_exe()?;
    let start = |arguments: &[&str]| {
        let mut command = Command::new("chrt");
        command.args(["--idle", "0"]).arg(&program).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    // Half of them are those that measure the sharing of the reactor, which go by the client library.
    let sockets: Vec<String> =
        (0..SOCKETS).map(|bad| world.socket(&format!("bad{bad}")).display().to_string()).collect();
    for (socket, flood) in sockets.iter().zip(Flood::ALL) {
        let each = (clients / 2 / SOCKETS).max(1).to_string();
        let flood = flood.to_string();
        parts.add(start(&[
            "hostile",
            "--gpiod",
            "-",
            "--flood",
            &flood,
            "--at",
            socket,
            "--clients",
            &each,
        ]))?;
    }
    for socket in &sockets {
        let each = (clients.div_ceil(2) / SOCKETS).max(1).to_string();
        parts.add(start(&["soak-part", "flood", socket, &each, "lamp"]))?;
    }
    Ok(parts)
}

/// What the daemon has when it has come to rest: at once near what it had, or after a while.
async fn calm(pid: Pid, before_kib: u64) -> Fallible<u64> {
    let end_ns = now_ns() + 10_000_000_000;
    loop {
        let kib = memory_kib(pid, "VmRSS:")?;
        if kib <= before_kib + GROWN_KIB / 4 || now_ns() > end_ns {
            return Ok(kib);
        }
        tokio::time::sleep(part::TURN / 10).await;
    }
}

/// The memory of a process that is truly there, or was at most, in KiB.
fn memory_kib(pid: Pid, which: &str) -> Fallible<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(which)).ok_or("a process without memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Keeps this process, and what it starts from here on, on the second processor, where there is one.
fn keep_off_the_first(whole: &CpuSet) -> Fallible<()> {
    let mut second = CpuSet::new();
    second.set(usize::from(whole.is_set(1)?))?;
    Ok(sched_setaffinity(Pid::from_raw(0), &second)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        assert!(memory_kib(nix::unistd::getpid(), "VmRSS:").unwrap() > 100);
    }
}
