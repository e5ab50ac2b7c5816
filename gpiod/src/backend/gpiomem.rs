//! A Raspberry Pi: levels, direction and pulls through its registers, claims and edges through the GPIO character
//! device.
//!
//! A line is claimed in the kernel, so that others see whose it is and that edges can be had, unless that would make
//! it blink: where the kernel turns an output into an input when its claim ends, one that is to keep its level is driven
//! through the registers alone. Lines of other chips, such as an expander's, are the character device's alone.

mod claimed;
mod function;
mod registers;
mod unclaimed;

use super::cdev::{self, Cdev};
use super::{Backend, ChangeSource, Error, Request, Wanted, pi};
use crate::line::{Direction, LineId, LineInfo};
use claimed::Claimed;
use registers::{Found, Registers};
use std::io;
use std::sync::Arc;
use unclaimed::Unclaimed;

/// A Raspberry Pi's registers, and its chips in the kernel.
#[derive(Debug)]
pub struct Gpiomem {
    cdev: Cdev,
    registers: Arc<Registers>,
}

/// Opens the registers and the GPIO chips.
///
/// # Errors
/// [`Error::Failed`] where this is no Raspberry Pi, or something is not granted; the text says what.
pub fn open() -> Result<Gpiomem, Error> {
    const OPERATION: &str = "opening the GPIO registers";
    let cdev = cdev::open()?;
    if cdev.header_chip().is_none() {
        let text = "no GPIO chip is a Raspberry Pi's (pinctrl-bcm2835, pinctrl-bcm2711, pinctrl-rp1)";
        return Err(cdev::failed(OPERATION)(io::Error::new(io::ErrorKind::NotFound, text)));
    }
    let registers = Registers::open().map_err(cdev::failed(OPERATION))?;
    Ok(Gpiomem { cdev, registers: Arc::new(registers) })
}

impl Gpiomem {
    /// The line's number in the registers, if it has one.
    fn bcm(&self, line: &Wanted) -> Option<u8> {
        let on_header = self.cdev.header_chip() == Some(line.id.chip);
        u8::try_from(line.id.offset).ok().filter(|bcm| on_header && self.registers.has(*bcm))
    }

    /// Adds to what the kernel says of a line what the registers say.
    fn refine(&self, info: &mut LineInfo) {
        let Some(bcm) = u8::try_from(info.id.offset).ok().filter(|bcm| self.registers.has(*bcm)) else {
            return;
        };
        info.high = Some(self.registers.is_high(bcm));
        info.at_exit.unclaimed = true;
        let direction = match self.registers.found(bcm) {
            Found::Input => Direction::Input,
            Found::Output => Direction::Output,
            Found::Other(alternate) => {
                info.function = Some(function::name(&info.chip, bcm, alternate));
                Direction::Input
            }
        };
        info.direction = direction;
        // There is no register to read what an output drives, but for its level.
        info.drives_high = info.high.filter(|_| direction == Direction::Output);
    }
}

impl Backend for Gpiomem {
    fn kind(&self) -> &'static str {
        "gpiomem"
    }

    fn board(&self) -> &str {
        self.cdev.board()
    }

    /// The hardware has a register to set and one to clear, and rppal writes a line at a time.
    fn atomic_writes(&self) -> bool {
        false
    }

    fn lines(&self) -> Result<Vec<LineInfo>, Error> {
        let mut lines = self.cdev.lines()?;
        for info in lines.iter_mut().filter(|info| pi::is_header_chip(&info.chip)) {
            self.refine(info);
        }
        Ok(lines)
    }

    fn request(&self, consumer: &str, lines: &[Wanted]) -> Result<Vec<Request>, Error> {
        let unclaimed = |i: &usize| !lines[*i].claim && self.bcm(&lines[*i]).is_some();
        let (free, claimed): (Vec<usize>, Vec<usize>) = (0..lines.len()).partition(unclaimed);
        let to_claim: Vec<Wanted> = claimed.iter().map(|i| lines[*i]).collect();
        let mut requests = Vec::new();
        // Lines that are driven without a claim are still nobody else's to have.
        self.cdev.refuse_held(free.iter().map(|i| &lines[*i]))?;
        for part in self.cdev.hold(consumer, &to_claim)? {
            let wanted: Vec<usize> = part.wanted.iter().map(|i| claimed[*i]).collect();
            let bcms = wanted.iter().map(|i| self.bcm(&lines[*i])).collect();
            let held = Claimed::new(part.held, bcms, Arc::clone(&self.registers));
            requests.push(Request {
                wanted,
                kept: part.kept,
                lines: Box::new(held),
                edges: Some(Box::new(part.edges)),
            });
        }
        if !free.is_empty() {
            let driven =
                free.iter().filter_map(|i| Some((self.bcm(&lines[*i])?, lines[*i].config))).collect();
            let held = Unclaimed::drive(Arc::clone(&self.registers), driven);
            requests.push(Request { wanted: free, kept: 0, lines: Box::new(held), edges: None });
        }
        Ok(requests)
    }

    fn changes(&self, except: &[LineId]) -> Result<Vec<Box<dyn ChangeSource>>, Error> {
        self.cdev.changes(except)
    }
}
