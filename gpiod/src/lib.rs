//! gpiod: the daemon that owns the pins.

pub mod backend;
pub mod board;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
pub mod header;
pub mod holder;
pub mod line;
pub mod log;
pub mod log_keys;
pub mod program;
pub mod reactor;
pub mod serve;
pub mod server;
pub mod watch;
pub mod wiring;
