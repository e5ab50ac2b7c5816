//! The Linux GPIO character device, uAPI v2 (Linux 5.10 or newer), through gpiocdev's safe ioctls.
//!
//! A line request of the kernel is what the seam calls a request, with the same positions and masks, so that reading
//! and writing are one ioctl without anything in between. What a line does when its request ends is the driver's
//! affair; where that is known, [`chip`] says it.

mod changes;
mod chip;
mod hold;
mod let_go;
mod line_config;

use super::{Backend, ChangeSource, Error, Request, Wanted, pi};
use crate::line::{LineId, LineInfo};
use changes::Changes;
use chip::Chip;
use gpiocdev_uapi::v2;
pub(super) use hold::{Edges, Held};
use std::io;

/// The GPIO chips of a Linux board.
#[derive(Debug)]
pub struct Cdev {
    chips: Vec<Chip>,
    board: String,
}

/// Opens all GPIO chips that this process may open.
///
/// # Errors
/// [`Error::Failed`] when there is none, or none that may be opened; the text says what to grant.
pub fn open() -> Result<Cdev, Error> {
    let mut chips = chip::open_all().map_err(failed("opening the GPIO chips"))?;
    let labels: Vec<&str> = chips.iter().map(|chip| chip.about.label.as_str()).collect();
    let board = pi::board_model().unwrap_or_else(|| pi::board_by_chips(&labels));
    // A Pi has one chip with the header's lines; a second of that label would be something else.
    if let Some(chip) = chips.iter_mut().find(|chip| pi::is_header_chip(&chip.about.label)) {
        chip.about.header = Some(pi::Header::of(&board));
    }
    Ok(Cdev { chips, board })
}

pub(super) fn failed<E: Into<io::Error>>(operation: &'static str) -> impl FnOnce(E) -> Error {
    move |source| Error::Failed { operation, source: source.into() }
}

/// What an ioctl answered, as the system's error.
fn os_error(error: gpiocdev_uapi::v2::Error) -> io::Error {
    match error {
        v2::Error::Os(errno) => io::Error::from_raw_os_error(errno.0),
        v2::Error::UnderRead(short) => io::Error::new(io::ErrorKind::UnexpectedEof, short),
    }
}

/// One request of the kernel.
#[derive(Debug)]
pub(super) struct Part {
    /// Which of the lines that were wanted are its own, in the order of its positions.
    pub(super) wanted: Vec<usize>,
    /// Positions of lines that were wanted as found and are driven.
    pub(super) kept: u64,
    pub(super) held: Held,
    pub(super) edges: Edges,
}

impl Cdev {
    /// The position of the chip that a Raspberry Pi's header is on; `None` on another board.
    pub(super) fn header_chip(&self) -> Option<u8> {
        self.chips.iter().find(|chip| chip.about.header.is_some()).map(|chip| chip.about.index)
    }

    pub(super) fn line_info(&self, index: u8, offset: u32) -> Result<LineInfo, Error> {
        let chip = &self.chips[usize::from(index)];
        let info = v2::get_line_info(&chip.file, offset).map_err(os_error);
        Ok(chip.about.line(&info.map_err(failed("asking the kernel for its lines"))?))
    }

    /// Refuses lines of which somebody holds one, and says who.
    pub(super) fn refuse_held<'a>(&self, lines: impl IntoIterator<Item = &'a Wanted>) -> Result<(), Error> {
        for line in lines {
            let info = self.line_info(line.id.chip, line.id.offset)?;
            if let Some(consumer) = &info.consumer {
                return Err(Error::Busy { line: info.name_or_place(), consumer: consumer.clone() });
            }
        }
        Ok(())
    }

    /// Requests lines, all or none.
    pub(super) fn hold(&self, consumer: &str, lines: &[Wanted]) -> Result<Vec<Part>, Error> {
        // The kernel drives one line after the other, and would let go of them again at the first that is held.
        self.refuse_held(lines)?;
        let parts = line_config::parts(lines);
        parts.into_iter().map(|part| self.hold_part(consumer, lines, part)).collect()
    }

    fn hold_part(&self, consumer: &str, lines: &[Wanted], part: Vec<usize>) -> Result<Part, Error> {
        let wanted: Vec<&Wanted> = part.iter().map(|i| &lines[*i]).collect();
        let chip = &self.chips[usize::from(wanted[0].id.chip)];
        match hold::request(chip, consumer, &wanted) {
            Ok((held, edges, kept)) => Ok(Part { wanted: part, kept, held, edges }),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                // Somebody came first after we looked, and may have gone by now.
                self.refuse_held(wanted)?;
                let (line, consumer) =
                    ("one of the lines".to_owned(), "somebody who has just gone".to_owned());
                Err(Error::Busy { line, consumer })
            }
            // Kernels whose pin control is strict say so of a pin that another function has (drivers/pinctrl/pinmux.c).
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                let name = |line: &&Wanted| {
                    let info = self.line_info(line.id.chip, line.id.offset).ok();
                    info.map_or_else(|| line.id.offset.to_string(), |info| info.name_or_place())
                };
                let names: Vec<String> = wanted.iter().map(name).collect();
                let text = format!(
                    "the kernel refuses {}: a pin may be in use by another function such as SPI, or its chip can not \
                     do what is asked ({error})",
                    names.join(", ")
                );
                Err(failed("requesting lines of the kernel")(io::Error::new(error.kind(), text)))
            }
            Err(error) => Err(failed("requesting lines of the kernel")(error)),
        }
    }
}

impl Backend for Cdev {
    fn kind(&self) -> &'static str {
        "cdev"
    }

    fn board(&self) -> &str {
        &self.board
    }

    /// Whether a chip changes several lines at once is the driver's secret.
    fn atomic_writes(&self) -> bool {
        false
    }

    fn lines(&self) -> Result<Vec<LineInfo>, Error> {
        let mut lines = Vec::new();
        for (index, chip) in (0..).zip(&self.chips) {
            for offset in 0..chip.lines {
                lines.push(self.line_info(index, offset)?);
            }
        }
        Ok(lines)
    }

    fn request(&self, consumer: &str, lines: &[Wanted]) -> Result<Vec<Request>, Error> {
        let request = |part: Part| Request {
            wanted: part.wanted,
            kept: part.kept,
            lines: Box::new(part.held),
            edges: Some(Box::new(part.edges)),
        };
        Ok(self.hold(consumer, lines)?.into_iter().map(request).collect())
    }

    fn changes(&self, except: &[LineId]) -> Result<Vec<Box<dyn ChangeSource>>, Error> {
        let watch =
            |chip| Changes::of(chip, except).map(|changes| Box::new(changes) as Box<dyn ChangeSource>);
        self.chips.iter().map(watch).collect()
    }
}
