//! Programs: what the light sensor measures is what physics says, and what can not be run is refused whole.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{Rig, raw, reason};
use gpiod_proto::v1::{self, RunProgramRequest, SessionLine, WaitStep};
use gpiod_sdk::{Edge, LineUse, Program, Reason, Value};
use std::time::Duration;
use tonic::Code;

fn reading() -> Program {
    Program::new()
        .drive([("light", Value::Inactive)])
        .wait(Duration::from_millis(20))
        .listen(["light"])
        .wait_edge(["light"], Edge::Rising, Duration::from_secs(2))
}

#[tokio::test]
async fn the_light_sensor_measures_what_physics_says() {
    let rig = Rig::start().await;
    let client = rig.client("light-sensor").await;
    let mut board = rig.board().await;
    for lux in [2.0, 10.0, 100.0, 1000.0] {
        board.light("ldr", Some(lux)).await.unwrap();
        // R = 10 kOhm at 10 lux, gamma 0.7; t = R C ln((V - V0) / (V - Vth)). V0 is what the pin's own 50 Ohm leaves
        // in the capacitor, which the photoresistor charges all the while.
        let ohms = 10_000.0 * (lux / 10.0f64).powf(-0.7);
        let left = 3.3 * 50.0 / (50.0 + ohms);
        let expected = ohms * 1e-6 * ((3.3 - left) / (3.3 - 1.8)).ln();
        let result = client.run_program([LineUse::both("light")], &reading()).await.unwrap();
        assert_eq!(result.timed_out(), None);
        let measured = result.between(2, 3).unwrap().as_secs_f64();
        assert!(
            (measured - expected).abs() < expected * 0.001 + 1e-6,
            "{lux} lux: {measured} s, not {expected} s"
        );
    }
    let light = client.lines().await.unwrap().get("light").unwrap().clone();
    assert!(light.holder.is_none(), "let go");
}

#[tokio::test]
async fn the_dark_is_a_time_out_and_not_for_ever() {
    let rig = Rig::start().await;
    rig.board().await.light("ldr", Some(0.001)).await.unwrap();
    let client = rig.client("light-sensor").await;
    let program = Program::new()
        .drive([("light", Value::Inactive)])
        .wait(Duration::from_millis(5))
        .listen(["light"])
        .wait_edge(["light"], Edge::Rising, Duration::from_millis(30));
    let result = client.run_program([LineUse::both("light")], &program).await.unwrap();
    assert_eq!(result.timed_out(), Some(3));
    let waited = result.between(2, 3).unwrap();
    assert!(waited >= Duration::from_millis(30), "{waited:?}");
}

#[tokio::test]
async fn a_wait_lasts_at_least_its_time_and_steps_are_stamped_by_the_board() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    let program = Program::new()
        .set([("out", Value::Active)])
        .wait(Duration::from_micros(300))
        .set([("out", Value::Inactive)])
        .wait(Duration::from_micros(300))
        .set([("out", Value::Active)])
        .wait(Duration::from_micros(300));
    let result = client.run_program([LineUse::output("out")], &program).await.unwrap();
    for (from, to) in [(0, 2), (2, 4)] {
        assert!(result.between(from, to).unwrap() >= Duration::from_micros(300));
    }
    let record = rig.board().await.record(0).await.unwrap().entries;
    let out: Vec<u64> = record
        .iter()
        .filter(|e| e.line.to_string() == "GPIO22" && e.change == gpiod::board::record::Change::Level)
        .map(|e| e.time_ns)
        .collect();
    let told: Vec<u64> = [0, 2, 4].iter().map(|step| result.step(*step).unwrap().timestamp_ns).collect();
    assert_eq!(out[..3], told, "the daemon's stamps are the board's");
}

#[tokio::test]
async fn a_session_goes_on_while_its_program_waits_but_not_on_the_programs_lines() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    let session = client.session().output("out").output("lamp").input("in").open().await.unwrap();
    let (out, lamp, input) =
        (session.output("out").unwrap(), session.output("lamp").unwrap(), session.input("in").unwrap());
    let program = Program::new().wait_edge(&input, Edge::Rising, Duration::from_secs(5)).set([lamp.active()]);
    let running = session.program(&program);
    tokio::pin!(running);
    let refused = async {
        // The program is on its way: the command that follows it on the same stream comes after it.
        let error = lamp.set(Value::Inactive).await.unwrap_err();
        assert_eq!(error.reason(), Some(&Reason::ProgramRunning), "{error}");
        out.set(Value::Active).await.unwrap();
        std::future::pending::<()>().await
    };
    let result = tokio::select! {
        biased;
        result = &mut running => result.unwrap(),
        () = refused => unreachable!(),
    };
    assert_eq!(result.timed_out(), None);
    assert_eq!(lamp.read().await.unwrap(), Value::Active);
    lamp.set(Value::Inactive).await.unwrap();
}

#[tokio::test]
async fn programs_that_can_not_be_run_are_refused_whole() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    let refuse = async |program: Program| {
        client
            .run_program([LineUse::output("out"), LineUse::input("in")], &program)
            .await
            .unwrap_err()
            .to_string()
    };
    let long = Program::new().set([("out", Value::Active)]).wait(Duration::from_secs(11));
    assert_eq!(refuse(long).await, "this asks for more than limits.program_ms allows, 10000");
    let mut many = Program::new();
    for _ in 0..257 {
        many = many.wait(Duration::from_nanos(1));
    }
    assert_eq!(refuse(many).await, "this asks for more than limits.program_steps allows, 256");
    let backwards =
        Program::new().set([("out", Value::Active)]).wait_edge(["out"], Edge::Both, Duration::from_millis(1));
    assert_eq!(refuse(backwards).await, "step 1: line \"out\" is an output at this point, it has no edges");
    assert_eq!(client.read(["out"]).await.unwrap().bits(), 0, "not a step was done");
}

#[tokio::test]
async fn a_million_steps_do_not_get_in() {
    let rig = Rig::start().await;
    let mut client = raw(&rig.socket("bench")).await;
    let wait = v1::Step { step: Some(v1::step::Step::Wait(WaitStep { duration_ns: 1 })) };
    let lines = vec![SessionLine { name: "out".to_owned(), ..Default::default() }];
    let program = Some(v1::Program { steps: vec![wait; 1_000_000] });
    let status =
        client.run_program(RunProgramRequest { lines, program, ..Default::default() }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "BEYOND_LIMIT"));
    assert_eq!(status.message(), "this asks for more than limits.message_bytes allows, 16384");
    let lines = vec![SessionLine { name: "out".to_owned(), ..Default::default() }];
    let empty = RunProgramRequest { lines, program: None, ..Default::default() };
    let status = client.run_program(empty).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_PROGRAM"));
}

#[tokio::test]
async fn a_program_sees_the_edge_that_its_own_step_causes() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    // The wire carries the edge at the very moment of the step.
    let program =
        Program::new().set([("out", Value::Active)]).wait_edge(["in"], Edge::Rising, Duration::from_secs(5));
    let result = client.run_program([LineUse::output("out"), LineUse::input("in")], &program).await.unwrap();
    assert_eq!(result.timed_out(), None);
    let [set, edge] = [0, 1].map(|step| result.step(step).unwrap().timestamp_ns);
    assert_eq!(set, edge);
}

#[tokio::test]
async fn a_capture_gathers_as_many_edges_as_it_was_asked_for() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    let session = client.session().output("out").input("in").open().await.unwrap();
    let (out, input) = (session.output("out").unwrap(), session.input("in").unwrap());
    let program = Program::new().capture(&input, Edge::Both, 4, Duration::from_secs(5));
    let toggle = async {
        for value in [Value::Active, Value::Inactive, Value::Active, Value::Inactive, Value::Active] {
            out.set(value).await.unwrap();
        }
    };
    let (result, ()) = tokio::join!(session.program(&program), toggle);
    let result = result.unwrap();
    let edges = &result.step(0).unwrap().edges;
    let values: Vec<Value> = edges.iter().map(|edge| edge.value).collect();
    assert_eq!(values, [Value::Active, Value::Inactive, Value::Active, Value::Inactive]);
    assert!(edges.windows(2).all(|pair| pair[0].timestamp_ns < pair[1].timestamp_ns));
    assert_eq!((result.timed_out(), result.lost_edges), (None, 0));
}

#[tokio::test]
async fn a_refused_program_does_not_even_set_first_values() {
    let rig = Rig::start().await;
    let client = rig.client("traffic-light").await;
    let program = Program::new().wait(Duration::from_secs(3600));
    let lines = [LineUse::output_at("red", Value::Active)];
    let error = client.run_program(lines, &program).await.unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::BeyondLimit), "{error}");
    let record = rig.board().await.record(0).await.unwrap().entries;
    assert!(!record.iter().any(|entry| fixture::became(entry, "GPIO9", true)), "the board saw nothing");
}

#[tokio::test]
async fn a_watcher_of_the_sensors_line_sees_it_fall_and_rise_once_and_disturbs_no_reading() {
    let rig = Rig::start().await;
    let client = rig.client("light-sensor").await;
    // So bright that it has charged before anybody could look.
    rig.board().await.light("ldr", Some(10_000.0)).await.unwrap();
    let mut watch = client.watch(["light"]).open().await.unwrap();
    watch.next().await.unwrap().unwrap();
    let mut readings = Vec::new();
    for _ in 0..20 {
        let result = client.run_program([LineUse::both("light")], &reading()).await.unwrap();
        assert_eq!(result.timed_out(), None);
        readings.push(result.between(2, 3).unwrap());
    }
    assert!(
        readings.iter().all(|reading| reading.abs_diff(readings[0]) < Duration::from_micros(1)),
        "{readings:?}"
    );
    let mut seen = Vec::new();
    while seen.len() < 40 {
        let next = tokio::time::timeout(fixture::PATIENCE, watch.next()).await.expect("an edge comes");
        let gpiod_sdk::WatchItem::Edge(edge) = next.unwrap().unwrap() else { panic!("an edge") };
        seen.push((edge.value, edge.line_seqno));
    }
    let expected: Vec<_> =
        (1..=40u64).map(|n| (if n.is_multiple_of(2) { Value::Active } else { Value::Inactive }, n)).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_program_that_there_is_no_room_for_does_not_set_first_values_either() {
    let rig = Rig::with(&format!("{}\n[limits]\nprograms = 1\n", fixture::CONFIG)).await;
    let client = rig.client("bench").await;
    let session = client.session().input("in").open().await.unwrap();
    let input = session.input("in").unwrap();
    let waiting = Program::new().wait_edge(&input, Edge::Rising, Duration::from_secs(9));
    let running = session.program(&waiting);
    tokio::pin!(running);
    let refused = async {
        // Feeding is answered after the program has begun: commands are taken in order.
        session.feed().await.unwrap();
        let lines = [LineUse::output_at("out", Value::Active)];
        client.run_program(lines, &Program::new().wait(Duration::ZERO)).await.unwrap_err()
    };
    let error = tokio::select! {
        biased;
        _ = &mut running => panic!("nothing ends it"),
        error = refused => error,
    };
    assert_eq!(error.to_string(), "limit limits.programs of 1 is reached");
    let record = rig.board().await.record(0).await.unwrap().entries;
    assert!(!record.iter().any(|entry| fixture::became(entry, "GPIO22", true)), "the board saw nothing");
}

#[tokio::test]
async fn a_line_that_goes_high_as_soon_as_it_is_let_go_is_an_edge_and_no_time_out() {
    // On a kernel the edge may come before its interrupt is set up; on the board the pull is there at once.
    let rig = Rig::with(
        "[[group]]\nname = \"bus\"\nlines.data = { line = \"GPIO5\", direction = \"both\", bias = \"pull-up\" }\n",
    )
    .await;
    let client = rig.client("bus").await;
    let program = Program::new()
        .drive([("data", Value::Inactive)])
        .wait(Duration::from_millis(1))
        .listen(["data"])
        .wait_edge(["data"], Edge::Rising, Duration::from_secs(2));
    let result = client.run_program([LineUse::both("data")], &program).await.unwrap();
    assert_eq!(result.timed_out(), None);
    let [let_go, edge] = [2, 3].map(|step| result.step(step).unwrap());
    // The daemon saw it, not the kernel, and says how well it knows when that was.
    assert!(let_go.timestamp_ns <= edge.timestamp_ns + edge.uncertainty_ns);
}
