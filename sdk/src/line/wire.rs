//! Lines and values, to and from the API's messages. A number that this version does not know counts as untold.

use crate::line::line_use::LineUse;
use crate::line::{
    Backend, Bias, Direction, Drive, Edge, Guardian, Holder, HolderPod, Line, LineOperation, Lines,
    OnDaemonExit, OnRelease, Value,
};
use gpiod_proto::v1;
use std::time::Duration;

impl From<Value> for v1::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Inactive => Self::Inactive,
            Value::Active => Self::Active,
        }
    }
}

impl From<Edge> for v1::Edge {
    fn from(edge: Edge) -> Self {
        match edge {
            Edge::Rising => Self::Rising,
            Edge::Falling => Self::Falling,
            Edge::Both => Self::Both,
        }
    }
}

impl From<Direction> for v1::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Input => Self::Input,
            Direction::Output => Self::Output,
            Direction::Both => Self::Both,
        }
    }
}

impl From<Bias> for v1::Bias {
    fn from(bias: Bias) -> Self {
        match bias {
            Bias::Disabled => Self::Disabled,
            Bias::PullUp => Self::PullUp,
            Bias::PullDown => Self::PullDown,
        }
    }
}

impl From<&LineUse> for v1::SessionLine {
    fn from(line: &LineUse) -> Self {
        Self {
            name: line.name.clone(),
            direction: line.direction.map_or(v1::Direction::Unspecified, Into::into).into(),
            initial: line.initial.map_or(v1::Value::Unspecified, Into::into).into(),
        }
    }
}

impl From<v1::ListLinesResponse> for Lines {
    fn from(response: v1::ListLinesResponse) -> Self {
        let v1::Backend { kind, board, atomic_writes, max_program_steps, max_program_ns } =
            response.backend.unwrap_or_default();
        Self {
            lines: response.lines.into_iter().map(Line::from).collect(),
            backend: Backend { kind, board, atomic_writes, max_program_steps, max_program_ns },
        }
    }
}

impl From<v1::Line> for Line {
    fn from(line: v1::Line) -> Self {
        let direction = told(line.direction());
        let present_direction = told(line.present_direction());
        let value = match line.value() {
            v1::Value::Unspecified => None,
            v1::Value::Inactive => Some(Value::Inactive),
            v1::Value::Active => Some(Value::Active),
        };
        let bias = match line.bias() {
            v1::Bias::Unspecified => None,
            v1::Bias::Disabled => Some(Bias::Disabled),
            v1::Bias::PullUp => Some(Bias::PullUp),
            v1::Bias::PullDown => Some(Bias::PullDown),
        };
        let drive = match line.drive() {
            v1::Drive::Unspecified => None,
            v1::Drive::PushPull => Some(Drive::PushPull),
            v1::Drive::OpenDrain => Some(Drive::OpenDrain),
            v1::Drive::OpenSource => Some(Drive::OpenSource),
        };
        let on_release = match line.on_release() {
            v1::OnRelease::Unspecified => None,
            v1::OnRelease::Keep => Some(OnRelease::Keep),
            v1::OnRelease::Inactive => Some(OnRelease::Inactive),
            v1::OnRelease::Active => Some(OnRelease::Active),
            v1::OnRelease::Input => Some(OnRelease::Input),
        };
        // Those of a newer daemon that have no word here yet are left out.
        let operations = line.operations().filter_map(operation).collect();
        let on_daemon_exit = match line.on_daemon_exit() {
            v1::OnDaemonExit::Unspecified => None,
            v1::OnDaemonExit::Keep => Some(OnDaemonExit::Keep),
            v1::OnDaemonExit::Input => Some(OnDaemonExit::Input),
        };
        Self {
            name: line.name,
            groups: line.groups,
            chip: line.chip,
            offset: line.offset,
            board_line: line.board_line,
            header_pin: line.header_pin,
            direction,
            present_direction,
            value,
            bias,
            drive,
            active_low: line.active_low,
            debounce_ns: line.debounce_ns,
            may_drive: line.may_drive,
            operations,
            one_shot: line.one_shot,
            holder: line.holder.map(Holder::from),
            on_release,
            on_daemon_exit,
            grace: Duration::from_nanos(line.grace_ns),
            guardian: line
                .guardian
                .map(|v1::Guardian { present, within_ns }| Guardian { present, within_ns }),
        }
    }
}

impl From<v1::Holder> for Holder {
    fn from(holder: v1::Holder) -> Self {
        let v1::Holder { name, group, uid, gid, pid, pod, since_ns, away_until_ns } = holder;
        let pod = pod.map(|v1::HolderPod { namespace, name, unknown }| match unknown {
            Some(why) => HolderPod::Unknown(why),
            None => HolderPod::Known { namespace, name },
        });
        Self { name, group, uid, gid, pid, pod, since_ns, away_until_ns }
    }
}

fn operation(operation: v1::LineOperation) -> Option<LineOperation> {
    match operation {
        v1::LineOperation::Unspecified => None,
        v1::LineOperation::Read => Some(LineOperation::Read),
        v1::LineOperation::Watch => Some(LineOperation::Watch),
        v1::LineOperation::Drive => Some(LineOperation::Drive),
        v1::LineOperation::Configure => Some(LineOperation::Configure),
        v1::LineOperation::Program => Some(LineOperation::Program),
    }
}

fn told(direction: v1::Direction) -> Option<Direction> {
    match direction {
        v1::Direction::Unspecified => None,
        v1::Direction::Input => Some(Direction::Input),
        v1::Direction::Output => Some(Direction::Output),
        v1::Direction::Both => Some(Direction::Both),
    }
}
