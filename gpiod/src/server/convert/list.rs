//! Lines and the backend, as they are listed.

use crate::broker::{BackendView, LineView, ListView};
use crate::config::{Driven, Kind, Limits, OnRelease};
use crate::holder::Holder;
use crate::line::{Bias, Direction, Drive, OnExit, Value};
use crate::operations::Operation;
use crate::pods::{PodName, Tenant};
use crate::wiring::Presence;
use gpiod_proto::v1;

/// The answer to `ListLines`.
pub(in crate::server) fn list(list: ListView, limits: &Limits) -> v1::ListLinesResponse {
    v1::ListLinesResponse {
        lines: list.lines.into_iter().map(line).collect(),
        backend: Some(backend(list.backend, limits)),
    }
}

fn backend(backend: BackendView, limits: &Limits) -> v1::Backend {
    v1::Backend {
        kind: backend.kind.to_owned(),
        board: backend.board,
        atomic_writes: backend.atomic_writes,
        max_program_steps: limits.program_steps,
        max_program_ns: limits.program_ns(),
    }
}

fn line(line: LineView) -> v1::Line {
    let present_direction = match line.direction() {
        Direction::Input => v1::Direction::Input,
        Direction::Output => v1::Direction::Output,
    };
    let config = line.config.as_ref();
    let driven = config.and_then(|config| config.kind.driven());
    let direction = match config.map(|config| config.kind) {
        None => v1::Direction::Unspecified,
        Some(Kind::Input) => v1::Direction::Input,
        Some(Kind::Output(_)) => v1::Direction::Output,
        Some(Kind::Both(_)) => v1::Direction::Both,
    };
    // A name with a foreign consumer is held by somebody outside of the daemon; our own consumers are `gpiod:…`.
    let foreign = line.info.consumer.filter(|_| config.is_none());
    let holder = line.holder.map(holder).or_else(|| foreign.map(outsider));
    v1::Line {
        name: line.name,
        groups: line.groups,
        offset: line.info.id.offset,
        header_pin: line.info.header_pin.map(u32::from),
        chip: line.info.chip,
        board_line: line.info.name,
        direction: direction.into(),
        present_direction: present_direction.into(),
        value: value(line.value).into(),
        bias: bias(line.now.and_then(|now| now.bias)).into(),
        drive: driven.map_or(v1::Drive::Unspecified, |driven| drive(driven.drive)).into(),
        active_low: config.is_some_and(|config| config.active_low),
        debounce_ns: line.now.map_or(0, |now| now.debounce_ns),
        may_drive: line.operations.has(Operation::Drive),
        operations: line.operations.iter().map(|operation| self::operation(operation).into()).collect(),
        one_shot: driven.is_some_and(|driven| driven.one_shot),
        holder,
        on_release: driven.map_or(v1::OnRelease::Unspecified, on_release).into(),
        grace_ns: line.grace_ns,
        on_daemon_exit: line.at_exit.map_or(v1::OnDaemonExit::Unspecified, on_daemon_exit).into(),
        guardian: line.guardian.as_ref().map(guardian),
    }
}

fn guardian(presence: &Presence) -> v1::Guardian {
    let within = presence.within();
    let within_ns = within.map_or(0, |within| u64::try_from(within.as_nanos()).unwrap_or(u64::MAX));
    v1::Guardian { present: within.is_some(), within_ns }
}

fn operation(operation: Operation) -> v1::LineOperation {
    match operation {
        Operation::Read => v1::LineOperation::Read,
        Operation::Watch => v1::LineOperation::Watch,
        Operation::Drive => v1::LineOperation::Drive,
        Operation::Configure => v1::LineOperation::Configure,
        Operation::Program => v1::LineOperation::Program,
    }
}

pub(super) fn holder(holder: Holder) -> v1::Holder {
    v1::Holder {
        name: holder.name,
        group: holder.group,
        uid: holder.caller.uid,
        gid: holder.caller.gid,
        pid: holder.caller.pid,
        pod: pod(&holder.tenant),
        since_ns: holder.since_ns,
        away_until_ns: holder.away_until_ns,
    }
}

fn pod(tenant: &Tenant) -> Option<v1::HolderPod> {
    match tenant {
        Tenant::Untold => None,
        Tenant::Unknown(why) => {
            Some(v1::HolderPod { unknown: Some((*why).to_owned()), ..Default::default() })
        }
        Tenant::Pod(pod) => {
            let PodName { namespace, name } = PodName::clone(pod);
            Some(v1::HolderPod { namespace, name, unknown: None })
        }
    }
}

fn outsider(consumer: String) -> v1::Holder {
    v1::Holder { name: consumer, ..Default::default() }
}

fn value(value: Option<Value>) -> v1::Value {
    match value {
        None => v1::Value::Unspecified,
        Some(Value::Inactive) => v1::Value::Inactive,
        Some(Value::Active) => v1::Value::Active,
    }
}

fn bias(bias: Option<Bias>) -> v1::Bias {
    match bias {
        None => v1::Bias::Unspecified,
        Some(Bias::Disabled) => v1::Bias::Disabled,
        Some(Bias::PullUp) => v1::Bias::PullUp,
        Some(Bias::PullDown) => v1::Bias::PullDown,
    }
}

fn drive(drive: Drive) -> v1::Drive {
    match drive {
        Drive::PushPull => v1::Drive::PushPull,
        Drive::OpenDrain => v1::Drive::OpenDrain,
        Drive::OpenSource => v1::Drive::OpenSource,
    }
}

fn on_release(driven: &Driven) -> v1::OnRelease {
    match driven.on_release {
        OnRelease::Keep => v1::OnRelease::Keep,
        OnRelease::Inactive => v1::OnRelease::Inactive,
        OnRelease::Active => v1::OnRelease::Active,
        OnRelease::Input => v1::OnRelease::Input,
    }
}

fn on_daemon_exit(at_exit: OnExit) -> v1::OnDaemonExit {
    match at_exit {
        OnExit::Keep => v1::OnDaemonExit::Keep,
        OnExit::Input => v1::OnDaemonExit::Input,
    }
}
