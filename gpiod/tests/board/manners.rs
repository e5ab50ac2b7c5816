//! Bad input and bad company: answered, bounded, and nothing broken.

use crate::bench::{Board, PATIENCE, input};
use gpiod::backend::Backend;
use gpiod::board::record::Change;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

fn connect(board: &Board, socket: &str) -> UnixStream {
    let stream = UnixStream::connect(board.path().join(socket)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends this and returns the first line of the answer.
fn answer(board: &Board, socket: &str, bytes: &[u8]) -> String {
    let mut stream = connect(board, socket);
    // The board may close before it has read all of it.
    let _ = stream.write_all(bytes);
    let mut line = String::new();
    let _ = BufReader::new(stream).read_line(&mut line);
    line
}

#[tokio::test]
async fn malformed_requests_are_answered_and_break_nothing() {
    let board = Board::start("", &[]);
    let (mut hold, _edges) = board.hold(&[(20, input())]);
    let long = vec![b'x'; 1024 * 1024];
    for socket in ["lines.sock", "control.sock"] {
        let bad: [&[u8]; 8] = [
            b"\n",
            b"{}\n",
            b"null\n",
            b"{\"op\":\"state\",\"more\":1}\n",
            b"{\"op\":\"explode\"}\n",
            b"\xff\xfe\n",
            b"[[[[[[[[[[[[[[[[[\n",
            &long,
        ];
        for bytes in bad {
            let answer = answer(&board, socket, bytes);
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(30)]);
            assert!(
                answer.starts_with("{\"malformed\":\"this is no request"),
                "{socket} {shown:?}: {answer}"
            );
        }
    }
    assert_eq!(hold.read(1).unwrap().bits, 0);
    board.client().await.state().await.unwrap();
}

#[test]
fn a_connection_that_sends_half_a_line_holds_up_nobody() {
    let board = Board::start("", &[]);
    let mut half = connect(&board, "lines.sock");
    half.write_all(b"{\"op\":").unwrap();
    assert_eq!(board.backend().lines().unwrap().len(), 28);
    half.write_all(b"\"lines\"}\n").unwrap();
    let mut line = String::new();
    BufReader::new(half).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"board\":"), "{line}");
}

#[test]
fn requests_out_of_turn_are_answered() {
    let board = Board::start("", &[]);
    for (request, reply) in [
        ("{\"op\":\"read\",\"mask\":1}\n", "{\"malformed\":\"this connection has no claim\"}\n"),
        ("{\"op\":\"more\"}\n", "{\"malformed\":\"no edges come over this connection\"}\n"),
        (
            "{\"op\":\"edges\",\"claim\":7}\n",
            "{\"malformed\":\"claim 7 has ended, or has its edges elsewhere\"}\n",
        ),
    ] {
        assert_eq!(answer(&board, "lines.sock", request.as_bytes()), reply);
    }
}

#[test]
fn too_many_connections_are_told_so_and_there_is_room_again_when_some_have_gone() {
    let board = Board::start("", &[]);
    let mut many: Vec<_> = (0..256).map(|_| connect(&board, "lines.sock")).collect();
    let mut one_more = connect(&board, "lines.sock");
    let mut told = String::new();
    one_more.read_to_string(&mut told).unwrap();
    assert_eq!(told, "{\"malformed\":\"the board has 256 connections already\"}\n");
    // Finding the board and asking it are two connections. That one has gone is seen by its end.
    for mut gone in many.drain(..2) {
        gone.shutdown(std::net::Shutdown::Write).unwrap();
        gone.read_to_end(&mut Vec::new()).unwrap();
    }
    assert_eq!(board.backend().lines().unwrap().len(), 28);
}

#[tokio::test]
async fn a_follower_that_does_not_read_holds_up_nobody() {
    let board =
        Board::start("[[pulse]]\nname = 'p'\nline = 'GPIO22'\nfrequency_hz = 20000\non = true\n", &[]);
    let client = board.client().await;
    let _frozen = client.follow(0).await.unwrap();
    let late = client.wait_for(0, |entry| entry.seq > 20_000).await.unwrap();
    assert_eq!((late.line.bcm(), late.change), (22, Change::Level));
}

#[test]
fn the_sockets_are_for_this_user_only_and_gone_after_sigterm() {
    let mut board = Board::start("", &[]);
    let sockets = ["lines.sock", "control.sock"].map(|name| board.path().join(name));
    for socket in &sockets {
        assert_eq!(std::fs::metadata(socket).unwrap().permissions().mode() & 0o777, 0o600);
    }
    kill(Pid::from_raw(board.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert!(board.child.wait().unwrap().success());
    assert!(sockets.iter().all(|socket| !socket.exists()));
    let left: Vec<_> =
        std::fs::read_dir(board.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "what the test put there: {left:?}");
}
