//! A program that is measured: started, looked at, and ended with its owner.

use crate::Fallible;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to start, and to end when it is asked to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How long memory must stay the same.
const SETTLED: Duration = Duration::from_millis(300);

/// Keeps a thread on the first processor: 0 is this one, and what it starts from here on.
pub(crate) fn keep_on_one_processor(thread: i32) -> Fallible<()> {
    keep_on(thread, 0)
}

/// Keeps a thread on a processor; fails where there is no such one.
pub(crate) fn keep_on(thread: i32, processor: usize) -> Fallible<()> {
    let mut one = CpuSet::new();
    one.set(processor)?;
    Ok(sched_setaffinity(Pid::from_raw(thread), &one)?)
}

/// Ended by SIGTERM when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

/// What a process has used since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) processor_ns: u64,
    /// How often each of its threads gave the processor away to wait for something.
    waits: BTreeMap<OsString, u64>,
}

impl Usage {
    /// How often threads waited since an earlier look. Of threads that have ended meanwhile nothing is known.
    pub(crate) fn waits_since(&self, before: &Self) -> u64 {
        let since =
            |(thread, count): (&OsString, &u64)| count - before.waits.get(thread).unwrap_or(&0).min(count);
        self.waits.iter().map(since).sum()
    }
}

impl Process {
    /// Starts a program whose output goes to a file in `dir`.
    pub(crate) fn start(name: &'static str, command: &mut Command, dir: &Path) -> Fallible<Self> {
        let log = dir.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .map_err(|error| format!("{name} can not be started: {error}"))?;
        Ok(Self { child, name, log })
    }

    /// Tries until it goes, while the program starts.
    pub(crate) fn until<T>(&mut self, mut attempt: impl FnMut() -> Fallible<T>) -> Fallible<T> {
        let begin = Instant::now();
        loop {
            let error = match attempt() {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let ended = self.child.try_wait()?;
            if ended.is_some() || begin.elapsed() > PATIENCE {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                let how = ended.map_or("is not ready".to_owned(), |status| format!("ended with {status}"));
                return Err(format!("{} {how}: {error}\n{said}", self.name).into());
            }
            std::thread::yield_now();
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn usage(&self) -> Fallible<Usage> {
        let pid = self.pid()?;
        let time = clock_gettime(clock_getcpuclockid(pid)?)?;
        let processor_ns = time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs();
        let mut waits = BTreeMap::new();
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let thread = thread?;
            // It may end at any time.
            if let Ok(status) = fs::read_to_string(thread.path().join("status")) {
                waits.insert(thread.file_name(), voluntary(&status));
            }
        }
        Ok(Usage { processor_ns, waits })
    }

    /// What the system says of its memory under that name, such as `VmRSS`, in KiB.
    pub(crate) fn memory_kib(&self, name: &str) -> Fallible<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let found = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = found.and_then(|rest| rest.split_whitespace().next()).ok_or("no such figure")?;
        Ok(number.parse()?)
    }

    /// How much memory it has, in KiB, once that has not changed for a while.
    pub(crate) fn settled_kib(&self) -> Fallible<u64> {
        let mut resident_kib = self.memory_kib("VmRSS")?;
        loop {
            std::thread::park_timeout(SETTLED);
            let now = self.memory_kib("VmRSS")?;
            if now == resident_kib {
                return Ok(now);
            }
            resident_kib = now;
        }
    }

    pub(crate) fn pid(&self) -> Fallible<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.child.id())?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(pid) = self.pid() {
            // It may have ended by itself.
            let _ = kill(pid, Signal::SIGTERM);
        }
        let begin = Instant::now();
        while let Ok(None) = self.child.try_wait() {
            if begin.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::yield_now();
        }
    }
}

fn voluntary(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_used_time_and_ends_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        // Some systems count the time of processes in ticks only: one that sleeps may have used none for ever.
        let mut busy = Command::new("sh");
        let busy = Process::start("sh", busy.args(["-c", "while :; do :; done"]), dir.path()).unwrap();
        let pid = busy.pid().unwrap();
        while busy.usage().unwrap().processor_ns == 0 {
            std::thread::yield_now();
        }
        drop(busy);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_program_that_ends_too_early_is_told_with_its_words() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        let mut process =
            Process::start("sh", command.args(["-c", "echo no such chip; exit 3"]), dir.path()).unwrap();
        let error = process.until::<()>(|| Err("not yet".into())).unwrap_err().to_string();
        assert!(error.contains("no such chip") && error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_thread_that_has_ended_takes_nothing_from_the_others() {
        let usage = |waits: &[(&str, u64)]| Usage {
            processor_ns: 0,
            waits: waits.iter().map(|(thread, count)| (OsString::from(thread), *count)).collect(),
        };
        assert_eq!(usage(&[("1", 9), ("3", 4)]).waits_since(&usage(&[("1", 5), ("2", 100)])), 8);
    }

    #[test]
    fn waits_are_the_voluntary_ones() {
        assert_eq!(voluntary("Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t7\n"), 12);
    }
}
