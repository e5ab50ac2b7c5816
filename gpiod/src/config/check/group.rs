//! One group and its lines.

use super::{Checker, MAX_GROUP_NAME, MAX_LINE_NAME};
use crate::config::file::{self, Direction, line_of};
use crate::config::{AtStart, Driven, Group, Kind, Line, OnRelease};
use crate::line::MAX_LINES;
use crate::operations::Operations;
use std::collections::HashMap;
use std::time::Duration;
use toml::Spanned;

/// What the kernel's `debounce_period_us` can hold would be over an hour; nobody means that.
const MAX_DEBOUNCE: Duration = Duration::from_secs(10);
/// Whoever is away for longer is not about to come back.
const MAX_GRACE: Duration = Duration::from_secs(3600);

impl Checker<'_> {
    pub(super) fn group(&mut self, group: Spanned<file::Group>) -> Group {
        let at = line_of(self.text, group.span().start);
        let file::Group {
            name,
            socket_mode,
            socket_gid,
            on_release,
            grace,
            operations,
            allow_uids,
            allow_gids,
            allow_namespaces,
            lines,
        } = group.into_inner();
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
        let socket_gid = socket_gid.map(|gid| {
            // For chown it is "as it was".
            if *gid.get_ref() == u32::MAX {
                let line = line_of(self.text, gid.span().start);
                self.problem(
                    line,
                    format!("{key}.socket_gid"),
                    format!("{} is no group: it is (gid_t)-1", u32::MAX),
                );
            }
            gid.into_inner()
        });
        let grace = grace.map_or(Duration::ZERO, |text| {
            let line = line_of(self.text, text.span().start);
            self.duration(line, &format!("{key}.grace"), text.get_ref(), MAX_GRACE)
        });
        let allowed = self.allowed(&key, allow_uids, allow_gids, allow_namespaces);
        let operations = self.operations(&key, operations.as_ref()).and_then(Result::ok);
        let mut lines: Vec<_> = lines.into_iter().collect();
        lines.sort_by_key(|(_, line)| line.span().start);
        let lines: Vec<Line> = lines
            .into_iter()
            .map(|(name, line)| self.line(&key, name, line, (on_release, operations)))
            .collect();
        if lines.is_empty() {
            self.problem(at, format!("{key}.lines"), "there is none: a group has 1 to 64 lines");
        }
        if lines.len() > MAX_LINES {
            let reason = format!("there are {}, a group has 1 to {MAX_LINES} lines", lines.len());
            self.problem(at, format!("{key}.lines"), reason);
        }
        self.distinct_board_lines(&key, &lines);
        Group { name, socket_mode, socket_gid, grace, allowed, lines }
    }

    fn line(
        &mut self,
        group: &str,
        name: String,
        line: Spanned<file::Line>,
        (group_release, group_operations): (Option<OnRelease>, Option<Operations>),
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
                Kind::Output(driven(&line, group_release, OnRelease::Inactive, AtStart::Inactive))
            }
            Direction::Both => Kind::Both(driven(&line, group_release, OnRelease::Input, AtStart::Input)),
        };
        let operations = self.line_operations((at, &key), line.operations.as_ref(), group_operations, &kind);
        Line {
            name,
            board_line: line.line,
            kind,
            bias: line.bias,
            active_low: line.active_low,
            debounce,
            operations,
            take_over: line.take_over,
            at,
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
}

fn driven(line: &file::Line, group_release: Option<OnRelease>, release: OnRelease, start: AtStart) -> Driven {
    Driven {
        drive: line.drive.unwrap_or_default(),
        at_start: line.at_start.unwrap_or(start),
        on_release: line.on_release.or(group_release).unwrap_or(release),
        on_daemon_exit: line.on_daemon_exit,
        one_shot: line.one_shot.unwrap_or(false),
    }
}
