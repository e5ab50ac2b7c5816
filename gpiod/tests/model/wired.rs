//! The wirings of the test: one, and what a changed configuration may make of it.

use std::fmt::Write;

/// Which way a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
    Both,
}

/// What is done with it when its holder has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    Keep,
    Inactive,
    Active,
    Input,
}

/// A line as it is configured.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) offset: usize,
    /// The groups that have it, with its name in each; the first is its home.
    pub(crate) names: Vec<(usize, &'static str)>,
    pub(crate) way: Way,
    pub(crate) release: Release,
    pub(crate) active_low: bool,
    pub(crate) one_shot: bool,
}

/// The groups. The socket after the last of them is the administrator's.
pub(crate) const GROUPS: [&str; 3] = ["swift", "patient", "other"];
/// The group whose clients are waited for.
const PATIENT: usize = 1;
pub(crate) const ADMIN: usize = GROUPS.len();

/// The change that turns a line from an output into an input.
pub(crate) const TURNED: u8 = 64;

/// A wiring. Each bit of its number is a change to the first one.
#[derive(Clone, Debug)]
pub(crate) struct Wired {
    pub(crate) lines: Vec<Line>,
    patient: bool,
    turned: bool,
}

impl Wired {
    pub(crate) fn variant(bits: u8) -> Self {
        let is = |bit: u8| bits >> bit & 1 == 1;
        let line = |offset, group, name, way, release| Line {
            offset,
            names: vec![(group, name)],
            way,
            release,
            active_low: false,
            one_shot: false,
        };
        let mut lines = vec![
            line(0, 0, if is(0) { "renamed" } else { "down" }, Way::Out, Release::Inactive),
            Line { active_low: is(1), ..line(1, 0, "up", Way::Out, Release::Active) },
            Line { one_shot: true, ..line(2, 0, "shot", Way::Out, Release::Keep) },
            line(3, PATIENT, "down", Way::Out, Release::Inactive),
            line(4, PATIENT, "stay", if is(6) { Way::In } else { Way::Out }, Release::Keep),
            line(5, PATIENT, "either", Way::Both, Release::Input),
            Line { names: vec![(PATIENT, "in"), (2, "in")], ..line(6, 0, "", Way::In, Release::Keep) },
            Line {
                active_low: true,
                ..line(7, 2, "low", Way::Out, if is(2) { Release::Keep } else { Release::Active })
            },
        ];
        if is(3) {
            lines.retain(|line| line.offset != 4);
        }
        if is(4) {
            lines.push(line(8, 2, "more", Way::Out, Release::Active));
        }
        Self { lines, patient: !is(5), turned: is(6) }
    }

    /// Whether the line that may be either is an input.
    pub(crate) fn is_turned(&self) -> bool {
        self.turned
    }

    /// Whether clients of this socket are waited for.
    pub(crate) fn waits(&self, socket: usize) -> bool {
        socket == PATIENT && self.patient
    }

    pub(crate) fn line(&self, offset: usize) -> Option<&Line> {
        self.lines.iter().find(|line| line.offset == offset)
    }

    /// The lines of a socket: their names there, and which they are.
    pub(crate) fn of_socket(&self, socket: usize) -> Vec<(String, usize)> {
        let mut names = Vec::new();
        for line in &self.lines {
            if socket == ADMIN {
                let (home, name) = line.names[0];
                names.push((format!("{}/{name}", GROUPS[home]), line.offset));
            }
            let here = line.names.iter().filter(|(group, _)| *group == socket);
            names.extend(here.map(|(_, name)| ((*name).to_owned(), line.offset)));
        }
        names
    }

    /// The same as a configuration.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (index, group) in GROUPS.iter().enumerate() {
            let grace = if self.waits(index) { "10s" } else { "0s" };
            writeln!(text, "[[group]]\nname = {group:?}\ngrace = {grace:?}").unwrap();
            for line in &self.lines {
                for (_, name) in line.names.iter().filter(|(group, _)| *group == index) {
                    let way = format!("{:?}", line.way).to_lowercase()
                        + if line.way == Way::Both { "" } else { "put" };
                    write!(text, "lines.{name} = {{ line = \"L{}\", direction = {way:?}", line.offset)
                        .unwrap();
                    write!(text, ", active_low = {}", line.active_low).unwrap();
                    if line.way != Way::In {
                        let release = format!("{:?}", line.release).to_lowercase();
                        write!(text, ", on_release = {release:?}, one_shot = {}", line.one_shot).unwrap();
                    }
                    writeln!(text, " }}").unwrap();
                }
            }
        }
        text
    }
}
