//! A button at work: a contact that opens and closes, bounces and can be let go by itself.

use super::circuit;

#[derive(Debug)]
pub(super) struct Button {
    pub parts: circuit::Button,
    pub connected: bool,
    /// Whether somebody presses it.
    pressed: bool,
    /// Whether the contact is closed; while it bounces that is not the same.
    closed: bool,
    bouncing: Option<Bouncing>,
    release_at: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Bouncing {
    began_ns: u64,
    /// Extra edges done.
    done: u32,
}

impl Button {
    pub(super) fn new(parts: circuit::Button) -> Self {
        Self { parts, connected: true, pressed: false, closed: false, bouncing: None, release_at: None }
    }

    pub(super) fn is_pressed(&self) -> bool {
        self.pressed
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Presses it, until this moment if there is one. Pressing a pressed button only moves that moment.
    pub(super) fn press(&mut self, now_ns: u64, until_ns: Option<u64>) {
        self.release_at = until_ns;
        self.turn(now_ns, true);
    }

    pub(super) fn release(&mut self, now_ns: u64) {
        self.release_at = None;
        self.turn(now_ns, false);
    }

    fn turn(&mut self, now_ns: u64, pressed: bool) {
        if self.pressed != pressed {
            self.pressed = pressed;
            self.closed = pressed;
            self.bouncing = self.parts.bounce.map(|_| Bouncing { began_ns: now_ns, done: 0 });
        }
    }

    pub(super) fn next_change(&self) -> Option<u64> {
        [self.next_bounce(), self.release_at].into_iter().flatten().min()
    }

    fn next_bounce(&self) -> Option<u64> {
        let (bouncing, bounce) = (self.bouncing?, self.parts.bounce?);
        let passed = u128::from(bounce.within_ns) * u128::from(bouncing.done + 1) / u128::from(bounce.edges);
        Some(bouncing.began_ns.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
    }

    /// Goes to this moment, at most to the next change. Returns whether the contact moved.
    pub(super) fn advance(&mut self, now_ns: u64) -> bool {
        let before = self.closed;
        if self.next_bounce().is_some_and(|at| at <= now_ns) {
            self.closed = !self.closed;
            self.bouncing = self.bouncing.and_then(|bouncing| {
                let done = bouncing.done + 1;
                (self.parts.bounce?.edges > done).then_some(Bouncing { done, ..bouncing })
            });
        }
        if self.release_at.is_some_and(|at| at <= now_ns) {
            self.release(now_ns);
        }
        self.closed != before
    }
}
