//! The whole service, on real sockets, with clients that send whatever they like. Whatever that is: nothing panics, the
//! daemon still answers, and no line is held when all clients have gone.
#![no_main]

mod calls;
mod daemon;

use arbitrary::Arbitrary;
use calls::Call;
use daemon::Daemon;
use libfuzzer_sys::fuzz_target;
use std::cell::LazyCell;

thread_local! {
    /// One daemon for all runs: what one of them leaves behind is found by the next.
    static DAEMON: LazyCell<Daemon> = LazyCell::new(Daemon::start);
}

#[derive(Arbitrary, Debug)]
struct Input {
    calls: Vec<Call>,
}

fuzz_target!(|input: Input| {
    DAEMON.with(|daemon| daemon.suffer(&input.calls));
});
