//! Lines for the tests of what is shown of them.

use gpiod_sdk::{Direction, Drive, Holder, Line, LineOperation, OnDaemonExit, OnRelease, Value};

/// An output that is held.
pub(super) fn red() -> Line {
    Line {
        name: "traffic-light/red".into(),
        groups: vec!["traffic-light".into()],
        direction: Some(Direction::Output),
        present_direction: Some(Direction::Output),
        drive: Some(Drive::PushPull),
        may_drive: true,
        operations: vec![LineOperation::Read, LineOperation::Watch, LineOperation::Drive],
        holder: Some(Holder {
            name: "traffic-light".into(),
            group: "traffic-light".into(),
            uid: 65532,
            gid: 65532,
            pid: 17,
            pod: None,
            since_ns: 1,
            away_until_ns: None,
        }),
        on_release: Some(OnRelease::Inactive),
        on_daemon_exit: Some(OnDaemonExit::Keep),
        ..free("GPIO9", 9, 21)
    }
}

/// A line that no group has; it is high.
pub(super) fn free(name: &str, offset: u32, header_pin: u32) -> Line {
    Line {
        name: name.into(),
        groups: Vec::new(),
        chip: "pinctrl-bcm2835".into(),
        offset,
        board_line: name.into(),
        header_pin: Some(header_pin),
        direction: None,
        present_direction: Some(Direction::Input),
        value: Some(Value::Active),
        bias: None,
        drive: None,
        active_low: false,
        debounce_ns: 0,
        may_drive: false,
        operations: Vec::new(),
        one_shot: false,
        holder: None,
        on_release: None,
        on_daemon_exit: None,
        grace: std::time::Duration::ZERO,
        guardian: None,
    }
}
