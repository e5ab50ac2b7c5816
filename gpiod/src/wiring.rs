//! The configuration brought together with a board: which of the board's lines there are, each once, and which
//! groups have them under which names.

use crate::config::{Config, Line, Problem, Problems};
use crate::line::LineInfo;
use std::collections::HashMap;

/// Which of the wired lines: a position in [`Wiring::lines`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineIndex(pub usize);

/// Which of the groups: a position in [`Wiring::groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupIndex(pub usize);

/// All lines that any group names, each once, and the groups.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// The lines, in the order in which the groups name them first.
    pub lines: Vec<WiredLine>,
    /// The groups, in the file's order.
    pub groups: Vec<WiredGroup>,
}

/// A line of the board that some group has.
#[derive(Clone, Debug)]
pub struct WiredLine {
    /// What the board said of it when the daemon started.
    pub info: LineInfo,
    /// What the configuration says of it. Groups that share an input agree on this.
    pub config: Line,
    /// The group that names it first.
    pub home: GroupIndex,
}

/// A group, bound to the board.
#[derive(Clone, Debug)]
pub struct WiredGroup {
    /// Its name.
    pub name: String,
    /// Its lines: what apps call them, and which they are.
    pub lines: Vec<(String, LineIndex)>,
}

impl Wiring {
    /// Binds a configuration to the lines of a board.
    ///
    /// # Errors
    /// Lines that the board does not have.
    pub fn bind(config: &Config, board: &[LineInfo]) -> Result<Self, Problems> {
        let by_name: HashMap<&str, &LineInfo> = board.iter().map(|info| (info.name.as_str(), info)).collect();
        let mut wiring = Self { lines: Vec::new(), groups: Vec::new() };
        let mut taken: HashMap<&str, LineIndex> = HashMap::new();
        let mut problems = Vec::new();
        for (index, group) in config.groups.iter().enumerate() {
            let mut lines = Vec::new();
            for line in &group.lines {
                let key = format!("group.{}.lines.{}", group.name, line.name);
                let Some(info) = by_name.get(line.board_line.as_str()) else {
                    let reason = format!("the board has no line {:?}; {}", line.board_line, names_of(board));
                    problems.push(Problem { line: line.at, key, reason });
                    continue;
                };
                let index = *taken.entry(line.board_line.as_str()).or_insert_with(|| {
                    let info = (*info).clone();
                    wiring.lines.push(WiredLine { info, config: line.clone(), home: GroupIndex(index) });
                    LineIndex(wiring.lines.len() - 1)
                });
                lines.push((line.name.clone(), index));
            }
            wiring.groups.push(WiredGroup { name: group.name.clone(), lines });
        }
        if problems.is_empty() { Ok(wiring) } else { Err(Problems::new(&config.path, problems)) }
    }

    /// A line, by its index.
    pub fn line(&self, line: LineIndex) -> &WiredLine {
        &self.lines[line.0]
    }

    /// The name of a line on the admin socket: `group/name` by the group that names it first.
    pub fn full_name(&self, line: LineIndex) -> String {
        let wired = self.line(line);
        format!("{}/{}", self.groups[wired.home.0].name, wired.config.name)
    }

    /// The names of the groups that have a line.
    pub fn groups_of(&self, line: LineIndex) -> Vec<String> {
        let has = |group: &&WiredGroup| group.lines.iter().any(|(_, index)| *index == line);
        self.groups.iter().filter(has).map(|group| group.name.clone()).collect()
    }
}

fn names_of(board: &[LineInfo]) -> String {
    match (board.first(), board.last()) {
        (Some(first), Some(last)) => format!("it has {} to {}", first.name, last.name),
        _ => "it has none".to_owned(),
    }
}
