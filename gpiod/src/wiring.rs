//! The configuration brought together with a board: which of the board's lines there are, each once, and which
//! groups have them under which names.

mod at_exit;
mod merge;
mod names;
mod presence;
mod thread;

pub use merge::same_line;
pub use presence::Presence;
pub use thread::Thread;

use crate::config::{Allowed, Config, Line, Problem, Problems};
use crate::line::{LineId, LineInfo, OnExit};
use crate::operations::Operations;
use at_exit::Outcome;
use names::Names;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// Which of the wired lines: a position in [`Wiring::lines`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineIndex(pub usize);

/// Which of the groups: a position in [`Wiring::groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupIndex(pub usize);

/// All lines that any group names, each once, and the groups.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// The file that says so.
    pub path: PathBuf,
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
    /// What the configuration says of it. Groups that share an input agree on this, but for what may be done with it:
    /// that is in [`WiredGroup::operations`].
    pub config: Line,
    /// The group that names it first.
    pub home: GroupIndex,
    /// What it does by itself, as an output, when the daemon has gone; `None` for an input, and where nobody can tell.
    pub at_exit: Option<OnExit>,
    /// Of a line that becomes an input by a guardian alone: whether there is one.
    pub guardian: Option<Presence>,
    /// Whether it is claimed; an output that is to keep its level may have to be driven without a claim.
    pub claim: bool,
    /// Whether no group has it any more, after the configuration was changed.
    pub retired: bool,
}

impl WiredLine {
    /// What it would do as an output if the daemon went now.
    pub fn at_exit_now(&self) -> Option<OnExit> {
        let guarded = self.guardian.as_ref().is_some_and(|guardian| guardian.within().is_some());
        if guarded { Some(OnExit::Input) } else { self.at_exit }
    }
}

/// A group, bound to the board.
#[derive(Clone, Debug)]
pub struct WiredGroup {
    /// Its name.
    pub name: String,
    /// How long the lines of a holder whose connection broke are kept for it.
    pub grace: Duration,
    /// Who may connect to its sockets.
    pub allowed: Allowed,
    /// Its lines: what apps call them, and which they are.
    pub lines: Vec<(String, LineIndex)>,
    /// What may be done with each of them through the group's full socket, in the same order.
    pub operations: Vec<Operations>,
    /// Whether its lines are another part's, so that this one has none of them.
    pub elsewhere: bool,
}

impl WiredGroup {
    /// What may be done with a line through the group's full socket; nothing with a line that it does not have.
    pub fn operations_of(&self, line: LineIndex) -> Operations {
        let position = self.lines.iter().position(|(_, known)| *known == line);
        position.and_then(|position| self.operations.get(position)).copied().unwrap_or_default()
    }
}

impl Wiring {
    /// Binds a configuration to the lines of a board.
    ///
    /// # Errors
    /// Lines that the board does not have, that something else on the board has, or that can not do at the daemon's
    /// exit what is wished.
    pub fn bind(config: &Config, board: &[LineInfo]) -> Result<Self, Problems> {
        let names = Names::of(board);
        let mut wiring = Self { path: config.path.clone(), lines: Vec::new(), groups: Vec::new() };
        let mut taken: HashMap<LineId, LineIndex> = HashMap::new();
        let mut problems = Vec::new();
        let presence = Presence::default();
        for (index, group) in config.groups.iter().enumerate() {
            let mut lines: Vec<(String, LineIndex)> = Vec::new();
            let operations = group.lines.iter().map(|line| line.operations).collect();
            for line in &group.lines {
                let key = |key: &str| format!("group.{}.lines.{}{key}", group.name, line.name);
                let mut problem = |key, reason| problems.push(Problem { line: line.at, key, reason });
                let info = match names.find(&line.board_line) {
                    Ok(info) => info,
                    Err(reason) => {
                        problem(key(""), reason);
                        continue;
                    }
                };
                if let Some(&index) = taken.get(&info.id) {
                    // The configuration compares lines by what it calls them; only here one line's two names meet.
                    if wiring.line(index).config.board_line != line.board_line {
                        let first = wiring.full_name(index);
                        problem(
                            key(".line"),
                            format!("it is also line {first}: call it the same there and here"),
                        );
                    }
                    lines.push((line.name.clone(), index));
                    continue;
                }
                if let Some(function) = info.function.as_ref().filter(|_| !line.take_over) {
                    problem(key(".line"), in_other_function(&line.board_line, function));
                }
                let outcome = at_exit::of(line, info).unwrap_or_else(|reason| {
                    problem(key(".on_daemon_exit"), reason);
                    Outcome { alone: None, claim: true, guarded: false }
                });
                let Outcome { alone: at_exit, claim, guarded } = outcome;
                let guardian = guarded.then(|| presence.clone());
                let home = GroupIndex(index);
                let mut info = info.clone();
                info.waits |= config.own_thread.contains(&info.chip);
                taken.insert(info.id, LineIndex(wiring.lines.len()));
                lines.push((line.name.clone(), LineIndex(wiring.lines.len())));
                wiring.lines.push(WiredLine {
                    info,
                    config: line.clone(),
                    home,
                    at_exit,
                    guardian,
                    claim,
                    retired: false,
                });
            }
            wiring.groups.push(WiredGroup {
                name: group.name.clone(),
                grace: group.grace,
                allowed: group.allowed.clone(),
                lines,
                operations,
                elsewhere: false,
            });
            if let Err(reason) = wiring.thread_of(GroupIndex(index)) {
                let at = group.lines.first().map_or(0, |line| line.at);
                problems.push(Problem { line: at, key: format!("group.{}.lines", group.name), reason });
            }
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

    /// The key of one of its lines in the file, in the group that names it first.
    pub fn key(&self, line: &WiredLine) -> String {
        format!("group.{}.lines.{}", self.groups[line.home.0].name, line.config.name)
    }

    /// The lines that need a guardian to become inputs.
    pub fn guarded(&self) -> impl Iterator<Item = LineIndex> {
        (0..self.lines.len()).map(LineIndex).filter(|line| self.line(*line).guardian.is_some())
    }

    /// For each line that needs a guardian: where that is asked for, and why the kernel does not do.
    pub fn guardian_needs(&self) -> Vec<Problem> {
        let need = |line: LineIndex| {
            let wired = self.line(line);
            let key = format!("{}.on_daemon_exit", self.key(wired));
            let reason = at_exit::needs_guardian(wired.at_exit, &wired.info.chip);
            Problem { line: wired.config.at, key, reason }
        };
        self.guarded().map(need).collect()
    }

    /// The names of the groups that have a line.
    pub fn groups_of(&self, line: LineIndex) -> Vec<String> {
        let has = |group: &&WiredGroup| group.lines.iter().any(|(_, index)| *index == line);
        self.groups.iter().filter(has).map(|group| group.name.clone()).collect()
    }
}

/// Finds the one line of a board that is called so, by its name or by chip and offset.
///
/// # Errors
/// That there is none, or more than one.
pub fn find<'a>(board: &'a [LineInfo], name: &str) -> Result<&'a LineInfo, String> {
    Names::of(board).find(name)
}

fn in_other_function(line: &str, function: &str) -> String {
    format!(
        "{line} is in use as {function}: switch that function off (on a Raspberry Pi in config.txt), \
         or set take_over = true to take the pin from it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{AtExit, Direction};
    use std::path::Path;

    fn line(offset: u32, function: Option<&str>) -> LineInfo {
        LineInfo {
            id: LineId { chip: 0, offset },
            chip: "pinctrl-bcm2835".to_owned(),
            name: format!("GPIO{offset}"),
            header_pin: None,
            direction: Direction::Input,
            high: None,
            drives_high: None,
            consumer: None,
            function: function.map(str::to_owned),
            at_exit: AtExit { claimed: Some(OnExit::Keep), unclaimed: false },
            waits: false,
        }
    }

    fn bind(groups: &str) -> Result<Wiring, String> {
        let config = Config::parse(Path::new("gpiod.toml"), groups).unwrap();
        let board = [line(8, None), line(9, Some("SPI0_MISO (alt0)"))];
        Wiring::bind(&config, &board).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_pin_that_another_function_has_is_refused_with_its_name_unless_it_is_taken_over() {
        let group = "[[group]]\nname = \"a\"\nlines.x = { line = \"GPIO9\", direction = \"input\"";
        assert_eq!(
            bind(&format!("{group} }}\n")).unwrap_err(),
            "gpiod.toml:3: group.a.lines.x.line: GPIO9 is in use as SPI0_MISO (alt0): switch that function off (on a \
             Raspberry Pi in config.txt), or set take_over = true to take the pin from it"
        );
        assert_eq!(bind(&format!("{group}, take_over = true }}\n")).unwrap().lines.len(), 1);
    }

    #[test]
    fn a_group_is_served_by_one_thread_or_refused() {
        let parse = |groups: &str| {
            let text = format!("[backend]\nkind = \"cdev\"\nown_thread = [\"expander\"]\n{groups}");
            Config::parse(Path::new("gpiod.toml"), &text).unwrap()
        };
        let mut expander = line(0, None);
        (expander.id.chip, expander.chip, expander.name) = (1, "expander".to_owned(), String::new());
        let board = [line(8, None), expander];
        let apart = "[[group]]\nname = \"a\"\nlines.x = { line = \"GPIO8\", direction = \"input\" }\n\
                     [[group]]\nname = \"b\"\nlines.y = { line = \"expander:0\", direction = \"output\" }\n";
        let parts = Wiring::bind(&parse(apart), &board).unwrap().by_thread();
        let served: Vec<_> = parts
            .iter()
            .map(|(thread, part)| (thread.clone(), [0, 1].map(|group| part.serves(GroupIndex(group)))))
            .collect();
        let own = Thread::Chip(1, "expander".to_owned());
        assert_eq!(served, [(Thread::Main, [true, false]), (own, [false, true])]);
        assert_eq!(parts[1].1.groups[1].lines[0].1, LineIndex(0), "counted anew");
        let mixed = "[[group]]\nname = \"a\"\nlines.x = { line = \"GPIO8\", direction = \"input\" }\n\
                     lines.y = { line = \"expander:0\", direction = \"output\" }\n";
        assert_eq!(
            Wiring::bind(&parse(mixed), &board).unwrap_err().to_string(),
            "gpiod.toml:6: group.a.lines: chip \"expander\" is behind a bus and served by a thread of its own: put its \
             lines into groups of their own"
        );
    }

    #[test]
    fn one_line_under_two_names_is_still_one_line() {
        let groups = |second: &str, direction: &str| {
            format!(
                "[[group]]\nname = \"a\"\nlines.x = {{ line = \"GPIO8\", direction = \"{direction}\" }}\n\
                 [[group]]\nname = \"b\"\nlines.y = {{ line = \"{second}\", direction = \"{direction}\" }}\n"
            )
        };
        let problem =
            "gpiod.toml:6: group.b.lines.y.line: it is also line a/x: call it the same there and here";
        for direction in ["input", "output"] {
            assert_eq!(bind(&groups("pinctrl-bcm2835:8", direction)).unwrap_err(), problem);
        }
        let shared = bind(&groups("GPIO8", "input")).unwrap();
        assert_eq!((shared.lines.len(), shared.groups[1].lines[0].1), (1, LineIndex(0)));
    }
}
