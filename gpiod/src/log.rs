//! The log, on stderr: for people on a terminal, JSON lines otherwise.

use crate::failure::{Exit, Failure};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// What is logged by default: ours from `info` on, libraries' warnings.
const DEFAULT: &str = "warn,gpiod=info";

/// Switches the log on. `filter` is a list such as `debug` or `warn,gpiod::server=debug`.
///
/// # Errors
/// A filter that can not be read.
pub fn init(filter: Option<&str>) -> Result<(), Failure> {
    let filter = filter.unwrap_or(DEFAULT);
    let targets: Targets = filter
        .parse()
        .map_err(|error| Failure::new(Exit::Usage, format!("{filter:?} is no log filter: {error}")))?;
    let layer = fmt::layer().with_writer(stderr).with_target(false);
    let layer = if stderr().is_terminal() {
        layer.with_ansi(true).boxed()
    } else {
        layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    };
    tracing_subscriber::registry().with(layer.with_filter(targets)).init();
    Ok(())
}
