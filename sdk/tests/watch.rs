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
use tokio::join;
use tokio::sync::mpsc;

/// Opens a watch of a session from both ends.
async fn watch(session: &Session, served: &mut Served, button: &Input, ring: usize) -> (Watch, u64) {
    let (watch, id) = join!(session.watch([button]).ring(ring).open(), async {
        let (id, command) = served.next().await.unwrap();
        assert_eq!(command, Command::Watch(v1::WatchCommand { mask: 1, edge: v1::Edge::Both.into() }));
        served.answer(id, Answer::Watch(first(0))).await;
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
    let losses = vec![v1::Loss { cause: v1::LossCause::Kernel.into(), count: Some(4) }];
    messages.send(Ok(v1::WatchResponse { losses, ..edges(5..7) })).await.unwrap();
    let lost = Loss { cause: LossCause::Kernel, count: Some(4), away: None };
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
        served.answer(id, Answer::Watch(edges(start..start + 100))).await;
    }
    // Answered behind all those edges, so they are in the ring or lost by then.
    let (set, ()) = join!(red.set(Value::Active), async {
        let (id, _) = served.next().await.unwrap();
        served.done(id).await;
    });
    set.unwrap();
    let lost = Loss { cause: LossCause::Watcher, count: Some(99_900), away: None };
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
    served.answer(one_id, Answer::Watch(edges(1..2))).await;
    served.answer(two_id, Answer::Watch(edges(1..2))).await;
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
async fn a_watch_opens_again_when_the_daemon_is_back_and_tells_the_time_away() {
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
    assert_eq!(request.lines, ["button"]);
    let cause = v1::LossCause::Restart.into();
    let losses = vec![v1::Loss { cause, count: None }];
    messages.send(Ok(v1::WatchResponse { losses, ..first(1) })).await.unwrap();
    let WatchItem::Lost(Loss { cause: LossCause::Restart, count: None, away: Some(away) }) =
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
