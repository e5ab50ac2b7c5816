//! Lines that a changed configuration calls otherwise: a name stands for one line to those who go on.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{PATIENCE, Rig, raw, reason};
use gpiod_proto::v1::{LossCause, SampleRequest, WatchPosition, WatchRequest, WatchResponse};
use gpiod_sdk::Value;
use std::path::Path;
use tokio_stream::StreamExt;
use tonic::{Status, Streaming};

/// The fixture's circuit has a wire from GPIO22 to GPIO27.
const HOUSE: &str = "[[group]]\nname = \"bell\"\nlines.out = { line = \"GPIO22\", direction = \"output\" }\n\
    [[group]]\nname = \"house\"\n\
    lines.door = { line = \"GPIO25\", direction = \"input\" }\n\
    lines.fire = { line = \"GPIO27\", direction = \"input\" }\n\
    lines.hall = { line = \"GPIO26\", direction = \"input\" }\n";

fn swapped(text: &str) -> String {
    // No path has an angle bracket; a temporary folder's random name has any letter.
    text.replace("GPIO25", "<25>").replace("GPIO27", "GPIO25").replace("<25>", "GPIO27")
}

async fn watch(socket: &Path, line: &str, resume: Option<WatchPosition>) -> Streaming<WatchResponse> {
    let request = WatchRequest { lines: vec![line.to_owned()], resume, ..Default::default() };
    raw(socket).await.watch(request).await.unwrap().into_inner()
}

/// How a stream ends, whatever comes before.
async fn end<T>(stream: &mut Streaming<T>) -> Status {
    let end = async {
        loop {
            if let Err(status) = stream.next().await.expect("an error ends it") {
                break status;
            }
        }
    };
    tokio::time::timeout(PATIENCE, end).await.expect("it ends")
}

async fn ring(rig: &Rig) {
    let bell = rig.client("bell").await.session().output_at("out", Value::Active).open().await.unwrap();
    bell.close().await.unwrap();
}

#[tokio::test]
async fn watches_and_samplings_of_lines_that_swap_their_names_end_and_those_of_others_go_on() {
    let rig = Rig::by_order(HOUSE, "").await;
    let (house, admin) = (rig.watch_socket("house"), rig.admin_socket());
    let mut ended = Vec::new();
    for (socket, line) in [(&house, "door"), (&house, "fire"), (&admin, "house/door")] {
        let mut stream = watch(socket, line, None).await;
        stream.message().await.unwrap().unwrap();
        ended.push(stream);
    }
    let mut hall = watch(&house, "hall", None).await;
    hall.message().await.unwrap().unwrap();
    let sample = |line: &str| SampleRequest {
        lines: vec![line.to_owned()],
        period_ns: 1_000_000,
        ..Default::default()
    };
    let mut sampled = raw(&house).await.sample(sample("door")).await.unwrap().into_inner();
    // Each socket has one at a time.
    let mut others = raw(&rig.socket("house")).await.sample(sample("hall")).await.unwrap().into_inner();
    sampled.message().await.unwrap().unwrap();

    rig.edit_unseen(|text| swapped(&text));
    assert_eq!(rig.reload().await.unwrap().changed, ["house"]);
    for stream in &mut ended {
        assert_eq!(reason(&end(stream).await), "RECONFIGURED");
    }
    assert_eq!(reason(&end(&mut sampled).await), "RECONFIGURED");
    others.message().await.unwrap().unwrap();

    // A name that stands for no line any more is no other's, either.
    rig.edit_unseen(|text| text.replace("lines.hall", "lines.corridor"));
    rig.reload().await.unwrap();
    assert_eq!(reason(&end(&mut hall).await), "RECONFIGURED");
    assert_eq!(reason(&end(&mut others).await), "RECONFIGURED");
}

#[tokio::test]
async fn a_watch_that_goes_on_after_a_swap_is_told_no_edge_of_the_line_that_had_the_name() {
    let rig = Rig::by_order(HOUSE, "").await;
    let house = rig.watch_socket("house");
    // It is heard all the time, and so remembered.
    let mut fire = watch(&house, "fire", None).await;
    fire.message().await.unwrap().unwrap();
    let mut door = watch(&house, "door", None).await;
    let position = door.message().await.unwrap().unwrap().position.unwrap();
    drop(door);
    ring(&rig).await;
    assert_eq!(fire.message().await.unwrap().unwrap().events.len(), 1, "there is something to be told");

    rig.edit_unseen(|text| swapped(&text));
    rig.reload().await.unwrap();
    let mut door = watch(&house, "door", Some(position.clone())).await;
    let part = door.message().await.unwrap().unwrap();
    assert_eq!(part.events, [], "what fire was told is not what happened at the door");
    assert_eq!((part.losses.len(), part.losses[0].cause()), (1, LossCause::Restart));
    assert_eq!((part.losses[0].count, part.losses[0].from_ns), (None, Some(position.timestamp_ns)));
    // From now on it is this line's, and nothing more is missing.
    let position = part.position.unwrap();
    drop(door);
    let mut other = watch(&house, "door", None).await;
    other.message().await.unwrap().unwrap();
    let mut door = watch(&house, "door", Some(position)).await;
    ring(&rig).await;
    let part = door.message().await.unwrap().unwrap();
    assert!(part.losses.iter().all(|loss| loss.cause() != LossCause::Restart), "{part:?}");
}
