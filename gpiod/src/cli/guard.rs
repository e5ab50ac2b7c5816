//! `gpiod guard`: the guardian.

use super::words::time;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::{guard, serve};
use std::path::PathBuf;
use std::time::Duration;

/// The longest wait: who wants more wants `keep`.
const WAIT_MOST: Duration = Duration::from_secs(600);

/// Arguments of `gpiod guard`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For lines with on_daemon_exit = \"input\" on a board whose kernel keeps an output when its daemon has gone, however it \
went. Start it before the daemon, as the same user, with the same configuration; of that it reads run_dir and backend \
alone. It holds no line. A daemon that is back within --wait has its lines as it left them, so its update does not \
blink; 0s does not wait. SIGTERM and SIGINT stop it, after it has switched what is due.

Exit codes: 66 the configuration can not be read, 69 lines were due at its end and could not be switched, 71 its socket \
can not be made, 75 another guardian runs there, 78 the configuration is wrong.

Examples:
  gpiod guard
  gpiod guard --config gpiod.toml --wait 5s")]
pub struct Args {
    /// The daemon's configuration
    #[arg(long, value_name = "FILE", default_value = "/etc/gpiod/gpiod.toml")]
    config: PathBuf,
    /// How long a daemon that has gone may take to be back
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = wait)]
    wait: Duration,
    /// What to log, such as `debug`
    #[arg(long, value_name = "FILTER", env = "GPIOD_LOG")]
    log: Option<String>,
}

fn wait(word: &str) -> Result<Duration, String> {
    let wait = time(word)?;
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
