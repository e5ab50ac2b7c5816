//! gpiod: the daemon that owns the pins, the simulated board, and the command line.
//!
//! # Parts, in reading order
//!
//! - [`line`](mod@line): the words for lines, as Linux GPIO uAPI v2 has them; [`header`] places them on a Raspberry Pi's header.
//! - [`operations`]: what may be done with a line through a socket.
//! - [`backend`]: the seam to hardware. A hold is a value; dropping it lets go.
//! - [`config`] and [`wiring`]: what the board's owner wrote, checked, and brought together with a board; `tables` reads it, and `json` what programs write for one another.
//! - [`program`], [`watch`] and [`sample`]: timed sequences; the bounded queues between an edge and a watcher, and between
//!   samples and their client.
//! - [`broker`]: where lines, holders and watchers meet. It never waits for a client.
//! - [`run`]: a program, step by step; [`sampling`]: samples, one by one; [`pace`]: its turns and waits, on the one timer of [`alarm`] and within the
//!   [`budget`] of its socket; [`programs`]: the thread on which all run, with the rights that [`realtime`] could get.
//! - [`state_file`]: who holds what, written down for the next daemon; [`token`]: by what a client is known again.
//! - [`shares`]: how much of the reactor each socket may use while others are in use.
//! - [`server`]: gRPC. The only module that names tonic or the API's messages.
//! - [`audit`]: who held, drove and let go of which line, told in the log; [`metrics`]: numbers for whoever measures.
//! - [`kubelet`]: line groups offered to a Kubernetes node; [`pods`] is what is known of who has them, [`health`] which
//!   lines can not be used.
//! - [`serve`]: start-up and stop. [`guard`]: a process of its own that outlives the daemon, for outputs that must not.
//! - [`board`]: the simulated board, a process of its own.
//! - [`cli`]: one file for each command.
//!
//! # Tasks
//!
//! One current-thread reactor runs everything but programs and chips behind a bus, which have theirs: per socket one server with a task per connection, per
//! request to the backend one task that reads its edges, per session with a watchdog one task that waits for it to run
//! out. A second thread runs the programs, one task each; their results go back to the task of the session or call.
//! All share one [`Broker`](broker::Broker), whose mutex is never held over an `.await`.
//!
//! # Start-up
//!
//! 1. Read and check the configuration whole.
//! 2. Lock the run directory.
//! 3. Start the programs' thread, and say which real-time rights it got.
//! 4. Make the sockets; who connects waits.
//! 5. Reach the board and bind the configuration to it.
//! 6. Give the guardian the lines that it is to care for, where there are any.
//! 7. Request all lines; outputs that are found driven are taken over as they are.
//! 8. Serve, and say that it is ready.
//!
//! # Stop
//!
//! SIGTERM or SIGINT: health says NOT_SERVING, sessions and watches end with UNAVAILABLE, nothing is driven any more,
//! and after two seconds at most the process ends. Its claims end with it; outputs keep their levels.

pub mod alarm;
pub mod audit;
pub mod backend;
pub mod board;
pub mod broker;
pub mod budget;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
pub mod failure;
pub mod fair;
pub mod guard;
pub mod header;
pub mod health;
pub mod holder;
mod json;
pub mod kubelet;
pub mod line;
pub mod log;
pub mod log_keys;
pub mod metrics;
mod notify;
pub mod operations;
pub mod pace;
pub mod pod;
pub mod pods;
mod printable;
pub mod program;
pub mod programs;
mod random;
pub mod reactor;
pub mod realtime;
pub mod run;
mod run_dir;
pub mod sample;
pub mod sampling;
pub mod serve;
pub mod server;
pub mod shares;
pub mod sorted;
pub mod state_file;
mod tables;
pub mod token;
pub mod watch;
pub mod wiring;
