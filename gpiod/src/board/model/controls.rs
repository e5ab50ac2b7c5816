//! What people do to the board from outside: press, light, switch, break.

use super::claims::{CONSUMER_RULE, is_consumer};
use super::{Board, Holder};
use crate::board::Line;
use crate::board::light::{BRIGHTEST, DARKEST, Light};
use crate::board::net;
use crate::board::record::{Cause, Change};
use crate::json::variants;
use serde::Serialize;

/// Something that is broken on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The line is shorted to the supply.
    StuckHigh(Line),
    /// The line is shorted to ground.
    StuckLow(Line),
    /// The component of this name has come loose.
    Disconnect(String),
    /// The chip does not see the next edges of the line, and reports nothing of them to its holder.
    Swallow {
        /// Which line.
        line: Line,
        /// How many edges.
        edges: u32,
    },
    /// Somebody outside of the board's socket takes the line, as a driver in the kernel does.
    Take {
        /// Which line.
        line: Line,
        /// Who takes it.
        consumer: String,
    },
}

variants!(Fault {
    "stuck-high" => StuckHigh(line),
    "stuck-low" => StuckLow(line),
    "disconnect" => Disconnect(name),
    "swallow" => Swallow { line, edges },
    "take" => Take { line, consumer },
});

/// Why a control could not be worked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlError {
    /// The circuit has no such component.
    #[error("the circuit has no {kind} called {name:?}")]
    Component {
        /// What was looked for.
        kind: String,
        /// Under which name.
        name: String,
    },
    /// Nobody makes such light.
    #[error("light goes from 0.001 to 200000 lux, not {0}")]
    Light(String),
    /// The line can not be taken.
    #[error("{line} is held by {consumer:?}")]
    Busy {
        /// Which line.
        line: Line,
        /// Who has it.
        consumer: String,
    },
    /// The consumer's name is none.
    #[error("{CONSUMER_RULE}")]
    Consumer,
    /// There is nothing to clear.
    #[error("there is no fault on {0:?}")]
    Fault(String),
}

variants!(ControlError {
    "component" => Component { kind, name },
    "light" => Light(lux),
    "busy" => Busy { line, consumer },
    "consumer" => Consumer,
    "fault" => Fault(of),
});

fn no_such<T>(kind: &str, name: &str) -> Result<T, ControlError> {
    Err(ControlError::Component { kind: kind.to_owned(), name: name.chars().take(80).collect() })
}

impl Board {
    /// Presses a button, for so many ns or until it is released.
    ///
    /// # Errors
    /// [`ControlError::Component`].
    pub fn press(&mut self, name: &str, for_ns: Option<u64>) -> Result<(), ControlError> {
        let Some(button) = self.buttons.iter_mut().find(|button| button.parts.name == name) else {
            return no_such("button", name);
        };
        button.press(self.now_ns, for_ns.map(|ns| self.now_ns.saturating_add(ns)));
        self.settle(&Cause::Button(name.to_owned()));
        Ok(())
    }

    /// Lets a button go.
    ///
    /// # Errors
    /// [`ControlError::Component`].
    pub fn let_go(&mut self, name: &str) -> Result<(), ControlError> {
        let Some(button) = self.buttons.iter_mut().find(|button| button.parts.name == name) else {
            return no_such("button", name);
        };
        button.release(self.now_ns);
        self.settle(&Cause::Button(name.to_owned()));
        Ok(())
    }

    /// Puts a light sensor into so much light; `None` gives it back to the light of its circuit, as that is by now.
    ///
    /// # Errors
    /// [`ControlError::Component`], [`ControlError::Light`].
    pub fn light(&mut self, name: &str, lux: Option<f64>) -> Result<(), ControlError> {
        let Some(sensor) = self.sensors.iter_mut().find(|sensor| sensor.parts.name == name) else {
            return no_such("light sensor", name);
        };
        if let Some(lux) = lux.filter(|lux| !(DARKEST..=BRIGHTEST).contains(lux)) {
            return Err(ControlError::Light(lux.to_string()));
        }
        sensor.set_light(self.now_ns, lux.map(Light::Steady));
        Ok(())
    }

    /// Switches a pulse source on or off.
    ///
    /// # Errors
    /// [`ControlError::Component`].
    pub fn pulse(&mut self, name: &str, on: bool) -> Result<(), ControlError> {
        let Some(pulse) = self.pulses.iter_mut().find(|pulse| pulse.parts.name == name) else {
            return no_such("pulse source", name);
        };
        pulse.turn(self.now_ns, on);
        self.settle(&Cause::Pulse(name.to_owned()));
        Ok(())
    }

    /// Breaks something.
    ///
    /// # Errors
    /// [`ControlError::Component`], [`ControlError::Busy`], [`ControlError::Consumer`].
    pub fn fault(&mut self, fault: &Fault) -> Result<(), ControlError> {
        let cause = match fault {
            Fault::StuckHigh(line) => self.set_stuck(*line, Some(true)),
            Fault::StuckLow(line) => self.set_stuck(*line, Some(false)),
            Fault::Disconnect(name) => {
                self.set_connected(name, false)?;
                Cause::Fault(format!("{name} disconnected"))
            }
            Fault::Swallow { line, edges } => {
                self.lines[line.index()].swallows = *edges;
                Cause::Fault(format!("swallows {edges} edges"))
            }
            Fault::Take { line, consumer } => {
                if !is_consumer(consumer) {
                    return Err(ControlError::Consumer);
                }
                if let Some(consumer) = self.consumer(*line) {
                    return Err(ControlError::Busy { line: *line, consumer });
                }
                self.lines[line.index()].holder = Some(Holder::Other(consumer.clone()));
                let cause = Cause::Fault(format!("taken by {consumer}"));
                self.note(*line, Change::Claim, &cause);
                cause
            }
        };
        self.settle(&cause);
        Ok(())
    }

    /// Mends all faults, or those of one line or component.
    ///
    /// # Errors
    /// [`ControlError::Fault`] when that line or component has none.
    pub fn clear(&mut self, target: Option<&str>) -> Result<(), ControlError> {
        let mut mended = false;
        for line in Line::ALL {
            if target.is_none_or(|target| line.to_string() == target) {
                mended |= self.clear_line(line);
            }
        }
        let loose: Vec<String> =
            self.parts().filter(|(_, connected)| !**connected).map(|(name, _)| name.to_owned()).collect();
        for name in loose {
            if target.is_none_or(|target| name == target) {
                self.set_connected(&name, true)?;
                mended = true;
            }
        }
        match target {
            Some(target) if !mended => Err(ControlError::Fault(target.chars().take(80).collect())),
            _ => {
                self.settle(&Cause::Fault("cleared".to_owned()));
                Ok(())
            }
        }
    }

    fn clear_line(&mut self, line: Line) -> bool {
        let unit = &mut self.lines[line.index()];
        let mut mended = unit.stuck.take().is_some();
        mended |= std::mem::take(&mut unit.swallows) > 0;
        if matches!(unit.holder, Some(Holder::Other(_))) {
            unit.holder = None;
            mended = true;
            self.note(line, Change::Release, &Cause::Fault("cleared".to_owned()));
        }
        mended
    }

    fn set_stuck(&mut self, line: Line, stuck: Option<bool>) -> Cause {
        let unit = &mut self.lines[line.index()];
        unit.stuck = stuck;
        // A hand on gpio-sim that does the same again moves the line again.
        unit.memory.forget_outside();
        Cause::Fault(format!("stuck {}", if stuck == Some(true) { "high" } else { "low" }))
    }

    /// Every component's name, and whether it is connected.
    fn parts(&mut self) -> impl Iterator<Item = (&str, &mut bool)> {
        let wires = self.wires.iter_mut().map(|each| (each.parts.name.as_str(), &mut each.connected));
        let leds = self.leds.iter_mut().map(|each| (each.parts.name.as_str(), &mut each.connected));
        let buttons = self.buttons.iter_mut().map(|each| (each.parts.name.as_str(), &mut each.connected));
        let pulses = self.pulses.iter_mut().map(|each| (each.parts.name.as_str(), &mut each.connected));
        let sensors = self.sensors.iter_mut().map(|each| (each.parts.name.as_str(), &mut each.connected));
        wires.chain(leds).chain(buttons).chain(pulses).chain(sensors)
    }

    fn set_connected(&mut self, name: &str, connected: bool) -> Result<(), ControlError> {
        let Some((_, part)) = self.parts().find(|(each, _)| *each == name) else {
            return no_such("component", name);
        };
        *part = connected;
        for sensor in self.sensors.iter_mut().filter(|sensor| !sensor.connected) {
            // Loose, its capacitor sees nothing but its own photoresistor.
            sensor.set_load(self.now_ns, Default::default());
        }
        let wires = self.wires.iter().filter(|wire| wire.connected);
        self.nets = net::nets(wires.map(|wire| wire.parts.between));
        Ok(())
    }
}
