//! Claims: how programs hold lines, in the shape and with the manners of the kernel's line requests.

use super::{Board, Holder, Kernel};
use crate::board::Line;
use crate::board::claim::{Claim, ClaimId, ClaimedLine};
use crate::board::record::{Cause, Change};
use crate::json::variants;
use crate::line::{Bias, Direction, EdgeEvent, LineConfig, LineId, MAX_LINES, Moment, Values};
use serde::Serialize;

/// The longest consumer name, in bytes: the kernel's `GPIO_MAX_NAME_SIZE` less its end.
const CONSUMER_BYTES: usize = 31;
pub(super) const CONSUMER_RULE: &str = "a consumer's name has at most 31 bytes and no control characters";

/// Why the board does not do what a program asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Somebody has the line: the kernel's EBUSY.
    #[error("{line} is held by {consumer:?}")]
    Busy {
        /// The line's name.
        line: String,
        /// Who has it.
        consumer: String,
    },
    /// It makes no sense: the kernel's EINVAL.
    #[error("{0}")]
    Invalid(String),
    /// A write to an input: the kernel's EPERM.
    #[error("{0} is an input")]
    NotOutput(Line),
}

variants!(Refusal {
    "busy" => Busy { line, consumer },
    "invalid" => Invalid(why),
    "not-output" => NotOutput(line),
});

fn invalid<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Invalid(reason.into()))
}

impl Board {
    /// Claims all of the lines, or none.
    ///
    /// # Errors
    /// [`Refusal::Busy`] or [`Refusal::Invalid`].
    pub fn claim(&mut self, consumer: &str, lines: &[(LineId, LineConfig)]) -> Result<ClaimId, Refusal> {
        if lines.is_empty() || lines.len() > MAX_LINES {
            return invalid(format!("a claim has 1 to {MAX_LINES} lines, not {}", lines.len()));
        }
        if !is_consumer(consumer) {
            return invalid(CONSUMER_RULE);
        }
        let mut claimed: Vec<ClaimedLine> = Vec::new();
        for (id, config) in lines {
            let Some(line) = Line::new(id.offset).filter(|_| id.chip == 0) else {
                return invalid(format!("the board has no line {} on chip {}", id.offset, id.chip));
            };
            check(config)?;
            // The kernel answers a repeated line as it answers any line that is held.
            let repeated = claimed.iter().any(|each| each.line == line).then(|| consumer.to_owned());
            if let Some(consumer) = repeated.or_else(|| self.consumer(line)) {
                return Err(Refusal::Busy { line: line.to_string(), consumer });
            }
            claimed.push(ClaimedLine::new(line, *config));
        }
        let (id, cause) = (self.next_claim, Cause::Consumer(consumer.to_owned()));
        self.next_claim += 1;
        for each in &claimed {
            self.lines[each.line.index()].holder = Some(Holder::Claim(id));
            self.note(each.line, Change::Claim, &cause);
            self.configure_line(each.line, &each.config, &cause);
        }
        // The claim enters after the levels have settled: its own beginning is no edge.
        self.settle(&cause);
        for each in &mut claimed {
            each.configured(each.config, self.lines[each.line.index()].high);
        }
        self.claims.insert(id, Claim::new(consumer.to_owned(), claimed));
        Ok(id)
    }

    /// Ends a claim. What its outputs do then is the [`Kernel`]'s affair; pulls stay.
    pub fn release(&mut self, id: ClaimId) {
        let Some(claim) = self.claims.remove(&id) else { return };
        let cause = Cause::Released(claim.consumer);
        for ClaimedLine { line, .. } in claim.lines {
            self.lines[line.index()].holder = None;
            self.note(line, Change::Release, &cause);
            match self.kernel {
                Kernel::RaspberryPi => {}
                Kernel::Upstream => self.set_direction(line, Direction::Input, &cause),
                Kernel::GpioSim => self.lines[line.index()].memory.freed(),
            }
        }
        self.settle(&cause);
    }

    /// Reads the lines of a mask.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a mask without lines, or an unknown claim.
    pub fn read(&self, id: ClaimId, mask: u64) -> Result<Values, Refusal> {
        let claim = self.claims.get(&id).ok_or_else(no_claim)?;
        let mut bits = 0;
        for position in positions(mask, claim.lines.len())? {
            let each = &claim.lines[position];
            let level = each.level(self.lines[each.line.index()].high);
            bits |= u64::from(level != each.config.active_low) << position;
        }
        Ok(Values { bits, read: self.moment() })
    }

    /// Sets the outputs of a mask, all at one moment.
    ///
    /// # Errors
    /// [`Refusal::NotOutput`], or [`Refusal::Invalid`] as for [`read`](Self::read). Nothing has changed then.
    pub fn write(&mut self, id: ClaimId, mask: u64, bits: u64) -> Result<Moment, Refusal> {
        let claim = self.claims.get(&id).ok_or_else(no_claim)?;
        let positions = positions(mask, claim.lines.len())?;
        let inputs = |p: &&usize| claim.lines[**p].config.direction == Direction::Input;
        if let Some(position) = positions.iter().find(inputs) {
            return Err(Refusal::NotOutput(claim.lines[*position].line));
        }
        for position in positions {
            let each = &claim.lines[position];
            let active = bits >> position & 1 == 1;
            self.lines[each.line.index()].drives_high = active != each.config.active_low;
        }
        let cause = Cause::Consumer(claim.consumer.clone());
        self.settle(&cause);
        Ok(self.moment())
    }

    /// Changes the lines at these positions, all at one moment and without letting go.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]; nothing has changed then.
    pub fn configure(&mut self, id: ClaimId, lines: &[(u8, LineConfig)]) -> Result<Moment, Refusal> {
        let claim = self.claims.get_mut(&id).ok_or_else(no_claim)?;
        for (position, config) in lines {
            if usize::from(*position) >= claim.lines.len() {
                return invalid(format!("the claim has no position {position}"));
            }
            check(config)?;
        }
        let cause = Cause::Consumer(claim.consumer.clone());
        let changed: Vec<_> = lines.iter().map(|(p, config)| (usize::from(*p), *config)).collect();
        for (position, config) in &changed {
            // An edge that the change itself makes is seen by a line that was an input with edges and stays one. In
            // gpio-sim it happens before the kernel gets round to switching edges off.
            let each = &mut claim.lines[*position];
            each.config.edges &= match self.kernel {
                Kernel::RaspberryPi | Kernel::Upstream => config.edges,
                Kernel::GpioSim => config.direction == Direction::Input,
            };
            each.config.active_low = config.active_low;
        }
        let on_board: Vec<_> = changed.iter().map(|(p, config)| (claim.lines[*p].line, *config)).collect();
        let others = claim.lines.iter().enumerate().filter(|(i, _)| changed.iter().all(|(p, _)| p != i));
        let others: Vec<_> = others.map(|(_, each)| (each.line, each.config.bias)).collect();
        for (line, config) in &on_board {
            self.configure_line(*line, config, &cause);
        }
        for (line, bias) in others {
            // The kernel takes a configuration of all lines of a claim: the others are told again what they are.
            self.apply_pull(line, bias);
        }
        self.settle(&cause);
        if let Some(claim) = self.claims.get_mut(&id) {
            for ((position, config), (line, _)) in changed.into_iter().zip(on_board) {
                claim.lines[position].configured(config, self.lines[line.index()].high);
            }
        }
        Ok(self.moment())
    }

    /// The claims with edges that wait.
    pub fn claims_with_events(&self) -> impl Iterator<Item = ClaimId> {
        self.claims.iter().filter(|(_, claim)| claim.has_events()).map(|(id, _)| *id)
    }

    /// Whether there is such a claim.
    pub fn has_claim(&self, id: ClaimId) -> bool {
        self.claims.contains_key(&id)
    }

    /// Hands out at most `limit` edges of a claim, oldest first. They keep their place in its buffer of
    /// [`EVENT_BUFFER`](crate::line::EVENT_BUFFER) until [`events_taken`](Self::events_taken).
    /// `None` when there is no such claim any more.
    pub fn take_events(&mut self, id: ClaimId, limit: usize) -> Option<Vec<EdgeEvent>> {
        self.claims.get_mut(&id).map(|claim| claim.take_events(limit))
    }

    /// The edges that were handed out last have arrived.
    pub fn events_taken(&mut self, id: ClaimId) {
        if let Some(claim) = self.claims.get_mut(&id) {
            claim.events_taken();
        }
    }

    /// Who has a line.
    pub(super) fn consumer(&self, line: Line) -> Option<String> {
        match self.lines[line.index()].holder.as_ref()? {
            Holder::Claim(id) => self.claims.get(id).map(|claim| claim.consumer.clone()),
            Holder::Other(name) => Some(name.clone()),
        }
    }

    /// Level before direction, so that an output drives its first value from its first moment.
    fn configure_line(&mut self, line: Line, config: &LineConfig, cause: &Cause) {
        let unit = &mut self.lines[line.index()];
        // gpio-sim can not be without a pull, and keeps the one that it has.
        let can_be = |bias: &Bias| *bias != Bias::Disabled || self.kernel != Kernel::GpioSim;
        if let Some(bias) = config.bias.filter(can_be) {
            unit.bias = bias;
        }
        if config.direction == Direction::Output {
            unit.drives_high = config.value.is_active() != config.active_low;
            unit.drive = config.drive;
        }
        self.set_direction(line, config.direction, cause);
        self.apply_pull(line, config.bias);
    }

    /// Applies the pull of a configuration, which is a moment on gpio-sim and nowhere else.
    fn apply_pull(&mut self, line: Line, bias: Option<Bias>) {
        let unit = &mut self.lines[line.index()];
        if let Some(bias) = bias.filter(|bias| *bias != Bias::Disabled && self.kernel == Kernel::GpioSim) {
            unit.memory.configured(bias);
        }
    }

    fn moment(&self) -> Moment {
        Moment { timestamp_ns: self.now_ns, uncertainty_ns: 0 }
    }
}

pub(super) fn is_consumer(name: &str) -> bool {
    name.len() <= CONSUMER_BYTES && !name.contains(char::is_control)
}

fn no_claim() -> Refusal {
    Refusal::Invalid("there is no such claim".to_owned())
}

fn check(config: &LineConfig) -> Result<(), Refusal> {
    if config.direction == Direction::Output && config.edges {
        return invalid("an output has no edges");
    }
    Ok(())
}

/// The lines of a mask. Like the kernel it overlooks bits beyond the lines, and takes no mask without any.
fn positions(mask: u64, lines: usize) -> Result<Vec<usize>, Refusal> {
    let positions: Vec<usize> = (0..lines).filter(|position| mask >> position & 1 == 1).collect();
    if positions.is_empty() {
        return invalid(format!("mask {mask:#x} has no line of the claim's {lines}"));
    }
    Ok(positions)
}
