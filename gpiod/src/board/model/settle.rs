//! From what drives and pulls to levels: every change of the board ends here, and here it is recorded.

use super::{Board, Holder, Kernel, LineUnit};
use crate::board::Line;
use crate::board::circuit::Rail;
use crate::board::net::Drivers;
use crate::board::record::{Cause, Change, Entry};
use crate::board::sensor::{DRIVER_OHMS, Load, PULL_OHMS, SUPPLY_VOLTS};
use crate::line::{Bias, Direction, Drive};

impl Board {
    /// Gives every line its level. What changed is recorded under this cause and told to the claims.
    pub(super) fn settle(&mut self, cause: &Cause) {
        for net in 0..self.nets.len() {
            let drivers = self.drivers(net);
            let charged = self.sensor_on(net).map(|sensor| self.charge(sensor, drivers));
            let last = self.last_level(net);
            for i in 0..self.nets[net].len() {
                let line = self.nets[net][i];
                let (high, floating) = match (self.kernel, charged) {
                    (Kernel::GpioSim, _) => self.remembered(line, drivers, charged),
                    (Kernel::RaspberryPi | Kernel::Upstream, Some(high)) => (high, false),
                    (Kernel::RaspberryPi | Kernel::Upstream, None) => {
                        (drivers.level(last), drivers.floating())
                    }
                };
                self.set_level(line, high, drivers.contention(), floating, cause);
            }
        }
    }

    /// The level of a line with the manners of gpio-sim, and whether nothing holds it there. `drivers` and `charged`
    /// are those of its net: the drivers, and the level of the light sensor.
    fn remembered(&mut self, line: Line, drivers: Drivers, charged: Option<bool>) -> (bool, bool) {
        let own = self.drives(line);
        let others = own.map_or(drivers, |high| drivers.without(high));
        let outside = charged.or_else(|| others.strong_level());
        let unit = &mut self.lines[line.index()];
        let claimed_output =
            unit.direction == Direction::Output && matches!(unit.holder, Some(Holder::Claim(_)));
        unit.memory.look(outside, unit.bias, !claimed_output);
        if let Some(high) = own {
            unit.memory.driven(high);
        }
        (unit.memory.is_high(), own.is_none() && unit.memory.floats())
    }

    /// The level that the board drives a line at. With the manners of gpio-sim a line that is free is not driven,
    /// also if it is an output.
    fn drives(&self, line: Line) -> Option<bool> {
        let unit = &self.lines[line.index()];
        let claimed = matches!(unit.holder, Some(Holder::Claim(_)));
        unit.drives().filter(|_| claimed || self.kernel != Kernel::GpioSim)
    }

    /// All that is connected to a net, its light sensor left out.
    fn drivers(&self, net: usize) -> Drivers {
        let mut drivers = Drivers::default();
        let on_net = |line: &Line| self.nets[net].contains(line);
        for line in &self.nets[net] {
            let unit = &self.lines[line.index()];
            if let Some(high) = self.drives(*line) {
                drivers.strong(high);
            }
            match unit.bias {
                // The pulls of gpio-sim are no resistors.
                _ if self.kernel == Kernel::GpioSim => {}
                Bias::Disabled => {}
                Bias::PullUp => drivers.ups += 1,
                Bias::PullDown => drivers.downs += 1,
            }
            if let Some(high) = unit.stuck {
                drivers.strong(high);
            }
        }
        for button in self.buttons.iter().filter(|button| button.connected && on_net(&button.parts.line)) {
            if button.is_closed() {
                drivers.strong(button.parts.to == Rail::Supply);
            }
        }
        for pulse in self.pulses.iter().filter(|pulse| pulse.connected && on_net(&pulse.parts.line)) {
            drivers.strong(pulse.is_high());
        }
        drivers
    }

    fn sensor_on(&self, net: usize) -> Option<usize> {
        self.sensors.iter().position(|sensor| sensor.connected && self.nets[net].contains(&sensor.parts.line))
    }

    /// Loads a sensor's capacitor with the net's drivers, and tells the level that it has by now.
    fn charge(&mut self, sensor: usize, drivers: Drivers) -> bool {
        // Low wins against high here as on every net; the losers' current is left out.
        let highs = if drivers.lows > 0 { 0 } else { drivers.highs };
        let load = Load::default()
            .and(drivers.lows, DRIVER_OHMS, 0.0)
            .and(highs, DRIVER_OHMS, SUPPLY_VOLTS)
            .and(drivers.ups, PULL_OHMS, SUPPLY_VOLTS)
            .and(drivers.downs, PULL_OHMS, 0.0);
        self.sensors[sensor].set_load(self.now_ns, load);
        self.sensors[sensor].is_high()
    }

    /// The level that a net keeps when nothing holds it: after a wire came back, low if any of its ends was low.
    fn last_level(&self, net: usize) -> bool {
        self.nets[net].iter().all(|line| self.lines[line.index()].high)
    }

    fn set_level(&mut self, line: Line, high: bool, contention: bool, floating: bool, cause: &Cause) {
        let unit = &mut self.lines[line.index()];
        let (level_changed, contention_changed) = (unit.high != high, unit.contention != contention);
        unit.high = high;
        unit.contention = contention;
        unit.floating = floating;
        if contention_changed {
            self.note(line, Change::Contention, cause);
        }
        if level_changed {
            self.note(line, Change::Level, cause);
            let unit = &mut self.lines[line.index()];
            if let Some(Holder::Claim(id)) = unit.holder
                && let Some(claim) = self.claims.get_mut(&id)
            {
                if unit.swallows > 0 && claim.listens(line) {
                    unit.swallows -= 1;
                } else {
                    claim.level_changed(line, high, self.now_ns);
                }
            }
        }
    }

    /// Turns a line round; its level is for [`settle`](Self::settle) to find.
    pub(super) fn set_direction(&mut self, line: Line, direction: Direction, cause: &Cause) {
        if self.lines[line.index()].direction != direction {
            self.lines[line.index()].direction = direction;
            self.note(line, Change::Direction, cause);
        }
    }

    /// Writes a change into the record, with the line as it is now.
    pub(super) fn note(&mut self, line: Line, change: Change, cause: &Cause) {
        let unit = &self.lines[line.index()];
        self.record.push(Entry {
            seq: 0,
            time_ns: self.now_ns,
            line,
            change,
            high: unit.high,
            direction: unit.direction,
            contention: unit.contention,
            cause: cause.clone(),
        });
    }
}

impl LineUnit {
    /// The level that it drives, as an output that is not let go of.
    pub(super) fn drives(&self) -> Option<bool> {
        let drives = match self.drive {
            Drive::PushPull => true,
            Drive::OpenDrain => !self.drives_high,
            Drive::OpenSource => self.drives_high,
        };
        (self.direction == Direction::Output && drives).then_some(self.drives_high)
    }
}
