//! Client library of gpiod: named GPIO lines over a Unix socket.

mod backoff;
mod client;
mod error;
mod line;
mod program;
mod session;
mod values;
mod watch;

pub use client::Client;
pub use client::builder::ClientBuilder;
pub use error::{Code, Error, Reason};
pub use line::line_use::LineUse;
pub use line::name::{Assignment, Drivable, LineRef, LineRefs};
pub use line::{Backend, Bias, Direction, Drive, Edge, Holder, Line, Lines, OnDaemonExit, OnRelease, Value};
pub use program::{Program, ProgramResult, StepOutcome, StepResult};
pub use session::Session;
pub use session::batch::{Batch, BatchResult};
pub use session::builder::SessionBuilder;
pub use session::handle::{Both, Input, Output};
pub use session::notice::Notice;
pub use values::Values;
pub use watch::builder::WatchBuilder;
pub use watch::{DEFAULT_RING, EdgeEvent, EventSource, Loss, LossCause, Watch, WatchItem};
