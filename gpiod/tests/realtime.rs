//! The programs' thread: whatever runs on it, clients are answered, and whoever goes takes its programs along.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{CONFIG, PATIENCE, Rig, became};
use futures_util::future::join_all;
use gpiod::clock;
use gpiod_sdk::{Edge, LineUse, Program, Session, Value};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::time::Duration;

/// Confines all threads of the daemon to the first processor.
fn confine(rig: &Rig) {
    let mut first = CpuSet::new();
    first.set(0).unwrap();
    let pid = rig.daemon.as_ref().unwrap().child.id().unwrap();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let id: i32 = thread.unwrap().file_name().to_str().unwrap().parse().unwrap();
        sched_setaffinity(Pid::from_raw(id), &first).unwrap();
    }
}

#[tokio::test]
async fn what_the_programs_thread_has_got_stands_in_one_line_of_the_log() {
    let rig = Rig::start().await;
    let log = rig.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("programs run in a thread")).collect();
    let [line] = lines[..] else { panic!("{log}") };
    for field in ["scheduling", "memory_locked", "busy_waits", "lacks"] {
        assert!(line.contains(&format!("\"{field}\":")), "{line}");
    }
    // Which of them it gets depends on where the test runs; what is missing comes with what to do.
    for (refused, grant) in [
        ("\"scheduling\":\"normal\"", "grant CAP_SYS_NICE or an rtprio limit"),
        ("\"memory_locked\":false", "grant CAP_IPC_LOCK or an unlimited memlock limit"),
    ] {
        assert_eq!(line.contains(refused), line.contains(grant), "{line}");
    }
}

#[tokio::test]
async fn another_session_is_answered_while_programs_are_busy_on_the_only_processor() {
    let rig = Rig::with(&format!(
        "{CONFIG}\n[limits]\nprograms = 16\nprogram_steps = 4096\nmessage_bytes = 65536\n"
    ))
    .await;
    confine(&rig);
    let bench = rig.client("bench").await;
    let other = rig.client("traffic-light").await.session().output("red").open().await.unwrap();
    let session = bench.session().output("out").open().await.unwrap();
    // All that may be open at once, of steps that take no time.
    let busy = (0..4096).fold(Program::new(), |program, _| program.wait(Duration::ZERO));
    // How long programs take depends on the daemon's build: they are begun anew until there were answers enough. If
    // none came while programs run, there would never be enough.
    let answered = async {
        let mut during = 0;
        while during < 4 {
            during += answers_during(&session, &busy, &other).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("there are answers while programs run");
}

/// How often another session asks and is answered while one and the same of sixteen programs runs. What was asked or
/// answered between two of them does not count: then the processor is free.
async fn answers_during(session: &Session, busy: &Program, other: &Session) -> usize {
    let running = join_all((0..16).map(|_| session.program(busy)));
    tokio::pin!(running);
    let mut answers = Vec::new();
    let results = loop {
        let asked_ns = clock::now_ns();
        tokio::select! {
            biased;
            results = &mut running => break results,
            fed = other.feed() => {
                fed.unwrap();
                answers.push([asked_ns, clock::now_ns()]);
            }
        }
    };
    let ran = results.into_iter().map(|result| {
        let result = result.unwrap();
        let [begin, end] = [0, 4095].map(|step| result.step(step).unwrap().timestamp_ns);
        begin..end
    });
    let ran: Vec<_> = ran.collect();
    let during = |answer: &&[u64; 2]| ran.iter().any(|ran| answer.iter().all(|at| ran.contains(at)));
    answers.iter().filter(during).count()
}

#[tokio::test]
async fn programs_of_two_sockets_come_to_their_steps_in_the_order_of_their_deadlines() {
    let rig = Rig::start().await;
    let (bench, light) = (rig.client("bench").await, rig.client("traffic-light").await);
    let program = |line: &'static str, wait_ms| {
        Program::new()
            .set([(line, Value::Active)])
            .wait(Duration::from_millis(wait_ms))
            .set([(line, Value::Inactive)])
    };
    let (late, soon) = (program("out", 60), program("red", 30));
    let (late, soon) = tokio::join!(
        bench.run_program([LineUse::output("out")], &late),
        light.run_program([LineUse::output("red")], &soon),
    );
    let [late, soon] = [(late, 60_000_000), (soon, 30_000_000)].map(|(result, wait_ns)| {
        let result = result.unwrap();
        let [begin, end] = [0, 2].map(|step| result.step(step).unwrap().timestamp_ns);
        assert!(end >= begin + wait_ns);
        // The wait says when it was truly over: not before its time, and before the step that it was for.
        let over = result.step(1).unwrap();
        assert!(over.timestamp_ns - over.uncertainty_ns >= begin + wait_ns, "{over:?}");
        assert!(over.timestamp_ns <= end, "{over:?}");
        (begin + wait_ns, end)
    });
    assert_eq!(late.0 < soon.0, late.1 < soon.1, "{late:?} {soon:?}");
}

#[tokio::test]
async fn a_client_that_goes_takes_its_program_along_and_nothing_drives_its_lines_any_more() {
    let rig = Rig::with(&format!("{CONFIG}\n[limits]\nprograms = 1\n")).await;
    let mut board = rig.board().await;
    for _ in 0..10 {
        let since = board.record(0).await.unwrap().entries.last().map_or(0, |entry| entry.seq);
        let client = rig.client("bench").await;
        let mut flicker = Program::new();
        for _ in 0..60 {
            flicker = flicker.set([("out", Value::Active)]).wait(Duration::from_millis(2));
            flicker = flicker.set([("out", Value::Inactive)]).wait(Duration::from_micros(10));
        }
        let running = client.run_program([LineUse::output("out")], &flicker);
        tokio::select! {
            ended = running => panic!("it goes on: {ended:?}"),
            _ = rig.saw(since, |entry| became(entry, "GPIO22", true)) => {}
        }
        drop(client);
        // The line is free as soon as it is released, and there is room for a program again: the one before is gone.
        let next = rig.client("bench").await;
        let session = loop {
            match next.session().output_at("out", Value::Inactive).input("button").open().await {
                Ok(session) => break session,
                Err(held) => assert_eq!(held.reason(), Some(&gpiod_sdk::Reason::LineHeld), "{held}"),
            }
        };
        let opened = board.record(0).await.unwrap().entries.last().map_or(0, |entry| entry.seq);
        let button = session.input("button").unwrap();
        let quiet = Program::new().wait_edge(&button, Edge::Both, Duration::from_millis(20));
        assert_eq!(session.program(&quiet).await.unwrap().timed_out(), Some(0));
        let record = board.record(opened).await.unwrap().entries;
        assert!(!record.iter().any(|entry| entry.line.to_string() == "GPIO22"), "{record:?}");
    }
}
