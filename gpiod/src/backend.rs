//! The hardware seam: what the daemon asks of a board, in the shape of the kernel's line requests.
//!
//! Calls are synchronous and short, like the register accesses and ioctls they stand for. A hold is a value: who
//! owns the [`HeldLines`] has the lines, and dropping it lets them go. Domain types only; a method enters when
//! two backends and one caller need it.

mod pi;

pub mod cdev;
pub mod gpiomem;

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
    /// `consumer` is what others see as the holder (at most 31 bytes, uAPI `GPIO_MAX_NAME_SIZE`). Where the board can
    /// not hold all of them by one request, several come back, which have each line once.
    ///
    /// # Errors
    /// [`Error::Busy`] when somebody else has a line, [`Error::Failed`] for all else.
    fn request(&self, consumer: &str, lines: &[Wanted]) -> Result<Vec<Request>, Error>;

    /// Where it is told that somebody takes, changes or lets go a line of the board other than these; none where that
    /// can not be told.
    ///
    /// # Errors
    /// [`Error::Failed`].
    fn changes(&self, _except: &[LineId]) -> Result<Vec<Box<dyn ChangeSource>>, Error> {
        Ok(Vec::new())
    }
}

/// A line that is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub id: LineId,
    /// What it is to be.
    pub config: LineConfig,
    /// If it is found driven, by a predecessor say, it stays an output at its level, whatever `config` says of that.
    pub as_found: bool,
    /// Whether an output is claimed, or driven without a claim where the board can
    /// ([`AtExit::unclaimed`](crate::line::AtExit::unclaimed)).
    pub claim: bool,
}

/// What a successful request gives: the hold, and where its edges come from. Dropping both lets the lines go.
#[derive(Debug)]
pub struct Request {
    /// Which of the lines that were wanted stands at each position, in their order in what was asked for. Positions in
    /// masks, values and events are positions here; there are at most [`MAX_LINES`](crate::line::MAX_LINES).
    pub wanted: Vec<usize>,
    /// Positions of lines that were wanted as found, and that were found driven only now.
    pub kept: u64,
    /// The hold.
    pub lines: Box<dyn HeldLines>,
    /// The edges of its lines; `None` for outputs that have none.
    pub edges: Option<Box<dyn EdgeSource>>,
}

/// Lines that are held. What they do when they are let go is the board's affair.
pub trait HeldLines: Debug + Send {
    /// Reads the lines of `mask`; bits outside of it are 0.
    ///
    /// # Errors
    /// [`Error::Failed`].
    fn read(&mut self, mask: u64) -> Result<Values, Error>;

    /// Sets the outputs of `mask` to `bits`; where that is not one access, those that become inactive come first.
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
    /// Appends edges that wait, oldest first, without blocking. Answers whether more may wait: if not, the descriptor
    /// becomes readable anew when more come.
    ///
    /// # Errors
    /// [`Error::Failed`]; the source gives no more edges then.
    fn read(&mut self, into: &mut Vec<EdgeEvent>) -> Result<bool, Error>;
}

/// A descriptor that is readable when somebody took, changed or let go a line.
pub trait ChangeSource: Debug + Send + AsFd {
    /// The next change that waits, without blocking; `None` when none does.
    ///
    /// # Errors
    /// [`Error::Failed`]; the source tells no more then.
    fn next(&mut self) -> Result<Option<LineInfo>, Error>;
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
