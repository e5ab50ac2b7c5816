//! What the system lets a thread do that must be on time: asked for once, at the start, and told in one line.
//! None of it is needed to run; without it waits end later when the machine is busy.

use nix::errno::Errno;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl::set_timerslack;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use std::io;
use std::thread::available_parallelism;
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// The priority under SCHED_FIFO. Below 50, at which a kernel with threaded interrupts runs those: they bring the
/// edges that programs wait for.
const PRIORITY: u8 = 40;
/// The kernel may put off a thread's timers by 50 us to save wake-ups; this is as little as can be asked for.
const TIMER_SLACK_NS: u8 = 1;
/// CAP_IPC_LOCK of linux/capability.h: a bit of `CapEff` in /proc/self/status.
const CAP_IPC_LOCK: u32 = 14;
/// CAP_SYS_NICE, another.
const CAP_SYS_NICE: u32 = 23;

/// What was got and what was refused.
#[derive(Debug)]
pub struct Rights {
    fifo: Result<(), String>,
    slack: Result<(), String>,
    memory: Result<(), String>,
    processors: usize,
}

impl Rights {
    /// Asks for all of them: priority and timer slack for the calling thread, memory for the process.
    pub fn ask() -> Self {
        Self {
            fifo: fifo(),
            slack: set_timerslack(TIMER_SLACK_NS.into()).map_err(told),
            memory: lock_memory(),
            processors: available_parallelism().map_or(1, usize::from),
        }
    }

    /// Whether the thread may wait busily for the last microseconds. Without real-time priority somebody else may run
    /// in them all the same, and with one processor nobody else could.
    pub fn may_spin(&self) -> bool {
        self.fifo.is_ok() && self.processors > 1
    }

    /// Says in one line what there is, what there is not, what is lost by that and what to grant.
    pub fn log(&self) {
        let mut lacks = Vec::new();
        if let Err(why) = &self.fifo {
            // Who has it was refused by his control group (kernel document scheduler/sched-rt-group, 2.1).
            let cure = if has_capability(CAP_SYS_NICE) {
                "it has CAP_SYS_NICE, so it is its control group that has no real-time budget (cpu.rt_runtime_us)".to_owned()
            } else {
                format!("grant CAP_SYS_NICE or an rtprio limit of {PRIORITY}")
            };
            lacks.push(format!(
                "no real-time priority ({why}), so steps are late when the machine is busy: {cure}"
            ));
        }
        if let Err(why) = &self.memory {
            lacks.push(format!(
                "memory not locked ({why}), so a step may wait for the disk when memory is short: grant CAP_IPC_LOCK \
                 or an unlimited memlock limit"
            ));
        }
        if let Err(why) = &self.slack {
            lacks.push(format!("timer slack as it was ({why})"));
        }
        let lacks = if lacks.is_empty() { "nothing".to_owned() } else { lacks.join("; ") };
        let scheduling =
            if self.fifo.is_ok() { format!("SCHED_FIFO {PRIORITY}") } else { "normal".to_owned() };
        tracing::info!(
            scheduling,
            memory_locked = self.memory.is_ok(),
            busy_waits = self.may_spin(),
            lacks,
            "programs run in a thread of their own"
        );
    }
}

/// Musl's `sched_setscheduler` refuses without asking the kernel; its `pthread_setschedparam`, which this calls, asks.
fn fifo() -> Result<(), String> {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let priority = ThreadPriorityValue::try_from(PRIORITY).map(ThreadPriority::Crossplatform)?;
    let set = set_thread_priority_and_policy(thread_native_id(), priority, policy);
    set.map_err(|error| {
        if let thread_priority::Error::OS(code) = error {
            return io::Error::from_raw_os_error(code).to_string();
        }
        error.to_string()
    })
}

/// Keeps pages in memory once they have been used; those that nobody touches, such as most of each thread's stack,
/// take none. Only for whoever may lock without limit: at a limit the system would refuse the daemon memory later,
/// and a daemon that is refused memory ends.
fn lock_memory() -> Result<(), String> {
    let limit = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(0, |(soft, _)| soft);
    if limit != RLIM_INFINITY && !has_capability(CAP_IPC_LOCK) {
        return Err(format!("the memlock limit is {limit} bytes"));
    }
    let on_fault = MlockAllFlags::from_bits_retain(nix::libc::MCL_ONFAULT);
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault).map_err(told)
}

/// The system's word for it: nix has a table of its own beside the C library's.
fn told(errno: Errno) -> String {
    io::Error::from(errno).to_string()
}

fn has_capability(bit: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    effective(&status).is_some_and(|capabilities| capabilities >> bit & 1 == 1)
}

fn effective(status: &str) -> Option<u64> {
    let digits = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(digits.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_as_the_kernel_writes_them() {
        let status = "Name:\tgpiod\nCapPrm:\t0000000000000000\nCapEff:\t0000000000804000\nSeccomp:\t0\n";
        assert_eq!(effective(status), Some(1 << 14 | 1 << 23));
        assert_eq!(effective("Name:\tgpiod\n"), None);
    }

    #[test]
    fn a_thread_without_priority_or_without_a_second_processor_does_not_wait_busily() {
        let rights =
            |fifo: Result<(), String>, processors| Rights { fifo, slack: Ok(()), memory: Ok(()), processors };
        assert!(rights(Ok(()), 2).may_spin());
        assert!(!rights(Ok(()), 1).may_spin());
        assert!(!rights(Err("refused".to_owned()), 4).may_spin());
    }
}
