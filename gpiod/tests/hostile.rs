//! Bad input: a clear word for whoever sent it, and nothing broken for anybody else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{PATIENCE, RawSession, Rig, raw, reason};
use gpiod_proto::codec::Codec;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::session_response::Result as Answer;
use gpiod_proto::v1::{
    BatchCommand, Bias, CaptureStep, ConfigureCommand, OpenCommand, Program, ReadCommand, ReadRequest,
    ReadResponse, SessionRequest, Step, UnwatchCommand, WaitStep, WatchCommand, WatchRequest, WriteCommand,
    step,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic::{Code, Request};

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
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "BEYOND_LIMIT"));
    assert_eq!(status.message(), "this asks for more than limits.message_bytes allows, 16384");
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
async fn a_session_goes_on_after_every_command_that_makes_no_sense() {
    let rig = Rig::start().await;
    let mut session = RawSession::open(&rig.socket("bench"), &["out", "in"], b"").await.unwrap();
    let wait = |duration_ns| Step { step: Some(step::Step::Wait(WaitStep { duration_ns })) };
    let capture = CaptureStep { mask: 2, edge: 0, count: u32::MAX, timeout_ns: 1 };
    let capture = Step { step: Some(step::Step::Capture(capture)) };
    let invalid = [
        (None, "the request has no command"),
        (Some(Command::Open(OpenCommand::default().into())), "the session is open already"),
        (Some(Command::Read(ReadCommand { mask: 4 })), "the mask names more than the session's 2 lines"),
        (Some(Command::Write(WriteCommand { mask: 0, bits: 0 })), "the mask names no line"),
        (Some(Command::Write(WriteCommand { mask: 1, bits: 2 })), "bits outside of the mask must be 0"),
        (
            Some(Command::Write(WriteCommand { mask: u64::MAX, bits: 0 })),
            "the mask names more than the session's 2 lines",
        ),
        (Some(Command::Watch(WatchCommand { mask: 1, edge: 9, resume: None }.into())), "9 is no edge"),
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
    ];
    for (steps, message) in impossible {
        let refused = session.refused(Some(Command::Program(Program { steps }))).await;
        assert_eq!(refused, ("INVALID_PROGRAM".to_owned(), message.to_owned()));
    }
    let endless = Program { steps: vec![wait(u64::MAX), wait(u64::MAX)] };
    let refused = session.refused(Some(Command::Program(endless))).await;
    assert_eq!(refused.0, "BEYOND_LIMIT");
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
    session.send(8, write);
    assert!(matches!(session.answer().await, Answer::Done(_)));
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
    let mut session = RawSession::open(&rig.socket("bench"), &["out"], b"").await.unwrap();
    let operations = vec![gpiod_proto::v1::Operation::default(); 100_000];
    let batch = Some(Command::Batch(BatchCommand { operations }));
    session.requests.send(SessionRequest { id: 1, command: batch }).unwrap();
    let status =
        tokio::time::timeout(PATIENCE, session.answers.message()).await.expect("it ends").unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "BEYOND_LIMIT"));
    let client = rig.client("bench").await;
    assert!(client.lines().await.unwrap().get("out").unwrap().holder.is_none(), "its lines are let go");
}

#[tokio::test]
async fn ids_that_are_in_use_are_refused() {
    let rig = Rig::start().await;
    let mut session = RawSession::open(&rig.socket("bench"), &["out", "in"], b"").await.unwrap();
    let watch = || Some(Command::Watch(WatchCommand { mask: 2, edge: 0, resume: None }.into()));
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
