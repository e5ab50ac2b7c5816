//! Which edges the kernel's buffer lost, by line. All lines of a request share a buffer that drops its oldest edges: a gap
//! in a line's own count shows what it lost when its next edge comes, but a line that falls silent shows nothing. What
//! the whole request's count misses and no line's own count explains was lost by lines that have not been heard since.

use crate::line::EdgeEvent;

/// The counts of one request.
#[derive(Debug)]
pub(super) struct Reckoning {
    /// The number of the last edge, of whichever line.
    seqno: u32,
    /// How many edges were lost that no line's own count has explained so far.
    owed: u32,
    /// The number of the edge after the last gap.
    gap_end: u32,
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// The line's own number of its last edge.
    line_seqno: u32,
    /// The request's number of its last edge.
    heard: u32,
    /// How many losses were told of it ahead of its own gap.
    ahead: u32,
}

impl Reckoning {
    pub(super) fn of(lines: usize) -> Self {
        Self { seqno: 0, owed: 0, gap_end: 0, lines: vec![Line::default(); lines] }
    }

    /// Takes an edge, and answers how many of its line were lost just before it and not told yet. `None` for a position
    /// that the request does not have.
    pub(super) fn edge(&mut self, event: &EdgeEvent) -> Option<u32> {
        let line = self.lines.get_mut(usize::from(event.position))?;
        // The counts go on when edges are switched off and on, and around when they are full.
        let of_all = event.seqno.wrapping_sub(self.seqno).wrapping_sub(1);
        let of_line = event.line_seqno.wrapping_sub(line.line_seqno).wrapping_sub(1);
        self.seqno = event.seqno;
        if of_all > 0 {
            self.owed = self.owed.saturating_add(of_all);
            self.gap_end = event.seqno;
        }
        let told = line.ahead.min(of_line);
        *line = Line { line_seqno: event.line_seqno, heard: event.seqno, ahead: line.ahead - told };
        self.owed = self.owed.saturating_sub(of_line - told);
        Some(of_line - told)
    }

    /// When all edges that waited have been taken: the lines that may have lost edges without a sign, and how many at
    /// most. It is exact where only one line can have; of several it is told each.
    pub(super) fn silent(&mut self, listens: impl Fn(usize) -> bool) -> Vec<(usize, u32)> {
        let owed = std::mem::take(&mut self.owed);
        if owed == 0 {
            return Vec::new();
        }
        let mut silent = Vec::new();
        for (position, line) in self.lines.iter_mut().enumerate() {
            // Its last edge came before the gap: less than half of the numbers ago.
            let before = self.gap_end.wrapping_sub(line.heard);
            if listens(position) && before != 0 && before <= u32::MAX / 2 {
                line.ahead = line.ahead.saturating_add(owed);
                silent.push((position, owed));
            }
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Edge;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    /// The kernel's buffer, small.
    struct Buffer {
        room: usize,
        events: VecDeque<EdgeEvent>,
        seqno: u32,
        lines: Vec<(u32, u32)>,
    }

    impl Buffer {
        fn edge(&mut self, position: u8) {
            self.seqno = self.seqno.wrapping_add(1);
            let (line_seqno, _) = &mut self.lines[usize::from(position)];
            *line_seqno = line_seqno.wrapping_add(1);
            let (seqno, line_seqno) = (self.seqno, *line_seqno);
            if self.events.len() == self.room {
                let dropped = self.events.pop_front().unwrap();
                self.lines[usize::from(dropped.position)].1 += 1;
            }
            self.events.push_back(EdgeEvent {
                position,
                edge: Edge::Rising,
                timestamp_ns: 0,
                seqno,
                line_seqno,
            });
        }
    }

    #[test]
    fn a_line_that_falls_silent_beside_a_chatty_one_is_told_what_it_lost() {
        let mut buffer = Buffer { room: 4, events: VecDeque::new(), seqno: 0, lines: vec![(0, 0); 2] };
        let mut reckoning = Reckoning::of(2);
        [0, 0, 1, 1, 1, 1, 1].into_iter().for_each(|position| buffer.edge(position));
        let lost: Vec<_> = buffer.events.drain(..).map(|event| reckoning.edge(&event).unwrap()).collect();
        assert_eq!(lost, [1, 0, 0, 0], "the chatty line's own");
        assert_eq!(reckoning.silent(|_| true), [(0, 2)]);
        assert_eq!(reckoning.silent(|_| true), []);
        buffer.edge(0);
        assert_eq!(reckoning.edge(&buffer.events[0]), Some(0), "told already");
    }

    proptest! {
        #[test]
        fn of_each_line_no_loss_goes_untold_and_of_two_lines_each_is_exact(
            count in 1usize..5,
            room in 1usize..6,
            steps in prop::collection::vec((0u8..6, any::<bool>()), 0..200),
            begin in prop_oneof![Just(0u32), Just(u32::MAX - 20)],
        ) {
            let mut reckoning = Reckoning::of(count);
            let mut buffer =
                Buffer { room, events: VecDeque::new(), seqno: begin, lines: vec![(begin, 0); count] };
            reckoning.seqno = begin;
            reckoning.gap_end = begin;
            reckoning.lines.fill(Line { line_seqno: begin, heard: begin, ahead: 0 });
            let mut told = vec![0; count];
            for (position, drain) in steps {
                if usize::from(position) < count {
                    buffer.edge(position);
                }
                if drain {
                    for event in buffer.events.drain(..) {
                        told[usize::from(event.position)] += reckoning.edge(&event).unwrap();
                    }
                    for (line, lost) in reckoning.silent(|_| true) {
                        told[line] += lost;
                    }
                    for (told, (_, lost)) in told.iter().zip(&buffer.lines) {
                        prop_assert!(told >= lost, "{told} of {lost}");
                        if count <= 2 {
                            prop_assert_eq!(told, lost);
                        }
                    }
                }
            }
        }
    }
}
