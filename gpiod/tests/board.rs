//! The simulated board as others meet it: the real process, the real sockets, the real backend.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "board/bench.rs"]
mod bench;
#[path = "board/claims.rs"]
mod claims;
#[path = "board/command.rs"]
mod command;
#[path = "board/components.rs"]
mod components;
#[path = "board/manners.rs"]
mod manners;
