//! Sessions: lines are held all or none, by one client, and let go when the session ends however it ends. What the
//! lines did is read off the board's record.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{Rig, became, gpiod};
use gpiod::board::record::Change;
use gpiod_sdk::{Error, Reason, Value, WatchItem};
use std::process::Stdio;
use std::time::Duration;

#[tokio::test]
async fn a_session_drives_its_lines_and_lets_them_go_at_its_end() {
    let rig = Rig::start().await;
    let client = rig.client("traffic-light").await;
    let session = client
        .session()
        .output("red")
        .output_at("yellow", Value::Active)
        .output("green")
        .open()
        .await
        .unwrap();
    let [red, green] = ["red", "green"].map(|name| session.output(name).unwrap());
    session.write([red.active(), green.active()]).await.unwrap();
    let now = session.read_all().await.unwrap();
    assert_eq!(now.bits(), 0b111);
    let holder = client.lines().await.unwrap().get("red").unwrap().holder.clone().unwrap();
    assert_eq!((holder.name.as_str(), holder.pid), ("test", std::process::id()));

    session.close().await.unwrap();

    let lines = client.lines().await.unwrap();
    assert!(lines.lines.iter().all(|line| line.holder.is_none() && line.value == Some(Value::Inactive)));
    let record = rig.board().await.record(0).await.unwrap().entries;
    let off: Vec<u64> =
        record.iter().filter(|e| e.change == Change::Level && !e.high).map(|e| e.time_ns).collect();
    assert_eq!(off.len(), 3, "three lights go out");
    assert!(off.iter().all(|time| *time == off[0]), "in one access: {off:?}");
}

#[tokio::test]
async fn a_second_session_is_refused_with_the_holders_name_and_holds_nothing() {
    let rig = Rig::start().await;
    let client = rig.client("traffic-light").await;
    let first = client.session().output("green").open().await.unwrap();
    let error = client.session().output("red").output("green").open().await.unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::LineHeld));
    assert!(error.to_string().starts_with("line \"green\" is held by test (uid "), "{error}");
    let lines = client.lines().await.unwrap();
    assert!(lines.get("red").unwrap().holder.is_none(), "all or none");
    first.close().await.unwrap();
    client.session().output("red").output("green").open().await.unwrap();
}

#[tokio::test]
async fn a_killed_holder_leaves_its_lights_dark_and_its_lines_free() {
    let rig = Rig::start().await;
    let mut command = gpiod();
    command.arg("set").arg("--socket").arg(rig.socket("traffic-light")).arg("--hold").arg("green=active");
    let mut holder = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let lit = rig.saw(0, |e| became(e, "GPIO11", true)).await;
    assert!(rig.client("traffic-light").await.lines().await.unwrap().get("green").unwrap().holder.is_some());

    holder.kill().await.unwrap();

    rig.saw(lit.seq, |e| became(e, "GPIO11", false)).await;
    let client = rig.client("traffic-light").await;
    assert!(client.lines().await.unwrap().get("green").unwrap().holder.is_none());
    client.session().output("green").open().await.unwrap();
}

#[tokio::test]
async fn a_watchdog_that_is_not_fed_lets_the_lines_go_and_says_why() {
    let rig = Rig::start().await;
    let client = rig.client("traffic-light").await;
    let session = client.session().output("red").watchdog(Duration::from_millis(50)).open().await.unwrap();
    let red = session.output("red").unwrap();
    let sent_ns = gpiod::clock::now_ns();
    red.set(Value::Active).await.unwrap();
    let on = rig.saw(0, |e| became(e, "GPIO9", true)).await;
    let off = rig.saw(on.seq, |e| became(e, "GPIO9", false)).await;
    assert!(off.time_ns >= sent_ns + 50_000_000, "not before its time");
    let ended = loop {
        if let gpiod_sdk::Notice::Ended { error } = session.next_notice().await {
            break error;
        }
    };
    assert_eq!(ended.reason(), Some(&Reason::WatchdogExpired), "{ended}");
    assert!(
        ended.to_string().contains("for 50 ms, the session's watchdog has let go of its lines"),
        "{ended}"
    );
    assert!(client.lines().await.unwrap().get("red").unwrap().holder.is_none());
}

/// Feeds back to back for longer than the watchdog's time. Answers `None` when the machine was too slow: then some answer
/// came so long after the feed before it was sent that the watchdog may have run out.
async fn fed(client: &gpiod_sdk::Client, watchdog: Duration) -> Option<Result<u64, Error>> {
    let watchdog_ns = u64::try_from(watchdog.as_nanos()).unwrap();
    let now_ns = gpiod::clock::now_ns;
    let begin_ns = now_ns();
    let session = client.session().output_at("red", Value::Active).watchdog(watchdog).open().await;
    let feeding = async {
        let session = session?;
        let (mut sent_ns, mut slowest_ns) = (begin_ns, now_ns() - begin_ns);
        let mut bits = Ok(0);
        while bits.is_ok() && now_ns() < begin_ns + watchdog_ns + watchdog_ns / 2 {
            let before_ns = std::mem::replace(&mut sent_ns, now_ns());
            // Each answer is awaited, so this is no sleep.
            bits = match session.feed().await {
                Ok(()) => session.read_all().await.map(|read| read.bits()),
                Err(error) => Err(error),
            };
            slowest_ns = slowest_ns.max(now_ns() - before_ns);
        }
        Ok::<_, Error>((bits, slowest_ns))
    };
    match feeding.await {
        Ok((Err(_), slowest_ns)) if slowest_ns >= watchdog_ns => None,
        Ok((bits, _)) => Some(bits),
        Err(error) => Some(Err(error)),
    }
}

#[tokio::test]
async fn a_fed_watchdog_keeps_the_lines() {
    let rig = Rig::start().await;
    let client = rig.client("traffic-light").await;
    let mut watchdog = Duration::from_millis(400);
    let bits = loop {
        match fed(&client, watchdog).await {
            Some(bits) => break bits,
            None => watchdog *= 2,
        }
    };
    assert_eq!(bits.unwrap(), 1);
}

#[tokio::test]
async fn an_input_can_not_be_written_and_an_output_is_not_read_as_input() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    let error = client.session().output("in").open().await.unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::WrongDirection));
    assert_eq!(error.to_string(), "line \"in\" is configured as an input, not an output");
    let error = client.session().input("out").open().await.unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::WrongDirection));
    let error = client.write([("button", Value::Active)]).await.unwrap_err();
    assert_eq!(error.to_string(), "line \"button\" is an input, not an output");
}

#[tokio::test]
async fn a_line_that_is_both_is_driven_and_listened_to_in_turn() {
    let rig = Rig::start().await;
    let client = rig.client("light-sensor").await;
    let session = client.session().both("light").open().await.unwrap();
    let light = session.both("light").unwrap();
    let error = session.write([light.active()]).await.unwrap_err();
    assert_eq!(error.to_string(), "line \"light\" is an input now, not an output");
    light.drive(Value::Inactive).await.unwrap();
    assert_eq!(light.read().await.unwrap(), Value::Inactive);
    light.listen().await.unwrap();
    let mut board = rig.board().await;
    let state = board.state().await.unwrap();
    let line = state.lines.iter().find(|line| line.line.to_string() == "GPIO4").unwrap();
    assert_eq!(line.direction, gpiod::line::Direction::Input);
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_one_shot_line_is_set_without_a_session_and_stays() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    client.write([("lamp", Value::Active)]).await.unwrap();
    assert_eq!(client.read(["lamp"]).await.unwrap().bits(), 1);
    let error = client.write([("lamp", Value::Inactive), ("out", Value::Active)]).await.unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::NotPermitted), "{error}");
    assert_eq!(client.read(["lamp", "out"]).await.unwrap().bits(), 1, "all or none");
    let session = client.session().output("lamp").open().await.unwrap();
    let error = client.write([("lamp", Value::Inactive)]).await.unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::LineHeld));
    session.close().await.unwrap();
    assert_eq!(client.read(["lamp"]).await.unwrap().bits(), 1, "on_release = keep");
}

#[tokio::test]
async fn a_batch_does_its_operations_in_order() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    let session = client.session().output("out").input("in").open().await.unwrap();
    let (out, input) = (session.output("out").unwrap(), session.input("in").unwrap());
    let batch = session.batch().write([out.active()]).read(&input).write([out.inactive()]).read(&input);
    let done = batch.send().await.unwrap();
    let seen: Vec<_> = done.reads.iter().map(|values| values.get("in").unwrap()).collect();
    assert_eq!(seen, [Value::Active, Value::Inactive], "the wire follows");
}

#[tokio::test]
async fn a_batch_stops_at_its_first_failure_and_says_how_far_it_came() {
    let rig = Rig::start().await;
    let client = rig.client("light-sensor").await;
    let session = client.session().both("light").open().await.unwrap();
    let light = session.both("light").unwrap();
    // The line is an input: the second operation can not be done, and the third is not.
    let error = session.batch().read(&light).write([light.active()]).read(&light).send().await.unwrap_err();
    let Error::Batch { done, source } = error else { panic!("a batch's error: {error}") };
    assert_eq!((done, source.reason()), (1, Some(&Reason::WrongDirection)));
}

#[tokio::test]
async fn a_watch_within_a_session_sees_the_wire_follow_its_output() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    let session = client.session().output("out").input("in").open().await.unwrap();
    let (out, input) = (session.output("out").unwrap(), session.input("in").unwrap());
    let mut watch = session.watch(&input).open().await.unwrap();
    assert!(matches!(watch.next().await.unwrap().unwrap(), WatchItem::Values(_)));
    for n in 1..=100u64 {
        let value = if n.is_multiple_of(2) { Value::Inactive } else { Value::Active };
        out.set(value).await.unwrap();
        let WatchItem::Edge(edge) = watch.next().await.unwrap().unwrap() else { panic!("an edge") };
        assert_eq!((edge.value, edge.line_seqno, edge.seqno, &*edge.line), (value, n, n, "in"));
    }
}

#[tokio::test]
async fn an_app_asks_for_a_line_that_is_not_there() {
    let rig = Rig::start().await;
    let client = rig.client("traffic-light").await;
    let error = client.session().output("blue").open().await.unwrap_err();
    assert_eq!(error.reason(), Some(&Reason::LineNotFound));
    assert_eq!(error.to_string(), "no line \"blue\" on this socket; it has red, yellow, green");
    assert!(matches!(error, Error::Refused { .. }));
}

#[tokio::test]
async fn a_changed_pull_goes_back_to_the_configured_one() {
    let rig = Rig::start().await;
    let client = rig.client("light-sensor").await;
    let session = client.session().both("light").open().await.unwrap();
    let bias = async || {
        let state = rig.board().await.state().await.unwrap();
        state.lines.iter().find(|line| line.line.to_string() == "GPIO4").unwrap().bias
    };
    session.both("light").unwrap().set_bias(gpiod_sdk::Bias::PullUp).await.unwrap();
    assert_eq!(bias().await, gpiod::line::Bias::PullUp);
    session.close().await.unwrap();
    assert_eq!(bias().await, gpiod::line::Bias::Disabled);
}

const KINDS: &str = r#"
[[group]]
name = "kinds"
lines.both = { line = "GPIO5", direction = "both", bias = "pull-down", debounce = "1ms" }
lines.fan = { line = "GPIO6", direction = "output", at_start = "active", one_shot = true }
"#;

#[tokio::test]
async fn a_debounced_line_can_be_driven_and_is_debounced_again_when_it_is_listened_to() {
    let rig = Rig::with(KINDS).await;
    let client = rig.client("kinds").await;
    let session = client.session().both("both").open().await.unwrap();
    let both = session.both("both").unwrap();
    both.drive(Value::Active).await.unwrap();
    assert_eq!(both.read().await.unwrap(), Value::Active);
    both.listen().await.unwrap();
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_line_that_is_both_is_what_it_was_opened_as() {
    let rig = Rig::with(KINDS).await;
    let client = rig.client("kinds").await;
    let session = client.session().output("both").open().await.unwrap();
    session.output("both").unwrap().set(Value::Active).await.unwrap();
    session.close().await.unwrap();
    let session = client.session().both("both").open().await.unwrap();
    session.both("both").unwrap().drive(Value::Active).await.unwrap();
    session.close().await.unwrap();
    let session = client.session().input("both").open().await.unwrap();
    assert_eq!(session.input("both").unwrap().read().await.unwrap(), Value::Inactive, "its pull is down");
}

#[tokio::test]
async fn a_watcher_is_told_what_a_change_of_direction_does() {
    let rig = Rig::with(KINDS).await;
    let client = rig.client("kinds").await;
    let mut watch = client.watch(["both"]).open().await.unwrap();
    let WatchItem::Values(first) = watch.next().await.unwrap().unwrap() else { panic!("values come first") };
    assert_eq!(first.bits(), 0);
    let session = client.session().both("both").open().await.unwrap();
    let both = session.both("both").unwrap();
    for _ in 0..3 {
        both.drive(Value::Active).await.unwrap();
        both.listen().await.unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 6 {
        let next = tokio::time::timeout(fixture::PATIENCE, watch.next()).await.expect("an edge comes");
        let WatchItem::Edge(edge) = next.unwrap().unwrap() else { panic!("an edge") };
        seen.push(edge.value.is_active());
    }
    assert_eq!(seen, [true, false, true, false, true, false]);
}
