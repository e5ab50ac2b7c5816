//! The state file: who holds what, so that a daemon that is started again knows whom to wait for.
//!
//! It lies in the run directory, which is in memory, and says nothing across a boot. It is written anew, by rename,
//! before a client is told of a change to a hold, and so is never older than what clients know. It is written by
//! every part of the daemon, each of which has its own section. That it can not be written is told and keeps nobody
//! from working: then an update of the daemon makes its clients open anew.

mod checksum;
mod format;

pub use format::{HeldAs, Saved, SavedLine, SavedSession, Sessions, Unusable, parse};

use crate::log_keys as keys;
use crate::watch::PreviousLife;
use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::mem;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Its name in the run directory.
pub const NAME: &str = "state";
/// Where it is until it is whole.
pub const NURSERY: &str = ".new.state";
/// Where one is put that can not be used, for whoever wants to know why.
pub const SET_ASIDE: &str = "state.bad";
/// More than all limits together can make of it.
const MAX_BYTES: u64 = 16 << 20;

/// What a daemon finds when it starts.
#[derive(Clone, Debug, PartialEq)]
pub enum Previous {
    /// No daemon ran here since the boot.
    None,
    /// One ran, and what it held is not known: its file could not be used and was set aside.
    Unknown,
    /// One ran, and this was held.
    Known(Saved),
}

impl Previous {
    /// How far the parts of a daemon that was stopped had watched their lines.
    pub fn lives(&self) -> Vec<PreviousLife> {
        match self {
            Self::Known(saved) => saved.lives.clone(),
            Self::None | Self::Unknown => Vec::new(),
        }
    }
}

/// The file of the daemon that runs.
#[derive(Debug)]
pub struct StateFile {
    dir: PathBuf,
    boot: String,
    starts: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// What each part holds; nothing is written before all have said it.
    sections: Vec<Option<Sessions>>,
    /// What was written last. Kept, as are the sections: a heap that is filled and emptied with each client that
    /// comes is touched all over, and the buffers of connections that follow lie in what was touched.
    bytes: Vec<u8>,
    /// Of the parts that were told to stop.
    lives: Vec<PreviousLife>,
    /// Whether the last try to write it failed, so that it is told once.
    failing: bool,
    /// How often it could not be written.
    failures: u64,
}

impl StateFile {
    /// Reads what the last daemon left in this run directory, and begins a file of one's own. Nothing is written yet.
    pub fn open(run_dir: &Path) -> (Arc<Self>, Previous) {
        let boot =
            fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
        let mut file = Self { dir: run_dir.to_owned(), boot, starts: 1, kept: Mutex::default() };
        let previous = file.previous();
        if let Previous::Known(saved) = &previous {
            file.starts = saved.starts.saturating_add(1);
        }
        (Arc::new(file), previous)
    }

    /// How often a daemon was started since the boot, this time included, as far as files that could be used say it.
    pub fn starts(&self) -> u64 {
        self.starts
    }

    /// How often the file could not be written.
    pub fn failures(&self) -> u64 {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).failures
    }

    fn previous(&self) -> Previous {
        let path = self.dir.join(NAME);
        let read = match read(&path) {
            Ok(bytes) => format::parse(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Previous::None,
            Err(error) => Err(Unusable::Unreadable(error.to_string())),
        };
        match read {
            Ok(saved) if saved.boot == self.boot => Previous::Known(saved),
            Ok(_) => {
                tracing::info!({ keys::PATH } = %path.display(), "the state file is of before the boot: nobody is awaited");
                Previous::None
            }
            Err(error) => {
                let aside = self.dir.join(SET_ASIDE);
                let moved = fs::rename(&path, &aside).map(|()| aside.display().to_string());
                tracing::error!(
                    { keys::PATH } = %path.display(), { keys::ERROR } = %error,
                    set_aside = moved.unwrap_or_else(|error| format!("no: {error}")),
                    "the state file can not be used: outputs that are driven stay so for resume_within, then they are \
                     released"
                );
                Previous::Unknown
            }
        }
    }

    /// A new section, for one part of the daemon.
    pub fn section(self: &Arc<Self>) -> Section {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.sections.push(None);
        Section { file: Some(Arc::clone(self)), index: kept.sections.len() - 1, notes: Sessions::default() }
    }

    fn write(&self, change: impl FnOnce(&mut Kept)) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut kept);
        let Kept { sections, lives, bytes, .. } = &mut *kept;
        if sections.iter().any(Option::is_none) {
            return;
        }
        format::write(bytes, (&self.boot, self.starts), sections.iter().flatten(), lives);
        let written = self.replace(bytes).inspect_err(|_| self.remove());
        match (&written, kept.failing) {
            (Err(error), false) => tracing::error!(
                { keys::PATH } = %self.dir.join(NAME).display(), { keys::ERROR } = %error,
                "the state file can not be written, and is removed: a restart would not know who holds what"
            ),
            (Ok(()), true) => tracing::info!("the state file can be written again"),
            (Err(_), true) | (Ok(()), false) => {}
        }
        kept.failing = written.is_err();
        kept.failures += u64::from(kept.failing);
    }

    /// A file that is older than the last change would be believed: none is better. That goes on a full disk, too.
    fn remove(&self) {
        if let Err(error) = fs::remove_file(self.dir.join(NAME))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!({ keys::ERROR } = %error, "the old state file can not be removed");
        }
    }

    /// Puts whole new contents in the place of the old, so that whoever dies meanwhile leaves the one or the other.
    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let nursery = self.dir.join(NURSERY);
        let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&nursery)?;
        file.write_all(bytes)?;
        fs::rename(&nursery, self.dir.join(NAME))
    }
}

/// One part's share of the file.
#[derive(Clone, Debug)]
pub struct Section {
    file: Option<Arc<StateFile>>,
    index: usize,
    /// Where it is noted what the part holds, before the file is asked for: that has to be waited for, and what one
    /// part needs for its own notes must keep no other part from writing.
    notes: Sessions,
}

impl Section {
    /// A share of no file, for tests of what has nothing to do with it.
    pub fn nowhere() -> Self {
        Self { file: None, index: 0, notes: Sessions::default() }
    }

    /// Writes down what this part holds now.
    pub fn write(&mut self, note: impl FnOnce(&mut Sessions)) {
        self.change(note, |_| ());
    }

    /// The same, for the last time: the daemon was told to stop, and had watched its lines so far.
    pub fn write_last(&mut self, note: impl FnOnce(&mut Sessions), life: PreviousLife) {
        self.change(note, |kept| kept.lives.push(life));
    }

    fn change(&mut self, note: impl FnOnce(&mut Sessions), more: impl FnOnce(&mut Kept)) {
        let Some(file) = &self.file else { return };
        note(self.notes.begin());
        file.write(|kept| {
            // What was there is where the next notes are made.
            mem::swap(kept.sections[self.index].get_or_insert_default(), &mut self.notes);
            more(kept);
        });
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A pipe would keep us waiting, a link would lead elsewhere, and another user's file is not our word.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = File::options().read(true).custom_flags(flags.bits()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.uid() != geteuid().as_raw() {
        return Err(io::Error::other("it is no file of gpiod's own"));
    }
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {MAX_BYTES} bytes"),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
