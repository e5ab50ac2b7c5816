//! A pulse source at work.

use super::circuit;

#[derive(Debug)]
pub(super) struct Pulse {
    pub parts: circuit::Pulse,
    pub connected: bool,
    high: bool,
    /// When it changes next; `None` while it is off.
    next_ns: Option<u64>,
}

impl Pulse {
    pub(super) fn new(parts: circuit::Pulse, now_ns: u64) -> Self {
        let mut pulse = Self { parts, connected: true, high: false, next_ns: None };
        if pulse.parts.on {
            pulse.turn(now_ns, true);
        }
        pulse
    }

    pub(super) fn is_on(&self) -> bool {
        self.next_ns.is_some()
    }

    pub(super) fn is_high(&self) -> bool {
        self.high
    }

    /// Switches it on, with a rising edge now, or off. Switching on what is on changes nothing.
    pub(super) fn turn(&mut self, now_ns: u64, on: bool) {
        if on == self.is_on() {
            return;
        }
        self.high = on;
        self.next_ns = on.then(|| now_ns.saturating_add(self.parts.high_ns));
    }

    pub(super) fn next_change(&self) -> Option<u64> {
        self.next_ns
    }

    /// Goes to this moment, at most to the next change. Returns whether the level changed.
    pub(super) fn advance(&mut self, now_ns: u64) -> bool {
        let Some(at) = self.next_ns.filter(|at| *at <= now_ns) else { return false };
        self.high = !self.high;
        let half_ns = if self.high { self.parts.high_ns } else { self.parts.period_ns - self.parts.high_ns };
        self.next_ns = Some(at.saturating_add(half_ns));
        true
    }
}
