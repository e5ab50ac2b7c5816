//! What others do with a chip's lines: the kernel tells when one is requested, reconfigured or let go.

use super::chip::{About, Chip};
use super::{failed, os_error};
use crate::backend::{ChangeSource, Error};
use crate::line::{LineId, LineInfo};
use gpiocdev_uapi::v2::{self, LineInfoChangeEvent};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};

/// The changes of the lines of one chip.
#[derive(Debug)]
pub(super) struct Changes {
    chip: File,
    about: About,
    buffer: Box<[u64]>,
}

impl Changes {
    /// Begins to watch all lines of a chip but these.
    pub(super) fn of(chip: &Chip, except: &[LineId]) -> Result<Self, Error> {
        let watch = || -> io::Result<File> {
            let file = chip.again()?;
            fcntl(&file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
            let watched =
                |offset: &u32| !except.contains(&LineId { chip: chip.about.index, offset: *offset });
            for offset in (0..chip.lines).filter(watched) {
                v2::watch_line_info(&file, offset).map_err(os_error)?;
            }
            Ok(file)
        };
        let buffer = vec![0; LineInfoChangeEvent::u64_size()].into();
        let file = watch().map_err(failed("watching who holds the lines"))?;
        Ok(Self { chip: file, about: chip.about.clone(), buffer })
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.chip.as_fd()
    }
}

impl ChangeSource for Changes {
    fn next(&mut self) -> Result<Option<LineInfo>, Error> {
        match v2::read_event(&self.chip, &mut self.buffer) {
            Ok(_) => {}
            Err(error) => {
                let error = os_error(error);
                return if error.kind() == ErrorKind::WouldBlock { Ok(None) } else { Err(told(error)) };
            }
        }
        let event = LineInfoChangeEvent::from_slice(&self.buffer).map_err(os_error).map_err(told)?;
        Ok(Some(self.about.line(&event.info)))
    }
}

fn told(error: io::Error) -> Error {
    failed("reading who holds the lines")(error)
}
