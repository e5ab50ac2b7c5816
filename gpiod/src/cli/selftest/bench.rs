//! The two lines under test, held, and the rule that they never drive against each other.

use super::lines::Pair;
use super::stop::{Stop, Trouble};
use crate::backend::{Backend, EdgeSource, Error, HeldLines, Wanted};
use crate::clock::now_ns;
use crate::header;
use crate::line::{Bias, Direction, Drive, EdgeEvent, LineConfig, LineInfo, Moment, Value};
use std::io;
use std::os::fd::AsFd;

/// Whom others see as the lines' holder.
pub(super) const CONSUMER: &str = "gpiod:selftest";
/// What a pull may need to move two pads and a wire; it is some µs, but a machine may be busy.
const SETTLE_NS: u64 = 2_000_000;
/// How long something that is to come may take. Not the board's time, but a busy machine's.
pub(super) const PATIENCE_NS: u64 = 1_000_000_000;

/// One of the two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The first, which drives.
    Driver,
    /// The second, which listens.
    Listener,
}

/// An edge, and when it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) event: EdgeEvent,
    pub(super) read_ns: u64,
}

/// A line that is held.
#[derive(Debug)]
struct Held {
    lines: Box<dyn HeldLines>,
    edges: Option<Box<dyn EdgeSource>>,
    config: LineConfig,
}

/// Both lines, and how to wait.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) backend: &'a dyn Backend,
    pub(super) stop: &'a Stop,
    pub(super) pair: &'a Pair,
    /// How often levels and edges are tried.
    pub(super) count: u32,
    /// Whether the board's pulls can be switched.
    pub(super) pulls: bool,
    /// `None` while another process is to have it.
    driver: Option<Held>,
    listener: Held,
    /// Edges from before this moment are of no account.
    heard_from_ns: u64,
}

pub(super) fn input(bias: Option<Bias>) -> LineConfig {
    LineConfig {
        direction: Direction::Input,
        value: Value::Inactive,
        bias,
        drive: Drive::PushPull,
        active_low: false,
        edges: false,
        debounce_ns: 0,
    }
}

pub(super) fn watched(bias: Option<Bias>) -> LineConfig {
    LineConfig { edges: true, ..input(bias) }
}

pub(super) fn output(active: bool) -> LineConfig {
    LineConfig { direction: Direction::Output, value: Value::from_bit(active), ..input(None) }
}

/// The pull that a line has at power-on, where that is known. Which it has now, no board tells.
pub(super) fn usual_bias(info: &LineInfo) -> Option<Bias> {
    info.header_pin.map(|_| header::power_on_bias(info.id.offset))
}

/// Holds one line. Our own hold of a moment ago may not be quite over.
fn hold(backend: &dyn Backend, stop: &Stop, info: &LineInfo, config: LineConfig) -> Result<Held, Trouble> {
    let wanted = Wanted { id: info.id, config, as_found: false, claim: true };
    let begin_ns = now_ns();
    let mut requests = loop {
        match backend.request(CONSUMER, &[wanted]) {
            Err(Error::Busy { consumer, .. })
                if consumer == CONSUMER && now_ns() - begin_ns < PATIENCE_NS =>
            {
                stop.pass(1_000_000)?;
            }
            requests => break requests?,
        }
    };
    let request = requests.pop().ok_or_else(|| failed("the board gave no line"))?;
    Ok(Held { lines: request.lines, edges: request.edges, config })
}

fn failed(reason: &'static str) -> Error {
    Error::Failed { operation: "requesting a line", source: io::Error::other(reason) }
}

impl<'a> Bench<'a> {
    /// Takes both lines, as inputs that they are already.
    pub(super) fn take(
        backend: &'a dyn Backend,
        stop: &'a Stop,
        pair: &'a Pair,
        count: u32,
        pulls: bool,
    ) -> Result<Self, Trouble> {
        let driver = hold(backend, stop, &pair.driver, input(None))?;
        let listener = hold(backend, stop, &pair.listener, input(None))?;
        let driver = Some(driver);
        Ok(Self { backend, stop, pair, count, pulls, driver, listener, heard_from_ns: 0 })
    }

    /// A pull, where the board has any.
    pub(super) fn pull(&self, bias: Bias) -> Option<Bias> {
        self.pulls.then_some(bias)
    }

    fn held(&mut self, side: Side) -> Result<&mut Held, Trouble> {
        if side == Side::Listener {
            return Ok(&mut self.listener);
        }
        let held = match self.driver.take() {
            Some(held) => held,
            None => hold(self.backend, self.stop, &self.pair.driver, input(None))?,
        };
        Ok(self.driver.insert(held))
    }

    /// Makes a line what it is to be. If both would drive, the other is made an input first.
    pub(super) fn set(&mut self, side: Side, config: LineConfig) -> Result<Moment, Trouble> {
        let other = if side == Side::Driver { Side::Listener } else { Side::Driver };
        let driven = |held: &Held| held.config.direction == Direction::Output;
        let other_drives = match other {
            Side::Driver => self.driver.as_ref().is_some_and(driven),
            Side::Listener => driven(&self.listener),
        };
        if config.direction == Direction::Output && other_drives {
            self.set(other, input(None))?;
        }
        let held = self.held(side)?;
        // Before it happens: if it fails half-way, the line counts as driven.
        held.config = config;
        Ok(held.lines.configure(&[(0, config)])?)
    }

    /// Sets the driver's level.
    pub(super) fn write(&mut self, active: bool) -> Result<Moment, Trouble> {
        Ok(self.held(Side::Driver)?.lines.write(1, u64::from(active))?)
    }

    /// The value that a line reads.
    pub(super) fn read(&mut self, side: Side) -> Result<bool, Trouble> {
        Ok(self.held(side)?.lines.read(1)?.bits & 1 == 1)
    }

    /// Lets go of the driver, so that somebody else can have it.
    pub(super) fn free_driver(&mut self) {
        self.driver = None;
    }

    /// Takes the driver as a new holder does, with a first value.
    pub(super) fn take_driver(&mut self, config: LineConfig) -> Result<(), Trouble> {
        self.driver = None;
        self.driver = Some(hold(self.backend, self.stop, &self.pair.driver, config)?);
        Ok(())
    }

    /// Lets a pull bring the lines to its level; nothing tells when it has.
    pub(super) fn settle(&self) -> Result<(), Trouble> {
        self.stop.pass(SETTLE_NS)
    }

    /// Both lines as inputs that are pulled low, in which state each step begins.
    pub(super) fn rest(&mut self) -> Result<(), Trouble> {
        let low = self.pull(Bias::PullDown);
        self.set(Side::Driver, input(low))?;
        self.set(Side::Listener, input(low))?;
        self.settle()
    }

    /// Lets both lines go as inputs with the pulls of power-on. Tries both, whatever happens.
    pub(super) fn end(mut self) -> Result<(), Trouble> {
        let bias = |info: &LineInfo| usual_bias(info).or(Some(Bias::Disabled)).filter(|_| self.pulls);
        let (driver, listener) = (bias(&self.pair.driver), bias(&self.pair.listener));
        let driver = self.set(Side::Driver, input(driver));
        let listener = self.set(Side::Listener, input(listener));
        driver.and(listener).map(|_| ())
    }

    /// From here on edges count; what came before does not, also where it is on its way still.
    pub(super) fn listen(&mut self) -> Result<(), Trouble> {
        self.settle()?;
        self.heard_from_ns = now_ns();
        Ok(())
    }

    /// The edges of a line that have come.
    fn drain(&mut self, side: Side) -> Result<Vec<Heard>, Trouble> {
        let from_ns = self.heard_from_ns;
        let Some(source) = &mut self.held(side)?.edges else { return Ok(Vec::new()) };
        let mut events = Vec::new();
        while source.read(&mut events)? {}
        let read_ns = now_ns();
        let counts = |event: &EdgeEvent| event.timestamp_ns >= from_ns;
        Ok(events.into_iter().filter(counts).map(|event| Heard { event, read_ns }).collect())
    }

    /// Waits until the listener has heard so many edges, or none for so long.
    pub(super) fn hear(&mut self, count: usize, patience_ns: u64) -> Result<Vec<Heard>, Trouble> {
        let mut heard = Vec::new();
        while heard.len() < count {
            let Some(source) = &self.listener.edges else { break };
            if !self.stop.wait(Some(source.as_fd()), now_ns().saturating_add(patience_ns))? {
                break;
            }
            heard.extend(self.drain(Side::Listener)?);
        }
        Ok(heard)
    }

    /// All edges of both lines until so much time has passed.
    pub(super) fn overhear(&mut self, ns: u64) -> Result<Vec<Heard>, Trouble> {
        self.stop.pass(ns)?;
        let mut heard = self.drain(Side::Driver)?;
        heard.extend(self.drain(Side::Listener)?);
        Ok(heard)
    }
}
