//! What one socket's clients may use up: told by its key, and the others keep theirs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{CONFIG, PATIENCE, RawSession, Rig, raw, reason};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_proto::v1::{
    BatchCommand, Program, ReadCommand, ReadRequest, SessionRequest, Step, WaitStep, WatchCommand,
    WatchRequest, WriteCommand, step,
};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tonic::Code;

#[tokio::test]
async fn a_thousand_connections_take_the_places_of_one_socket_only() {
    let rig = Rig::start().await;
    let mut streams = Vec::new();
    for _ in 0..1000 {
        streams.push(UnixStream::connect(rig.socket("bench")).await.unwrap());
    }
    rig.client("traffic-light").await.read(["red"]).await.unwrap();
    let mut ends: FuturesUnordered<_> = streams
        .into_iter()
        .map(|mut stream| async move {
            let mut byte = [0; 1];
            let _ = stream.read(&mut byte).await;
            stream
        })
        .collect();
    for _ in 0..1000 - 16 {
        tokio::time::timeout(PATIENCE, ends.next()).await.expect("those beyond the limit are closed");
    }
    drop(ends);
    // Their places are free again as soon as the daemon has seen the others go.
    let client = gpiod_sdk::Client::at(rig.socket("bench")).wait(PATIENCE).connect().await.unwrap();
    let served = async {
        while let Err(error) = client.read(["in"]).await {
            assert!(error.is_retryable(), "{error}");
        }
    };
    tokio::time::timeout(PATIENCE, served).await.expect("there is room again");
    assert!(rig.log().contains("limits.connections of 16 is reached"), "{}", rig.log());
}

#[tokio::test]
async fn who_finds_no_place_is_told_so_by_its_first_call_and_every_socket_keeps_some() {
    let limits = "[limits]\nconnections = 2\ntotal_connections = 8\n";
    let rig = Rig::with(&format!("{CONFIG}\n{limits}")).await;
    let read = |name: &str| ReadRequest { lines: vec![name.to_owned()] };
    let mut served = Vec::new();
    for _ in 0..2 {
        let mut client = raw(&rig.socket("bench")).await;
        client.read(read("in")).await.unwrap();
        served.push(client);
    }
    let status = raw(&rig.socket("bench")).await.read(read("in")).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str(), status.message()),
        (Code::ResourceExhausted, "LIMIT_REACHED", "limit limits.connections of 2 is reached")
    );
    // Each of the seven sockets has one place that nobody else can take; one more is for whoever comes first.
    let mut lights = raw(&rig.socket("traffic-light")).await;
    lights.read(read("red")).await.unwrap();
    let status = raw(&rig.socket("traffic-light")).await.read(read("red")).await.unwrap_err();
    assert_eq!(status.message(), "limit limits.total_connections of 8 is reached");
    raw(&rig.admin_socket()).await.read(read("bench/in")).await.unwrap();
    // They go on being served.
    for client in &mut served {
        client.read(read("in")).await.unwrap();
    }
}

#[tokio::test]
async fn who_finds_no_place_for_a_stream_or_a_watch_is_told_so_and_does_not_wait() {
    let limits = "[limits]\nstreams = 3\ntotal_streams = 10\ntotal_watches = 9\n";
    let rig = Rig::with(&format!("{CONFIG}\n{limits}")).await;
    // Each of the seven sockets has one of each for itself; three streams and two watches more are for all.
    let client = rig.client("bench").await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(client.watch(["in"]).open().await.unwrap());
    }
    let refused = client.watch(["in"]).open().await.unwrap_err();
    assert_eq!(refused.to_string(), "limit limits.streams of 3 is reached");
    let other = rig.client("bench").await;
    let refused = other.watch(["in"]).open().await.unwrap_err();
    assert_eq!(refused.to_string(), "limit limits.total_watches of 9 is reached");
    let session = other.session().input("in").open().await.unwrap();
    let refused = other.read(["in"]).await.unwrap_err();
    assert_eq!(refused.to_string(), "limit limits.total_streams of 10 is reached");
    rig.client("traffic-light").await.read(["red"]).await.unwrap();
    // What ends gives its place back.
    session.close().await.unwrap();
    let read = async {
        while let Err(error) = other.read(["in"]).await {
            assert_eq!(error.reason(), Some(&gpiod_sdk::Reason::LimitReached), "{error}");
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("there is a place again");
}

#[tokio::test]
async fn limits_are_told_by_name_and_leave_the_other_sockets_theirs() {
    let limits =
        "[limits]\nsessions = 2\nwatches = 3\nsession_watches = 2\nprograms = 2\nbatch_operations = 3\n";
    let rig = Rig::with(&format!("{CONFIG}\n{limits}")).await;
    let mut session = RawSession::open(&rig.socket("bench"), &["out", "in"], b"").await.unwrap();
    let watch = || Some(Command::Watch(WatchCommand { mask: 2, edge: 0, resume: None }.into()));
    for id in 1..=2 {
        session.requests.send(SessionRequest { id, command: watch() }).unwrap();
        assert!(matches!(session.answer().await, Answer::Watch(_)));
    }
    let told =
        |key: &str, max: u32| ("LIMIT_REACHED".to_owned(), format!("limit limits.{key} of {max} is reached"));
    assert_eq!(session.refused(watch()).await, told("session_watches", 2));
    let client = rig.client("bench").await;
    let _third = client.watch(["in"]).open().await.unwrap();
    let refused = client.watch(["in"]).open().await.unwrap_err();
    assert_eq!(refused.to_string(), "limit limits.watches of 3 is reached");
    let operations = vec![gpiod_proto::v1::Operation::default(); 4];
    let batch = Some(Command::Batch(BatchCommand { operations }));
    let beyond = "this asks for more than limits.batch_operations allows, 3";
    assert_eq!(session.refused(batch).await, ("BEYOND_LIMIT".to_owned(), beyond.to_owned()));
    let wait = Step { step: Some(step::Step::Wait(WaitStep { duration_ns: 5_000_000_000 })) };
    let program = || Some(Command::Program(Program { steps: vec![wait] }));
    for id in 20..22 {
        session.requests.send(SessionRequest { id, command: program() }).unwrap();
    }
    let refused = session.refused(program()).await;
    assert_eq!(refused, ("LIMIT_REACHED".to_owned(), "limit limits.programs of 2 is reached".to_owned()));
    let _second = RawSession::open(&rig.socket("bench"), &["in"], b"").await.unwrap();
    let refused = client.session().input("in").open().await.unwrap_err();
    assert_eq!(refused.to_string(), "limit limits.sessions of 2 is reached");
    rig.client("traffic-light").await.session().output("red").open().await.unwrap();
    // What ends gives its place back.
    drop(session);
    let reopened = async {
        while let Err(error) = client.session().input("in").open().await {
            assert_eq!(error.reason(), Some(&gpiod_sdk::Reason::LimitReached), "{error}");
        }
    };
    tokio::time::timeout(PATIENCE, reopened).await.expect("there is a place again");
    client.watch(["in"]).open().await.unwrap();
}

#[tokio::test]
async fn events_beyond_a_sockets_rate_are_dropped_and_counted() {
    let rig = Rig::with(&format!("{CONFIG}\n[limits]\nsocket_events_per_s = 100\n")).await;
    let mut session = RawSession::open(&rig.socket("bench"), &["out"], b"").await.unwrap();
    let request = WatchRequest { lines: vec!["out".to_owned()], ..Default::default() };
    let mut watch = raw(&rig.socket("bench")).await.watch(request).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    let write = |bits| gpiod_proto::v1::operation::Operation::Write(WriteCommand { mask: 1, bits });
    let operations =
        (1..=256).map(|n| gpiod_proto::v1::Operation { operation: Some(write(n % 2)) }).collect();
    let batch = Command::Batch(BatchCommand { operations });
    session.send(1, batch);
    assert!(matches!(session.answer().await, Answer::Batch(_)));
    let (mut told, mut lost) = (0, 0);
    while told + lost < 256 {
        let part = tokio::time::timeout(PATIENCE, watch.message()).await.expect("it is told");
        let part = part.unwrap().unwrap();
        told += part.events.len() as u64;
        lost += part.losses.iter().filter_map(|loss| loss.count).sum::<u64>();
    }
    assert!(told >= 100 && lost > 0, "{told} told, {lost} lost");
}

#[tokio::test]
async fn a_flood_at_one_socket_leaves_another_sockets_session_alive_and_gets_on_itself() {
    let rig = Rig::start().await;
    let flood = || async {
        let mut session = RawSession::open(&rig.socket("bench"), &["in"], b"").await.unwrap();
        let read = gpiod_proto::v1::operation::Operation::Read(ReadCommand { mask: 1 });
        let read = gpiod_proto::v1::Operation { operation: Some(read) };
        for id in 1.. {
            let batch = Command::Batch(BatchCommand { operations: vec![read; 256] });
            session.requests.send(SessionRequest { id, command: Some(batch) }).unwrap();
            // Four wait at any time.
            if id > 4 {
                assert!(matches!(session.answer().await, Answer::Batch(_)));
            }
        }
    };
    let mut floods: FuturesUnordered<_> = (0..4).map(|_| flood()).collect();
    let good = async {
        let client = rig.client("traffic-light").await;
        let session = client.session().output("red").watchdog(PATIENCE).open().await.unwrap();
        let red = session.output("red").unwrap();
        for n in 0..200 {
            red.set(gpiod_sdk::Value::from(n % 2 == 0)).await.unwrap();
            rig.client("traffic-light").await.read(["red"]).await.unwrap();
        }
        session.close().await.unwrap();
    };
    tokio::select! {
        done = tokio::time::timeout(PATIENCE, good) => done.expect("it is served meanwhile"),
        _ = floods.next() => unreachable!("a flood has no end"),
    }
}
