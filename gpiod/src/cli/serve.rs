//! `gpiod serve`: the daemon.

use super::Command;
use super::arguments::{Argument, Declaration};
use super::given::Given;
use super::words;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::metrics::Address;
use crate::serve;
use std::path::PathBuf;

/// What it takes.
static TABLE: [Argument; 3] = [
    Argument::value(
        "config",
        "FILE",
        "The configuration: which lines there are, who may use them, what they do when nobody does",
    )
    .or("/etc/gpiod/gpiod.toml"),
    Argument::value("log", "FILTER", "What to log, such as `debug` or `warn,gpiod::server=debug`")
        .or_variable("GPIOD_LOG"),
    Argument::value(
        "metrics",
        "ADDR",
        "Serve metrics (OpenMetrics, at /metrics) and whether the daemon serves (/healthz) at this address, such as \
         `127.0.0.1:9090` or `unix:/run/gpiod-metrics.sock`; there is no authentication. Off by default",
    ),
];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "serve",
    about: "The daemon: owns the pins and serves them by name",
    tables: &[&TABLE],
    read: Some(|given| Args::read(given).map(Command::Serve)),
    more: "\
SIGTERM and SIGINT stop the daemon; outputs stay as they are. SIGHUP, a change of the file and `gpiod reload` make it \
read its configuration anew. Exit codes: 66 the configuration can not be read, \
69 the board can not be reached, 71 a socket (also that for metrics) can not be made, 75 another daemon runs there or \
somebody holds a line, \
78 the configuration is wrong.

Examples:
  gpiod serve
  gpiod serve --config gpiod.toml --log debug
  gpiod serve --metrics 127.0.0.1:9090",
    ..Declaration::NONE
};

/// Arguments of `gpiod serve`.
#[derive(Debug)]
pub struct Args {
    config: PathBuf,
    log: Option<String>,
    metrics: Option<Address>,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self {
            config: given.path("config")?,
            log: given.maybe("log", words::text)?,
            metrics: given.maybe("metrics", str::parse)?,
        })
    }
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// See [`serve::run`].
pub fn run(args: &Args) -> Result<(), Failure> {
    crate::log::init(args.log.as_deref())?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %args.config.display(), "gpiod starts");
    let config = Config::load(&args.config).map_err(|problems| serve::config_failure(&problems))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Os, format!("the runtime: {error}")))?;
    runtime.block_on(serve::run(config, args.metrics.clone()))
}
