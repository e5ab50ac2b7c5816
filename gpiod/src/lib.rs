//! gpiod: the daemon that owns the pins.

pub mod backend;
pub mod board;
pub mod cli;
pub mod clock;
pub mod header;
pub mod line;
