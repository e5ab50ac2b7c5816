//! Watches over broken connections, stops and swallowed edges: nothing is told twice, and nothing is missing without a
//! word.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{CONFIG, PATIENCE, Rig, raw};
use gpiod::board::model::Fault;
use gpiod::board::record::Change;
use gpiod_proto::v1::{self, WatchPosition, WatchRequest};
use gpiod_sdk::{Client, LossCause, Session, Value, Watch, WatchItem};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{AbortHandle, JoinSet};

/// A way to a socket that the test can cut.
struct Way {
    path: PathBuf,
    connections: Arc<Mutex<JoinSet<()>>>,
    accepting: AbortHandle,
}

impl Way {
    fn to(target: &Path, path: PathBuf) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        let connections = Arc::<Mutex<JoinSet<()>>>::default();
        let (target, open) = (target.to_owned(), Arc::clone(&connections));
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let target = target.clone();
                open.lock().unwrap().spawn(async move {
                    let mut daemon = UnixStream::connect(target).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut daemon).await;
                });
            }
        });
        Self { path, connections, accepting: accepting.abort_handle() }
    }

    /// Breaks what is connected; who connects anew gets through.
    fn cut(&self) {
        *self.connections.lock().unwrap() = JoinSet::new();
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn item(watch: &mut Watch) -> WatchItem {
    tokio::time::timeout(PATIENCE, watch.next()).await.expect("an item").unwrap().unwrap()
}

/// Switches the output at the wire's other end on and off so often.
async fn toggle(session: &Session, times: usize) {
    let out = session.output("out").unwrap();
    for _ in 0..times {
        session.batch().write([out.active()]).write([out.inactive()]).send().await.unwrap();
    }
}

const ROUNDS: usize = 8;
const TIMES: usize = 30;

/// While edges flow the connection is cut again and again: each edge of the line at `position` is told once, in order.
async fn nothing_is_missing(way: &Way, world: &Session, watch: &mut Watch, position: usize) {
    assert!(matches!(item(watch).await, WatchItem::Values(_)));
    let mut last = None;
    for round in 0..ROUNDS {
        toggle(world, TIMES).await;
        way.cut();
        toggle(world, TIMES).await;
        for n in 0..4 * TIMES {
            let WatchItem::Edge(edge) = item(watch).await else { panic!("an edge, {n} of round {round}") };
            assert_eq!((edge.position, edge.value.is_active()), (position, n % 2 == 0));
            assert_eq!(edge.seqno, (round * 4 * TIMES + n + 1) as u64);
            assert_eq!(edge.line_seqno, last.map_or(edge.line_seqno, |last| last + 1));
            last = Some(edge.line_seqno);
        }
    }
}

#[tokio::test]
async fn a_watch_whose_connection_breaks_while_edges_flow_misses_none_and_tells_none_twice() {
    let rig = Rig::start().await;
    // Somebody else watches too, so that the edges are not switched off however slow this machine is.
    let _other = rig.client("bench").await.watch(["in"]).open().await.unwrap();
    let world = rig.client("bench").await.session().output("out").open().await.unwrap();
    let way = Way::to(&rig.watch_socket("bench"), rig.path("way.sock"));
    let client = Client::at(&way.path).connect().await.unwrap();
    let mut watch = client.watch(["in"]).open().await.unwrap();
    nothing_is_missing(&way, &world, &mut watch, 0).await;
}

#[tokio::test]
async fn so_does_a_watch_of_a_session_and_one_of_an_output() {
    let rig = Rig::start().await;
    let _other = rig.client("bench").await.watch(["in"]).open().await.unwrap();
    let world = rig.client("bench").await.session().output("out").open().await.unwrap();
    let way = Way::to(&rig.socket("bench"), rig.path("way.sock"));
    let client = Client::at(&way.path).connect().await.unwrap();
    let session = client.session().input("button").input("in").open().await.unwrap();
    let mut watch = session.watch(&session.input("in").unwrap()).open().await.unwrap();
    nothing_is_missing(&way, &world, &mut watch, 1).await;
    drop(watch);
    let mut watch = client.watch(["out"]).open().await.unwrap();
    nothing_is_missing(&way, &world, &mut watch, 0).await;
}

#[tokio::test]
async fn what_is_no_longer_remembered_when_a_watcher_comes_back_is_counted() {
    let rig = Rig::with(&format!("{CONFIG}\n[limits]\nreplay_events = 10\n")).await;
    let world = rig.client("bench").await.session().output("out").open().await.unwrap();
    let mut client = raw(&rig.watch_socket("bench")).await;
    let request = |resume| WatchRequest { lines: vec!["out".to_owned()], resume, ..Default::default() };
    let mut stream = client.watch(request(None)).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    let position = first.position.unwrap();
    assert_eq!((first.first_seqno, position.seqno, position.line_seqnos.len()), (1, 0, 1));
    drop(stream);
    toggle(&world, 20).await;
    let mut stream = client.watch(request(Some(position.clone()))).await.unwrap().into_inner();
    let part = stream.message().await.unwrap().unwrap();
    assert_eq!(
        (part.losses.len(), part.losses[0].cause(), part.losses[0].count),
        (1, v1::LossCause::Watcher, Some(30))
    );
    assert_eq!(part.values.unwrap().bits, 0);
    assert_eq!((part.first_seqno, part.events.len(), part.events[9].line_seqno), (31, 10, 40));
    let after = part.position.unwrap();
    assert_eq!((after.epoch, &after.line_seqnos[..], after.seqno), (position.epoch, &[30][..], 30));
}

/// The level changes of a line that the board saw in a time.
async fn changes(rig: &Rig, line: &str, from_ns: u64, until_ns: u64) -> Vec<u64> {
    let record = rig.board().await.record(0).await.unwrap().entries;
    let changes = record.iter().filter(|e| e.change == Change::Level && e.line.to_string() == line);
    changes.map(|e| e.time_ns).filter(|at| (from_ns..=until_ns).contains(at)).collect()
}

#[tokio::test]
async fn a_watch_of_a_daemon_that_was_away_is_told_the_time_in_which_all_lies_that_it_missed() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let mut rig = Rig::start().await;
        let client = rig.client("bench").await;
        let mut watch = client.watch(["button"]).open().await.unwrap();
        assert!(matches!(item(&mut watch).await, WatchItem::Values(_)));
        let mut told = Vec::new();
        rig.board().await.press("start", None).await.unwrap();
        let WatchItem::Edge(edge) = item(&mut watch).await else { panic!("an edge") };
        told.push(edge.timestamp_ns);
        rig.daemon.take().unwrap().signal(signal).await;
        for _ in 0..3 {
            rig.board().await.release("start").await.unwrap();
            rig.board().await.press("start", None).await.unwrap();
        }
        rig.start_daemon().await;
        let WatchItem::Lost(loss) = item(&mut watch).await else { panic!("the loss comes first") };
        assert_eq!((loss.cause, loss.count), (LossCause::Restart, None));
        assert!(matches!(item(&mut watch).await, WatchItem::Values(values) if values.bits() == 1));
        rig.board().await.release("start").await.unwrap();
        let WatchItem::Edge(edge) = item(&mut watch).await else { panic!("then what comes") };
        assert_eq!((edge.value, edge.seqno), (Value::Inactive, 2), "the stream counts on");
        told.push(edge.timestamp_ns);
        let (from, until) = (loss.from_ns.unwrap(), loss.until_ns.unwrap());
        assert_eq!(loss.away.unwrap().as_nanos(), u128::from(until - from));
        // What the board saw of the button is what was told and what lies in that time: nothing else, nothing twice.
        let all = changes(&rig, "GPIO17", told[0], u64::MAX).await;
        let missed: Vec<u64> = all.iter().copied().filter(|at| !told.contains(at)).collect();
        assert_eq!((all.len(), missed.len()), (8, 6));
        assert!(missed.iter().all(|at| (from..=until).contains(at)), "{missed:?} in {from}..={until}");
    }
}

async fn swallow(rig: &Rig) {
    let fault = Fault::Swallow { line: "GPIO27".parse().unwrap(), edges: 1 };
    rig.board().await.fault(fault).await.unwrap();
}

fn is_hardware(item: &WatchItem) -> bool {
    matches!(item, WatchItem::Lost(loss) if loss.cause == LossCause::Hardware && loss.count.is_none())
}

#[tokio::test]
async fn a_swallowed_edge_is_told_before_the_second_of_two_equal_ones() {
    let rig = Rig::start().await;
    let session = rig.client("bench").await.session().output("out").open().await.unwrap();
    let out = session.output("out").unwrap();
    let mut watch = rig.client("bench").await.watch(["in"]).open().await.unwrap();
    assert!(matches!(item(&mut watch).await, WatchItem::Values(_)));
    session.batch().write([out.active()]).send().await.unwrap();
    assert!(matches!(item(&mut watch).await, WatchItem::Edge(edge) if edge.value == Value::Active));
    swallow(&rig).await;
    session.batch().write([out.inactive()]).write([out.active()]).send().await.unwrap();
    let lost = item(&mut watch).await;
    assert!(is_hardware(&lost), "{lost:?}");
    assert!(matches!(item(&mut watch).await, WatchItem::Values(values) if values.bits() == 1));
    assert!(matches!(item(&mut watch).await, WatchItem::Edge(edge) if edge.line_seqno == 2));
    session.batch().write([out.inactive()]).send().await.unwrap();
    assert!(matches!(item(&mut watch).await, WatchItem::Edge(edge) if edge.value == Value::Inactive));
}

#[tokio::test]
async fn a_swallowed_edge_that_none_follows_is_seen_at_the_level_and_told_with_the_values_of_now() {
    let rig = Rig::start().await;
    let session = rig.client("bench").await.session().output("out").open().await.unwrap();
    let out = session.output("out").unwrap();
    let mut watch = rig.client("bench").await.watch(["in"]).open().await.unwrap();
    assert!(matches!(item(&mut watch).await, WatchItem::Values(_)));
    swallow(&rig).await;
    // The first is hidden, and so nothing is known to look after; the second is told.
    session.batch().write([out.active()]).write([out.inactive()]).send().await.unwrap();
    assert!(matches!(item(&mut watch).await, WatchItem::Edge(edge) if edge.value == Value::Inactive));
    session.batch().write([out.active()]).send().await.unwrap();
    assert!(matches!(item(&mut watch).await, WatchItem::Edge(edge) if edge.value == Value::Active));
    swallow(&rig).await;
    out.set(Value::Inactive).await.unwrap();
    let lost = item(&mut watch).await;
    assert!(is_hardware(&lost), "{lost:?}");
    assert!(matches!(item(&mut watch).await, WatchItem::Values(values) if values.bits() == 0));
    // It is told once: the next edge is one like any other.
    out.set(Value::Active).await.unwrap();
    let next = item(&mut watch).await;
    assert!(matches!(&next, WatchItem::Edge(edge) if edge.value == Value::Active), "{next:?}");
}

#[tokio::test]
async fn a_position_that_can_not_be_is_refused_or_taken_for_one_of_another_life() {
    let rig = Rig::start().await;
    let mut client = raw(&rig.watch_socket("bench")).await;
    let request = |resume: WatchPosition| WatchRequest {
        lines: vec!["in".to_owned(), "button".to_owned()],
        resume: Some(resume),
        ..Default::default()
    };
    let mut stream = client
        .watch(WatchRequest { resume: None, ..request(Default::default()) })
        .await
        .unwrap()
        .into_inner();
    let position = stream.message().await.unwrap().unwrap().position.unwrap();
    let with = |line_seqnos: Vec<u64>| WatchPosition { line_seqnos, ..position.clone() };
    for (resume, why) in [
        (WatchPosition { epoch: 0, ..position.clone() }, "the position to resume from has no epoch"),
        (with(vec![]), "the position is of 0 lines, the watch of 2"),
        (with(vec![0; 3]), "the position is of 3 lines, the watch of 2"),
        (with(vec![0; 10_000]), "the position to resume from has more than 64 lines"),
        (
            WatchPosition { seqno: 1 << 63, ..position.clone() },
            "the position to resume from has a seqno beyond 2^63 - 1",
        ),
    ] {
        let status = client.watch(request(resume)).await.unwrap_err();
        assert_eq!((fixture::reason(&status).as_str(), status.message()), ("INVALID_REQUEST", why));
    }
    let most = u64::MAX;
    let values = Some(v1::Values { bits: most, timestamp_ns: most });
    let extreme = WatchPosition {
        epoch: most,
        line_seqnos: vec![most; 2],
        timestamp_ns: most,
        seqno: most >> 1,
        values,
        uncertainty_ns: most,
    };
    for resume in [
        with(vec![0, 1]),
        with(vec![most; 2]),
        WatchPosition { epoch: position.epoch ^ 1, ..position.clone() },
        extreme.clone(),
    ] {
        let mut stream = client.watch(request(resume.clone())).await.unwrap().into_inner();
        let part = stream.message().await.unwrap().unwrap();
        assert_eq!((part.losses.len(), part.losses[0].cause()), (1, v1::LossCause::Restart), "{resume:?}");
        assert!(part.values.is_some() && part.losses[0].until_ns.is_some());
        assert_eq!(part.position.unwrap().epoch, position.epoch);
        assert_eq!(part.losses[0].from_ns.is_none(), resume.timestamp_ns == most);
    }
    // What can be, however odd its other numbers, harms its sender alone.
    let odd = WatchPosition { epoch: position.epoch, line_seqnos: vec![0; 2], ..extreme };
    let mut stream = client.watch(request(odd)).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().unwrap().losses.is_empty());
    rig.board().await.press("start", None).await.unwrap();
    let mut watch = rig.client("bench").await.watch(["button"]).open().await.unwrap();
    assert!(matches!(item(&mut watch).await, WatchItem::Values(values) if values.bits() == 1));
}
