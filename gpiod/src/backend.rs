//! The hardware seam: what the daemon asks of a board, in the shape of the kernel's line requests.
//!
//! Calls are synchronous and short, like the register accesses and ioctls they stand for. A hold is a value: who
//! owns the [`HeldLines`] has the lines, and dropping it lets them go. Domain types only; a method enters when
//! two backends and one caller need it.

pub mod sim;

use crate::line::{EdgeEvent, LineConfig, LineId, LineInfo, Moment, Values};
use std::fmt::Debug;
use std::os::fd::AsFd;

/// A board: lines that can be requested.
pub trait Backend: Debug + Send + Sync {
    /// Which backend this is: `gpiomem`, `cdev` or `sim`.
    fn kind(&self) -> &'static str;

    /// The board's model, such as `Raspberry Pi 3 Model B`.
    fn board(&self) -> &str;

    /// Whether a write to several lines of one request reaches them in one access.
    fn atomic_writes(&self) -> bool;

    /// All lines of the board, as they are now, in the order of chips and offsets.
    ///
    /// # Errors
    /// [`Error::Failed`] when the board can not be asked.
    fn lines(&self) -> Result<Vec<LineInfo>, Error>;

    /// Requests all of the lines, or none. Outputs drive their first value without a glitch.
    ///
    /// `consumer` is what others see as the holder (at most 31 bytes, uAPI `GPIO_MAX_NAME_SIZE`). Positions in
    /// masks, values and events are positions in `lines`, at most [`MAX_LINES`](crate::line::MAX_LINES).
    ///
    /// # Errors
    /// [`Error::Busy`] when somebody else has a line, [`Error::Failed`] for all else.
    fn request(&self, consumer: &str, lines: &[(LineId, LineConfig)]) -> Result<Request, Error>;
}

/// What a successful request gives: the hold, and where its edges come from.
#[derive(Debug)]
pub struct Request {
    /// The hold.
    pub lines: Box<dyn HeldLines>,
    /// The edges of its lines.
    pub edges: Box<dyn EdgeSource>,
}

/// Lines that are held. Dropping it lets them go; what they do then is the board's affair.
pub trait HeldLines: Debug + Send {
    /// Reads the lines of `mask`; bits outside of it are 0.
    ///
    /// # Errors
    /// [`Error::Failed`].
    fn read(&mut self, mask: u64) -> Result<Values, Error>;

    /// Sets the outputs of `mask` to `bits`.
    ///
    /// # Errors
    /// [`Error::Failed`], also for a line that is an input.
    fn write(&mut self, mask: u64, bits: u64) -> Result<Moment, Error>;

    /// Changes the lines at these positions, without letting go and, where direction and value stay, without a glitch.
    ///
    /// # Errors
    /// [`Error::Failed`].
    fn configure(&mut self, lines: &[(u8, LineConfig)]) -> Result<Moment, Error>;
}

/// A descriptor that is readable when edges wait.
pub trait EdgeSource: Debug + Send + AsFd {
    /// Appends the edges that wait, oldest first, without blocking. None may wait: then nothing is appended.
    ///
    /// # Errors
    /// [`Error::Failed`]; the source gives no more edges then.
    fn read(&mut self, into: &mut Vec<EdgeEvent>) -> Result<(), Error>;
}

/// What can go wrong at the seam.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line is held by another process or driver.
    #[error("{line} is held by {consumer:?}")]
    Busy {
        /// The board's name for the line.
        line: String,
        /// Who holds it, as the board says.
        consumer: String,
    },
    /// The board refused, or can not be reached any more.
    #[error("{operation} failed")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}
