//! Lines as JSON, in the words of the API.

use gpiod_sdk::{Guardian, Holder, HolderPod, Line, Lines};
use serde_json::{Value as Json, json};

/// All lines and what stands behind them.
pub(in crate::cli) fn listing(lines: &Lines) -> Json {
    let backend = &lines.backend;
    json!({
        "backend": {
            "kind": backend.kind,
            "board": backend.board,
            "atomic_writes": backend.atomic_writes,
            "max_program_steps": backend.max_program_steps,
            "max_program_ns": backend.max_program_ns,
        },
        "lines": lines.lines.iter().map(line_json).collect::<Vec<_>>(),
    })
}

/// One line with all of its fields; what is unknown is null.
pub(in crate::cli) fn line_json(line: &Line) -> Json {
    json!({
        "name": line.name,
        "groups": line.groups,
        "chip": line.chip,
        "offset": line.offset,
        "board_line": line.board_line,
        "header_pin": line.header_pin,
        "direction": word(line.direction),
        "present_direction": word(line.present_direction),
        "value": word(line.value),
        "bias": word(line.bias),
        "drive": word(line.drive),
        "active_low": line.active_low,
        "debounce_ns": line.debounce_ns,
        "may_drive": line.may_drive,
        "operations": line.operations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "one_shot": line.one_shot,
        "holder": line.holder.as_ref().map(holder),
        "on_release": word(line.on_release),
        "on_daemon_exit": word(line.on_daemon_exit),
        "grace_ms": u64::try_from(line.grace.as_millis()).unwrap_or(u64::MAX),
        "guardian": line.guardian.map(guardian),
    })
}

fn guardian(guardian: Guardian) -> Json {
    json!({ "present": guardian.present, "within_ns": guardian.within_ns })
}

fn holder(holder: &Holder) -> Json {
    json!({
        "name": holder.name,
        "group": holder.group,
        "uid": holder.uid,
        "gid": holder.gid,
        "pid": holder.pid,
        "pod": holder.pod.as_ref().map(pod),
        "since_ns": holder.since_ns,
        "away_until_ns": holder.away_until_ns,
    })
}

fn pod(pod: &HolderPod) -> Json {
    match pod {
        HolderPod::Known { namespace, name } => json!({ "namespace": namespace, "name": name }),
        HolderPod::Unknown(why) => json!({ "unknown": why }),
    }
}

fn word(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}
