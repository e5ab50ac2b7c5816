//! Bad input: a clear word for whoever sent it, and nothing broken for anybody else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{CONFIG, PATIENCE, Rig, raw, reason};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gpiod_proto::codec::Codec;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_proto::v1::{
    BatchCommand, Bias, CaptureStep, ConfigureCommand, OpenCommand, Program, ReadCommand, ReadRequest,
    ReadResponse, SessionLine, SessionRequest, SessionResponse, Step, UnwatchCommand, WaitStep, WatchCommand,
    WatchRequest, WriteCommand, step,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Streaming};

/// HTTP/2's preface and an empty SETTINGS frame: RFC 9113, sections 3.4 and 6.5.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn names_that_make_no_sense_are_told_what_is_wrong_with_them() {
    let rig = Rig::start().await;
    let mut client = raw(&rig.socket("bench")).await;
    let cases: [(Vec<String>, Code, &str, &str); 5] = [
        (vec![], Code::InvalidArgument, "INVALID_REQUEST", "the request names no line"),
        (vec![String::new()], Code::InvalidArgument, "INVALID_REQUEST", "a line's name is empty"),
        (
            vec!["in".into(), "in".into()],
            Code::InvalidArgument,
            "INVALID_REQUEST",
            "line \"in\" is named twice",
        ),
        (
            (0..65).map(|n| format!("l{n}")).collect(),
            Code::InvalidArgument,
            "INVALID_REQUEST",
            "the request names 65 lines, at most 64 go together",
        ),
        (
            vec!["nope".into()],
            Code::NotFound,
            "LINE_NOT_FOUND",
            "no line \"nope\" on this socket; it has lamp, out, in, button",
        ),
    ];
    for (lines, code, why, message) in cases {
        let read = client.read(ReadRequest { lines: lines.clone() }).await.unwrap_err();
        let watch = client.watch(WatchRequest { lines, ..Default::default() }).await.unwrap_err();
        for status in [read, watch] {
            assert_eq!((status.code(), reason(&status).as_str(), status.message()), (code, why, message));
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct ReadBytes {
    #[prost(bytes = "vec", repeated, tag = "1")]
    lines: Vec<Vec<u8>>,
}

#[tokio::test]
async fn a_name_that_is_not_utf_8_is_the_clients_mistake() {
    let rig = Rig::start().await;
    let endpoint = Endpoint::try_from(format!("unix:{}", rig.socket("bench").display())).unwrap();
    let mut grpc = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/gpiod.v1.GpioService/Read");
    let request = Request::new(ReadBytes { lines: vec![vec![0xff, 0xfe]] });
    let codec = Codec::<ReadBytes, ReadResponse>::default();
    let status = grpc.unary(request, path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("UTF-8"), "{}", status.message());
}

#[tokio::test]
async fn a_message_of_100_mb_is_refused_by_its_length() {
    let rig = Rig::start().await;
    let mut client = raw(&rig.socket("bench")).await;
    let status = client.read(ReadRequest { lines: vec!["x".repeat(100_000_000)] }).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert!(status.message().contains("the limit is: 65536 bytes"), "{}", status.message());
    client.read(ReadRequest { lines: vec!["in".to_owned()] }).await.unwrap();
}

#[tokio::test]
async fn half_a_frame_and_silence_hold_up_nobody() {
    let rig = Rig::start().await;
    let mut silent = Vec::new();
    for bytes in
        [&b""[..], &PREFACE[..10], PREFACE, &[PREFACE, &b"\0\x01\0\x01\x04\0\0\0\x01half"[..]].concat()]
    {
        let mut stream = UnixStream::connect(rig.socket("bench")).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        silent.push(stream);
    }
    rig.client("bench").await.read(["in"]).await.unwrap();
    // Whoever has not even spoken HTTP/2 is shown the door after five seconds.
    for stream in &mut silent[..2] {
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is closed").unwrap();
    }
    rig.client("bench").await.read(["in"]).await.unwrap();
}

#[tokio::test]
async fn garbage_ends_its_own_connection_and_no_other() {
    let rig = Rig::start().await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096]] {
        let mut stream = UnixStream::connect(rig.socket("bench")).await.unwrap();
        let _ = stream.write_all(garbage).await;
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is closed");
    }
    rig.client("bench").await.read(["in"]).await.unwrap();
}

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

/// A session without the SDK between it and the daemon.
struct Raw {
    requests: mpsc::UnboundedSender<SessionRequest>,
    answers: Streaming<SessionResponse>,
}

impl Raw {
    async fn open(rig: &Rig, lines: &[&str]) -> Self {
        let (requests, stream) = mpsc::unbounded_channel();
        let lines =
            lines.iter().map(|name| SessionLine { name: (*name).to_owned(), ..Default::default() }).collect();
        let open = Command::Open(OpenCommand { lines, ..Default::default() });
        requests.send(SessionRequest { id: 0, command: Some(open) }).unwrap();
        let stream = UnboundedReceiverStream::new(stream);
        let answers = raw(&rig.socket("bench")).await.session(stream).await.unwrap().into_inner();
        let mut raw = Self { requests, answers };
        assert!(matches!(raw.answer().await, Answer::Open(_)));
        raw
    }

    async fn answer(&mut self) -> Answer {
        let answer = tokio::time::timeout(PATIENCE, self.answers.message()).await.expect("an answer comes");
        answer.unwrap().unwrap().result.unwrap()
    }

    async fn refused(&mut self, command: Option<Command>) -> (String, String) {
        self.requests.send(SessionRequest { id: 99, command }).unwrap();
        let Answer::Error(error) = self.answer().await else { panic!("it is refused") };
        (error.reason, error.message)
    }
}

#[tokio::test]
async fn a_session_goes_on_after_every_command_that_makes_no_sense() {
    let rig = Rig::start().await;
    let mut session = Raw::open(&rig, &["out", "in"]).await;
    let wait = |duration_ns| Step { step: Some(step::Step::Wait(WaitStep { duration_ns })) };
    let capture = CaptureStep { mask: 2, edge: 0, count: u32::MAX, timeout_ns: 1 };
    let capture = Step { step: Some(step::Step::Capture(capture)) };
    let invalid = [
        (None, "the request has no command"),
        (Some(Command::Open(OpenCommand::default())), "the session is open already"),
        (Some(Command::Read(ReadCommand { mask: 4 })), "the mask names more than the session's 2 lines"),
        (Some(Command::Write(WriteCommand { mask: 0, bits: 0 })), "the mask names no line"),
        (Some(Command::Write(WriteCommand { mask: 1, bits: 2 })), "bits outside of the mask must be 0"),
        (
            Some(Command::Write(WriteCommand { mask: u64::MAX, bits: 0 })),
            "the mask names more than the session's 2 lines",
        ),
        (Some(Command::Watch(WatchCommand { mask: 1, edge: 9, resume: None })), "9 is no edge"),
        (Some(Command::Unwatch(UnwatchCommand { watch_id: 3 })), "the session has no watch with id 3"),
        (Some(Command::Batch(BatchCommand::default())), "a batch has 1 to 256 operations, not 0"),
        (
            Some(Command::Configure(ConfigureCommand { mask: 1, direction: 3, ..Default::default() })),
            "the direction to change to is INPUT or OUTPUT",
        ),
        (
            Some(Command::Configure(ConfigureCommand { mask: 1, ..Default::default() })),
            "the configure command changes nothing",
        ),
    ];
    for (command, message) in invalid {
        assert_eq!(session.refused(command).await, ("INVALID_REQUEST".to_owned(), message.to_owned()));
    }
    let impossible = [
        (vec![], "the program has no steps"),
        (vec![Step { step: None }], "step 0: the step says nothing"),
        (vec![capture], "step 0: a capture takes 1 to 1024 edges, not 4294967295"),
        (
            vec![wait(u64::MAX), wait(u64::MAX)],
            "step 0: waits and time-outs add up to more than the 10000 ms that limits.program_ms allows",
        ),
    ];
    for (steps, message) in impossible {
        let refused = session.refused(Some(Command::Program(Program { steps }))).await;
        assert_eq!(refused, ("INVALID_PROGRAM".to_owned(), message.to_owned()));
    }
    let refused = session.refused(Some(Command::Write(WriteCommand { mask: 2, bits: 2 }))).await;
    assert_eq!(refused.0, "WRONG_DIRECTION");
    for (mask, why) in [
        (1, "line \"out\" has no bias in the configuration to go back to: it can not be changed"),
        (2, "line \"in\" is an input, which others may share: its bias is the configuration's"),
    ] {
        let configure = ConfigureCommand { mask, bias: Bias::PullUp.into(), ..Default::default() };
        let refused = session.refused(Some(Command::Configure(configure))).await;
        assert_eq!(refused, ("NOT_PERMITTED".to_owned(), why.to_owned()));
    }
    let write = Command::Write(WriteCommand { mask: 1, bits: 1 });
    session.requests.send(SessionRequest { id: 8, command: Some(write) }).unwrap();
    assert!(matches!(session.answer().await, Answer::Done(_)));
}

#[tokio::test]
async fn limits_are_told_by_name_and_leave_the_other_sockets_theirs() {
    let limits =
        "[limits]\nsessions = 2\nwatches = 3\nsession_watches = 2\nprograms = 2\nbatch_operations = 3\n";
    let rig = Rig::with(&format!("{CONFIG}\n{limits}")).await;
    let mut session = Raw::open(&rig, &["out", "in"]).await;
    let watch = || Some(Command::Watch(WatchCommand { mask: 2, edge: 0, resume: None }));
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
    assert_eq!(session.refused(batch).await, told("batch_operations", 3));
    let wait = Step { step: Some(step::Step::Wait(WaitStep { duration_ns: 5_000_000_000 })) };
    let program = || Some(Command::Program(Program { steps: vec![wait] }));
    for id in 20..22 {
        session.requests.send(SessionRequest { id, command: program() }).unwrap();
    }
    let refused = session.refused(program()).await;
    assert_eq!(refused, ("LIMIT_REACHED".to_owned(), "limit limits.programs of 2 is reached".to_owned()));
    let _second = Raw::open(&rig, &["in"]).await;
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
    let mut session = Raw::open(&rig, &["out"]).await;
    let request = WatchRequest { lines: vec!["out".to_owned()], ..Default::default() };
    let mut watch = raw(&rig.socket("bench")).await.watch(request).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    let write = |bits| gpiod_proto::v1::operation::Operation::Write(WriteCommand { mask: 1, bits });
    let operations =
        (1..=256).map(|n| gpiod_proto::v1::Operation { operation: Some(write(n % 2)) }).collect();
    let batch = Command::Batch(BatchCommand { operations });
    session.requests.send(SessionRequest { id: 1, command: Some(batch) }).unwrap();
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
        let mut session = Raw::open(&rig, &["in"]).await;
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

#[tokio::test]
async fn a_client_that_calls_itself_something_unprintable_is_refused() {
    let rig = Rig::start().await;
    let mut client = raw(&rig.socket("bench")).await;
    let mut watch = async |client_name: String| {
        let request = WatchRequest { lines: vec!["in".to_owned()], client_name, ..Default::default() };
        client.watch(request).await.unwrap_err().message().to_owned()
    };
    assert_eq!(watch("n".repeat(65)).await, "client_name has 65 bytes, at most 64 are taken");
    for name in ["red\x1b[31m", "a\nb", "\u{202e}der", "a\u{200b}b"] {
        assert_eq!(
            watch(name.to_owned()).await,
            "client_name has characters other than letters, digits, ASCII punctuation and spaces"
        );
    }
}

#[tokio::test]
async fn a_message_in_a_session_that_can_not_be_read_ends_it_and_says_why() {
    let rig = Rig::start().await;
    let mut session = Raw::open(&rig, &["out"]).await;
    let operations = vec![gpiod_proto::v1::Operation::default(); 100_000];
    let batch = Some(Command::Batch(BatchCommand { operations }));
    session.requests.send(SessionRequest { id: 1, command: batch }).unwrap();
    let status =
        tokio::time::timeout(PATIENCE, session.answers.message()).await.expect("it ends").unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    let client = rig.client("bench").await;
    assert!(client.lines().await.unwrap().get("out").unwrap().holder.is_none(), "its lines are let go");
}

#[tokio::test]
async fn ids_that_are_in_use_are_refused() {
    let rig = Rig::start().await;
    let mut session = Raw::open(&rig, &["out", "in"]).await;
    let watch = || Some(Command::Watch(WatchCommand { mask: 2, edge: 0, resume: None }));
    let wait = Step { step: Some(step::Step::Wait(WaitStep { duration_ns: 5_000_000_000 })) };
    let program = || Some(Command::Program(Program { steps: vec![wait] }));
    session.requests.send(SessionRequest { id: 99, command: watch() }).unwrap();
    assert!(matches!(session.answer().await, Answer::Watch(_)));
    for command in [watch(), program()] {
        let refused = session.refused(command).await;
        let why = "a watch or program with id 99 is running".to_owned();
        assert_eq!(refused, ("INVALID_REQUEST".to_owned(), why));
    }
}

#[tokio::test]
async fn a_path_that_is_not_served_is_told_what_is() {
    let rig = Rig::start().await;
    let endpoint = Endpoint::try_from(format!("unix:{}", rig.socket("bench").display())).unwrap();
    let mut grpc = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/gpio.v2.Gpio/Read");
    let codec = Codec::<ReadRequest, ReadResponse>::default();
    let status = grpc.unary(Request::new(ReadRequest::default()), path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "there is no \"/gpio.v2.Gpio/Read\" here; the API is gpiod.v1.GpioService");
}
