//! A process that holds a line as an active output until it is killed, as a daemon that dies does. It is this program.

use super::bench::{CONSUMER, PATIENCE_NS, output};
use super::reach::Reach;
use super::stop::{Stop, Trouble};
use crate::backend::{Error, Wanted};
use crate::cli::arguments::Argument;
use crate::cli::given::Given;
use crate::cli::output::print;
use crate::cli::words;
use crate::clock::now_ns;
use crate::error::chain;
use crate::failure::{Exit, Failure};
use crate::line::{Bias, LineConfig, LineInfo};
use crate::wiring;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

/// What it says when it holds the line.
const HELD: &str = "held\n";

/// The option that makes it such a process.
pub(super) const HOLD: &str = "hold-until-killed";

/// What it takes; `gpiod selftest` alone gives it.
pub(super) static TABLE: [Argument; 3] = [
    Argument::value(HOLD, "LINE", "The line").hidden(),
    Argument::switch("without-claim", "Without a claim").hidden(),
    Argument::switch("without-pull", "Leaving its pull alone").hidden(),
];

/// Which line the process is to hold, and how.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) hold_until_killed: Option<String>,
    without_claim: bool,
    without_pull: bool,
}

impl Held {
    pub(super) fn read(given: &Given) -> Result<Self, Failure> {
        let hold_until_killed = given.maybe(HOLD, words::text)?;
        let (without_claim, without_pull) = (given.switch("without-claim"), given.switch("without-pull"));
        if hold_until_killed.is_none() && (without_claim || without_pull) {
            return Err(given.refusal("--without-claim and --without-pull go with --hold-until-killed"));
        }
        Ok(Self { hold_until_killed, without_claim, without_pull })
    }
}

/// Is such a process. Ends when nobody is there any more who could kill it.
///
/// # Errors
/// That the line is not to be had.
pub(super) fn run(args: &Held, name: &str, reach: &Reach) -> Result<(), Failure> {
    let (backend, _) = reach.backend()?;
    let failed = |error: Error| Failure::new(Exit::Unavailable, chain(&error));
    let board = backend.lines().map_err(failed)?;
    let info = wiring::find(&board, name).map_err(|reason| Failure::new(Exit::Data, reason))?;
    let bias = (!args.without_pull).then_some(Bias::PullDown);
    let config = LineConfig { bias, ..output(true) };
    let wanted = Wanted { id: info.id, config, as_found: false, claim: !args.without_claim };
    let _held = backend.request(CONSUMER, &[wanted]).map_err(failed)?;
    print(HELD)?;
    let _ = io::stdin().read(&mut [0]);
    Ok(())
}

/// Such a process, seen from outside. Killed when dropped.
#[derive(Debug)]
pub(super) struct Holder(Child);

impl Holder {
    /// Starts it and waits until it holds the line.
    pub(super) fn start(
        stop: &Stop,
        reach: &Reach,
        info: &LineInfo,
        claim: bool,
        pulls: bool,
    ) -> Result<Self, Trouble> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("selftest").args(reach.arguments());
        command.arg(format!("--{HOLD}")).arg(info.name_or_place());
        if !claim {
            command.arg("--without-claim");
        }
        if !pulls {
            command.arg("--without-pull");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = Self(command.spawn()?);
        let Some(mut said) = holder.0.stdout.take() else { return Err(io::Error::other("no pipe").into()) };
        let until_ns = now_ns() + 5 * PATIENCE_NS;
        let mut word = [0; HELD.len()];
        if stop.wait(Some(said.as_fd()), until_ns)? && said.read(&mut word)? == HELD.len() {
            return Ok(holder);
        }
        holder.kill()?;
        let mut why = String::new();
        if let Some(mut error) = holder.0.stderr.take() {
            error.read_to_string(&mut why)?;
        }
        Err(io::Error::other(format!("the holding process says {:?}", why.trim())).into())
    }

    /// Kills it with SIGKILL, which it does not see coming, and waits for its end.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(|_| ())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.kill();
    }
}
