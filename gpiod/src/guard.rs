//! The guardian: a process of its own that makes outputs inputs when the daemon that drove them has gone, on boards
//! whose kernel would leave them driven.
//!
//! It holds nothing. The daemon connects to it at its start, gives it the lines to care for and drives none before that
//! was acknowledged. The guardian reaches the board once at that moment, to see that it could, and again only when the
//! daemon has gone and no other came within the wait: then it requests each line as an input and lets it go, so that a
//! later daemon can have it. What is an input when its claim ends stays one.
//!
//! # When a daemon has gone
//!
//! When its process has ended: the guardian has it as a descriptor (pidfd), so a process id that is used anew deceives
//! nobody, and it becomes readable only after the kernel has closed the claims of the process. The kernel gives the
//! descriptor for the connection (Linux 6.5), whatever pid namespaces the two are in. An older one gives a process id,
//! 0 where it is not visible; a descriptor that was opened by it is the right one if the acknowledgement could be
//! sent after that, for then the process was still there.
//!
//! - The connection ends and the process lives: a defect of the daemon, or it looks for us anew. It still drives its
//!   lines, so nothing is done but saying so, and its process is watched on.
//! - There is no descriptor, as between two containers on a kernel before 6.5: the end of the connection is all that
//!   can be seen, and counts. If that deceives, nothing breaks: a line that is guarded is always claimed by its daemon,
//!   and the kernel refuses it to the guardian as long as that claim lasts.
//! - A daemon that hangs has not gone: ending it is the affair of its service manager (`WatchdogSec`).
//!
//! # When a daemon is back
//!
//! It connects before it takes lines, and says by the same connection when it has taken them all. Only then is what it
//! has no longer owed: a start may fail, and the next, and none of them keeps a heater on. Until then
//!
//! - what is owed keeps its deadline, counted from the end of the daemon that drove it. A start that fails puts nothing
//!   off: if the deadline is over when it ends, the line is switched at once.
//! - if the deadline passes while a daemon is starting that has the line, it has one more wait, so that a start that
//!   takes a little long does not blink. After that the line is switched though the daemon is there: the kernel refuses
//!   it to the guardian if the daemon has it claimed already, and that is tried again like any other refusal.
//!
//! So a line that nobody has claimed stays on for twice the wait at most, and with a wait of 0 no start is waited for. Lines that the
//! new daemon has not in its configuration at all are switched at their deadline: nobody else would.
//!
//! An older daemon never says that it has its lines, and counts as starting as long as it lives. That is safe, if not
//! quiet: its lines are claimed and refused to the guardian, which logs so and gives up after ten minutes; if it goes
//! before that, they are switched without a wait. What it drives without a claim, and the one before it had in care, is
//! made an input once. A guardian that is older than its daemon reads the word as the same charge again.
//!
//! # When the guardian goes
//!
//! SIGTERM and SIGINT: what is due is switched at once, without waiting further, so that a machine that shuts down
//! leaves nothing on. Then it ends. A daemon that lives goes on unguarded: it logs an error, lists its lines as what
//! they do by themselves, and gives them anew to the next guardian, for which it looks each second. What the guardian
//! knows dies with it; if both are killed within that second, nobody switches.
//!
//! One that hangs has not gone, and an idle daemon asks it nothing. It is asked for the same charge again when a session
//! with one of its lines is opened and when lines are listed; while it does not answer it counts as gone, but its
//! connection is kept: it may go on, and no other listens as long as it is there.
//!
//! [`link`] is the daemon's end of the connection, all else the guardian's: `process` runs it, with an `attend` for each connection.

mod attend;
mod duty;
pub mod link;
mod message;
mod peer;
mod place;
mod process;
mod switch;

pub use message::{Charge, Place, Ward};
pub use process::{Reach, run};

use std::path::{Path, PathBuf};

/// The guardian's directory.
fn dir(run_dir: &Path) -> PathBuf {
    run_dir.join("guard")
}

/// Where the guardian listens, below a daemon's run directory.
pub fn socket(run_dir: &Path) -> PathBuf {
    dir(run_dir).join("guard.sock")
}
