//! `gpiod guard`: the guardian.

use super::Command;
use super::arguments::{Argument, Declaration};
use super::given::Given;
use super::words;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::{guard, serve};
use std::path::PathBuf;
use std::time::Duration;

/// The longest wait: who wants more wants `keep`.
const WAIT_MOST: Duration = Duration::from_secs(600);

/// What it takes.
static TABLE: [Argument; 3] = [
    Argument::value("config", "FILE", "The daemon's configuration").or("/etc/gpiod/gpiod.toml"),
    Argument::value("wait", "TIME", "How long a daemon that has gone may take to be back").or("1s"),
    Argument::value("log", "FILTER", "What to log, such as `debug`").or_variable("GPIOD_LOG"),
];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "guard",
    about: "The guardian: makes outputs inputs when the daemon has gone and the kernel would keep them",
    tables: &[&TABLE],
    read: Some(|given| Args::read(given).map(Command::Guard)),
    more: "\
For lines with on_daemon_exit = \"input\" on a board whose kernel keeps an output when its daemon has gone, however it \
went. Start it before the daemon, as the same user, with the same configuration; of that it reads run_dir and backend \
alone. It holds no line. A daemon that is back within --wait has its lines as it left them, so its update does not \
blink; 0s does not wait. SIGTERM and SIGINT stop it, after it has switched what is due.

Exit codes: 66 the configuration can not be read, 69 lines were due at its end and could not be switched, 71 its socket \
can not be made, 75 another guardian runs there, 78 the configuration is wrong.

Examples:
  gpiod guard
  gpiod guard --config gpiod.toml --wait 5s",
    ..Declaration::NONE
};

/// Arguments of `gpiod guard`.
#[derive(Debug)]
pub struct Args {
    config: PathBuf,
    wait: Duration,
    log: Option<String>,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self {
            config: given.path("config")?,
            wait: given.one("wait", wait)?,
            log: given.maybe("log", words::text)?,
        })
    }
}

fn wait(word: &str) -> Result<Duration, String> {
    let wait = words::time(word)?;
    if wait > WAIT_MOST {
        return Err(format!("{word} is longer than {}", humantime::format_duration(WAIT_MOST)));
    }
    Ok(wait)
}

/// Runs the guardian until it is told to stop.
///
/// # Errors
/// See [`guard::run`].
pub fn run(args: &Args) -> Result<(), Failure> {
    crate::log::init(args.log.as_deref())?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %args.config.display(), "guardian starts");
    let config = Config::load(&args.config).map_err(|problems| serve::config_failure(&problems))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Os, format!("the runtime: {error}")))?;
    let backend = config.backend.clone();
    let reach = move || serve::reach(&backend, "").map(|(board, _)| board);
    runtime.block_on(guard::run(config, args.wait, Box::new(reach)))
}
