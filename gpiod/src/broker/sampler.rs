//! Samplings: who reads which lines again and again, and whether they still may.

use super::state::State;
use super::usage::Resource;
use super::{Broker, Command, Scope};
use crate::error::Error;
use crate::holder::Caller;
use crate::line::{Values, known_mask};
use crate::operations::Operation;
use crate::sample::{PERIOD_NS, Queue};
use crate::wiring::LineIndex;
use std::sync::Arc;

/// What is known of one sampling.
#[derive(Debug)]
pub(super) struct Sampled {
    pub(super) scope: Scope,
    pub(super) caller: Caller,
    pub(super) lines: Vec<LineIndex>,
    /// Ended when the lines are not what they were, or the daemon stops.
    pub(super) queue: Arc<Queue>,
}

/// Lines that are sampled, and a place among the samplings of their socket. Dropping it ends that.
#[derive(Debug)]
pub struct Sampler {
    broker: Arc<Broker>,
    id: u64,
    scope: Scope,
    lines: usize,
}

impl Broker {
    /// Begins to sample lines by name, for a queue.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`], [`Error::LineNotFound`], [`Error::NotPermitted`], [`Error::BeyondLimit`],
    /// [`Error::LimitReached`], [`Error::Stopping`].
    pub fn sample(
        self: &Arc<Self>,
        (scope, caller): (Scope, Caller),
        names: &[String],
        period_ns: u64,
        queue: Arc<Queue>,
    ) -> Result<Sampler, Error> {
        let mut state = self.lock();
        state.counts.command(scope, Command::Sample);
        let lines = scope.resolve(&state.wiring, names)?;
        scope.may(&state.wiring, &lines, names, Operation::Read)?;
        if !PERIOD_NS.contains(&period_ns) {
            let most_s = PERIOD_NS.end() / 1_000_000_000;
            return Err(Error::InvalidRequest(format!(
                "period_ns is {period_ns}: above 0, and {most_s} s at most"
            )));
        }
        if period_ns < self.limits.sample_period_ns() {
            return Err(state.usage.beyond("limits.samples_per_s", self.limits.samples_per_s));
        }
        if state.stopping {
            return Err(Error::Stopping);
        }
        state.usage.take(scope, Resource::Sample, &self.limits)?;
        let (id, count) = (state.new_id(), lines.len());
        state.samplings.insert(id, Sampled { scope, caller, lines, queue });
        Ok(Sampler { broker: Arc::clone(self), id, scope, lines: count })
    }
}

impl Sampler {
    /// The socket that it came through, whose share of the programs' thread it uses.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// How many lines there are.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Reads the lines, all at one moment where the hardware can.
    ///
    /// # Errors
    /// [`Error::Stopping`], [`Error::Reconfigured`], [`Error::Hardware`].
    pub fn take(&self) -> Result<Values, Error> {
        let mut state = self.broker.lock();
        if state.stopping {
            return Err(Error::Stopping);
        }
        let State { samplings, pins, .. } = &mut *state;
        let sampled = samplings.get(&self.id).ok_or(Error::Reconfigured)?;
        Ok(pins.read(&sampled.lines, known_mask(sampled.lines.len()))?)
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        let mut state = self.broker.lock();
        state.samplings.remove(&self.id);
        state.usage.give_back(self.scope, Resource::Sample);
    }
}
