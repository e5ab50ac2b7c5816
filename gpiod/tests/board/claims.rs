//! Claims: who holds a line, and how that ends.

use crate::bench::{Board, command, input, line, output, wanted, with_bias};
use gpiod::backend::{Backend, Error};
use gpiod::board::messages::{LineReply, LineRequest};
use gpiod::board::record::{Cause, Change};
use gpiod::line::{Bias, Direction, LineConfig, Value};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

const WIRE: &str = "[[wire]]\nname = 'w'\nbetween = ['GPIO20', 'GPIO21']\n";

/// A process that holds GPIO20 high and does nothing else: its standard input is the claim's only connection.
fn holder(board: &Board) -> std::process::Child {
    let mut stream = UnixStream::connect(board.path().join("lines.sock")).unwrap();
    let lines = vec![(line(20), LineConfig { value: Value::Active, ..output() })];
    let request = LineRequest::Claim { consumer: "holder".to_owned(), lines, as_found: 0 };
    writeln!(stream, "{}", serde_json::to_string(&request).unwrap()).unwrap();
    let mut reply = String::new();
    BufReader::new(&stream).read_line(&mut reply).unwrap();
    assert!(matches!(serde_json::from_str(&reply).unwrap(), LineReply::Claimed { .. }));
    Command::new("sleep").arg("1000").stdin(Stdio::from(OwnedFd::from(stream))).spawn().unwrap()
}

#[tokio::test]
async fn a_claim_ends_when_its_holders_process_is_killed() {
    for (arguments, direction, high) in [
        (&[][..], Direction::Output, true),
        (&["--kernel", "raspberry-pi"], Direction::Output, true),
        (&["--kernel", "upstream"], Direction::Input, false),
        (&["--kernel", "gpio-sim"], Direction::Output, false),
    ] {
        let board = Board::start("", arguments);
        let mut client = board.client().await;
        let mut holder = holder(&board);
        let state = client.state().await.unwrap();
        assert_eq!((state.lines[20].consumer.as_deref(), state.lines[20].high), (Some("holder"), true));
        let killed_ns = gpiod::clock::now_ns();
        holder.kill().unwrap();
        let freed = client.wait_for(state.last_seq, |entry| entry.change == Change::Release).await.unwrap();
        holder.wait().unwrap();
        assert_eq!((freed.line.bcm(), freed.cause), (20, Cause::Released("holder".to_owned())));
        assert!(freed.time_ns > killed_ns);
        let state = client.state().await.unwrap();
        assert_eq!((state.lines[20].direction, state.lines[20].high), (direction, high));
        board.hold(&[(20, input())]);
    }
}

#[tokio::test]
async fn a_line_has_one_holder_and_the_other_hears_its_name() {
    let board = Board::start("", &[]);
    let (hold, _edges) = board.hold(&[(20, output())]);
    let refused = board.backend().request("late", &wanted(&[(19, output()), (20, output())]));
    match refused {
        Err(Error::Busy { line, consumer }) => assert_eq!((&*line, &*consumer), ("GPIO20", "test")),
        other => panic!("{other:?}"),
    }
    let taken =
        |lines: Vec<gpiod::line::LineInfo>| lines.iter().filter(|line| line.consumer.is_some()).count();
    assert_eq!(taken(board.backend().lines().unwrap()), 1, "all or none");
    drop(hold);
    board.client().await.wait_for(0, |entry| entry.change == Change::Release).await.unwrap();
    board.hold(&[(19, output()), (20, output())]);
}

#[tokio::test]
async fn what_a_write_says_is_what_the_record_says() {
    let board = Board::start(WIRE, &[]);
    let (mut out, _edges) = board.hold(&[(20, output())]);
    let (mut watch, mut edges) = board.hold(&[(21, input())]);
    let moments: Vec<_> = (1..=10).map(|n| out.write(1, n % 2).unwrap()).collect();
    assert!(moments.iter().all(|moment| moment.uncertainty_ns == 0));
    let times: Vec<_> = moments.iter().map(|moment| moment.timestamp_ns).collect();
    let seen = edges.next(10).await;
    assert_eq!(seen.iter().map(|edge| edge.timestamp_ns).collect::<Vec<_>>(), times);
    assert_eq!(seen.iter().map(|edge| edge.line_seqno).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    let record = board.client().await.record(0).await.unwrap();
    for bcm in [20, 21] {
        let levels = record.entries.iter().filter(|e| e.line.bcm() == bcm && e.change == Change::Level);
        let levels: Vec<_> = levels.map(|entry| (entry.time_ns, entry.high)).collect();
        assert_eq!(
            levels,
            times.iter().zip([true, false].into_iter().cycle()).map(|(t, h)| (*t, h)).collect::<Vec<_>>()
        );
    }
    let read = watch.read(1).unwrap();
    assert!(read.bits == 0 && read.read.timestamp_ns > times[9]);
}

#[tokio::test]
async fn outputs_that_disagree_over_a_wire_are_shown_in_contention() {
    let board = Board::start(WIRE, &[]);
    let (_high, _) = board.hold(&[(20, LineConfig { value: Value::Active, ..output() })]);
    let (mut low, _) = board.hold(&[(21, output())]);
    let mut client = board.client().await;
    let state = client.state().await.unwrap();
    assert!(state.lines[20].contention && state.lines[21].contention && !state.lines[20].high);
    low.configure(&[(0, with_bias(Bias::Disabled, LineConfig { edges: false, ..input() }))]).unwrap();
    let state = client.state().await.unwrap();
    assert!(!state.lines[20].contention && state.lines[21].high);
}

#[tokio::test]
async fn edges_that_nobody_takes_leave_a_gap_of_exactly_what_was_lost() {
    let board = Board::start(WIRE, &[]);
    let (mut out, _) = board.hold(&[(20, output())]);
    let (_watch, mut edges) = board.hold(&[(21, input())]);
    for n in 1..=1100 {
        out.write(1, n % 2).unwrap();
    }
    let seqnos: Vec<_> = edges.next(1024).await.iter().map(|edge| edge.line_seqno).collect();
    // The first are on their way before the buffer is full; they and the newest are 1,024 together.
    let first = seqnos.iter().zip(1..).take_while(|(seqno, n)| *seqno == n).count();
    let newest = (77 + u32::try_from(first).unwrap())..=1100;
    assert_eq!(seqnos, (1..).take(first).chain(newest).collect::<Vec<_>>());
    out.write(1, 1).unwrap();
    assert_eq!(edges.next(1).await[0].line_seqno, 1101);
}

#[tokio::test]
async fn what_the_board_refuses_is_told_and_changes_nothing() {
    let board = Board::start("", &[]);
    let (mut hold, _) = board.hold(&[(20, output()), (21, input())]);
    let refused = |result: Result<gpiod::line::Moment, Error>| match result {
        Err(Error::Failed { source, .. }) => source.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(hold.write(0b11, 0b11)), "GPIO21 is an input");
    assert_eq!(refused(hold.write(0b100, 0)), "mask 0x4 has no line of the claim's 2");
    assert_eq!(refused(hold.configure(&[(2, input())])), "the claim has no position 2");
    assert_eq!(hold.read(0b11).unwrap().bits, 0);
    let none = board.backend().request("test", &[]).map(|_| unreachable!("a claim of nothing"));
    assert_eq!(refused(none), "a claim has 1 to 64 lines, not 0");
}

#[tokio::test]
async fn a_board_that_hangs_is_told_so_and_its_late_answer_is_not_taken_for_another() {
    let board = Board::start("", &[]);
    let (mut hold, _) = board.hold(&[(20, LineConfig { value: Value::Active, ..output() })]);
    let signal = |signal| kill(Pid::from_raw(board.child.id().try_into().unwrap()), signal).unwrap();
    signal(Signal::SIGSTOP);
    for _ in 0..2 {
        match hold.read(1) {
            Err(Error::Failed { source, .. }) => {
                assert_eq!(source.to_string(), "the simulated board does not answer")
            }
            other => panic!("{other:?}"),
        }
    }
    signal(Signal::SIGCONT);
    assert!(hold.write(1, 0).is_err_and(|error| matches!(error, Error::Failed { .. })));
    assert!(board.client().await.state().await.unwrap().lines[20].high);
}

#[tokio::test]
async fn a_board_that_has_gone_is_told_as_gone() {
    let mut board = Board::start("", &[]);
    let backend = board.backend();
    let (mut hold, mut edges) = board.hold(&[(20, input())]);
    board.child.kill().unwrap();
    board.child.wait().unwrap();
    let gone = |error: Error| match error {
        Error::Failed { source, .. } => source.to_string(),
        other @ Error::Busy { .. } => panic!("{other:?}"),
    };
    assert_eq!(gone(hold.read(1).unwrap_err()), "the simulated board has gone");
    assert_eq!(gone(edges.now().unwrap_err()), "the simulated board has gone");
    assert!(gone(backend.lines().unwrap_err()).starts_with("no board at "));
    // A new board at the same place is found by the same backend.
    let mut again = command(board.path(), &[]).stderr(Stdio::piped()).spawn().unwrap();
    BufReader::new(again.stderr.take().unwrap()).read_line(&mut String::new()).unwrap();
    assert_eq!(backend.lines().unwrap().len(), 28);
    again.kill().unwrap();
    again.wait().unwrap();
}
