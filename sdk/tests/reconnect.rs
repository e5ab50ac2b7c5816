//! What a session does when the daemon goes and comes back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod scripted;

use gpiod_proto::v1;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_sdk::{Code, Error, Loss, LossCause, Notice, Reason, Session, Value, WatchItem};
use scripted::{Daemon, Served, edges, first, refusal};
use std::time::{Duration, Instant};
use tokio::join;

fn stopping() -> tonic::Status {
    refusal(Code::Unavailable, "STOPPING", "gpiod is stopping")
}

async fn lost(session: &Session) -> Error {
    let Notice::Lost { why } = session.next_notice().await else { panic!("not lost") };
    why
}

async fn resumed(session: &Session) -> (Duration, u64) {
    let Notice::Resumed { away, times, .. } = session.next_notice().await else { panic!("not resumed") };
    (away, times)
}

async fn refuse(served: &mut Served, code: Code, reason: &str) {
    served.open_command().await;
    let error = v1::Error { code: code.into(), reason: reason.into(), message: reason.to_lowercase() };
    served.answer(0, Answer::Error(error)).await;
}

#[tokio::test]
async fn a_killed_daemon_is_found_again_at_its_path_and_the_session_goes_on() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let builder = client.session().output_at("red", Value::Active).input("button");
    let (session, served) = daemon.open(builder).await;
    let red = session.output("red").unwrap();
    let before = Instant::now();
    daemon.kill();
    assert!(matches!(lost(&session).await, Error::Away { .. }));
    let Err(Error::Away { since, .. }) = red.set(Value::Active).await else { panic!("not away") };
    assert!(since >= before);
    drop(served);

    let mut daemon = daemon.restart();
    let (open, mut served) = daemon.opened(0b10).await;
    let names: Vec<_> = open.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["red", "button"]);
    assert!(open.lines.iter().all(|line| line.initial() == v1::Value::Unspecified), "it would blink");
    assert_eq!(open.client_name, "test");
    let Notice::Resumed { away, times: 1, values, .. } = session.next_notice().await else { panic!() };
    assert!(!away.is_zero() && away <= before.elapsed());
    assert_eq!(values.get("button"), Some(Value::Active));
    assert_eq!(session.opened_with(), values);

    // The same handle works on.
    let (set, ()) = join!(red.set(Value::Inactive), async {
        let (id, command) = served.next().await.unwrap();
        assert_eq!(command, Command::Write(v1::WriteCommand { mask: 1, bits: 0 }));
        served.done(id).await;
    });
    set.unwrap();
}

#[tokio::test]
async fn a_daemon_that_gives_no_answer_is_taken_for_gone() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("red")).await;
    let red = session.output("red").unwrap();
    // No command is on its way: however long the daemon says nothing, it is there.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    let (Err(Error::Away { why, .. }), Some(_)) = join!(red.set(Value::Active), served.next()) else {
        panic!("it was answered")
    };
    assert_eq!(why, "no answer within 15 s");
    tokio::time::resume();
    assert!(matches!(lost(&session).await, Error::Away { .. }));
    // It comes back to the same daemon, once that answers. A try that it has given up may look like one that it has not.
    let answered = async {
        let mut served = Vec::new();
        loop {
            served.push(daemon.opened(0).await);
        }
    };
    tokio::select! {
        _ = resumed(&session) => {}
        () = answered => {}
    }
}

#[tokio::test]
async fn a_session_is_closed_though_the_daemon_gives_no_answer() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, _served) = daemon.open(client.session().output("red")).await;
    tokio::time::pause();
    let Err(Error::Away { why, .. }) = session.close().await else { panic!("it was answered") };
    assert_eq!(why, "no answer within 15 s");
}

#[tokio::test]
async fn a_session_goes_to_the_next_daemon_while_the_last_one_still_ends_its_streams() {
    let mut last = Daemon::start();
    let client = last.client().await;
    let (session, served) = last.open(client.session().output("red")).await;
    let mut next = Daemon::start_at(last.socket());
    served.end_with(stopping()).await;
    let _served = next.opened(0).await;
    assert_eq!(lost(&session).await.reason(), Some(&Reason::Stopping));
    assert_eq!(resumed(&session).await.1, 1);
}

#[tokio::test]
async fn a_command_on_its_way_fails_when_the_daemon_goes() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("red")).await;
    let red = session.output("red").unwrap();
    let (set, ()) = join!(red.set(Value::Active), async {
        served.next().await.unwrap();
        served.end_with(stopping()).await;
    });
    let error = set.unwrap_err();
    assert!(matches!(&error, Error::Away { why, .. } if why == "gpiod is stopping"), "{error:?}");
    assert!(error.is_retryable());
    assert_eq!(lost(&session).await.reason(), Some(&Reason::Stopping));
    let _served = daemon.opened(0).await;
    resumed(&session).await;
}

#[tokio::test]
async fn a_line_that_somebody_else_took_is_waited_for() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, served) = daemon.open(client.session().output("red")).await;
    let red = session.output("red").unwrap();
    served.end_with(stopping()).await;
    lost(&session).await;
    refuse(&mut daemon.session().await, Code::FailedPrecondition, "LINE_HELD").await;
    // The next try shows that the refusal has arrived.
    let mut served = daemon.session().await;
    let Err(Error::Away { why, .. }) = red.set(Value::Active).await else { panic!("not away") };
    assert_eq!(why, "line_held");
    refuse(&mut served, Code::ResourceExhausted, "LIMIT_REACHED").await;
    let _served = daemon.opened(0).await;
    assert_eq!(resumed(&session).await.1, 1);
}

#[tokio::test]
async fn a_refusal_that_no_retry_mends_ends_the_session() {
    for (code, reason) in [
        (Code::NotFound, Reason::LineNotFound),
        (Code::PermissionDenied, Reason::NotPermitted),
        (Code::FailedPrecondition, Reason::WrongDirection),
        (Code::InvalidArgument, Reason::InvalidRequest),
    ] {
        let mut daemon = Daemon::start();
        let client = daemon.client().await;
        let (session, mut served) = daemon.open(client.session().input("button")).await;
        let button = session.input("button").unwrap();
        let (watch, ()) = join!(session.watch([&button]).open(), async {
            let (id, _) = served.next().await.unwrap();
            served.answer(id, Answer::Watch(first(0).into())).await;
        });
        let mut watch = watch.unwrap();
        served.end_with(stopping()).await;
        lost(&session).await;
        refuse(&mut daemon.session().await, code, &reason.to_string()).await;
        let Notice::Ended { error } = session.next_notice().await else { panic!("not ended") };
        assert_eq!(error.reason(), Some(&reason));
        assert_eq!(button.read().await.unwrap_err().reason(), Some(&reason));
        assert!(matches!(watch.next().await, Some(Ok(WatchItem::Values(_)))));
        assert_eq!(watch.next().await.unwrap().unwrap_err().reason(), Some(&reason));
        assert!(watch.next().await.is_none());
        // It stays so for whoever asks again.
        assert!(matches!(session.next_notice().await, Notice::Ended { .. }));
    }
}

#[tokio::test]
async fn times_away_that_nobody_asked_for_are_summed_up() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("red")).await;
    for _ in 0..3 {
        served.end_with(stopping()).await;
        served = daemon.opened(0).await.1;
    }
    // A command that is answered shows that the last opening has arrived.
    let (fed, ()) = join!(fed(&session), async {
        let (id, _) = served.next().await.unwrap();
        served.done(id).await;
    });
    fed.unwrap();
    lost(&session).await;
    let (away, times) = resumed(&session).await;
    assert!(times == 3 && !away.is_zero());
}

/// Feeds as soon as the session is open.
async fn fed(session: &Session) -> Result<(), Error> {
    loop {
        match session.feed().await {
            Err(Error::Away { .. }) => tokio::task::yield_now().await,
            result => return result,
        }
    }
}

#[tokio::test]
async fn the_sessions_watches_go_on_and_tell_the_time_away() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("red").input("button")).await;
    let button = session.input("button").unwrap();
    let (watch, watch_id) = join!(session.watch([&button]).open(), async {
        let (id, _) = served.next().await.unwrap();
        served.answer(id, Answer::Watch(first(0b00).into())).await;
        id
    });
    let mut watch = watch.unwrap();
    assert!(matches!(watch.next().await, Some(Ok(WatchItem::Values(_)))));
    daemon.kill();
    drop(served);
    let mut daemon = daemon.restart();
    let (_, mut served) = daemon.opened(0).await;
    let (id, command) = served.next().await.unwrap();
    assert_eq!(id, watch_id);
    assert_eq!(
        command,
        Command::Watch(v1::WatchCommand { mask: 0b10, edge: v1::Edge::Both.into(), resume: None }.into())
    );
    served.answer(id, Answer::Watch(first(0b10).into())).await;
    served.answer(id, Answer::Watch(edges(1..2).into())).await;
    let Some(Ok(WatchItem::Lost(Loss { cause: LossCause::Restart, away: Some(away), .. }))) =
        watch.next().await
    else {
        panic!("no loss")
    };
    assert!(!away.is_zero());
    assert!(matches!(watch.next().await, Some(Ok(WatchItem::Values(values))) if values.bits() == 0b10));
    assert!(matches!(watch.next().await, Some(Ok(WatchItem::Edge(edge))) if edge.seqno == 1));
}

#[tokio::test]
async fn a_watch_of_a_session_goes_on_where_it_was() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().output("red").input("button")).await;
    let button = session.input("button").unwrap();
    let position = |line_seqno, seqno| v1::WatchPosition {
        epoch: 5,
        line_seqnos: vec![line_seqno],
        seqno,
        ..Default::default()
    };
    let (watch, id) = join!(session.watch([&button]).open(), async {
        let (id, _) = served.next().await.unwrap();
        let begin = v1::WatchResponse { position: Some(position(3, 0)), ..first(0b00) };
        served.answer(id, Answer::Watch(begin.into())).await;
        id
    });
    let mut watch = watch.unwrap();
    let press = |seqno| {
        let mut message = edges(seqno..seqno + 1);
        message.events[0].line = 1;
        message.events[0].line_seqno = 3 + seqno;
        message
    };
    served.answer(id, Answer::Watch(press(1).into())).await;
    assert!(matches!(watch.next().await, Some(Ok(WatchItem::Values(_)))));
    assert!(matches!(watch.next().await, Some(Ok(WatchItem::Edge(edge))) if edge.seqno == 1));
    served.end_with(stopping()).await;
    let (_, mut served) = daemon.opened(0).await;
    let (again, command) = served.next().await.unwrap();
    let Command::Watch(command) = command else { panic!("{command:?}") };
    let v1::WatchCommand { resume: Some(resume), mask: 0b10, .. } = *command else {
        panic!("it does not go on: {command:?}")
    };
    assert_eq!((again, &resume.line_seqnos[..], resume.seqno), (id, &[4][..], 1));
    served.answer(id, Answer::Watch(v1::WatchResponse { position: Some(resume), ..press(2) }.into())).await;
    assert!(matches!(watch.next().await, Some(Ok(WatchItem::Edge(edge))) if edge.seqno == 2));
}

#[tokio::test]
async fn a_session_that_is_dropped_while_away_is_not_opened_again() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, served) = daemon.open(client.session().output("red")).await;
    let red = session.output("red").unwrap();
    served.end_with(stopping()).await;
    lost(&session).await;
    let mut again = daemon.session().await;
    assert!(matches!(session.close().await, Err(Error::Away { .. })));
    // The opening that was on its way is given up, and none follows.
    again.open_command().await;
    assert!(again.ended().await);
    assert!(matches!(red.set(Value::Active).await, Err(Error::Closed)));
}
