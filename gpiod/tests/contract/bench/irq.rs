//! When the kernel is done with an edge: the simulated interrupt of a line is handled by a thread, and until that sleeps
//! again the next edge would be one with the last.

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// The threads that were seen last; looking for them is slower than looking at them.
static KNOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Waits until all edges that were made so far have been taken in.
pub(crate) fn settle() {
    let mut known = KNOWN.lock().unwrap();
    let begin = Instant::now();
    if known.is_empty() || known.iter().any(|thread| state(thread).is_none()) {
        *known = threads();
    }
    while known.iter().any(|thread| state(thread).is_some_and(|state| state != 'S')) {
        assert!(begin.elapsed() < PATIENCE, "an interrupt's thread does not come to rest");
        std::thread::yield_now();
    }
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
