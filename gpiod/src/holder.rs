//! Who is at the other end of a socket, and who holds a line.

use crate::pod::Pod;
use crate::pods::Tenant;
use std::fmt;

/// The longest name that a client may give itself, in bytes.
pub const MAX_CLIENT_NAME: usize = 64;

/// A process at a socket, as the kernel vouched for it when it connected (`SO_PEERCRED`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
    /// Its process id in the daemon's pid namespace; 0 where it is not visible there.
    pub pid: u32,
    /// The pod that it belongs to, where that is known: for the audit alone.
    pub pod: Option<Pod>,
}

/// Who holds a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// What the client calls itself: claimed, not proven.
    pub name: String,
    /// The line group through whose socket it came; `admin` for the admin socket.
    pub group: String,
    /// The process.
    pub caller: Caller,
    /// The pod that had the group's device when the hold began.
    pub tenant: Tenant,
    /// Since when: CLOCK_MONOTONIC, ns.
    pub since_ns: u64,
    /// Until when it is waited for, if it is not there: CLOCK_MONOTONIC, ns.
    pub away_until_ns: Option<u64>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "a client without a name" } else { &self.name };
        let Caller { uid, pid, .. } = self.caller;
        let away = if self.away_until_ns.is_some() { ", away and waited for" } else { "" };
        write!(f, "{name} (")?;
        if let Some(pod) = self.tenant.pod() {
            write!(f, "pod {pod}, ")?;
        }
        write!(f, "uid {uid}, pid {pid}, through {}{away})", self.group)
    }
}
