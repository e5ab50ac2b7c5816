//! `gpiod lines`: lists the lines of a socket.

mod json;

pub(super) use json::{line_json, listing};

use super::Command;
use super::arguments::{Argument, Declaration};
use super::connect::{TARGET, Target, with_client};
use super::given::Given;
use super::output::{json, print, printable, table};
use crate::failure::Failure;
use gpiod_sdk::{Direction, Guardian, Holder, HolderPod, Line};
use std::time::Duration;

/// What it takes.
static TABLE: [Argument; 1] = [Argument::switch("json", "Print JSON, with all that is known of each line")];

/// The command, as `--help` tells of it.
pub(super) static DECLARATION: Declaration = Declaration {
    name: "lines",
    about: "List lines: what they may do, what they do now, who holds them",
    tables: &[&TABLE, &TARGET],
    read: Some(|given| Args::read(given).map(Command::Lines)),
    more: "\
A group's socket shows the group's lines; the admin socket shows all of the board, as GROUP/NAME. A holder's name is \
what it calls itself; its uid and pid are the kernel's word, its pod the kubelet's.

Examples:
  gpiod lines
  gpiod lines --group traffic-light
  gpiod lines --json | jq -r '.lines[] | select(.holder) | .name'",
    ..Declaration::NONE
};

/// Arguments of `gpiod lines`.
#[derive(Debug)]
pub struct Args {
    json: bool,
    target: Target,
}

impl Args {
    fn read(given: &Given) -> Result<Self, Failure> {
        Ok(Self { json: given.switch("json"), target: Target::read(given)? })
    }
}

/// Runs the command.
///
/// # Errors
/// What the daemon refuses; see [`Failure`].
pub fn run(args: &Args) -> Result<(), Failure> {
    with_client(&args.target, "gpiod lines", async |client| {
        let lines = client.lines().await?;
        print(&if args.json { json(&listing(&lines))? } else { text(&lines.lines) })
    })
}

const HEADINGS: [&str; 9] =
    ["NAME", "LINE", "PIN", "DIRECTION", "BIAS", "VALUE", "HOLDER", "ON RELEASE", "ON DAEMON EXIT"];

fn text(lines: &[Line]) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(lines.iter().map(row));
    table(&rows)
}

fn row(line: &Line) -> [String; HEADINGS.len()] {
    [
        printable(&line.name),
        printable(&line.board_line),
        or_dash(line.header_pin),
        direction(line),
        or_dash(line.bias),
        or_dash(line.value),
        or_dash(line.holder.as_ref().map(holder)),
        or_dash(line.on_release),
        on_daemon_exit(line),
    ]
}

fn or_dash(cell: Option<impl ToString>) -> String {
    cell.map_or_else(|| "-".to_owned(), |cell| cell.to_string())
}

/// What is allowed and, where that leaves it open, which way the line goes now.
fn direction(line: &Line) -> String {
    match (line.direction, line.present_direction) {
        (Some(Direction::Both), Some(now)) => format!("both, now {now}"),
        (Some(direction), _) => direction.to_string(),
        (None, Some(now)) => format!("({now})"),
        (None, None) => "-".to_owned(),
    }
}

/// What would happen if the daemon went now, and who does it where it is not the kernel.
fn on_daemon_exit(line: &Line) -> String {
    let what = or_dash(line.on_daemon_exit);
    match line.guardian {
        None => what,
        Some(Guardian { present: false, .. }) => format!("{what}, guardian gone"),
        Some(Guardian { within_ns: 0, .. }) => format!("{what}, by the guardian at once"),
        Some(Guardian { within_ns, .. }) => {
            let within = humantime::format_duration(Duration::from_nanos(within_ns));
            format!("{what}, by the guardian within {within}")
        }
    }
}

/// A holder in one cell: `traffic-light (uid 65532, pid 17)`.
fn holder(holder: &Holder) -> String {
    let name = holder_name(holder);
    match holder.group.as_str() {
        // Somebody outside of the daemon: the kernel knows a name and nothing else.
        "" => name,
        _ => {
            let away = if holder.away_until_ns.is_some() { ", away" } else { "" };
            let pod = holder.pod.as_ref().map(pod).unwrap_or_default();
            format!("{name} ({pod}uid {}, pid {}{away})", holder.uid, holder.pid)
        }
    }
}

fn pod(pod: &HolderPod) -> String {
    match pod {
        HolderPod::Known { namespace, name } => format!("pod {}/{}, ", printable(namespace), printable(name)),
        HolderPod::Unknown(_) => "pod unknown, ".to_owned(),
    }
}

/// What a holder calls itself, safe for a terminal.
pub(super) fn holder_name(holder: &Holder) -> String {
    if holder.name.is_empty() { "?".to_owned() } else { printable(&holder.name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples::{free, red};
    use gpiod_sdk::OnDaemonExit;

    #[test]
    fn what_the_daemons_end_does_is_told_with_who_does_it() {
        let told =
            |on_daemon_exit, guardian| super::on_daemon_exit(&Line { on_daemon_exit, guardian, ..red() });
        let guardian = |present, within_ns| Some(Guardian { present, within_ns });
        assert_eq!(told(Some(OnDaemonExit::Keep), None), "keep");
        assert_eq!(told(Some(OnDaemonExit::Keep), guardian(false, 0)), "keep, guardian gone");
        assert_eq!(told(None, guardian(false, 0)), "-, guardian gone");
        assert_eq!(told(Some(OnDaemonExit::Input), guardian(true, 0)), "input, by the guardian at once");
        let within = "input, by the guardian within 1s 500ms";
        assert_eq!(told(Some(OnDaemonExit::Input), guardian(true, 1_500_000_000)), within);
    }

    #[test]
    fn a_holders_pod_is_told_or_that_it_is_unknown() {
        let of = |pod| super::holder(&Holder { pod, ..red().holder.unwrap() });
        let known = HolderPod::Known { namespace: "apps".into(), name: "lights-0".into() };
        assert_eq!(of(Some(known)), "traffic-light (pod apps/lights-0, uid 65532, pid 17)");
        let unknown = HolderPod::Unknown("the kubelet does not answer".into());
        assert_eq!(of(Some(unknown)), "traffic-light (pod unknown, uid 65532, pid 17)");
    }

    #[test]
    fn a_line_is_a_row_and_what_is_unknown_a_dash() {
        let listed = text(&[red(), free("GPIO2", 2, 3)]);
        let rows: Vec<Vec<&str>> = listed
            .lines()
            .map(|row| row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(rows[0], HEADINGS);
        assert_eq!(
            rows[1],
            [
                "traffic-light/red",
                "GPIO9",
                "21",
                "output",
                "-",
                "active",
                "traffic-light (uid 65532, pid 17)",
                "inactive",
                "keep"
            ]
        );
        assert_eq!(rows[2], ["GPIO2", "GPIO2", "3", "(input)", "-", "active", "-", "-", "-"]);
    }
}
