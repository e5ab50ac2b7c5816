//! Commands of a session, several at a time, and its end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod scripted;

use gpiod_proto::v1;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_sdk::{Bias, Code, Direction, Edge, Error, Notice, Program, Reason, Value};
use scripted::{Daemon, Served, refusal, values};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::join;
use tokio::task::unconstrained;

/// Takes a command and answers that it was done.
async fn take(served: &mut Served) -> Command {
    let (id, command) = served.next().await.unwrap();
    served.done(id).await;
    command
}

#[tokio::test]
async fn open_says_what_is_held_and_how() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let builder = client
        .session()
        .output("red")
        .output_at("yellow", Value::Active)
        .input("button")
        .both("ldr")
        .watchdog(Duration::from_millis(500));
    let (session, (open, _served)) = join!(builder.open(), daemon.opened(0b0110));
    let session = session.unwrap();
    let lines: Vec<_> =
        open.lines.iter().map(|line| (line.name.as_str(), line.direction(), line.initial())).collect();
    assert_eq!(
        lines,
        [
            ("red", v1::Direction::Output, v1::Value::Unspecified),
            ("yellow", v1::Direction::Output, v1::Value::Active),
            ("button", v1::Direction::Input, v1::Value::Unspecified),
            ("ldr", v1::Direction::Both, v1::Value::Unspecified),
        ]
    );
    assert_eq!((open.client_name.as_str(), open.watchdog_ns), ("test", 500_000_000));
    let red = session.output("red").unwrap();
    assert_eq!((red.name(), red.position()), ("red", 0));
    assert_eq!(session.opened_with().get(&red), Some(Value::Inactive));
    assert_eq!(session.opened_with().get("button"), Some(Value::Active));
    let wrong = session.output("button").unwrap_err();
    assert!(matches!(&wrong, Error::NoSuchLine { wanted: Some(Direction::Output), .. }));
    assert_eq!(wrong.to_string(), "\"button\" is no line opened as output here");
    assert!(matches!(session.input("blue"), Err(Error::NoSuchLine { .. })));
}

#[tokio::test]
async fn a_refused_open_says_why() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    for in_stream in [false, true] {
        let (session, ()) = join!(client.session().output("red").open(), async {
            let mut served = daemon.session().await;
            served.open_command().await;
            let (code, reason, message) = (Code::FailedPrecondition, "LINE_HELD", "red is held by other");
            if in_stream {
                let error = v1::Error { code: code.into(), reason: reason.into(), message: message.into() };
                served.answer(0, Answer::Error(error)).await;
            } else {
                served.end_with(refusal(code, reason, message)).await;
            }
        });
        let error = session.unwrap_err();
        assert_eq!(
            (error.reason(), error.to_string().as_str()),
            (Some(&Reason::LineHeld), "red is held by other")
        );
    }
}

#[tokio::test]
async fn every_command_goes_round() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let builder = client.session().output("red").output("yellow").input("button").both("ldr");
    let (session, mut served) = daemon.open(builder).await;
    let (red, yellow) = (session.output("red").unwrap(), session.output("yellow").unwrap());
    let (button, ldr) = (session.input("button").unwrap(), session.both("ldr").unwrap());

    let (done, id) = join!(red.set(Value::Active), async {
        let (id, command) = served.next().await.unwrap();
        assert_eq!(command, Command::Write(v1::WriteCommand { mask: 1, bits: 1 }));
        served.done(id).await;
        id
    });
    assert_eq!(done.unwrap(), 1000 + id);

    let (_, command) = join!(session.write([red.inactive(), yellow.active()]), take(&mut served));
    assert_eq!(command, Command::Write(v1::WriteCommand { mask: 0b11, bits: 0b10 }));

    let (_, command) = join!(session.write([("yellow", Value::Inactive)]), take(&mut served));
    assert_eq!(command, Command::Write(v1::WriteCommand { mask: 0b10, bits: 0 }));

    let (_, command) = join!(ldr.drive(Value::Active), take(&mut served));
    let (output, input) = (v1::Direction::Output.into(), v1::Direction::Input.into());
    let configure = v1::ConfigureCommand { mask: 8, direction: output, bits: 8, bias: 0 };
    assert_eq!(command, Command::Configure(configure));

    let (_, command) = join!(ldr.listen(), take(&mut served));
    assert_eq!(command, Command::Configure(v1::ConfigureCommand { direction: input, bits: 0, ..configure }));

    let (_, command) = join!(ldr.set_bias(Bias::PullUp), take(&mut served));
    let bias = v1::Bias::PullUp.into();
    assert_eq!(command, Command::Configure(v1::ConfigureCommand { mask: 8, direction: 0, bits: 0, bias }));

    let (_, command) = join!(session.feed(), take(&mut served));
    assert_eq!(command, Command::Feed(v1::FeedCommand {}));

    let (read, ()) = join!(session.read([&button]), async {
        let (id, command) = served.next().await.unwrap();
        assert_eq!(command, Command::Read(v1::ReadCommand { mask: 4 }));
        served.answer(id, Answer::Read(values(0b0100))).await;
    });
    let read = read.unwrap();
    assert_eq!((read.get(&button), read.get(&red)), (Some(Value::Active), None));

    let (read, ()) = join!(session.read_all(), async {
        let (id, _) = served.next().await.unwrap();
        served.answer(id, Answer::Read(values(0b1001))).await;
    });
    assert_eq!(read.unwrap().iter().filter(|(_, value)| value.is_active()).count(), 2);

    let program = Program::new().drive([(&ldr, Value::Inactive)]).listen(&ldr).capture(
        [&ldr],
        Edge::Rising,
        2,
        Duration::from_secs(1),
    );
    let (result, ()) = join!(session.program(&program), async {
        let (id, command) = served.next().await.unwrap();
        let Command::Program(program) = command else { panic!() };
        assert_eq!(program.steps.len(), 3);
        let result = v1::ProgramResult { values: Some(values(0)), ..Default::default() };
        served.answer(id, Answer::Program(result)).await;
    });
    assert_eq!(result.unwrap().values.get("ldr"), Some(Value::Inactive));
}

#[tokio::test]
async fn a_batch_is_one_command_and_names_the_operation_that_failed() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("red").input("button")).await;
    let red = session.output("red").unwrap();
    let batch = || session.batch().write([red.active()]).read("button").write([red.inactive()]);
    let (result, ()) = join!(batch().send(), async {
        let (id, command) = served.next().await.unwrap();
        let Command::Batch(batch) = command else { panic!() };
        assert_eq!(batch.operations.len(), 3);
        let result = v1::BatchResult { done: 3, bits: vec![0b10], timestamp_ns: 9, error: None };
        served.answer(id, Answer::Batch(result.into())).await;
    });
    let result = result.unwrap();
    assert_eq!((result.reads[0].get("button"), result.timestamp_ns), (Some(Value::Active), 9));

    let (result, ()) = join!(batch().send(), async {
        let (id, _) = served.next().await.unwrap();
        let error =
            v1::Error { code: Code::Internal.into(), reason: "HARDWARE".into(), ..Default::default() };
        let result = v1::BatchResult { done: 2, bits: vec![0], timestamp_ns: 9, error: Some(error) };
        served.answer(id, Answer::Batch(result.into())).await;
    });
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Batch { done: 2, .. }));
    assert_eq!(error.reason(), Some(&Reason::Hardware));
    let mistaken = session.batch().read("button").write([("blue", Value::Active)]).send().await;
    assert!(matches!(mistaken, Err(Error::NoSuchLine { .. })));
}

#[tokio::test]
async fn answers_find_their_commands_in_any_order() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("a").output("b")).await;
    let (a, b) = (session.output("a").unwrap(), session.output("b").unwrap());
    let program = Program::new().wait(Duration::from_millis(1));
    let serve = async {
        let (first, _) = served.next().await.unwrap();
        let (second, _) = served.next().await.unwrap();
        let (program, command) = served.next().await.unwrap();
        assert!(matches!(command, Command::Program(_)));
        let (last, _) = served.next().await.unwrap();
        served
            .answer(
                program,
                Answer::Program(v1::ProgramResult { values: Some(values(0)), ..Default::default() }),
            )
            .await;
        for id in [last, second, first] {
            served.done(id).await;
        }
        (first, second, last)
    };
    let (x, y, result, z, (first, second, last)) = join!(
        a.set(Value::Active),
        b.set(Value::Active),
        session.program(&program),
        a.set(Value::Inactive),
        serve
    );
    result.unwrap();
    assert_eq!([x.unwrap(), y.unwrap(), z.unwrap()], [first, second, last].map(|id| 1000 + id));
}

#[tokio::test]
async fn no_more_than_256_commands_are_on_their_way() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("a")).await;
    let a = session.output("a").unwrap();
    let mut commands: Vec<_> = (0..257).map(|_| Box::pin(a.set(Value::Active))).collect();
    for command in &mut commands {
        assert!(poll_once(command.as_mut()).await.is_pending());
    }
    // The end of the requests shows how many were sent.
    drop(session);
    let mut ids = Vec::new();
    while let Some((id, _)) = served.next().await {
        ids.push(id);
    }
    assert_eq!(ids.len(), 256);
    for id in ids {
        served.done(id).await;
    }
    assert!(matches!(commands.pop().unwrap().await, Err(Error::Closed)));
    for command in commands {
        command.await.unwrap();
    }
}

#[tokio::test]
async fn a_command_whose_future_is_dropped_gives_its_place_back_when_it_is_answered() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("a")).await;
    let a = session.output("a").unwrap();
    for _ in 0..256 {
        let mut command = Box::pin(a.set(Value::Active));
        assert!(poll_once(command.as_mut()).await.is_pending());
    }
    let mut waiting = pin!(a.set(Value::Inactive));
    assert!(poll_once(waiting.as_mut()).await.is_pending());
    let serve = async {
        for bits in [1; 256].into_iter().chain([0]) {
            let (id, command) = served.next().await.unwrap();
            assert_eq!(command, Command::Write(v1::WriteCommand { mask: 1, bits }));
            served.done(id).await;
        }
    };
    join!(waiting, serve).0.unwrap();
}

/// Polls once, without the bound that tokio sets on what one task may do in a row.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    unconstrained(std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx)))).await
}

#[tokio::test]
async fn a_refused_command_leaves_the_session_open() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().both("ldr")).await;
    let ldr = session.both("ldr").unwrap();
    let (set, ()) = join!(ldr.set(Value::Active), async {
        let (id, _) = served.next().await.unwrap();
        let code = Code::FailedPrecondition.into();
        let error = v1::Error { code, reason: "WRONG_DIRECTION".into(), message: "ldr is an input".into() };
        served.answer(id, Answer::Error(error)).await;
    });
    let error = set.unwrap_err();
    assert_eq!((error.reason(), error.is_retryable()), (Some(&Reason::WrongDirection), false));
    let (listen, _) = join!(ldr.listen(), take(&mut served));
    listen.unwrap();
}

#[tokio::test]
async fn an_answer_of_the_wrong_kind_is_an_error_and_not_a_hang() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("a")).await;
    let (read, _) = join!(session.read_all(), take(&mut served));
    assert!(matches!(read, Err(Error::Protocol { .. })));
}

#[tokio::test]
async fn a_handle_of_another_session_is_refused() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (one, _one) = daemon.open(client.session().output("red").input("button")).await;
    let (two, _two) = daemon.open(client.session().output("red").input("button")).await;
    let red = one.output("red").unwrap();
    let button = one.input("button").unwrap();
    let write = two.write([red.active()]).await;
    assert!(matches!(write, Err(Error::ForeignHandle { line }) if line == "red"));
    assert!(matches!(two.read([&button]).await, Err(Error::ForeignHandle { .. })));
    assert!(matches!(two.watch([&button]).open().await, Err(Error::ForeignHandle { .. })));
    let program = Program::new().set([red.active()]);
    assert!(matches!(two.program(&program).await, Err(Error::ForeignHandle { .. })));
    assert!(matches!(client.run_program(["red"], &program).await, Err(Error::ForeignHandle { .. })));
    assert!(matches!(client.write([red.active()]).await, Err(Error::ForeignHandle { .. })));
}

#[tokio::test]
async fn close_ends_the_requests_and_waits_until_the_daemon_ends_the_answers() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("red")).await;
    let red = session.output("red").unwrap();
    let mut last = pin!(red.set(Value::Inactive));
    assert!(poll_once(last.as_mut()).await.is_pending());
    let mut close = pin!(session.close());
    assert!(poll_once(close.as_mut()).await.is_pending());
    let (id, _) = served.next().await.unwrap();
    assert!(served.next().await.is_none());
    assert!(matches!(red.set(Value::Active).await, Err(Error::Closed)));
    // The daemon has seen the end; it is not over before it says so, and what was sent before is still answered.
    served.done(id).await;
    last.await.unwrap();
    assert!(poll_once(close.as_mut()).await.is_pending());
    drop(served);
    close.await.unwrap();
    assert!(matches!(red.set(Value::Active).await, Err(Error::Closed)));
}

#[tokio::test]
async fn a_dropped_session_ends_its_requests_although_handles_live() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("red")).await;
    let red = session.output("red").unwrap();
    drop(session);
    assert!(served.next().await.is_none());
    assert!(matches!(red.set(Value::Active).await, Err(Error::Closed)));
}

#[tokio::test]
async fn an_expired_watchdog_ends_the_session_for_good() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let builder = client.session().output("red").watchdog(Duration::from_millis(10));
    let (session, served) = daemon.open(builder).await;
    served.end_with(refusal(Code::DeadlineExceeded, "WATCHDOG_EXPIRED", "no command for 10 ms")).await;
    let Notice::Ended { error } = session.next_notice().await else { panic!() };
    assert_eq!(error.reason(), Some(&Reason::WatchdogExpired));
    assert_eq!(session.feed().await.unwrap_err().reason(), Some(&Reason::WatchdogExpired));
    assert_eq!(session.close().await.unwrap_err().reason(), Some(&Reason::WatchdogExpired));
}
