//! The lines of a running program, which runs in a thread of its own: whether its session still has them, and the
//! daemon still drives anything, is asked under the broker's mutex at each step.

use super::usage::Resource;
use super::{Broker, Change, Hold, Scope, SessionId, State, Watch, WatchRequest};
use crate::clock;
use crate::config::Kind;
use crate::error::Error;
use crate::line::{Direction, Moment, Values, ones};
use crate::operations::Operation;
use crate::program::{self, Shape, Step};
use crate::watch::{EdgeFilter, Event, Source};
use crate::wiring::LineIndex;
use std::sync::{Arc, MutexGuard};

impl Hold {
    /// Checks a program whole and reserves its lines for it.
    ///
    /// # Errors
    /// [`Error::InvalidProgram`], [`Error::BeyondLimit`], [`Error::NotPermitted`], [`Error::ProgramRunning`],
    /// [`Error::LimitReached`], [`Error::Hardware`].
    pub fn begin_program(&self, steps: &[Step]) -> Result<ProgramHold, Error> {
        let limits = *self.broker.limits();
        let mask = steps.iter().fold(0, |mask, step| mask | step.mask());
        let edges = steps.iter().fold(0, |mask, step| mask | step.edge_mask());
        {
            let mut state = self.broker.lock();
            let session = state.session(self.session)?;
            let lines: Vec<(Kind, String)> =
                session.lines.iter().map(|line| (line.kind, line.name.clone())).collect();
            let shapes: Vec<Shape> = lines
                .iter()
                .zip(self.indices.iter())
                .map(|((kind, _), line)| Shape { kind: *kind, now: state.pins.config(*line).direction })
                .collect();
            let checked = program::check(steps, &shapes, |line| lines[line].1.as_str(), &limits);
            checked.map_err(|mistake| state.usage.refused(mistake))?;
            let session = state.session(self.session)?;
            session.rights.may_run(steps, |line| &session.lines[line].name)?;
            state.idle(self.session, mask)?;
        }
        let both = WatchRequest { filter: EdgeFilter::Both, resume: None, caller: None };
        let watch = if edges == 0 { None } else { Some(self.watch_as(None, edges, both)?) };
        let mut state = self.broker.lock();
        state.usage.take(self.scope, Resource::Program, &limits)?;
        if let Ok(session) = state.session(self.session) {
            session.busy |= mask;
        }
        let begun_ns = clock::now_ns();
        state.drives(self.session, |drove| drove.began_program(mask, begun_ns));
        let (broker, session) = (Arc::clone(&self.broker), self.session);
        let place = Arc::new(ProgramPlace { broker: Arc::clone(&broker), scope: self.scope });
        let indices = Arc::clone(&self.indices);
        Ok(ProgramHold { broker, session, indices, place, mask, watch, begun_ns })
    }
}

/// A place among the programs of a socket. Dropping it gives it back: what a program did takes up memory until it is
/// told, so whoever is to tell it has a part in the place.
#[derive(Debug)]
pub struct ProgramPlace {
    broker: Arc<Broker>,
    scope: Scope,
}

impl Drop for ProgramPlace {
    fn drop(&mut self) {
        self.broker.lock().usage.give_back(self.scope, Resource::Program);
    }
}

/// The lines of a running program, refused to other commands of its session. Dropping it ends that.
#[derive(Debug)]
pub struct ProgramHold {
    broker: Arc<Broker>,
    session: SessionId,
    indices: Arc<[LineIndex]>,
    place: Arc<ProgramPlace>,
    mask: u64,
    /// The edges that its steps listen to; `None` when none does.
    pub watch: Option<Watch>,
    /// When it began, by [`clock`], wherever and however late it has its first turn: the first step counts from here.
    pub begun_ns: u64,
}

impl ProgramHold {
    /// The socket that it came through, whose share of the programs' thread it uses.
    pub fn scope(&self) -> Scope {
        self.place.scope
    }

    /// Edges that may wait for a later step: as many as one step can ask for.
    pub fn most_edges(&self) -> usize {
        self.broker.limits().program_edges.min(program::MAX_CAPTURE) as usize
    }

    /// Its place, for whoever is told what it did.
    pub fn place(&self) -> Arc<ProgramPlace> {
        Arc::clone(&self.place)
    }

    /// Sets outputs.
    ///
    /// # Errors
    /// [`Error::SessionEnded`], [`Error::Stopping`], [`Error::Hardware`].
    pub fn set(&self, mask: u64, bits: u64) -> Result<Moment, Error> {
        self.driving()?.session_write(self.session, &self.indices, mask, bits)
    }

    /// Changes direction.
    ///
    /// # Errors
    /// [`Error::SessionEnded`], [`Error::Stopping`], [`Error::Hardware`].
    pub fn direction(&self, mask: u64, direction: Direction, bits: u64) -> Result<Moment, Error> {
        let change = Change { mask, direction: Some(direction), bits, bias: None };
        self.driving()?.session_configure(self.session, &change)
    }

    /// The state, if anything is still driven: between the daemon's stop and the end of the session that is told of
    /// it a program may be at a step.
    fn driving(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.broker.lock();
        if state.stopping { Err(Error::Stopping) } else { Ok(state) }
    }

    /// Whether one of these lines has changed since it was let go without an edge of the kernel, so far.
    ///
    /// # Errors
    /// [`Error::SessionEnded`].
    pub fn has_unseen(&self, mask: u64) -> Result<bool, Error> {
        let mut state = self.broker.lock();
        let indices = state.checked(self.session, mask, 0)?;
        Ok(ones(mask).any(|i| state.lines[indices[i].0].unseen.is_some()))
    }

    /// Takes those changes as edges that the daemon saw. To be called when what the kernel saw has had time to arrive.
    ///
    /// # Errors
    /// [`Error::SessionEnded`].
    pub fn take_unseen(&self, mask: u64) -> Result<Vec<Event>, Error> {
        let mut state = self.broker.lock();
        let indices = state.checked(self.session, mask, 0)?;
        let mut events = Vec::new();
        for (position, line) in (0..).zip(indices.iter()).filter(|(position, _)| mask >> position & 1 == 1) {
            let line = &mut state.lines[line.0];
            let Some((edge, Moment { timestamp_ns, uncertainty_ns })) = line.unseen.take() else { continue };
            let (line_seqno, source) = (line.seqno, Source::Daemon);
            events.push(Event { position, edge, timestamp_ns, uncertainty_ns, line_seqno, source });
        }
        Ok(events)
    }

    /// The present values of the session's lines; those that may not be read are 0.
    ///
    /// # Errors
    /// [`Error::SessionEnded`], [`Error::Hardware`].
    pub fn values(&self) -> Result<Values, Error> {
        let mut state = self.broker.lock();
        let indices = state.checked(self.session, 0, 0)?;
        let mask = state.session(self.session)?.rights.mask(Operation::Read);
        Ok(state.pins.read(&indices, mask)?)
    }
}

impl Drop for ProgramHold {
    fn drop(&mut self) {
        let mut state = self.broker.lock();
        if let Some(session) = state.sessions.get_mut(&self.session) {
            session.busy &= !self.mask;
        }
    }
}
