//! Watches: every edge is delivered once and in order, or counted.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{CONFIG, Rig, raw};
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_proto::v1::{
    Edge, EventSource, LossCause, OpenCommand, SessionLine, SessionRequest, WatchCommand, WatchRequest,
};
use gpiod_sdk::{Value, WatchItem};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

#[tokio::test]
async fn a_button_is_seen_pressed_and_released_with_the_boards_own_stamps() {
    let rig = Rig::start().await;
    let mut watch = rig.client("bench").await.watch(["lamp", "button"]).open().await.unwrap();
    let WatchItem::Values(values) = watch.next().await.unwrap().unwrap() else { panic!("values come first") };
    assert_eq!(values.bits(), 0, "released, on an active-low line");
    let mut board = rig.board().await;
    board.press("start", Some(Duration::from_millis(20))).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let WatchItem::Edge(edge) = watch.next().await.unwrap().unwrap() else { panic!("an edge") };
        seen.push((edge.value, edge.timestamp_ns));
        assert_eq!((&*edge.line, edge.position), ("button", 1));
    }
    let pressed = rig.saw(0, |e| fixture::became(e, "GPIO17", false)).await;
    let released = rig.saw(pressed.seq, |e| fixture::became(e, "GPIO17", true)).await;
    assert_eq!(seen, [(Value::Active, pressed.time_ns), (Value::Inactive, released.time_ns)]);
}

#[tokio::test]
async fn only_the_edges_that_were_asked_for_are_told() {
    let rig = Rig::start().await;
    let mut watch = raw(&rig.watch_socket("bench"))
        .await
        .watch(WatchRequest {
            lines: vec!["button".to_owned()],
            edge: Edge::Falling.into(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    watch.message().await.unwrap().unwrap();
    rig.board().await.press("start", Some(Duration::from_millis(1))).await.unwrap();
    let event = watch.message().await.unwrap().unwrap().events[0];
    assert_eq!((event.edge(), event.source(), event.line_seqno), (Edge::Falling, EventSource::Kernel, 2));
}

#[tokio::test]
async fn a_watcher_that_does_not_read_loses_the_oldest_and_is_told_how_many() {
    let rig = Rig::with(&format!("{CONFIG}\n[limits]\nwatch_events = 16\n")).await;
    let mut frozen = raw(&rig.watch_socket("bench"))
        .await
        .watch(WatchRequest { lines: vec!["out".to_owned()], ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    frozen.message().await.unwrap().unwrap();
    let client = rig.client("bench").await;
    let session = client.session().output("out").open().await.unwrap();
    let out = session.output("out").unwrap();
    // More than the connection's window holds while nobody reads it.
    const EDGES: u64 = 40_000;
    for _ in 0..EDGES / 250 {
        let mut batch = session.batch();
        for _ in 0..125 {
            batch = batch.write([out.active()]).write([out.inactive()]);
        }
        batch.send().await.unwrap();
    }
    let (mut delivered, mut lost, mut next_seqno, mut told_values) = (0u64, 0, 1, false);
    while delivered + lost < EDGES {
        let part = frozen.message().await.unwrap().unwrap();
        for loss in &part.losses {
            assert_eq!(loss.cause(), LossCause::Watcher);
            lost += loss.count();
            next_seqno += loss.count();
            told_values = part.values.is_some();
        }
        assert_eq!(part.first_seqno, next_seqno);
        next_seqno += part.events.len() as u64;
        delivered += part.events.len() as u64;
        assert!(part.events.windows(2).all(|pair| pair[0].line_seqno + 1 == pair[1].line_seqno));
    }
    assert_eq!(delivered + lost, EDGES);
    assert!(lost > 0 && told_values, "lost {lost}");
}

#[tokio::test]
async fn a_frozen_watcher_costs_its_own_apps_session_nothing() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    let session = client.session().output("out").open().await.unwrap();
    let out = session.output("out").unwrap();
    let mut frozen = session.watch(&out).ring(16).open().await.unwrap();
    let commands = async {
        for _ in 0..500 {
            out.set(Value::Active).await.unwrap();
            out.set(Value::Inactive).await.unwrap();
        }
    };
    tokio::time::timeout(fixture::PATIENCE, commands).await.expect("every command is answered");
    // What the frozen one kept and what it lost are all there were.
    let (mut seen, mut lost) = (0, 0);
    while seen + lost < 1_000 {
        match frozen.next().await.unwrap().unwrap() {
            WatchItem::Edge(_) => seen += 1,
            WatchItem::Lost(loss) => lost += loss.count.unwrap(),
            WatchItem::Values(_) => {}
        }
    }
    assert!(seen <= 16 && seen + lost == 1_000, "{seen} and {lost}");
}

/// How much memory the daemon has, in kB.
fn resident_kb(rig: &Rig) -> u64 {
    let pid = rig.daemon.as_ref().unwrap().pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_session_that_does_not_read_its_watch_holds_up_no_other_session_and_takes_no_more_memory() {
    let rig = Rig::start().await;
    let (requests, sent) = mpsc::unbounded_channel();
    let open = OpenCommand {
        lines: vec![SessionLine { name: "in".to_owned(), ..Default::default() }],
        ..Default::default()
    };
    requests.send(SessionRequest { id: 0, command: Some(Command::Open(open.into())) }).unwrap();
    let watch = WatchCommand { mask: 1, ..Default::default() };
    requests.send(SessionRequest { id: 1, command: Some(Command::Watch(watch.into())) }).unwrap();
    let mut client = raw(&rig.socket("bench")).await;
    let mut frozen = client.session(UnboundedReceiverStream::new(sent)).await.unwrap().into_inner();
    for _ in 0..2 {
        frozen.message().await.unwrap().unwrap();
    }
    let session = rig.client("bench").await.session().output("out").open().await.unwrap();
    let out = session.output("out").unwrap();
    let toggle = async |times: u64| {
        for _ in 0..times / 250 {
            let mut batch = session.batch();
            for _ in 0..125 {
                batch = batch.write([out.active()]).write([out.inactive()]);
            }
            tokio::time::timeout(fixture::PATIENCE, batch.send()).await.expect("it is answered").unwrap();
        }
    };
    const EDGES: u64 = 20_000;
    toggle(EDGES).await;
    let before = resident_kb(&rig);
    toggle(EDGES).await;
    let after = resident_kb(&rig);
    assert!(after <= before + 1024, "{before} kB, then {after} kB");
    // What the frozen one kept and what it lost are all there were.
    let mut accounted = 0;
    while accounted < 2 * EDGES {
        let Some(Answer::Watch(part)) = frozen.message().await.unwrap().unwrap().result else {
            panic!("a part")
        };
        accounted += part.losses.iter().map(gpiod_proto::v1::Loss::count).sum::<u64>();
        accounted += part.events.len() as u64;
    }
    assert_eq!(accounted, 2 * EDGES);
}
