//! The board as a state machine: time is an argument, so it is as virtual as its caller likes. No I/O, no clock.
//!
//! Whoever owns it calls [`Board::advance`] before anything else at a moment, and again at the latest when
//! [`Board::next_change`] says so. Called late, it still gives each change its true moment.

mod claims;
mod controls;
mod found;
mod gpio_sim;
mod kernel;
mod settle;
mod view;

pub use claims::Refusal;
pub use controls::{ControlError, Fault};
pub use kernel::Kernel;
pub use view::{ComponentState, LineState, Part, State};

use super::Line;
use super::button::Button;
use super::circuit::{Circuit, Led, Wire};
use super::claim::{Claim, ClaimId};
use super::line::COUNT;
use super::net;
use super::pulse::Pulse;
use super::record::{CAPACITY, Cause, Page, Record};
use super::sensor::LightSensor;
use crate::header;
use crate::line::{Bias, Direction, Drive};
use crate::sorted::SortedMap;
use gpio_sim::Memory;

/// The label of the board's chip.
pub const CHIP: &str = "pinctrl-bcm2835";
/// The board's model.
pub const MODEL: &str = "Simulated Raspberry Pi";

/// A simulated Raspberry Pi with its circuit.
#[derive(Debug)]
pub struct Board {
    now_ns: u64,
    kernel: Kernel,
    lines: [LineUnit; COUNT],
    nets: Vec<Vec<Line>>,
    wires: Vec<Placed<Wire>>,
    buttons: Vec<Button>,
    leds: Vec<Placed<Led>>,
    pulses: Vec<Pulse>,
    sensors: Vec<LightSensor>,
    claims: SortedMap<ClaimId, Claim>,
    next_claim: ClaimId,
    record: Record,
}

/// One line's part of the chip, and what is seen on it.
#[derive(Clone, Debug)]
struct LineUnit {
    direction: Direction,
    /// The level that it would drive, or drives, as an output.
    drives_high: bool,
    drive: Drive,
    bias: Bias,
    high: bool,
    contention: bool,
    floating: bool,
    stuck: Option<bool>,
    /// How many edges the chip does not see, from the next one on.
    swallows: u32,
    holder: Option<Holder>,
    /// Its level, where the board has the manners of gpio-sim.
    memory: Memory,
}

/// Who has a line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Holder {
    Claim(ClaimId),
    /// Somebody who is not on the board's socket, such as an SPI driver.
    Other(String),
}

/// A component with no state but whether it is connected.
#[derive(Debug)]
struct Placed<T> {
    parts: T,
    connected: bool,
}

impl<T> Placed<T> {
    fn new(parts: T) -> Self {
        Self { parts, connected: true }
    }
}

impl Board {
    /// The board at power-on: all lines are inputs with their power-on pulls, all capacitors are empty.
    pub fn power_on(now_ns: u64, circuit: Circuit, kernel: Kernel) -> Self {
        let lines = Line::ALL.map(|line| LineUnit {
            direction: Direction::Input,
            drives_high: false,
            drive: Drive::PushPull,
            bias: match kernel {
                Kernel::RaspberryPi | Kernel::Upstream => header::power_on_bias(line.bcm()),
                Kernel::GpioSim => Bias::PullDown,
            },
            high: false,
            contention: false,
            floating: false,
            stuck: None,
            swallows: 0,
            holder: None,
            memory: Memory::default(),
        });
        let mut board = Self {
            now_ns,
            kernel,
            lines,
            nets: net::nets(circuit.wires.iter().map(|wire| wire.between)),
            wires: circuit.wires.into_iter().map(Placed::new).collect(),
            buttons: circuit.buttons.into_iter().map(Button::new).collect(),
            leds: circuit.leds.into_iter().map(Placed::new).collect(),
            pulses: circuit.pulses.into_iter().map(|parts| Pulse::new(parts, now_ns)).collect(),
            sensors: circuit.light_sensors.into_iter().map(|parts| LightSensor::new(parts, now_ns)).collect(),
            claims: SortedMap::new(),
            next_claim: 1,
            record: Record::new(CAPACITY),
        };
        board.settle(&Cause::PowerOn);
        board
    }

    /// The moment that the board is at.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The next moment at which something may change by itself.
    pub fn next_change(&self) -> Option<u64> {
        let pulses = self.pulses.iter().filter_map(Pulse::next_change);
        let buttons = self.buttons.iter().filter_map(Button::next_change);
        let sensors = self.sensors.iter().filter_map(LightSensor::next_change);
        let claims = self.claims.values().filter_map(Claim::next_change);
        pulses.chain(buttons).chain(sensors).chain(claims).min()
    }

    /// Goes on to this moment through all that changes by itself until then. A moment in the past is no move.
    pub fn advance(&mut self, to_ns: u64) {
        while let Some(at) = self.next_change().filter(|at| *at <= to_ns) {
            self.now_ns = at.max(self.now_ns);
            self.step();
        }
        self.now_ns = to_ns.max(self.now_ns);
    }

    /// All that is due at this moment. Levels first: a debounce period that ends now sees them.
    fn step(&mut self) {
        let now_ns = self.now_ns;
        for i in 0..self.pulses.len() {
            if self.pulses[i].advance(now_ns) {
                self.settle(&Cause::Pulse(self.pulses[i].parts.name.clone()));
            }
        }
        for i in 0..self.buttons.len() {
            if self.buttons[i].advance(now_ns) {
                self.settle(&Cause::Button(self.buttons[i].parts.name.clone()));
            }
        }
        for i in 0..self.sensors.len() {
            if self.sensors[i].advance(now_ns) {
                self.settle(&Cause::LightSensor(self.sensors[i].parts.name.clone()));
            }
        }
        for claim in self.claims.values_mut() {
            claim.advance(now_ns, |line| self.lines[line.index()].high);
        }
    }

    /// At most `limit` entries of the record, from the one after `since` on.
    pub fn record(&self, since: u64, limit: usize) -> Page {
        self.record.page(since, limit)
    }

    /// The newest entry of the record.
    pub fn last_seq(&self) -> u64 {
        self.record.last_seq()
    }
}

#[cfg(test)]
mod tests;
