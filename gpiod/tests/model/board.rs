//! A board in memory that outlives its daemons: the end of a claim leaves a line as it is, or makes an input of it.

use gpiod::backend::{Backend, Error, HeldLines, Request, Wanted};
use gpiod::line::{AtExit, Direction, LineConfig, LineId, LineInfo, Moment, OnExit, Value, Values};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// How many lines it has.
pub(crate) const LINES: u32 = 9;

/// One line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pin {
    pub(crate) output: bool,
    pub(crate) high: bool,
    claimed: bool,
    active_low: bool,
    /// How many times it changed what it drives.
    pub(crate) moves: u32,
}

/// The board; its clones are the same board.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    pins: Arc<Mutex<Vec<Pin>>>,
    at_exit: AtExit,
}

impl Board {
    pub(crate) fn new() -> Self {
        let pins = vec![Pin::default(); LINES as usize];
        Self { pins: Arc::new(Mutex::new(pins)), at_exit: AtExit::default() }
    }

    /// One whose kernel makes an input of an output whose claim ends, and that can drive without a claim.
    pub(crate) fn letting_go() -> Self {
        Self { at_exit: AtExit { claimed: Some(OnExit::Input), unclaimed: true }, ..Self::new() }
    }

    pub(crate) fn pins(&self) -> MutexGuard<'_, Vec<Pin>> {
        self.pins.lock().unwrap()
    }

    /// Whether a daemon holds a line.
    pub(crate) fn is_claimed(&self, line: usize) -> bool {
        self.pins()[line].claimed
    }

    /// Makes all lines what they were, after what a daemon that was killed did not do any more.
    pub(crate) fn put_back(&self, pins: &[Pin]) {
        for (pin, was) in self.pins().iter_mut().zip(pins) {
            *pin = Pin { claimed: false, ..*was };
        }
    }
}

const NOW: Moment = Moment { timestamp_ns: 1, uncertainty_ns: 0 };

impl Backend for Board {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn board(&self) -> &'static str {
        "test"
    }

    fn atomic_writes(&self) -> bool {
        true
    }

    fn lines(&self) -> Result<Vec<LineInfo>, Error> {
        let pins = self.pins();
        let infos = (0..).zip(pins.iter()).map(|(offset, pin)| LineInfo {
            id: LineId { chip: 0, offset },
            chip: "chip".to_owned(),
            name: format!("L{offset}"),
            header_pin: None,
            direction: if pin.output { Direction::Output } else { Direction::Input },
            high: Some(pin.high),
            drives_high: pin.output.then_some(pin.high),
            consumer: pin.claimed.then(|| "gpiod".to_owned()),
            function: None,
            at_exit: self.at_exit,
            waits: false,
        });
        Ok(infos.collect())
    }

    fn request(&self, _: &str, lines: &[Wanted]) -> Result<Vec<Request>, Error> {
        let mut pins = self.pins();
        for line in lines {
            let offset = line.id.offset as usize;
            let pin = &mut pins[offset];
            assert!(!pin.claimed, "L{offset} has two holders on the board");
            pin.claimed = line.claim;
            if line.as_found && pin.output {
                pin.active_low = line.config.active_low;
            } else {
                pin.become_as(&line.config);
            }
        }
        drop(pins);
        let request = |claim: bool| {
            let wanted: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].claim == claim).collect();
            let offsets = wanted.iter().map(|i| lines[*i].id.offset as usize).collect();
            let held = Held { board: self.clone(), offsets, claim };
            Request { wanted, kept: 0, lines: Box::new(held), edges: None }
        };
        Ok([true, false].map(request).into_iter().filter(|request| !request.wanted.is_empty()).collect())
    }
}

impl Pin {
    fn become_as(&mut self, config: &LineConfig) {
        self.active_low = config.active_low;
        let output = config.direction == Direction::Output;
        let high = if output { (config.value == Value::Active) != config.active_low } else { self.high };
        self.drive(output, high);
    }

    fn drive(&mut self, output: bool, high: bool) {
        self.moves += u32::from((self.output, self.high) != (output, high));
        (self.output, self.high) = (output, high);
    }
}

#[derive(Debug)]
struct Held {
    board: Board,
    offsets: Vec<usize>,
    claim: bool,
}

impl HeldLines for Held {
    fn read(&mut self, mask: u64) -> Result<Values, Error> {
        let pins = self.board.pins();
        let active = self.offsets.iter().map(|offset| pins[*offset].high != pins[*offset].active_low);
        let bits = (0..).zip(active).fold(0, |bits, (i, active)| bits | u64::from(active) << i);
        Ok(Values { bits: bits & mask, read: NOW })
    }

    fn write(&mut self, mask: u64, bits: u64) -> Result<Moment, Error> {
        let mut pins = self.board.pins();
        for (i, offset) in self.offsets.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1) {
            let pin = &mut pins[*offset];
            if !pin.output {
                let source = io::Error::other("it is an input");
                return Err(Error::Failed { operation: "setting a line", source });
            }
            pin.drive(true, (bits >> i & 1 == 1) != pin.active_low);
        }
        Ok(NOW)
    }

    fn configure(&mut self, lines: &[(u8, LineConfig)]) -> Result<Moment, Error> {
        let mut pins = self.board.pins();
        for (position, config) in lines {
            pins[self.offsets[usize::from(*position)]].become_as(config);
        }
        Ok(NOW)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut pins = self.board.pins();
        for offset in self.offsets.iter().filter(|_| self.claim) {
            let pin = &mut pins[*offset];
            pin.claimed = false;
            if self.board.at_exit.claimed == Some(OnExit::Input) {
                pin.drive(false, pin.high);
            }
        }
    }
}
