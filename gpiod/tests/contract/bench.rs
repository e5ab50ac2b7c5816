//! A bench: a board of one kind, and hands and eyes outside of the process under test.

mod gpio_sim;
mod irq;
mod registers;
mod simulated;
mod trace;

use gpiod::backend::{Backend, EdgeSource, HeldLines, Wanted};
use gpiod::line::{Direction, Drive, EdgeEvent, LineConfig, LineInfo, Value};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::path::Path;

/// How long anything may take.
const PATIENCE_MS: u16 = 20_000;

/// A board on a bench.
pub(crate) trait Bench {
    /// What stands at the head of its column.
    fn name(&self) -> String;

    /// Before each rule: all lines are let go by whatever is outside.
    fn begin(&self);

    fn backend(&self) -> &dyn Backend;

    /// How another process reaches the same board: the kind, and a directory for the kinds that have one.
    fn reach(&self) -> (&'static str, String);

    /// Something outside brings a line to a level, as far as nobody drives it. `None`: this bench has no such hand.
    fn set(&self, bcm: u32, high: bool) -> Option<()>;

    /// Whether a line is high, as somebody outside sees it.
    fn is_high(&self, bcm: u32) -> bool;

    /// Does something, and tells all levels that somebody outside saw on a line meanwhile, the first one included.
    fn levels_during(&self, bcm: u32, act: &mut dyn FnMut()) -> Vec<bool>;

    /// Whether nothing that a line does during an act can escape [`levels_during`](Self::levels_during).
    fn sees_all(&self) -> bool {
        true
    }

    /// Does something, and tells which ways a line was turned meanwhile, output or not. `None`: nobody looks at that here.
    fn turns_during(&self, _bcm: u32, act: &mut dyn FnMut()) -> Option<Vec<bool>> {
        act();
        None
    }

    /// Whether this is gpio-sim, or the simulated board with its manners, which differ from silicon in what a line does
    /// that nobody drives any more.
    fn has_manners_of_gpio_sim(&self) -> bool {
        false
    }
}

/// Opens the bench of this kind.
pub(crate) fn open(kind: &str, variant: Option<&str>) -> Box<dyn Bench> {
    match kind {
        "sim" => Box::new(simulated::Simulated::start(variant)),
        "cdev" => Box::new(gpio_sim::GpioSim::start()),
        "gpiomem" => Box::new(registers::Registers::start()),
        _ => panic!("there is no bench {kind:?}, but sim, cdev and gpiomem"),
    }
}

/// The backend alone, for another process on the same board.
pub(crate) fn backend(kind: &str, dir: &str) -> Box<dyn Backend> {
    match kind {
        "sim" => Box::new(gpiod::backend::sim::connect(Path::new(dir)).unwrap()),
        "cdev" => Box::new(gpiod::backend::cdev::open().unwrap()),
        "gpiomem" => Box::new(gpiod::backend::gpiomem::open().unwrap()),
        _ => panic!("there is no backend {kind:?}"),
    }
}

/// Lines that a rule holds; they are let go at its end.
pub(crate) struct Hold {
    parts: Vec<Part>,
}

struct Part {
    wanted: Vec<usize>,
    lines: Box<dyn HeldLines>,
    edges: Option<Box<dyn EdgeSource>>,
}

impl dyn Bench + '_ {
    pub(crate) fn hold(&self, lines: &[(u32, LineConfig)]) -> Hold {
        let lines: Vec<Wanted> =
            lines.iter().map(|(bcm, config)| wanted(self.backend(), *bcm, *config)).collect();
        self.hold_as("gpiod:contract", &lines).unwrap()
    }

    pub(crate) fn hold_as(&self, consumer: &str, lines: &[Wanted]) -> Result<Hold, gpiod::backend::Error> {
        let requests = self.backend().request(consumer, lines)?;
        let part = |request: gpiod::backend::Request| Part {
            wanted: request.wanted,
            lines: request.lines,
            edges: request.edges,
        };
        Ok(Hold { parts: requests.into_iter().map(part).collect() })
    }

    pub(crate) fn info(&self, bcm: u32) -> LineInfo {
        find(self.backend(), bcm)
    }
}

impl Hold {
    /// The values of its lines, in the order in which they were asked for.
    pub(crate) fn bits(&mut self) -> u64 {
        let mut bits = 0;
        for part in &mut self.parts {
            let values = part.lines.read((1 << part.wanted.len()) - 1).unwrap();
            for (position, wanted) in part.wanted.iter().enumerate() {
                bits |= (values.bits >> position & 1) << wanted;
            }
        }
        bits
    }

    /// The part that has a line, its position there, and whether the part has edges.
    fn part(&mut self, line: usize) -> (&mut Part, u8) {
        let has = |part: &Part| part.wanted.iter().position(|wanted| *wanted == line);
        let part = self.parts.iter_mut().find(|part| has(part).is_some()).unwrap();
        let position = u8::try_from(has(part).unwrap()).unwrap();
        (part, position)
    }

    pub(crate) fn write(
        &mut self,
        line: usize,
        active: bool,
    ) -> Result<gpiod::line::Moment, gpiod::backend::Error> {
        let (part, position) = self.part(line);
        part.lines.write(1 << position, u64::from(active) << position)
    }

    /// Writes lines that are all in one request.
    pub(crate) fn write_all(&mut self, mask: u64, bits: u64) -> gpiod::line::Moment {
        assert_eq!(self.parts.len(), 1);
        self.parts[0].lines.write(mask, bits).unwrap()
    }

    pub(crate) fn configure(&mut self, line: usize, config: LineConfig) -> gpiod::line::Moment {
        let (part, position) = self.part(line);
        part.lines.configure(&[(position, config)]).unwrap()
    }

    /// Waits until so many edges have come, and returns all that have, with what was asked for as positions.
    pub(crate) fn edges(&mut self, count: usize) -> Vec<EdgeEvent> {
        let mut edges: Vec<EdgeEvent> = Vec::new();
        while edges.len() < count {
            let sources: Vec<_> = self.parts.iter().filter_map(|part| part.edges.as_ref()).collect();
            let mut ready: Vec<PollFd> =
                sources.iter().map(|source| PollFd::new(source.as_fd(), PollFlags::POLLIN)).collect();
            let found = poll(&mut ready, PollTimeout::from(PATIENCE_MS)).unwrap();
            assert!(found > 0, "only {} of {count} edges came", edges.len());
            self.read_edges(&mut edges);
        }
        edges
    }

    /// Waits for edges, and returns those that have come; none when none comes for a second.
    pub(crate) fn more_edges(&mut self) -> Vec<EdgeEvent> {
        let mut edges = Vec::new();
        let sources: Vec<_> = self.parts.iter().filter_map(|part| part.edges.as_ref()).collect();
        let mut ready: Vec<PollFd> =
            sources.iter().map(|source| PollFd::new(source.as_fd(), PollFlags::POLLIN)).collect();
        if poll(&mut ready, PollTimeout::from(1_000u16)).unwrap() > 0 {
            self.read_edges(&mut edges);
        }
        edges
    }

    /// The edges that have come already.
    pub(crate) fn edges_so_far(&mut self) -> Vec<EdgeEvent> {
        let mut edges = Vec::new();
        self.read_edges(&mut edges);
        edges
    }

    fn read_edges(&mut self, edges: &mut Vec<EdgeEvent>) {
        for part in &mut self.parts {
            let Some(source) = &mut part.edges else { continue };
            let mut own = Vec::new();
            while source.read(&mut own).unwrap() {}
            let place = |edge: EdgeEvent| {
                let position = u8::try_from(part.wanted[usize::from(edge.position)]).unwrap();
                EdgeEvent { position, ..edge }
            };
            edges.extend(own.into_iter().map(place));
        }
    }
}

/// The board's line with this BCM number.
pub(crate) fn find(backend: &dyn Backend, bcm: u32) -> LineInfo {
    let name = format!("GPIO{bcm}");
    backend.lines().unwrap().into_iter().find(|info| info.name == name).unwrap()
}

pub(crate) fn wanted(backend: &dyn Backend, bcm: u32, config: LineConfig) -> Wanted {
    Wanted { id: find(backend, bcm).id, config, as_found: false, claim: true }
}

pub(crate) fn input() -> LineConfig {
    LineConfig {
        direction: Direction::Input,
        value: Value::Inactive,
        bias: None,
        drive: Drive::PushPull,
        active_low: false,
        edges: false,
        debounce_ns: 0,
    }
}

pub(crate) fn watched() -> LineConfig {
    LineConfig { edges: true, ..input() }
}

pub(crate) fn output() -> LineConfig {
    LineConfig { direction: Direction::Output, ..input() }
}

pub(crate) fn active() -> LineConfig {
    LineConfig { value: Value::Active, ..output() }
}
