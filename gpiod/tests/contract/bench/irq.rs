//! When the kernel is done with an edge: the simulated interrupt of a line is handled by a thread, and until that sleeps
//! again the next edge would be one with the last.
//!
//! The interrupt itself comes on the processor that made the edge, so whoever stays on one processor is interrupted before
//! it goes on, and then sees the thread awake.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// The threads that were seen last; looking for them is slower than looking at them.
static KNOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How long an interrupt may take to be raised; a line that nobody listens to raises none.
const RAISED: Duration = Duration::from_millis(20);

/// Waits until an edge has been taken in that was made when so many interrupts had been [`count`]ed.
pub(crate) fn settle(before: u64) {
    let mut known = KNOWN.lock().unwrap();
    let begin = Instant::now();
    if known.is_empty() || known.iter().any(|thread| state(thread).is_none()) {
        *known = threads();
    }
    while !known.is_empty() && count() == before && begin.elapsed() < RAISED {
        std::thread::yield_now();
    }
    while known.iter().any(|thread| state(thread).is_some_and(|state| state != 'S')) {
        assert!(begin.elapsed() < PATIENCE, "an interrupt's thread does not come to rest");
        std::thread::yield_now();
    }
}

/// Stays on one processor, which [`settle`] needs.
pub(crate) fn stay() {
    let mut one = CpuSet::new();
    one.set(0).unwrap();
    sched_setaffinity(Pid::from_raw(0), &one).unwrap();
}

/// How many interrupts of our lines there have been.
pub(crate) fn count() -> u64 {
    let table = fs::read_to_string("/proc/interrupts").unwrap();
    let of = |line: &str| line.split_whitespace().filter_map(|word| word.parse::<u64>().ok()).sum::<u64>();
    table.lines().filter(|line| line.contains("gpiod:")).map(of).sum()
}

/// Looks for the threads anew: those of a process that is just ending are not those of the next.
pub(crate) fn look_again() {
    *KNOWN.lock().unwrap() = threads();
}

/// The numbers of the threads that handle our lines' interrupts, which are called after the lines' holder.
fn threads() -> Vec<String> {
    let all =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let ours = |number: &String| {
        fs::read_to_string(format!("/proc/{number}/comm"))
            .is_ok_and(|name| name.starts_with("irq/") && name.contains("-gpiod:"))
    };
    all.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).filter(ours).collect()
}

/// What a thread does, by the letter that `/proc` has for it; `None` when it has ended.
fn state(thread: &str) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{thread}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
