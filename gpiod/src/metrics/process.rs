//! What the system knows of this process.

use std::fs;

/// What is known; `None` where `/proc` does not say it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// Memory that is there for it, in bytes.
    pub(super) resident_bytes: Option<u64>,
    /// Open descriptors.
    pub(super) open_fds: Option<usize>,
}

/// What is so now.
pub(super) fn now() -> Process {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    // The one that looks is not counted.
    let open_fds = fs::read_dir("/proc/self/fd").ok().map(|open| open.count().saturating_sub(1));
    Process { resident_bytes: resident_bytes(&status), open_fds }
}

/// `VmRSS:      4512 kB`
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_descriptors_are_told() {
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t    4512 kB\n"), Some(4512 * 1024));
        assert_eq!(resident_bytes("nothing"), None);
        let now = now();
        assert!(
            now.resident_bytes.is_some_and(|bytes| bytes > 0) && now.open_fds.is_some_and(|open| open >= 3)
        );
    }
}
