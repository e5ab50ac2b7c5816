//! How many system calls strace saw.

use crate::Fallible;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The sum of what `strace -c` wrote, once the traced process has ended.
pub(super) fn sum(path: &Path) -> Fallible<u64> {
    let text = fs::read_to_string(path)?;
    let total = text.lines().rfind(|line| line.ends_with(" total")).ok_or("strace has not ended")?;
    // Per cent, seconds, µs for each, calls.
    Ok(total.split_whitespace().nth(3).ok_or("strace wrote no sum")?.parse()?)
}

/// How many system calls a process ends within so many seconds.
pub(super) fn within(seconds: u32, pid: i32, dir: &Path) -> Fallible<u64> {
    let path = dir.join("idle.strace");
    let mut strace = Command::new("timeout");
    strace.args(["--signal=INT", &seconds.to_string(), "strace", "-qq", "-f", "-o"]).arg(&path);
    let traced = strace.arg("-p").arg(pid.to_string()).output()?;
    // That is how timeout tells that it ended strace; else strace has ended by itself, and has seen nothing.
    if traced.status.code() != Some(124) {
        let why = String::from_utf8_lossy(&traced.stderr);
        return Err(format!("strace can not look at process {pid}: {}", why.trim()).into());
    }
    Ok(ended(&fs::read_to_string(&path)?))
}

/// Calls that have a result; what was waited for before and after has none.
fn ended(text: &str) -> u64 {
    text.lines().map(|line| u64::from(line.contains(" = "))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_still_waited_for_is_not_counted() {
        let text = "12 epoll_wait(3, <unfinished ...>\n12 <... epoll_wait resumed>[{}], 1024, -1) = 1\n\
                    12 read(9, \"\", 8) = 0\n12 epoll_wait(3,  <detached ...>\n";
        assert_eq!(ended(text), 2);
    }

    #[test]
    fn a_sum_is_the_last_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sum");
        fs::write(&path, "  0.00    0.000000           0         2           read\n------\n100.00    0.000250           2       123         4 total\n").unwrap();
        assert_eq!(sum(&path).unwrap(), 123);
        fs::write(&path, "").unwrap();
        assert_eq!(sum(&path).unwrap_err().to_string(), "strace has not ended");
    }
}
