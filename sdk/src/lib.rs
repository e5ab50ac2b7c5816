#![doc = include_str!("../README.md")]
//!
//! # The parts
//!
//! | part | what it is |
//! |---|---|
//! | [`Client`], [`ClientBuilder`] | one connection to one socket, shared by clones; calls that need no hold |
//! | [`Session`], [`SessionBuilder`], [`Batch`], [`Notice`] | lines held, commands on them, and what happens to them as a whole |
//! | [`Output`], [`Input`], [`Both`] | handles of a session's lines; each can do what its line can |
//! | [`Watch`], [`WatchBuilder`], [`WatchItem`] | edges as a stream, with their losses |
//! | [`Program`], [`ProgramResult`] | timed sequences that run inside the daemon |
//! | [`Samples`], [`SampleBuilder`], [`SampleItem`] | values at a steady rate, with their gaps |
//! | [`Lines`], [`Line`], [`Values`], [`Value`] and their kin | the words for lines |
//! | [`Error`], [`Reason`] | what can go wrong, as data |
//!
//! Nothing here has a time-out of its own but one: a daemon that is there and does not do what is done at once is taken
//! for gone after 15 to 30 s. While nothing is asked of it, nothing is sent.
//! Put `tokio::time::timeout` around what must be answered sooner.

mod admin;
mod backoff;
mod client;
mod error;
mod line;
mod program;
mod sample;
mod session;
mod values;
mod watch;

pub use admin::{ReleasedHolder, Reloaded};
pub use client::Client;
pub use client::builder::ClientBuilder;
pub use error::{Code, Error, Reason};
pub use line::line_use::LineUse;
pub use line::name::{Assignment, Drivable, LineRef, LineRefs};
pub use line::{
    Backend, Bias, Direction, Drive, Edge, Guardian, Holder, HolderPod, Line, LineOperation, Lines,
    OnDaemonExit, OnRelease, Value,
};
pub use program::{Program, ProgramResult, StepOutcome, StepResult};
pub use sample::builder::SampleBuilder;
pub use sample::{SampleGap, SampleGapCause, SampleItem, SampleTotals, Samples};
pub use session::Session;
pub use session::batch::{Batch, BatchResult};
pub use session::builder::SessionBuilder;
pub use session::handle::{Both, Input, Output};
pub use session::notice::Notice;
pub use values::Values;
pub use watch::builder::WatchBuilder;
pub use watch::{DEFAULT_RING, EdgeEvent, EventSource, Loss, LossCause, Watch, WatchItem};
