//! From what is written to what is valid: names, ranges, and what contradicts itself.

use super::file::{self, BackendKind, Direction, line_of};
use super::problem::Problem;
use super::{AtStart, BackendChoice, Config, Driven, Group, Kind, Limits, Line, OnDaemonExit, OnRelease};
use crate::line::MAX_LINES;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

const RUN_DIR: &str = "/run/gpiod";
const BOARD_DIR: &str = "/run/gpiod-board";
const RESUME_WITHIN: Duration = Duration::from_secs(10);
/// `gpiod:<group>` must fit a kernel consumer name of 31 bytes.
const MAX_GROUP_NAME: usize = 25;
const MAX_LINE_NAME: usize = 31;
const MAX_GROUPS: usize = 64;
/// What the kernel's `debounce_period_us` can hold would be over an hour; nobody means that.
const MAX_DEBOUNCE: Duration = Duration::from_secs(10);

pub(super) fn check(path: &Path, text: &str, file: file::File) -> Result<Config, Vec<Problem>> {
    let mut checker = Checker { text, problems: Vec::new() };
    let config = checker.config(path, file);
    if checker.problems.is_empty() { Ok(config) } else { Err(checker.problems) }
}

struct Checker<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn problem(&mut self, line: usize, key: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem { line, key: key.into(), reason: reason.into() });
    }

    fn config(&mut self, path: &Path, file: file::File) -> Config {
        let backend = self.backend(file.backend);
        let resume_within = file.resume_within.map_or(RESUME_WITHIN, |text| {
            let line = line_of(self.text, text.span().start);
            self.duration(line, "resume_within", text.get_ref(), Duration::from_secs(3600))
        });
        let limits = file.limits.map_or_else(Limits::default, |limits| {
            let line = line_of(self.text, limits.span().start);
            self.limits(line, limits.get_ref());
            limits.into_inner()
        });
        let groups: Vec<Group> = file.group.into_iter().map(|group| self.group(group)).collect();
        if groups.is_empty() {
            self.problem(0, "group", "there is none: write at least one [[group]] with its lines");
        }
        if groups.len() > MAX_GROUPS {
            self.problem(0, "group", format!("there are {}, at most {MAX_GROUPS} are served", groups.len()));
        }
        self.distinct_groups(&groups);
        self.shared_lines(&groups);
        Config {
            path: path.to_owned(),
            run_dir: file.run_dir.unwrap_or_else(|| PathBuf::from(RUN_DIR)),
            backend,
            resume_within,
            limits,
            groups,
        }
    }

    fn backend(&mut self, backend: Option<Spanned<file::Backend>>) -> BackendChoice {
        let Some(backend) = backend else {
            self.problem(
                0,
                "backend",
                "missing: write [backend] with kind = \"sim\" for the simulated board",
            );
            return BackendChoice::Sim(PathBuf::new());
        };
        let backend = backend.into_inner();
        match backend.kind {
            BackendKind::Sim => BackendChoice::Sim(backend.board.unwrap_or_else(|| PathBuf::from(BOARD_DIR))),
        }
    }

    fn limits(&mut self, line: usize, limits: &Limits) {
        let ranges: [(&str, u32, RangeInclusive<u32>); 8] = [
            ("connections", limits.connections, 1..=4096),
            ("streams", limits.streams, 1..=1024),
            ("message_bytes", limits.message_bytes, 1024..=4 << 20),
            ("watches", limits.watches, 1..=1024),
            ("watch_events", limits.watch_events, 16..=65_536),
            ("programs", limits.programs, 1..=64),
            ("program_steps", limits.program_steps, 1..=4096),
            ("program_ms", limits.program_ms, 1..=600_000),
        ];
        for (key, value, range) in ranges {
            if !range.contains(&value) {
                let reason = format!("{value} is not between {} and {}", range.start(), range.end());
                self.problem(line, format!("limits.{key}"), reason);
            }
        }
    }

    fn group(&mut self, group: Spanned<file::Group>) -> Group {
        let at = line_of(self.text, group.span().start);
        let file::Group { name, socket_mode, socket_gid, on_release, lines } = group.into_inner();
        let name_at = line_of(self.text, name.span().start);
        let name = name.into_inner();
        self.name(name_at, "group.name", &name, MAX_GROUP_NAME);
        let key = format!("group.{name}");
        let socket_mode = socket_mode.map_or(0o666, |mode| {
            if *mode.get_ref() & !0o777 != 0 {
                let line = line_of(self.text, mode.span().start);
                self.problem(line, format!("{key}.socket_mode"), "has bits beyond 0o777");
            }
            mode.into_inner()
        });
        let mut lines: Vec<_> = lines.into_iter().collect();
        lines.sort_by_key(|(_, line)| line.span().start);
        let lines: Vec<Line> =
            lines.into_iter().map(|(name, line)| self.line(&key, name, line, on_release)).collect();
        if lines.is_empty() {
            self.problem(at, format!("{key}.lines"), "there is none: a group has 1 to 64 lines");
        }
        if lines.len() > MAX_LINES {
            let reason = format!("there are {}, a group has 1 to {MAX_LINES} lines", lines.len());
            self.problem(at, format!("{key}.lines"), reason);
        }
        self.distinct_board_lines(&key, &lines);
        Group { name, socket_mode, socket_gid, lines }
    }

    fn line(
        &mut self,
        group: &str,
        name: String,
        line: Spanned<file::Line>,
        group_release: Option<OnRelease>,
    ) -> Line {
        let at = line_of(self.text, line.span().start);
        let line = line.into_inner();
        let key = format!("{group}.lines.{name}");
        self.name(at, &key, &name, MAX_LINE_NAME);
        if line.line.is_empty() || line.line.len() > MAX_LINE_NAME {
            self.problem(at, format!("{key}.line"), "a board line's name has 1 to 31 bytes");
        }
        let debounce = line
            .debounce
            .as_ref()
            .map_or(Duration::ZERO, |text| self.duration(at, &format!("{key}.debounce"), text, MAX_DEBOUNCE));
        let kind = match line.direction {
            Direction::Input => {
                self.refuse_driven_keys(at, &key, &line);
                Kind::Input
            }
            Direction::Output => {
                if line.debounce.is_some() {
                    self.problem(at, format!("{key}.debounce"), "an output has no edges to debounce");
                }
                Kind::Output(self.driven(
                    at,
                    &key,
                    &line,
                    group_release,
                    OnRelease::Inactive,
                    AtStart::Inactive,
                ))
            }
            Direction::Both => {
                Kind::Both(self.driven(at, &key, &line, group_release, OnRelease::Input, AtStart::Input))
            }
        };
        Line { name, board_line: line.line, kind, bias: line.bias, active_low: line.active_low, debounce, at }
    }

    fn driven(
        &mut self,
        at: usize,
        key: &str,
        line: &file::Line,
        group_release: Option<OnRelease>,
        release: OnRelease,
        start: AtStart,
    ) -> Driven {
        let on_daemon_exit = line.on_daemon_exit.unwrap_or(OnDaemonExit::Keep);
        if on_daemon_exit == OnDaemonExit::Input {
            let reason = "\"input\" needs something that outlives the daemon to do it, and there is nothing yet: \
                          only \"keep\" is accepted";
            self.problem(at, format!("{key}.on_daemon_exit"), reason);
        }
        Driven {
            drive: line.drive.unwrap_or_default(),
            at_start: line.at_start.unwrap_or(start),
            on_release: line.on_release.or(group_release).unwrap_or(release),
            on_daemon_exit,
            one_shot: line.one_shot.unwrap_or(false),
        }
    }

    fn refuse_driven_keys(&mut self, at: usize, key: &str, line: &file::Line) {
        let given = [
            ("drive", line.drive.is_some()),
            ("at_start", line.at_start.is_some()),
            ("on_release", line.on_release.is_some()),
            ("on_daemon_exit", line.on_daemon_exit.is_some()),
            ("one_shot", line.one_shot.is_some()),
        ];
        for (name, _) in given.into_iter().filter(|(_, given)| *given) {
            self.problem(at, format!("{key}.{name}"), "the line is an input: nothing drives it");
        }
    }

    fn distinct_board_lines(&mut self, key: &str, lines: &[Line]) {
        let mut seen = HashMap::new();
        for line in lines {
            if let Some(first) = seen.insert(&line.board_line, &line.name) {
                let reason = format!("{} is already line {first:?} of this group", line.board_line);
                self.problem(line.at, format!("{key}.lines.{}", line.name), reason);
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
    ];
    match agree.iter().find(|(_, same)| !same) {
        Some((key, _)) => Err(format!(
            "{} is also line {:?} of group {first_group:?}, with another {key}; groups that share an input must agree",
            first.board_line, first.name
        )),
        None => Ok(()),
    }
}
