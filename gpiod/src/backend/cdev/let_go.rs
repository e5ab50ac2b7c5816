//! When the kernel let go of lines: it stamps each change of a line's configuration, closer to the truth than a look at
//! the clock before and after can be.

use super::chip::Chip;
use super::os_error;
use gpiocdev_uapi::v2::{self, LineInfoChangeEvent};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// A chip's stamps of what happens to some of its lines. It is opened when the first of them is let go.
#[derive(Debug)]
pub(super) struct LetGo {
    device: PathBuf,
    chip: Option<File>,
    offsets: Vec<u32>,
    buffer: Box<[u64]>,
}

impl LetGo {
    pub(super) fn of(chip: &Chip) -> Self {
        let buffer = vec![0; LineInfoChangeEvent::u64_size()].into();
        Self { device: chip.path.clone(), chip: None, offsets: Vec::new(), buffer }
    }

    /// Gets ready to hear of these lines. What was stamped before is of no account.
    pub(super) fn expect(&mut self, offsets: &[u32]) -> io::Result<()> {
        if self.chip.is_none() {
            let chip = File::options().read(true).write(true).open(&self.device)?;
            fcntl(&chip, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
            self.chip = Some(chip);
        }
        let Some(chip) = &self.chip else { return Ok(()) };
        for offset in offsets {
            if !self.offsets.contains(offset) {
                v2::watch_line_info(chip, *offset).map_err(os_error)?;
                self.offsets.push(*offset);
            }
        }
        while self.next()?.is_some() {}
        Ok(())
    }

    /// When the last of these lines was reconfigured since, in ns of CLOCK_MONOTONIC; `None` when that was not stamped.
    pub(super) fn stamp(&mut self, offsets: &[u32]) -> io::Result<Option<u64>> {
        let mut last = None;
        while let Some((offset, timestamp_ns)) = self.next()? {
            if offsets.contains(&offset) {
                last = last.max(Some(timestamp_ns));
            }
        }
        Ok(last)
    }

    fn next(&mut self) -> io::Result<Option<(u32, u64)>> {
        let Some(chip) = &self.chip else { return Ok(None) };
        match v2::read_event(chip, &mut self.buffer).map_err(os_error) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        let event = LineInfoChangeEvent::from_slice(&self.buffer).map_err(os_error)?;
        Ok(Some((event.info.offset, event.timestamp_ns)))
    }
}
