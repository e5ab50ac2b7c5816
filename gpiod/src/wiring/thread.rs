//! Which thread serves a group: a chip behind a bus has one of its own, so that waiting for it holds up nobody else.

use super::{GroupIndex, LineIndex, WiredGroup, Wiring};

/// Which thread serves lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thread {
    /// The daemon's first, for all lines that are reached at once.
    Main,
    /// One for the chip of this position and label.
    Chip(u8, String),
}

impl Thread {
    /// What it is called to an owner. Two chips may have the same label.
    pub fn name(&self) -> String {
        match self {
            Self::Main => "main".to_owned(),
            Self::Chip(position, label) => format!("{position}:{label}"),
        }
    }
}

impl Wiring {
    fn thread_of_line(&self, line: LineIndex) -> Thread {
        let info = &self.line(line).info;
        if info.waits { Thread::Chip(info.id.chip, info.chip.clone()) } else { Thread::Main }
    }

    /// Which thread serves a group; a group without lines has the first.
    ///
    /// # Errors
    /// That its lines would be served by several.
    pub(super) fn thread_of(&self, group: GroupIndex) -> Result<Thread, String> {
        let mut threads = self.groups[group.0].lines.iter().map(|(_, line)| self.thread_of_line(*line));
        let first = threads.next().unwrap_or(Thread::Main);
        match threads.find(|thread| *thread != first) {
            None => Ok(first),
            Some(other) => {
                let label = [&first, &other].into_iter().find_map(|thread| match thread {
                    Thread::Chip(_, label) => Some(label.clone()),
                    Thread::Main => None,
                });
                Err(format!(
                    "chip {:?} is behind a bus and served by a thread of its own: put its lines into groups of their own",
                    label.unwrap_or_default()
                ))
            }
        }
    }

    /// The wiring of each thread, the first thread's first. Groups keep their positions; of the lines, each part has its
    /// own.
    pub fn by_thread(&self) -> Vec<(Thread, Wiring)> {
        let mut threads = vec![Thread::Main];
        for line in (0..self.lines.len()).map(LineIndex) {
            let thread = self.thread_of_line(line);
            if !threads.contains(&thread) {
                threads.push(thread);
            }
        }
        threads.into_iter().map(|thread| (thread.clone(), self.part(&thread))).collect()
    }

    /// What of it one thread serves: all groups, with its own lines.
    pub fn part(&self, thread: &Thread) -> Self {
        let mut part = Self { path: self.path.clone(), lines: Vec::new(), groups: Vec::new() };
        let mut moved = vec![None; self.lines.len()];
        for line in (0..self.lines.len()).map(LineIndex).filter(|line| self.thread_of_line(*line) == *thread)
        {
            moved[line.0] = Some(LineIndex(part.lines.len()));
            part.lines.push(self.line(line).clone());
        }
        for group in &self.groups {
            let here = group.lines.iter().zip(&group.operations);
            let here = here.filter_map(|((name, line), may)| Some(((name.clone(), moved[line.0]?), *may)));
            let (lines, operations): (Vec<_>, Vec<_>) = here.unzip();
            let elsewhere = lines.is_empty() && !group.lines.is_empty();
            part.groups.push(WiredGroup { lines, operations, elsewhere, ..group.clone() });
        }
        part
    }

    /// Whether this part serves a group.
    pub fn serves(&self, group: GroupIndex) -> bool {
        !self.groups[group.0].lines.is_empty()
    }
}
