//! Calls without a session, connecting, and what errors say.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod scripted;

use gpiod_proto::v1;
use gpiod_proto::v1::step::Step;
use gpiod_sdk::{
    Client, Code, Direction, Edge, Error, Holder, LineUse, OnRelease, Program, Reason, StepOutcome, Value,
};
use scripted::{Call, Daemon, first, refusal, values};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::join;

#[tokio::test]
async fn lines_come_with_all_that_the_daemon_tells() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let answer = async {
        let Call::ListLines(reply) = daemon.call().await else { panic!() };
        let line = v1::Line {
            name: "red".into(),
            offset: 9,
            header_pin: Some(21),
            direction: v1::Direction::Output.into(),
            value: v1::Value::Active.into(),
            on_release: v1::OnRelease::Inactive.into(),
            // A number of a later version.
            bias: 99,
            holder: Some(v1::Holder { name: "other".into(), pid: 42, ..Default::default() }),
            ..Default::default()
        };
        let backend = v1::Backend { kind: "sim".into(), max_program_steps: 256, ..Default::default() };
        reply.send(Ok(v1::ListLinesResponse { lines: vec![line], backend: Some(backend) })).unwrap();
    };
    let (lines, ()) = join!(client.lines(), answer);
    let lines = lines.unwrap();
    let red = lines.get("red").unwrap();
    assert_eq!((red.offset, red.header_pin, red.direction), (9, Some(21), Some(Direction::Output)));
    assert_eq!((red.value, red.on_release, red.bias), (Some(Value::Active), Some(OnRelease::Inactive), None));
    assert!(matches!(&red.holder, Some(Holder { name, pid: 42, .. }) if name == "other"));
    assert_eq!((lines.backend.kind.as_str(), lines.backend.max_program_steps), ("sim", 256));
}

#[tokio::test]
async fn a_read_gives_the_values_by_name_and_by_position() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let answer = async {
        let Call::Read(request, reply) = daemon.call().await else { panic!() };
        assert_eq!(request.lines, ["a", "b"]);
        reply.send(Ok(v1::ReadResponse { values: Some(values(0b10)) })).unwrap();
    };
    let (read, ()) = join!(client.read(["a", "b"]), answer);
    let read = read.unwrap();
    assert_eq!(
        (read.get("a"), read.get("b"), read.get("c")),
        (Some(Value::Inactive), Some(Value::Active), None)
    );
    assert_eq!(
        (read.at(1), read.at(2), read.at(64), read.timestamp_ns()),
        (Some(Value::Active), None, None, 7)
    );
    assert_eq!(read.iter().collect::<Vec<_>>(), [("a", Value::Inactive), ("b", Value::Active)]);
}

#[tokio::test]
async fn a_write_names_lines_values_and_client() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let answer = async {
        let Call::Write(request, reply) = daemon.call().await else { panic!() };
        assert_eq!((request.lines, request.bits), (vec!["fan".to_owned(), "lamp".to_owned()], 0b10));
        assert_eq!(request.client_name, "test");
        reply.send(Ok(v1::WriteResponse { timestamp_ns: 12 })).unwrap();
    };
    let written = client.write([("fan", Value::Inactive), ("lamp", Value::Active)]);
    assert_eq!(join!(written, answer).0.unwrap(), 12);
}

#[tokio::test]
async fn a_program_runs_on_named_lines() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let program = Program::new().drive([("ldr", Value::Inactive)]).listen("ldr").wait_edge(
        "ldr",
        Edge::Rising,
        Duration::from_secs(2),
    );
    let answer = async {
        let Call::RunProgram(request, reply) = daemon.call().await else { panic!() };
        assert_eq!(request.lines[0].name, "ldr");
        assert_eq!(request.lines[0].direction(), v1::Direction::Both);
        let steps = request.program.unwrap().steps;
        assert!(matches!(steps[2].step, Some(Step::Edge(v1::EdgeStep { mask: 1, timeout_ns, .. }))
            if timeout_ns == 2_000_000_000));
        let step = |timestamp_ns, edges| v1::StepResult {
            outcome: v1::StepOutcome::Done.into(),
            timestamp_ns,
            uncertainty_ns: 500,
            edges,
        };
        let edge = scripted::edges(1..2).events;
        let steps = vec![step(100, vec![]), step(200, vec![]), step(8_200, edge)];
        let result = v1::ProgramResult { steps, values: Some(values(1)), lost_edges: 0 };
        reply.send(Ok(v1::RunProgramResponse { result: Some(result) })).unwrap();
    };
    let (result, ()) = join!(client.run_program([LineUse::both("ldr")], &program), answer);
    let result = result.unwrap();
    assert_eq!(result.between(1, 2), Some(Duration::from_nanos(8_000)));
    let step = result.step(2).unwrap();
    assert_eq!((step.outcome, step.uncertainty_ns), (StepOutcome::Done, 500));
    assert_eq!((&*step.edges[0].line, step.edges[0].value), ("ldr", Value::Active));
    assert_eq!((result.step(3), result.timed_out()), (None, None));
}

#[tokio::test]
async fn a_refusal_carries_code_reason_and_message() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let answer = async {
        let Call::Write(_, reply) = daemon.call().await else { panic!() };
        let status = refusal(Code::FailedPrecondition, "LINE_HELD", "lamp is held by other");
        reply.send(Err(status)).unwrap();
    };
    let (written, ()) = join!(client.write([("lamp", Value::Active)]), answer);
    let error = written.unwrap_err();
    assert!(matches!(error, Error::Refused { code: Code::FailedPrecondition, .. }));
    assert_eq!(
        (error.reason(), error.to_string().as_str()),
        (Some(&Reason::LineHeld), "lamp is held by other")
    );
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_mistaken_call_is_not_sent() {
    let daemon = Daemon::start();
    let client = daemon.client().await;
    assert!(matches!(client.read([] as [&str; 0]).await, Err(Error::Invalid { .. })));
    assert!(matches!(client.read(["a", "a"]).await, Err(Error::Invalid { .. })));
    assert!(matches!(client.read((0..65).map(|i| i.to_string())).await, Err(Error::Invalid { .. })));
    assert!(matches!(client.watch(["a", "a"]).open().await, Err(Error::Invalid { .. })));
    assert!(matches!(client.session().open().await, Err(Error::Invalid { .. })));
    let long = client.session().output("a").watchdog(Duration::MAX).open().await;
    assert!(matches!(long, Err(Error::Invalid { .. })));
    let elsewhere = Program::new().listen("b");
    let program = client.run_program(["a"], &elsewhere).await;
    assert!(matches!(program, Err(Error::NoSuchLine { line, .. }) if line == "b"));
    let named = Client::at(daemon.socket()).name("n".repeat(65)).connect().await;
    assert!(matches!(named, Err(Error::Invalid { .. })));
}

#[tokio::test]
async fn nobody_at_the_socket_is_said_at_once_and_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("gpiod.sock");
    let error = Client::at(&socket).connect().await.unwrap_err();
    assert!(error.to_string().contains(socket.to_str().unwrap()), "{error}");
    let Error::Unreachable { cause, .. } = &error else { panic!("{error:?}") };
    assert_eq!(cause.kind(), ErrorKind::NotFound);
    assert!(error.is_away() && error.is_retryable());
    // Once, also where somebody prints the causes after the text.
    assert_eq!(error.to_string().matches("No such file").count(), 1, "{error}");
    assert!(std::error::Error::source(&error).is_none());
}

#[tokio::test]
async fn who_waits_for_ever_does_not_wait_for_what_no_waiting_mends() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    for wrong in [file.join("gpiod.sock"), dir.path().join("s".repeat(200))] {
        let error = Client::at(&wrong).wait_forever().connect().await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert!(!error.is_away() && !error.is_retryable(), "{error:?}");
    }
}

#[tokio::test]
async fn an_app_that_waits_may_start_before_the_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("gpiod.sock");
    // What a killed daemon leaves: a socket where nobody listens.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let waiting = tokio::spawn(Client::at(&socket).wait_forever().connect());
    let brief = Client::at(&socket).wait(Duration::from_millis(30)).connect().await.unwrap_err();
    let Error::Unreachable { cause, .. } = &brief else { panic!("{brief:?}") };
    assert_eq!(cause.kind(), ErrorKind::ConnectionRefused);
    assert!(!waiting.is_finished());
    let daemon = Daemon::start_at(&socket);
    let client = waiting.await.unwrap().unwrap();
    assert_eq!(client.socket(), daemon.socket());
}

#[tokio::test]
async fn calls_fail_while_the_daemon_is_away_and_go_on_when_it_is_back() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    // A call in the air shows when the connection has broken.
    let (broken, _unanswered) = join!(client.read(["a"]), async {
        let call = daemon.call().await;
        daemon.kill();
        call
    });
    let Err(Error::Away { since, .. }) = broken else { panic!("{broken:?}") };
    // It is away since the first failure, however often it is tried, and soon nobody listens at the path.
    loop {
        let Err(Error::Away { since: still, why }) = client.read(["a"]).await else { panic!("not away") };
        assert_eq!(since, still);
        if why.contains("refused") {
            break;
        }
    }
    let mut daemon = daemon.restart();
    let (read, ()) = join!(client.read(["a"]), async {
        let Call::Read(_, reply) = daemon.call().await else { panic!() };
        reply.send(Ok(v1::ReadResponse { values: Some(values(1)) })).unwrap();
    });
    assert_eq!(read.unwrap().get("a"), Some(Value::Active));
}

#[tokio::test]
async fn clones_share_one_connection() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let other = client.clone();
    let (watch, call) = join!(other.watch(["a"]).open(), async {
        let Call::Watch(request, messages) = daemon.call().await else { panic!() };
        messages.send(Ok(first(0))).await.unwrap();
        (request, messages)
    });
    assert_eq!((call.0.lines, call.0.client_name.as_str()), (vec!["a".to_owned()], "test"));
    drop(client);
    drop(watch.unwrap());
    call.1.closed().await;
}
