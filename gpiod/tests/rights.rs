//! The socket is the capability: what one does not give access to can not be seen, read or touched through it, RPC by
//! RPC and command by command.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{Rig, raw, reason};
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::*;
use tonic::Code;

fn session_line(name: &str) -> SessionLine {
    SessionLine { name: name.to_owned(), ..Default::default() }
}

fn open(lines: &[&str]) -> SessionRequest {
    let lines = lines.iter().map(|name| session_line(name)).collect();
    SessionRequest { id: 0, command: Some(Command::Open(OpenCommand { lines, ..Default::default() }.into())) }
}

fn wait_program() -> Option<Program> {
    let wait = step::Step::Wait(WaitStep { duration_ns: 1 });
    Some(Program { steps: vec![Step { step: Some(wait) }] })
}

#[tokio::test]
async fn another_groups_line_can_not_be_seen_read_or_touched() {
    let rig = Rig::start().await;
    let mut client = raw(&rig.socket("traffic-light")).await;
    let listed = client.list_lines(ListLinesRequest {}).await.unwrap().into_inner().lines;
    assert_eq!(listed.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["red", "yellow", "green"]);
    for name in ["light", "light-sensor/light", "GPIO4", "bench/lamp", "GPIO20"] {
        let lines = vec![name.to_owned()];
        let refused = [
            client.read(ReadRequest { lines: lines.clone() }).await.unwrap_err(),
            client
                .write(WriteRequest { lines: lines.clone(), bits: 1, ..Default::default() })
                .await
                .unwrap_err(),
            client.watch(WatchRequest { lines, ..Default::default() }).await.unwrap_err(),
            client.session(tokio_stream::once(open(&[name]))).await.unwrap_err(),
            client
                .run_program(RunProgramRequest {
                    lines: vec![session_line(name)],
                    program: wait_program(),
                    ..Default::default()
                })
                .await
                .unwrap_err(),
        ];
        for status in refused {
            assert_eq!(
                (status.code(), reason(&status).as_str()),
                (Code::NotFound, "LINE_NOT_FOUND"),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn the_watch_socket_lists_reads_and_watches_and_drives_nothing() {
    let rig = Rig::start().await;
    let mut client = raw(&rig.watch_socket("bench")).await;
    let listed = client.list_lines(ListLinesRequest {}).await.unwrap().into_inner().lines;
    assert!(listed.len() == 4 && listed.iter().all(|line| !line.may_drive));
    let lamp = || vec!["lamp".to_owned()];
    client.read(ReadRequest { lines: lamp() }).await.unwrap();
    let mut watch =
        client.watch(WatchRequest { lines: lamp(), ..Default::default() }).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().unwrap().values.is_some());
    let program = RunProgramRequest {
        lines: vec![session_line("lamp")],
        program: wait_program(),
        ..Default::default()
    };
    let refused = [
        client.write(WriteRequest { lines: lamp(), bits: 1, ..Default::default() }).await.unwrap_err(),
        client.session(tokio_stream::once(open(&["lamp"]))).await.unwrap_err(),
        // No command gets through either, since none is read: not even for lines that are inputs.
        client.session(tokio_stream::once(open(&["in"]))).await.unwrap_err(),
        client.session(tokio_stream::pending()).await.unwrap_err(),
        client.run_program(program).await.unwrap_err(),
    ];
    for status in refused {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "NOT_PERMITTED"));
    }
}

#[tokio::test]
async fn a_held_line_is_refused_to_every_other_writer_and_can_still_be_watched() {
    let rig = Rig::start().await;
    let holder = rig.client("bench").await;
    let session = holder.session().output("lamp").open().await.unwrap();
    let mut watch = raw(&rig.watch_socket("bench"))
        .await
        .watch(WatchRequest { lines: vec!["lamp".to_owned()], ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    watch.message().await.unwrap().unwrap();
    let mut admin = raw(&rig.admin_socket()).await;
    for name in ["bench/lamp", "GPIO20"] {
        let refused = [
            admin
                .write(WriteRequest { lines: vec![name.to_owned()], bits: 1, ..Default::default() })
                .await
                .unwrap_err(),
            admin.session(tokio_stream::once(open(&[name]))).await.unwrap_err(),
        ];
        for status in refused {
            assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "LINE_HELD"));
            assert!(status.message().contains("is held by test (uid "), "{}", status.message());
        }
    }
    session.output("lamp").unwrap().set(gpiod_sdk::Value::Active).await.unwrap();
    let event = watch.message().await.unwrap().unwrap().events[0];
    assert_eq!((event.edge(), event.source()), (Edge::Rising, EventSource::Daemon));
}

#[tokio::test]
async fn the_admin_socket_sees_all_lines_of_the_board() {
    let rig = Rig::start().await;
    let mut admin = raw(&rig.admin_socket()).await;
    let listed = admin.list_lines(ListLinesRequest {}).await.unwrap().into_inner().lines;
    assert_eq!(listed.len(), 28);
    let green = listed.iter().find(|line| line.name == "traffic-light/green").unwrap();
    assert_eq!((green.board_line.as_str(), green.offset, green.header_pin), ("GPIO11", 11, Some(23)));
    let free = listed.iter().find(|line| line.name == "GPIO12").unwrap();
    assert!(free.groups.is_empty() && !free.may_drive);
}

#[tokio::test]
async fn sockets_have_the_rights_that_the_design_says() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::with("[[group]]\nname = \"a\"\nsocket_mode = 0o660\nlines.x = { line = \"GPIO5\", direction = \"input\" }\n\
                         [[group]]\nname = \"b\"\nlines.x = { line = \"GPIO6\", direction = \"input\" }\n").await;
    let mode = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(rig.path("run")), 0o700);
    assert_eq!(mode(rig.socket("a")), 0o660);
    assert_eq!([rig.socket("b"), rig.watch_socket("b")].map(mode), [0o666, 0o666]);
    assert_eq!(mode(rig.admin_socket()), 0o600);
    assert_eq!(mode(rig.path("run/groups/a")), 0o755);
}

#[tokio::test]
async fn a_session_does_no_more_with_a_line_than_it_asked_for() {
    let rig = Rig::start().await;
    let mut client = raw(&rig.socket("light-sensor")).await;
    let (requests, stream) = tokio::sync::mpsc::unbounded_channel();
    let line =
        SessionLine { name: "light".to_owned(), direction: Direction::Input.into(), ..Default::default() };
    let open = Command::Open(OpenCommand { lines: vec![line], ..Default::default() }.into());
    requests.send(SessionRequest { id: 0, command: Some(open) }).unwrap();
    let stream = tokio_stream::wrappers::UnboundedReceiverStream::new(stream);
    let mut answers = client.session(stream).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap();
    let drive = ConfigureCommand { mask: 1, direction: Direction::Output.into(), ..Default::default() };
    requests.send(SessionRequest { id: 1, command: Some(Command::Configure(drive)) }).unwrap();
    let answer = answers.message().await.unwrap().unwrap().result.unwrap();
    let session_response::Result::Error(error) = answer else { panic!("it is refused") };
    assert_eq!(
        (error.reason.as_str(), error.message.as_str()),
        ("WRONG_DIRECTION", "line \"light\" is held as an input, not both")
    );
}

#[tokio::test]
async fn a_run_directory_that_was_made_for_the_daemon_is_closed_and_one_with_other_things_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let mut rig = Rig::start().await;
    rig.daemon.take().unwrap().signal(nix::sys::signal::Signal::SIGTERM).await;
    let run = rig.path("run");
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir_all(rig.path("run/groups/former")).unwrap();
    std::fs::write(rig.path("run/groups/former/gpiod.sock"), "").unwrap();
    rig.start_daemon().await;
    assert_eq!(std::fs::metadata(&run).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!rig.path("run/groups/former/gpiod.sock").exists() && rig.path("run/groups/former").exists());

    rig.daemon.take().unwrap().signal(nix::sys::signal::Signal::SIGTERM).await;
    std::fs::write(rig.path("run/letters"), "").unwrap();
    let output =
        fixture::gpiod().arg("serve").arg("--config").arg(rig.path("gpiod.toml")).output().await.unwrap();
    assert_eq!(output.status.code(), Some(71));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("/run: holds letters, so it is not gpiod's alone"), "{text}");

    std::fs::remove_file(rig.path("run/letters")).unwrap();
    std::fs::remove_dir_all(rig.path("run/admin")).unwrap();
    std::fs::create_dir(rig.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(rig.path("elsewhere"), rig.path("run/admin")).unwrap();
    let output =
        fixture::gpiod().arg("serve").arg("--config").arg(rig.path("gpiod.toml")).output().await.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(71) && text.contains("/run/admin: is a link"), "{text}");
}

#[tokio::test]
async fn a_user_who_is_not_let_in_is_told_so_by_every_rpc_and_by_its_ids() {
    let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
    let group = |name: &str, line: &str, key: &str| {
        format!(
            "[[group]]\nname = \"{name}\"\n{key}\nlines.x = {{ line = \"{line}\", direction = \"output\" }}\n"
        )
    };
    let rig = Rig::with(
        &(group("others", "GPIO5", &format!("allow_uids = [{}]\nallow_gids = [{}]", uid + 1, gid + 1))
            + &group("ours", "GPIO6", &format!("allow_uids = [{}]\nallow_gids = [{gid}]", uid + 1))),
    )
    .await;
    raw(&rig.socket("ours")).await.read(ReadRequest { lines: vec!["x".to_owned()] }).await.unwrap();
    for socket in [rig.socket("others"), rig.watch_socket("others")] {
        let refused = [
            raw(&socket).await.list_lines(ListLinesRequest {}).await.unwrap_err(),
            raw(&socket).await.read(ReadRequest { lines: vec!["x".to_owned()] }).await.unwrap_err(),
            raw(&socket).await.session(tokio_stream::once(open(&["x"]))).await.unwrap_err(),
        ];
        for status in refused {
            let told = format!(
                "uid {uid} with gid {gid} is not let in at this socket: neither is in the group's allow_uids or \
                 allow_gids"
            );
            assert_eq!(
                (status.code(), reason(&status).as_str(), status.message()),
                (Code::PermissionDenied, "NOT_PERMITTED", told.as_str())
            );
        }
    }
    assert!(rig.log().contains("connections refused, the last one since uid"), "{}", rig.log());
    // Root's own socket asks nobody.
    raw(&rig.admin_socket()).await.list_lines(ListLinesRequest {}).await.unwrap();
}

/// Lines that lack one operation or another; `in` is also the other group's, with other operations.
const FEW: &str = r#"
[[group]]
name = "few"
operations = ["read"]
lines.lamp = { line = "GPIO20", direction = "output" }
lines.in = { line = "GPIO27", direction = "input", operations = ["watch"] }
lines.out = { line = "GPIO22", direction = "output", operations = ["drive"] }
lines.sensor = { line = "GPIO4", direction = "both", bias = "disabled", operations = ["read", "drive", "program"] }

[[group]]
name = "other"
lines.in = { line = "GPIO27", direction = "input", operations = ["read", "program"] }
"#;

fn program(step: step::Step) -> Option<Program> {
    Some(Program { steps: vec![Step { step: Some(step) }] })
}

#[tokio::test]
async fn an_operation_that_a_line_does_not_have_is_refused_by_name() {
    let rig = Rig::with(FEW).await;
    let mut client = raw(&rig.socket("few")).await;
    let listed = client.list_lines(ListLinesRequest {}).await.unwrap().into_inner().lines;
    let told = listed
        .iter()
        .map(|line| (line.name.as_str(), line.operations().collect(), line.value() != Value::Unspecified));
    use LineOperation::{Drive, Program as Programs, Read, Watch};
    let expected: [(&str, Vec<LineOperation>, bool); 4] = [
        ("lamp", vec![Read], true),
        ("in", vec![Watch], false),
        ("out", vec![Drive], false),
        ("sensor", vec![Read, Drive, Programs], true),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);

    let names = |name: &str| vec![name.to_owned()];
    let write = WriteRequest { lines: names("lamp"), bits: 1, ..Default::default() };
    let wait =
        RunProgramRequest { lines: vec![session_line("out")], program: wait_program(), ..Default::default() };
    let listen = DirectionStep { mask: 1, direction: Direction::Input.into(), bits: 0 };
    let listen = RunProgramRequest {
        lines: vec![session_line("sensor")],
        program: program(step::Step::Direction(listen)),
        ..Default::default()
    };
    let edge = EdgeStep { mask: 1, timeout_ns: 1, ..Default::default() };
    let edge = RunProgramRequest {
        lines: vec![session_line("sensor")],
        program: program(step::Step::Edge(edge)),
        ..Default::default()
    };
    let watch = |name| WatchRequest { lines: names(name), ..Default::default() };
    let refused = [
        (
            client.read(ReadRequest { lines: names("in") }).await.unwrap_err(),
            "line \"in\" may not be read here: its operations are watch",
        ),
        (
            client.watch(watch("lamp")).await.unwrap_err(),
            "line \"lamp\" may not be watched here: its operations are read",
        ),
        (
            client.write(write).await.unwrap_err(),
            "line \"lamp\" may not be driven here: its operations are read",
        ),
        (
            client.session(tokio_stream::once(open(&["lamp"]))).await.unwrap_err(),
            "line \"lamp\" may not be driven here: its operations are read",
        ),
        (
            client.run_program(wait).await.unwrap_err(),
            "line \"out\" may not be used by programs here: its operations are drive",
        ),
        (
            client.run_program(listen).await.unwrap_err(),
            "line \"sensor\" may not be configured here: its operations are read, drive, program",
        ),
        (
            client.run_program(edge).await.unwrap_err(),
            "line \"sensor\" may not be watched here: its operations are read, drive, program",
        ),
    ];
    for (status, message) in refused {
        assert_eq!(
            (status.code(), reason(&status).as_str(), status.message()),
            (Code::PermissionDenied, "NOT_PERMITTED", message)
        );
    }
    // The watch socket has none but these two, and only where the group has them.
    let mut watcher = raw(&rig.watch_socket("few")).await;
    let listed = watcher.list_lines(ListLinesRequest {}).await.unwrap().into_inner().lines;
    let told = listed.iter().map(|line| line.operations().collect()).collect::<Vec<Vec<_>>>();
    assert_eq!(told, [vec![Read], vec![Watch], vec![], vec![Read]]);
    watcher.watch(watch("in")).await.unwrap();
    assert_eq!(
        watcher.read(ReadRequest { lines: names("out") }).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    // What one group may not, another may with the same line.
    let mut other = raw(&rig.socket("other")).await;
    other.read(ReadRequest { lines: names("in") }).await.unwrap();
    assert_eq!(other.watch(watch("in")).await.unwrap_err().code(), Code::PermissionDenied);
    let mut admin = raw(&rig.admin_socket()).await;
    admin.read(ReadRequest { lines: names("few/out") }).await.unwrap();
}

#[tokio::test]
async fn a_session_tells_nothing_of_a_line_that_it_may_not_read_and_changes_no_other() {
    use session_response::Result as Answer;
    let rig = Rig::with(FEW).await;
    let mut client = raw(&rig.socket("few")).await;
    let (requests, stream) = tokio::sync::mpsc::unbounded_channel();
    let stream = tokio_stream::wrappers::UnboundedReceiverStream::new(stream);
    let line = |name: &str, initial: Value| SessionLine { initial: initial.into(), ..session_line(name) };
    let lines = vec![line("out", Value::Active), line("sensor", Value::Active)];
    let open = Command::Open(OpenCommand { lines, ..Default::default() }.into());
    let mut id = 0;
    let mut ask = |command| {
        id += 1;
        requests.send(SessionRequest { id, command: Some(command) }).unwrap();
    };
    ask(open);
    let mut answers = client.session(stream).await.unwrap().into_inner();
    let mut answer = async || answers.message().await.unwrap().unwrap().result.unwrap();
    let Answer::Open(opened) = answer().await else { panic!("it is open") };
    assert_eq!(opened.values.unwrap().bits, 0b10);
    ask(Command::Read(ReadCommand { mask: 0 }));
    let Answer::Read(values) = answer().await else { panic!("it is read") };
    assert_eq!(values.bits, 0b10);
    for (command, message) in [
        (
            Command::Read(ReadCommand { mask: 1 }),
            "line \"out\" may not be read here: its operations are drive",
        ),
        (
            Command::Watch(WatchCommand { mask: 2, edge: 0, resume: None }.into()),
            "line \"sensor\" may not be watched here: its operations are read, drive, program",
        ),
        (
            Command::Configure(ConfigureCommand { mask: 2, direction: 1, ..Default::default() }),
            "line \"sensor\" may not be configured here: its operations are read, drive, program",
        ),
        (
            Command::Program(program(step::Step::Set(SetStep { mask: 1, bits: 0 })).unwrap()),
            "line \"out\" may not be used by programs here: its operations are drive",
        ),
    ] {
        ask(command);
        let Answer::Error(error) = answer().await else { panic!("it is refused") };
        assert_eq!((error.reason.as_str(), error.message.as_str()), ("NOT_PERMITTED", message));
    }
    ask(Command::Program(program(step::Step::Set(SetStep { mask: 2, bits: 0 })).unwrap()));
    let Answer::Program(done) = answer().await else { panic!("it is done") };
    assert_eq!(done.values.unwrap().bits, 0);
}
