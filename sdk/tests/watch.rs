//! Watches: what they give, what they lose and say so, and whom they do not hold up.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod scripted;

use futures_util::StreamExt;
use gpiod_proto::v1;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_sdk::{
    Code, Edge, Error, EventSource, Input, Loss, LossCause, Reason, Session, Value, Watch, WatchItem,
};
use scripted::{Call, Daemon, Served, edges, first, refusal};
use std::time::Duration;
use tokio::join;
use tokio::sync::mpsc;

/// Opens a watch of a session from both ends.
async fn watch(session: &Session, served: &mut Served, button: &Input, ring: usize) -> (Watch, u64) {
    let (watch, id) = join!(session.watch([button]).ring(ring).open(), async {
        let (id, command) = served.next().await.unwrap();
        let wanted = v1::WatchCommand { mask: 1, edge: v1::Edge::Both.into(), resume: None };
        assert_eq!(command, Command::Watch(wanted.into()));
        served.answer(id, Answer::Watch(first(0).into())).await;
        id
    });
    (watch.unwrap(), id)
}

type Messages = mpsc::Sender<Result<v1::WatchResponse, tonic::Status>>;

async fn watch_call(daemon: &mut Daemon) -> (v1::WatchRequest, Messages) {
    let Call::Watch(request, messages) = daemon.call().await else { panic!("not a watch") };
    (request, messages)
}

async fn item(watch: &mut Watch) -> WatchItem {
    watch.next().await.unwrap().unwrap()
}

fn loss(cause: LossCause, count: Option<u64>) -> Loss {
    Loss { cause, count, away: None, from_ns: None, until_ns: None }
}

#[tokio::test]
async fn a_watch_begins_with_the_values_and_goes_on_with_edges() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (opened, messages) = join!(client.watch(["button", "door"]).edge(Edge::Rising).open(), async {
        let (request, messages) = watch_call(&mut daemon).await;
        assert_eq!((request.lines.len(), request.edge()), (2, v1::Edge::Rising));
        messages.send(Ok(first(0b10))).await.unwrap();
        messages
    });
    let mut watch = opened.unwrap();
    let WatchItem::Values(values) = item(&mut watch).await else { panic!() };
    assert_eq!((values.get("button"), values.get("door")), (Some(Value::Inactive), Some(Value::Active)));
    let losses = vec![v1::Loss { cause: v1::LossCause::Kernel.into(), count: Some(4), ..Default::default() }];
    messages.send(Ok(v1::WatchResponse { losses, ..edges(5..7) })).await.unwrap();
    let lost = loss(LossCause::Kernel, Some(4));
    // As a stream, too.
    assert_eq!(StreamExt::next(&mut watch).await.unwrap().unwrap(), WatchItem::Lost(lost));
    let WatchItem::Edge(edge) = item(&mut watch).await else { panic!() };
    assert_eq!((&*edge.line, edge.position, edge.edge()), ("button", 0, Edge::Rising));
    assert_eq!((edge.seqno, edge.line_seqno, edge.timestamp_ns), (5, 5, 50));
    assert_eq!(edge.source, EventSource::Kernel);
    let WatchItem::Edge(edge) = item(&mut watch).await else { panic!() };
    assert_eq!(edge.seqno, 6);
}

#[tokio::test]
async fn a_frozen_watch_loses_its_oldest_edges_exactly_counted_and_holds_up_no_command() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().input("button").output("red")).await;
    let (button, red) = (session.input("button").unwrap(), session.output("red").unwrap());
    let (mut watch, id) = watch(&session, &mut served, &button, 100).await;
    // Several MB, more than all windows of the connection together.
    for start in (1..100_001).step_by(100) {
        served.answer(id, Answer::Watch(edges(start..start + 100).into())).await;
    }
    // Answered behind all those edges, so they are in the ring or lost by then.
    let (set, ()) = join!(red.set(Value::Active), async {
        let (id, _) = served.next().await.unwrap();
        served.done(id).await;
    });
    set.unwrap();
    let lost = loss(LossCause::Watcher, Some(99_900));
    assert_eq!(item(&mut watch).await, WatchItem::Lost(lost));
    let WatchItem::Values(values) = item(&mut watch).await else { panic!() };
    assert_eq!((values.get("button"), values.get("red")), (Some(Value::Active), None));
    for seqno in 99_901..100_001 {
        let WatchItem::Edge(edge) = item(&mut watch).await else { panic!() };
        assert_eq!(edge.seqno, seqno);
    }
}

#[tokio::test]
async fn a_dropped_watch_is_ended_and_the_others_go_on() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().input("button")).await;
    let button = session.input("button").unwrap();
    let (one, one_id) = watch(&session, &mut served, &button, 8).await;
    let (mut two, two_id) = watch(&session, &mut served, &button, 8).await;
    drop(one);
    let (_, command) = served.next().await.unwrap();
    assert_eq!(command, Command::Unwatch(v1::UnwatchCommand { watch_id: one_id }));
    served.answer(one_id, Answer::Watch(edges(1..2).into())).await;
    served.answer(two_id, Answer::Watch(edges(1..2).into())).await;
    assert!(matches!(item(&mut two).await, WatchItem::Values(_)));
    assert!(matches!(item(&mut two).await, WatchItem::Edge(_)));
}

#[tokio::test]
async fn a_watch_whose_opening_is_given_up_is_ended() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().input("button")).await;
    let button = session.input("button").unwrap();
    let id = tokio::select! {
        _ = session.watch([&button]).open() => panic!("nobody answered"),
        command = served.next() => command.unwrap().0,
    };
    let (_, command) = served.next().await.unwrap();
    assert_eq!(command, Command::Unwatch(v1::UnwatchCommand { watch_id: id }));
}

#[tokio::test]
async fn a_session_has_at_most_64_watches() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().input("button")).await;
    let button = session.input("button").unwrap();
    let mut watches = Vec::new();
    for _ in 0..64 {
        watches.push(watch(&session, &mut served, &button, 1).await);
    }
    assert!(matches!(session.watch([&button]).open().await, Err(Error::Invalid { .. })));
    watches.pop();
    let (id, command) = served.next().await.unwrap();
    assert!(matches!(command, Command::Unwatch(_)));
    served.done(id).await;
    watch(&session, &mut served, &button, 1).await;
}

#[tokio::test]
async fn a_refused_watch_says_why() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (opened, ()) = join!(client.watch(["blue"]).open(), async {
        let (_, messages) = watch_call(&mut daemon).await;
        messages.send(Err(refusal(Code::NotFound, "LINE_NOT_FOUND", "no line \"blue\""))).await.unwrap();
    });
    assert_eq!(opened.unwrap_err().reason(), Some(&Reason::LineNotFound));
}

#[tokio::test]
async fn a_watch_ends_with_its_session() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (session, mut served) = daemon.open(client.session().input("button")).await;
    let button = session.input("button").unwrap();
    let (mut open, _) = watch(&session, &mut served, &button, 8).await;
    let (closed, ()) = join!(session.close(), async {
        assert!(served.next().await.is_none());
        drop(served);
    });
    closed.unwrap();
    assert!(matches!(item(&mut open).await, WatchItem::Values(_)));
    assert!(open.next().await.is_none());
}

#[tokio::test]
async fn a_watch_of_a_daemon_without_positions_begins_anew_when_it_is_back_and_tells_the_time_away() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (opened, messages) = join!(client.watch(["button"]).open(), async {
        let (_, messages) = watch_call(&mut daemon).await;
        messages.send(Ok(first(0))).await.unwrap();
        messages
    });
    let mut watch = opened.unwrap();
    assert!(matches!(item(&mut watch).await, WatchItem::Values(_)));
    daemon.kill();
    messages.closed().await;
    let mut daemon = daemon.restart();
    let (request, messages) = watch_call(&mut daemon).await;
    assert_eq!((request.lines, request.resume), (vec!["button".to_owned()], None));
    let cause = v1::LossCause::Restart.into();
    let losses = vec![v1::Loss { cause, ..Default::default() }];
    messages.send(Ok(v1::WatchResponse { losses, ..first(1) })).await.unwrap();
    let WatchItem::Lost(Loss { cause: LossCause::Restart, count: None, away: Some(away), .. }) =
        item(&mut watch).await
    else {
        panic!()
    };
    assert!(!away.is_zero());
    let WatchItem::Values(values) = item(&mut watch).await else { panic!() };
    assert_eq!(values.get("button"), Some(Value::Active));

    // The line is gone from the configuration: no retry mends that.
    messages.send(Err(refusal(Code::Unavailable, "STOPPING", "stopping"))).await.unwrap();
    let (_, messages) = watch_call(&mut daemon).await;
    messages.send(Err(refusal(Code::NotFound, "LINE_NOT_FOUND", "no line"))).await.unwrap();
    let error = watch.next().await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::LineNotFound));
    assert!(watch.next().await.is_none());
}

/// Where a watch is, of lines that had so many events.
fn position(epoch: u64, line_seqnos: &[u64], seqno: u64) -> v1::WatchPosition {
    v1::WatchPosition {
        epoch,
        line_seqnos: line_seqnos.to_vec(),
        timestamp_ns: 7,
        seqno,
        values: Some(scripted::values(0b10)),
        uncertainty_ns: 3,
    }
}

#[tokio::test]
async fn a_watch_goes_on_where_it_was_when_its_connection_broke() {
    let mut daemon = Daemon::start();
    let client = daemon.client().await;
    let (opened, messages) = join!(client.watch(["button", "door"]).open(), async {
        let (request, messages) = watch_call(&mut daemon).await;
        assert_eq!(request.resume, None);
        let position = Some(position(9, &[4, 8], 0));
        messages.send(Ok(v1::WatchResponse { position, ..first(0b10) })).await.unwrap();
        messages
    });
    let mut watch = opened.unwrap();
    assert!(matches!(item(&mut watch).await, WatchItem::Values(_)));
    messages.send(Ok(edges(1..7))).await.unwrap();
    for seqno in 1..7 {
        assert!(matches!(item(&mut watch).await, WatchItem::Edge(edge) if edge.seqno == seqno));
    }
    daemon.kill();
    messages.closed().await;
    let mut daemon = daemon.restart();
    let (request, messages) = watch_call(&mut daemon).await;
    let resume = v1::WatchPosition {
        timestamp_ns: 60,
        values: Some(v1::Values { bits: 0b11, timestamp_ns: 7 }),
        ..position(9, &[6, 8], 6)
    };
    assert_eq!(request.resume, Some(resume.clone()));
    // The same daemon still: it tells what was missed, and there is nothing to be said of it.
    let more = v1::WatchResponse { position: Some(resume), ..edges(7..9) };
    messages.send(Ok(more)).await.unwrap();
    assert!(matches!(item(&mut watch).await, WatchItem::Edge(edge) if edge.seqno == 7));
    assert!(matches!(item(&mut watch).await, WatchItem::Edge(edge) if edge.seqno == 8));

    // Another one, which knows when nobody watched.
    messages.send(Err(refusal(Code::Unavailable, "STOPPING", "stopping"))).await.unwrap();
    let (request, messages) = watch_call(&mut daemon).await;
    assert_eq!(request.resume.unwrap().line_seqnos, [8, 8]);
    let away = v1::Loss {
        cause: v1::LossCause::Restart.into(),
        count: None,
        from_ns: Some(1_000),
        until_ns: Some(1_500),
    };
    let begin = v1::WatchResponse {
        losses: vec![away],
        first_seqno: 9,
        position: Some(position(10, &[0, 0], 8)),
        ..first(0b01)
    };
    messages.send(Ok(begin)).await.unwrap();
    let told = Loss {
        away: Some(Duration::from_nanos(500)),
        from_ns: Some(1_000),
        until_ns: Some(1_500),
        ..loss(LossCause::Restart, None)
    };
    assert_eq!(item(&mut watch).await, WatchItem::Lost(told));
    assert!(matches!(item(&mut watch).await, WatchItem::Values(_)));
}
