//! The log, on stderr: for people on a terminal, JSON lines otherwise.
//!
//! Written here and not by tracing-subscriber, which brings with it what a daemon without spans has no use for, such as
//! a registry of them: with its formats a sixtieth of the image.

mod filter;
mod line;

use crate::failure::{Exit, Failure};
use filter::Filter;
pub(crate) use line::Form;
use std::io::{IsTerminal, Write, stderr};
use std::time::SystemTime;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Metadata};

/// What is logged by default: ours from `info` on, libraries' warnings.
const DEFAULT: &str = "warn,gpiod=info";

/// Switches the log on. `filter` is a list such as `debug` or `warn,gpiod::server=debug`.
///
/// # Errors
/// A filter that can not be read, a log that is on already.
pub fn init(filter: Option<&str>) -> Result<(), Failure> {
    let form = if stderr().is_terminal() { Form::Terminal } else { Form::Json };
    // One write for each line, so that those of threads do not mix. Where it fails there is nobody to tell.
    let write = |line: &str| drop(stderr().write_all(line.as_bytes()));
    let log = Log::new(filter.unwrap_or(DEFAULT), form, Box::new(write))?;
    tracing::subscriber::set_global_default(log)
        .map_err(|error| Failure::new(Exit::Software, error.to_string()))
}

/// Where lines go, each with its end.
type Sink = Box<dyn Fn(&str) + Send + Sync>;

/// Takes events and writes those that the filter lets through.
pub(crate) struct Log {
    filter: Filter,
    form: Form,
    write: Sink,
}

impl Log {
    /// One that writes to `write`.
    ///
    /// # Errors
    /// A filter that can not be read.
    pub(crate) fn new(filter: &str, form: Form, write: Sink) -> Result<Self, Failure> {
        let filter = Filter::read(filter)
            .map_err(|wrong| Failure::new(Exit::Usage, format!("{filter:?} is no log filter: {wrong}")))?;
        Ok(Self { filter, form, write })
    }
}

impl Subscriber for Log {
    // Asked once for each place that logs, so that what is off costs one look at a static.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter.most())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.filter.level(metadata.target())
    }

    fn event(&self, event: &Event<'_>) {
        (self.write)(&line::of(event, self.form, SystemTime::now()));
    }

    // Spans are never enabled, and who makes one all the same gets the same as everybody.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
pub(crate) mod tests;
