//! What clients do with the streams of a connection that goes on: they reset them, as libraries do when a call is
//! cancelled; they send much at once, and what crosses with the daemon's end of a stream.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{PATIENCE, Rig, became};
use gpiod_proto::v1::operation::Operation;
use gpiod_proto::v1::session_request::Command;
use gpiod_proto::v1::{
    self, BatchCommand, Direction, FeedCommand, OpenCommand, SessionLine, SessionRequest, Value, WriteCommand,
};
use prost::Message;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const GROUPS: &str = r#"
[[group]]
name = "patient"
grace = "1h"
lines.lamp = { line = "GPIO20", direction = "output" }

[[group]]
name = "strict"
lines.red = { line = "GPIO9", direction = "output" }
"#;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Kinds of frames, RFC 9113, section 6.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// Reasons of a reset, section 7: an error within the client, and that it wants no answer any more.
const REASONS: [u32; 2] = [2, 8];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The headers of a session.
fn headers() -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/gpiod.v1.GpioService/Session"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let literal = |(name, value)| [vec![0], text(name), text(value)].concat();
    headers.into_iter().flat_map(literal).collect()
}

/// A message of a session.
fn message(id: u64, command: Command) -> Vec<u8> {
    let request = SessionRequest { id, command: Some(command) }.encode_to_vec();
    [&[0], &u32::try_from(request.len()).unwrap().to_be_bytes()[..], &request].concat()
}

/// The first message of a session, on the first stream of a connection, whose requests then do not end.
fn open(line: &str) -> Vec<u8> {
    let line = SessionLine {
        name: line.to_owned(),
        direction: Direction::Output.into(),
        initial: Value::Active.into(),
    };
    let open = Command::Open(OpenCommand { lines: vec![line], ..Default::default() }.into());
    [
        PREFACE,
        &frame(SETTINGS, 0, 0, b""),
        &frame(HEADERS, END_HEADERS, 1, &headers()),
        &frame(DATA, 0, 1, &message(0, open)),
    ]
    .concat()
}

async fn session(socket: &Path, line: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(&open(line)).await.unwrap();
    stream
}

/// Whether the daemon still answers on a connection: it reads up to the answer to a ping.
async fn alive(stream: &mut UnixStream) -> bool {
    stream.write_all(&frame(PING, 0, 0, b"are you?")).await.unwrap();
    let answered = async {
        loop {
            let mut head = [0; 9];
            if stream.read_exact(&mut head).await.is_err() {
                return false;
            }
            let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
            stream.read_exact(&mut payload).await.unwrap();
            if (head[3], head[4], payload.as_slice()) == (PING, ACK, b"are you?") {
                return true;
            }
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("an answer, or an end")
}

#[tokio::test]
async fn a_session_whose_stream_is_reset_is_let_go_at_once_although_its_connection_goes_on() {
    let rig = Rig::with(GROUPS).await;
    let mut since = 0;
    for reason in REASONS {
        let mut stream = session(&rig.socket("strict"), "red").await;
        since = rig.saw(since, |entry| became(entry, "GPIO9", true)).await.seq;
        stream.write_all(&frame(RESET, 0, 1, &reason.to_be_bytes())).await.unwrap();
        since = rig.saw(since, |entry| became(entry, "GPIO9", false)).await.seq;
        let lines = rig.client("strict").await.lines().await.unwrap();
        assert!(lines.get("red").unwrap().holder.is_none());
        assert!(alive(&mut stream).await, "reset for reason {reason}");
    }
}

#[tokio::test]
async fn a_client_that_resets_its_sessions_stream_is_away_for_the_groups_grace() {
    let rig = Rig::with(GROUPS).await;
    for reason in REASONS {
        let mut stream = session(&rig.socket("patient"), "lamp").await;
        let client = rig.client("patient").await;
        let held = async |away: bool| {
            let wait = async {
                loop {
                    let lines = client.lines().await.unwrap();
                    let holder = lines.get("lamp").unwrap().holder.as_ref();
                    if holder.is_some_and(|holder| holder.away_until_ns.is_some() == away) {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, wait).await.expect("it is held");
        };
        held(false).await;
        stream.write_all(&frame(RESET, 0, 1, &reason.to_be_bytes())).await.unwrap();
        held(true).await;
        assert!(alive(&mut stream).await, "reset for reason {reason}");
    }
}

#[tokio::test]
async fn commands_that_come_at_once_each_in_a_frame_of_its_own_do_not_cost_the_connection() {
    let rig = Rig::with(GROUPS).await;
    let mut stream = session(&rig.socket("strict"), "red").await;
    rig.saw(0, |entry| became(entry, "GPIO9", true)).await;
    let feed = |id| frame(DATA, 0, 1, &message(id, Command::Feed(FeedCommand {})));
    // As many as are on their way to a daemon that had no turn for a while.
    stream.write_all(&(1..=2000).flat_map(feed).collect::<Vec<u8>>()).await.unwrap();
    assert!(alive(&mut stream).await);
    let lines = rig.client("strict").await.lines().await.unwrap();
    assert!(lines.get("red").unwrap().holder.is_some());
}

#[tokio::test]
async fn a_client_that_takes_no_answers_is_still_heard_and_its_end_is_seen() {
    let rig = Rig::with(GROUPS).await;
    // No room for a single byte of an answer, RFC 9113, section 6.5.2.
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let write = Operation::Write(WriteCommand { mask: 1, bits: 1 });
    let operations = vec![v1::Operation { operation: Some(write) }];
    let batch = |id| {
        let batch = Command::Batch(BatchCommand { operations: operations.clone() });
        frame(DATA, 0, 1, &message(id, batch))
    };
    let mut stream = UnixStream::connect(rig.socket("strict")).await.unwrap();
    let opened = open("red");
    let (preface, rest) = opened.split_at(PREFACE.len());
    stream.write_all(&[preface, &no_window, rest].concat()).await.unwrap();
    let since = rig.saw(0, |entry| became(entry, "GPIO9", true)).await.seq;
    // More than wait for a client that does not read.
    stream.write_all(&(1..=60).flat_map(batch).collect::<Vec<u8>>()).await.unwrap();
    assert!(alive(&mut stream).await);
    drop(stream);
    rig.saw(since, |entry| became(entry, "GPIO9", false)).await;
}

#[tokio::test]
async fn what_crosses_with_the_daemons_end_of_a_stream_is_not_held_against_the_connection() {
    let rig = Rig::with(GROUPS).await;
    let mut stream = session(&rig.socket("strict"), "red").await;
    let late = |id| message(id, Command::Feed(FeedCommand {}));
    for n in 1..200 {
        let id = 2 * n + 1;
        // A session that does not begin with its opening is refused.
        let refused = [frame(HEADERS, END_HEADERS, id, &headers()), frame(DATA, 0, id, &late(1))].concat();
        stream.write_all(&refused).await.unwrap();
        assert!(alive(&mut stream).await, "after {n}");
        stream.write_all(&frame(DATA, 0, id, &late(2))).await.unwrap();
    }
    assert!(alive(&mut stream).await);
}
