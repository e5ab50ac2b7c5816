//! From what is written to what is valid: names, ranges, and what contradicts itself.

mod group;
mod kubernetes;
mod rights;

use super::file::{self, BackendKind, line_of};
use super::fixed::Written;
use super::limits::Given;
use super::problem::Problem;
use super::{BackendChoice, Config, Group, Kind, Line};
use crate::run_dir::{GROUPS, socket_of};
use std::collections::HashMap;
use std::ops::Range;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

const RUN_DIR: &str = "/run/gpiod";
const BOARD_DIR: &str = "/run/gpiod-board";
const RESUME_WITHIN: Duration = Duration::from_secs(10);
/// `gpiod:<group>` must fit a kernel consumer name of 31 bytes.
pub(crate) const MAX_GROUP_NAME: usize = 25;
const MAX_LINE_NAME: usize = 31;
const MAX_GROUPS: usize = 64;
/// What the kernel has room for, but for the 0 at its end.
const MAX_SOCKET_PATH: usize = 107;

pub(super) fn check(path: &Path, text: &str, file: file::File) -> Result<Config, Vec<Problem>> {
    let mut checker = Checker { text, problems: Vec::new(), has_kubelet: file.kubernetes.is_some() };
    let config = checker.config(path, file);
    if checker.problems.is_empty() { Ok(config) } else { Err(checker.problems) }
}

struct Checker<'a> {
    text: &'a str,
    problems: Vec<Problem>,
    /// Whether groups are offered to a kubelet.
    has_kubelet: bool,
}

impl Checker<'_> {
    fn problem(&mut self, line: usize, key: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem { line, key: key.into(), reason: reason.into() });
    }

    fn config(&mut self, path: &Path, file: file::File) -> Config {
        let at = |span: Option<Range<usize>>| span.map_or(0, |span| line_of(self.text, span.start));
        let written = Written {
            run_dir: at(file.run_dir.as_ref().map(Spanned::span)),
            backend: at(file.backend.as_ref().map(Spanned::span)),
            limits: file.limits.unwrap_or_default(),
        };
        let (backend, own_thread) = self.backend(file.backend);
        let resume_within = file.resume_within.map_or(RESUME_WITHIN, |text| {
            let line = line_of(self.text, text.span().start);
            self.duration(line, "resume_within", text.get_ref(), Duration::from_secs(3600))
        });
        let groups: Vec<Group> = file.group.into_iter().map(|group| self.group(group)).collect();
        if groups.is_empty() {
            self.problem(0, "group", "there is none: write at least one [[group]] with its lines");
        }
        if groups.len() > MAX_GROUPS {
            self.problem(0, "group", format!("there are {}, at most {MAX_GROUPS} are served", groups.len()));
        }
        let sockets = 1 + 2 * groups.len();
        self.limits(&written.limits, sockets);
        self.distinct_groups(&groups);
        self.shared_lines(&groups);
        let run_dir =
            file.run_dir.map_or_else(|| PathBuf::from(RUN_DIR), |run_dir| self.run_dir(&run_dir, &groups));
        let kubernetes =
            file.kubernetes.map(|given| self.kubernetes(given, (written.run_dir, &run_dir), &groups));
        Config {
            path: path.to_owned(),
            text: self.text.into(),
            run_dir,
            backend,
            own_thread,
            resume_within,
            limits: written.limits.limits(sockets),
            kubernetes,
            written,
            groups,
        }
    }

    /// Where the sockets are to be made: a path that is too long can be made a directory, but no socket.
    fn run_dir(&mut self, run_dir: &Spanned<PathBuf>, groups: &[Group]) -> PathBuf {
        let (line, path) = (line_of(self.text, run_dir.span().start), run_dir.get_ref());
        if path.as_os_str().is_empty() {
            self.problem(line, "run_dir", format!("it is empty: leave it out for {RUN_DIR}"));
        } else if let Some(longest) = groups.iter().map(|group| &group.name).max_by_key(|name| name.len()) {
            let socket = socket_of(path, GROUPS, longest);
            if SocketAddr::from_pathname(&socket).is_err() {
                let length = socket.as_os_str().len();
                let reason = format!(
                    "the socket of group {longest:?} would be {socket:?}, which is no path of a socket: it has {length} bytes, \
                     and at most {MAX_SOCKET_PATH} that are not 0 can be connected to",
                );
                self.problem(line, "run_dir", reason);
            }
        }
        path.clone()
    }

    fn backend(&mut self, backend: Option<Spanned<file::Backend>>) -> (BackendChoice, Vec<String>) {
        let Some(backend) = backend else { return (BackendChoice::Auto, Vec::new()) };
        let file::Backend { kind, board, own_thread } = backend.into_inner();
        let choice = match kind {
            BackendKind::Auto => BackendChoice::Auto,
            BackendKind::Gpiomem => BackendChoice::Gpiomem,
            BackendKind::Cdev => BackendChoice::Cdev,
            BackendKind::Sim => {
                let dir = board.map_or_else(|| PathBuf::from(BOARD_DIR), Spanned::into_inner);
                return (BackendChoice::Sim(dir), own_thread);
            }
        };
        if let Some(board) = board {
            let line = line_of(self.text, board.span().start);
            self.problem(line, "backend.board", "only the simulated board, kind = \"sim\", has a directory");
        }
        (choice, own_thread)
    }

    fn limits(&mut self, given: &Given, sockets: usize) {
        for (key, given, bounds) in given.each() {
            let (line, value) = (line_of(self.text, given.span().start), *given.get_ref());
            if !bounds.contains(&value) {
                let reason = format!("{value} is not between {} and {}", bounds.start(), bounds.end());
                self.problem(line, format!("limits.{key}"), reason);
            } else if key.starts_with("total_") && (value as usize) < sockets {
                let reason = format!("{value} is less than one for each of the {sockets} sockets");
                self.problem(line, format!("limits.{key}"), reason);
            }
        }
    }

    fn distinct_groups(&mut self, groups: &[Group]) {
        for (i, group) in groups.iter().enumerate() {
            if groups[..i].iter().any(|earlier| earlier.name == group.name) {
                let at = group.lines.first().map_or(0, |line| line.at);
                self.problem(at, "group.name", format!("there are two groups named {:?}", group.name));
            }
        }
    }

    fn shared_lines(&mut self, groups: &[Group]) {
        let mut taken: HashMap<&str, (&Group, &Line)> = HashMap::new();
        for group in groups {
            for line in &group.lines {
                let (first_group, first) = *taken.entry(&line.board_line).or_insert((group, line));
                if std::ptr::eq(first_group, group) {
                    continue;
                }
                if let Err(reason) = may_share(&first_group.name, first, line) {
                    self.problem(line.at, format!("group.{}.lines.{}", group.name, line.name), reason);
                }
            }
        }
    }

    fn name(&mut self, line: usize, key: &str, name: &str, max: usize) {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let good = name.starts_with(letters)
            && name.ends_with(letters)
            && name.chars().all(|c| letters(c) || c == '-' || c == '_')
            && name.len() <= max;
        if !good {
            let reason = format!(
                "{name:?} is no name: 1 to {max} of a-z, 0-9, '-' and '_', beginning and ending with a letter or digit"
            );
            self.problem(line, key, reason);
        }
    }

    fn duration(&mut self, line: usize, key: &str, text: &str, max: Duration) -> Duration {
        let reason = match humantime::parse_duration(text) {
            Ok(duration) if duration <= max => return duration,
            Ok(_) => format!("{text:?} is longer than {}", humantime::format_duration(max)),
            Err(error) => format!("{text:?} is no duration such as \"5ms\": {error}"),
        };
        self.problem(line, key, reason);
        Duration::ZERO
    }
}

fn may_share(first_group: &str, first: &Line, second: &Line) -> Result<(), String> {
    if first.kind != Kind::Input || second.kind != Kind::Input {
        return Err(format!(
            "{} is already line {:?} of group {first_group:?}; only inputs may stand in several groups",
            first.board_line, first.name
        ));
    }
    let agree = [
        ("bias", first.bias == second.bias),
        ("active_low", first.active_low == second.active_low),
        ("debounce", first.debounce == second.debounce),
        ("take_over", first.take_over == second.take_over),
    ];
    match agree.iter().find(|(_, same)| !same) {
        Some((key, _)) => Err(format!(
            "{} is also line {:?} of group {first_group:?}, with another {key}; groups that share an input must agree",
            first.board_line, first.name
        )),
        None => Ok(()),
    }
}
