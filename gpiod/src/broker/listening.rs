//! What the broker hears of a line that is or was watched: the events that it remembers for those who come back, and
//! whether the chip swallows edges.
//!
//! The kernel makes an edge of the level that it finds when it gets to the interrupt. So of two equal edges in a row a
//! third between them was swallowed; and a level that stays other than the last edge said shows that one was after it.

use super::state::{State, edge_to};
use super::{Broker, RequestIndex};
use crate::clock;
use crate::line::{Direction, Edge, EdgeEvent, Value, known_mask};
use crate::log_keys as keys;
use crate::watch::{History, PreviousLife};
use crate::wiring::LineIndex;

/// What is heard of a line, from when it was first watched.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) history: History,
    /// The last edge that the kernel told; `None` where the next one may be either.
    last: Option<Edge>,
    /// Edges with a stamp up to here say nothing of those after it: the line was turned, or not listened to.
    anew_ns: u64,
    level: Level,
}

/// Whether the level was looked at after the last edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Agrees,
    Unknown,
    /// It was other than the edge said; the next edge may be on its way.
    Differs,
}

impl Listening {
    /// Begins to remember so many events of a line that had `line_seqno` before.
    pub(super) fn new(events: usize, line_seqno: u64) -> Self {
        let anew_ns = clock::now_ns();
        let history = History::new(events, line_seqno, anew_ns);
        Self { history, last: None, anew_ns, level: Level::Agrees }
    }

    /// Takes an edge of the kernel, and answers whether the chip must have swallowed one just before it.
    pub(super) fn edge(&mut self, event: &EdgeEvent) -> bool {
        let swallowed = self.last == Some(event.edge);
        self.last = (event.timestamp_ns > self.anew_ns).then_some(event.edge);
        self.level = if self.last.is_some() { Level::Unknown } else { Level::Agrees };
        swallowed && self.last.is_some()
    }

    /// The next edge may be either: edges between were counted as lost.
    pub(super) fn lost(&mut self) {
        self.last = None;
    }

    /// What was before says nothing any more.
    fn anew(&mut self) {
        (self.last, self.anew_ns, self.level) = (None, clock::now_ns(), Level::Agrees);
    }
}

impl State {
    /// To be called when lines may have begun or ceased to be listened to, or were turned, since a moment.
    pub(super) fn heed(&mut self, lines: &[LineIndex], before_ns: u64) {
        for line in lines {
            let config = self.pins.config(*line);
            // The daemon knows what it drives itself.
            let heard = config.direction == Direction::Output || config.edges;
            let line = &mut self.lines[line.0];
            let Some(listening) = &mut line.listening else { continue };
            if heard == listening.history.is_heard() {
                continue;
            }
            listening.anew();
            if heard {
                listening.history.hears(line.seqno, clock::now_ns());
            } else {
                listening.history.deaf(before_ns);
            }
        }
    }

    /// Lines were turned.
    pub(super) fn turned(&mut self, lines: &[LineIndex]) {
        for line in lines {
            if let Some(listening) = &mut self.lines[line.0].listening {
                listening.anew();
            }
        }
    }

    /// The lines of a request that have had edges since their level was looked at.
    fn unsure(&self, request: RequestIndex) -> impl Iterator<Item = LineIndex> {
        let unsure = |line: &LineIndex| {
            let listening = self.lines[line.0].listening.as_ref();
            listening.is_some_and(|listening| listening.level != Level::Agrees)
        };
        self.pins.lines(request).iter().copied().filter(unsure)
    }

    /// Whether there are such lines.
    pub(super) fn is_unsure(&self, request: RequestIndex) -> bool {
        self.unsure(request).next().is_some()
    }

    /// What the next life of the daemon needs to know of this one.
    pub(super) fn life(&self, stopped_ns: u64) -> PreviousLife {
        let lines = self.lines.iter().enumerate().filter_map(|(index, line)| {
            let listening = line.listening.as_ref()?;
            Some((self.wiring.full_name(LineIndex(index)), listening.history.heard(line.seqno)))
        });
        PreviousLife { epoch: self.epoch, stopped_ns, lines: lines.collect() }
    }

    /// Looks at the levels of lines that have had edges, and tells of those that the last edge does not explain.
    /// Answers whether some are to be looked at again: the edge may be on its way.
    fn look_at(&mut self, lines: &[LineIndex]) -> Result<bool, crate::backend::Error> {
        let values = self.pins.read(lines, known_mask(lines.len()))?;
        let mut again = false;
        for (i, line) in lines.iter().enumerate() {
            let line = &mut self.lines[line.0];
            let Some(listening) = &mut line.listening else { continue };
            let now = edge_to(Value::from_bit(values.bits >> i & 1 == 1));
            listening.level = match (listening.last, listening.level) {
                (Some(last), Level::Unknown) if last != now => Level::Differs,
                (Some(last), Level::Differs) if last != now => {
                    listening.last = Some(now);
                    let seen_ns = values.read.latest_ns();
                    listening.history.swallowed(line.seqno, seen_ns);
                    for watcher in line.watchers.iter().filter(|watcher| !watcher.programs) {
                        watcher.queue.swallowed(seen_ns);
                    }
                    Level::Agrees
                }
                _ => Level::Agrees,
            };
            again |= listening.level == Level::Differs;
        }
        Ok(again)
    }
}

impl Broker {
    /// What the next life of the daemon needs to know of this one, if it ended at this moment: CLOCK_MONOTONIC, ns.
    pub fn life(&self, stopped_ns: u64) -> PreviousLife {
        self.lock().life(stopped_ns)
    }

    /// Looks whether the levels of a request's lines are what their last edges say. To be called some time after the
    /// last edge, and again if it answers so.
    pub fn check_levels(&self, request: RequestIndex) -> bool {
        let mut state = self.lock();
        let mut again = false;
        let unsure: Vec<LineIndex> = state.unsure(request).collect();
        for lines in unsure.chunks(crate::line::MAX_LINES) {
            again |= state.look_at(lines).unwrap_or_else(|error| {
                tracing::warn!({ keys::ERROR } = %error, "levels could not be compared with the last edges");
                false
            });
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(edge: Edge, timestamp_ns: u64) -> EdgeEvent {
        EdgeEvent { position: 0, edge, timestamp_ns, seqno: 0, line_seqno: 0 }
    }

    fn listening() -> Listening {
        Listening { anew_ns: 100, ..Listening::new(8, 0) }
    }

    #[test]
    fn the_second_of_two_equal_edges_shows_that_one_was_swallowed() {
        let mut line = listening();
        let swallowed: Vec<bool> = [Edge::Rising, Edge::Rising, Edge::Falling, Edge::Falling, Edge::Rising]
            .into_iter()
            .zip(101..)
            .map(|(kind, at)| line.edge(&edge(kind, at)))
            .collect();
        assert_eq!(swallowed, [false, true, false, true, false]);
    }

    #[test]
    fn nothing_is_swallowed_across_a_loss_that_was_counted_or_a_turn() {
        let mut line = listening();
        assert!(!line.edge(&edge(Edge::Rising, 101)));
        line.lost();
        assert!(!line.edge(&edge(Edge::Rising, 102)));
        line.anew();
        let turned_ns = line.anew_ns;
        assert!(!line.edge(&edge(Edge::Rising, turned_ns + 1)));
    }

    #[test]
    fn an_edge_from_before_a_turn_that_comes_late_says_nothing_of_the_next() {
        let mut line = listening();
        assert!(!line.edge(&edge(Edge::Rising, 99)));
        assert_eq!(line.level, Level::Agrees, "nor of the level");
        assert!(!line.edge(&edge(Edge::Rising, 101)));
        assert_eq!(line.level, Level::Unknown);
    }
}
