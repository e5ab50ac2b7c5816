//! Samples: what was read is what the board's record says, and what is missing is counted where it is missing.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{CONFIG, PATIENCE, Rig, raw, reason};
use gpiod::board::record::Change;
use gpiod_proto::v1::gpio_service_client::GpioServiceClient;
use gpiod_proto::v1::{SampleRequest, SampleResponse};
use gpiod_sdk::{Reason, SampleItem, Samples, Value};
use std::time::Duration;
use tonic::Code;
use tonic::transport::Endpoint;

const PERIOD: Duration = Duration::from_millis(1);

/// A simulated board answers a read after some ten microseconds, and the machine may be busy.
async fn next(samples: &mut Samples) -> Option<SampleItem> {
    tokio::time::timeout(PATIENCE, samples.next()).await.expect("it goes on").map(Result::unwrap)
}

/// How many samples a part tells of, missed ones included.
fn count(part: &SampleResponse) -> u64 {
    part.samples.len() as u64 + part.gaps.iter().map(|gap| gap.count).sum::<u64>()
}

#[tokio::test]
async fn every_sample_is_what_the_boards_record_says_and_none_is_untold() {
    let rig = Rig::start().await;
    let client = rig.client("bench").await;
    let session = client.session().output("out").open().await.unwrap();
    let out = session.output("out").unwrap();
    let mut samples = client.sample(["in", "out"]).period(PERIOD).count(300).open().await.unwrap();
    let (mut seen, mut told) = (Vec::new(), 0);
    while let Some(item) = next(&mut samples).await {
        match item {
            SampleItem::Sample { index, values } => {
                assert_eq!(index, told, "in order");
                told += 1;
                seen.push(values);
                if seen.len() % 20 == 1 {
                    out.set(Value::from(seen.len() % 40 == 1)).await.unwrap();
                }
            }
            SampleItem::Missed(gap) => {
                assert_eq!(gap.index, told, "in order");
                told += gap.count;
            }
        }
    }
    let totals = samples.totals();
    assert_eq!((told, totals.taken, totals.taken + totals.missed), (300, seen.len() as u64, 300));
    assert!(totals.thread_ns > 0 && seen.len() > 20, "{totals:?}");
    let lateness_ns = samples.max_lateness_ns();
    let record = rig.board().await.record(0).await.unwrap().entries;
    let changes: Vec<(u64, bool)> = record
        .iter()
        .filter(|entry| entry.change == Change::Level && entry.line.to_string() == "GPIO22")
        .map(|entry| (entry.time_ns, entry.high))
        .collect();
    let level_at = |ns: u64| {
        changes.iter().take_while(|(time_ns, _)| *time_ns <= ns).last().is_some_and(|(_, high)| *high)
    };
    assert!(changes.len() > 1, "it was driven meanwhile");
    for values in seen {
        let due_ns = values.timestamp_ns();
        // Where it changed while a sample may have been read, either is right.
        if changes.iter().any(|(ns, _)| (due_ns..=due_ns + lateness_ns).contains(ns)) {
            continue;
        }
        for line in ["in", "out"] {
            assert_eq!(values.get(line), Some(Value::from(level_at(due_ns))), "{line} at {due_ns}");
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_costs_only_itself_and_is_told_what_it_missed() {
    let rig = Rig::with(CONFIG).await;
    // Its window is small, so that all that may wait is soon full.
    let endpoint = Endpoint::try_from(format!("unix:{}", rig.watch_socket("bench").display())).unwrap();
    let channel = endpoint.initial_stream_window_size(1000).connect().await.unwrap();
    let mut client = GpioServiceClient::new(channel);
    let request = SampleRequest { lines: vec!["in".to_owned()], period_ns: 100_000, ..Default::default() };
    let mut frozen = client.sample(request).await.unwrap().into_inner();
    // Meanwhile another socket is served.
    let other = rig.client("traffic-light").await;
    let mut samples =
        other.sample(["red"]).period(Duration::from_millis(10)).count(400).open().await.unwrap();
    let (mut taken, mut missed) = (0, 0);
    while let Some(item) = next(&mut samples).await {
        match item {
            SampleItem::Sample { .. } => taken += 1,
            SampleItem::Missed(gap) => missed += gap.count,
        }
    }
    assert!(taken > 0 && taken + missed == 400, "{taken} taken, {missed} missed");
    let mut expected = 0;
    loop {
        let part = tokio::time::timeout(PATIENCE, frozen.message()).await.expect("it goes on");
        let part = part.unwrap().unwrap();
        assert_eq!(part.first_index, expected, "each part begins where the last one ended");
        expected += count(&part);
        if part.gaps.iter().any(|gap| gap.cause() == gpiod_proto::v1::SampleGapCause::Client) {
            break;
        }
    }
}

#[tokio::test]
async fn limits_of_sampling_are_told_by_name_and_an_end_gives_the_place_back() {
    let rig = Rig::with(&format!("{CONFIG}\n[limits]\nsamples = 1\n")).await;
    let client = rig.client("bench").await;
    let sample = |us| client.sample(["in"]).period(Duration::from_micros(us)).open();
    let refused = sample(9).await.unwrap_err();
    assert_eq!(refused.to_string(), "this asks for more than limits.samples_per_s allows, 100000");
    assert_eq!(refused.reason(), Some(&Reason::BeyondLimit));
    for us in [0, 60_000_001] {
        assert_eq!(sample(us).await.unwrap_err().reason(), Some(&Reason::InvalidRequest), "{us}");
    }
    let first = sample(1000).await.unwrap();
    assert_eq!(sample(1000).await.unwrap_err().to_string(), "limit limits.samples of 1 is reached");
    rig.client("traffic-light").await.sample(["red"]).open().await.unwrap();
    drop(first);
    let again = async {
        while let Err(error) = sample(1000).await {
            assert_eq!(error.reason(), Some(&Reason::LimitReached), "{error}");
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("there is a place again");
}

#[tokio::test]
async fn the_watch_socket_samples_a_held_output_and_no_line_that_may_not_be_read() {
    let config = CONFIG.replace(
        "lines.in = {",
        "lines.mute = { line = \"GPIO5\", direction = \"input\", operations = [\"watch\"] }\nlines.in = {",
    );
    let rig = Rig::with(&config).await;
    let session = rig.client("bench").await.session().output("lamp").open().await.unwrap();
    session.output("lamp").unwrap().set(Value::Active).await.unwrap();
    let watcher = gpiod_sdk::Client::at(rig.watch_socket("bench")).connect().await.unwrap();
    let mut samples = watcher.sample(["lamp"]).period(PERIOD).open().await.unwrap();
    while !matches!(next(&mut samples).await, Some(SampleItem::Sample { values, .. }) if values.bits() == 1) {
    }
    let mut client = raw(&rig.socket("bench")).await;
    let request = |name: &str| SampleRequest {
        lines: vec![name.to_owned()],
        period_ns: 1_000_000,
        ..Default::default()
    };
    let refused = client.sample(request("mute")).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "NOT_PERMITTED"));
    let unknown = client.sample(request("red")).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "LINE_NOT_FOUND"));
}

#[tokio::test]
async fn a_sampling_ends_with_the_reason_when_the_daemon_stops() {
    let mut rig = Rig::start().await;
    let client = rig.client("bench").await;
    // Each sample is told by itself, and nobody waits for the next one.
    let mut samples = client.sample(["in"]).period(Duration::from_secs(60)).open().await.unwrap();
    assert!(matches!(next(&mut samples).await, Some(SampleItem::Sample { index: 0, .. })));
    rig.daemon.take().unwrap().signal(nix::sys::signal::Signal::SIGTERM).await;
    let end = tokio::time::timeout(PATIENCE, samples.next()).await.expect("it ends").unwrap().unwrap_err();
    assert_eq!(end.reason(), Some(&Reason::Stopping), "{end}");
}
