//! `gpiod serve`: the daemon.

use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::metrics::Address;
use crate::serve;
use std::path::PathBuf;

/// Arguments of `gpiod serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
SIGTERM and SIGINT stop the daemon; outputs stay as they are. SIGHUP, a change of the file and `gpiod reload` make it \
read its configuration anew. Exit codes: 66 the configuration can not be read, \
69 the board can not be reached, 71 a socket (also that for metrics) can not be made, 75 another daemon runs there or \
somebody holds a line, \
78 the configuration is wrong.

Examples:
  gpiod serve
  gpiod serve --config gpiod.toml --log debug
  gpiod serve --metrics 127.0.0.1:9090")]
pub struct Args {
    /// The configuration: which lines there are, who may use them, what they do when nobody does
    #[arg(long, value_name = "FILE", default_value = "/etc/gpiod/gpiod.toml")]
    config: PathBuf,
    /// What to log, such as `debug` or `warn,gpiod::server=debug`
    #[arg(long, value_name = "FILTER", env = "GPIOD_LOG")]
    log: Option<String>,
    /// Serve metrics (OpenMetrics, at /metrics) and whether the daemon serves (/healthz) at this address, such as
    /// `127.0.0.1:9090` or `unix:/run/gpiod-metrics.sock`; there is no authentication. Off by default
    #[arg(long, value_name = "ADDR")]
    metrics: Option<Address>,
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
