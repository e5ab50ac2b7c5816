//! What a changed configuration makes of lines: other directions, and lines that go and come back. Judged by the board.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{Rig, became, gpiod};
use gpiod::board::record::Change;
use gpiod::line::Direction;
use gpiod_sdk::{Notice, Reason, Session, Value, Watch, WatchItem};

/// Two lines that a wire joins, in one request of the kernel.
const DESK: &str = "[[group]]\nname = \"desk\"\n\
    lines.out = { line = \"GPIO22\", direction = \"output\" }\n\
    lines.turn = { line = \"GPIO27\", direction = \"input\" }\n";
const INPUT: &str = "lines.turn = { line = \"GPIO27\", direction = \"input\" }\n";
const OUTPUT: &str = "lines.turn = { line = \"GPIO27\", direction = \"output\", at_start = \"active\", \
    on_release = \"keep\" }\n";

/// What the board says of a line: which way it goes, whether it is high, and who has it.
async fn line(rig: &Rig, bcm: usize) -> (Direction, bool, Option<String>) {
    let line = rig.board().await.state().await.unwrap().lines[bcm].clone();
    (line.direction, line.high, line.consumer)
}

fn ours() -> Option<String> {
    Some("gpiod:desk".to_owned())
}

/// How often the board saw a line become something.
async fn moves(rig: &Rig, line: &str) -> usize {
    let record = rig.board().await.record(0).await.unwrap().entries;
    let moved =
        |change| matches!(change, Change::Level | Change::Direction | Change::Claim | Change::Release);
    record.iter().filter(|e| moved(e.change) && e.line.to_string() == line).count()
}

async fn next_edge(watch: &mut Watch) -> Value {
    loop {
        if let WatchItem::Edge(edge) = watch.next().await.unwrap().unwrap() {
            return edge.value;
        }
    }
}

async fn lost(session: &Session) -> Option<Reason> {
    let Notice::Lost { why } = session.next_notice().await else { panic!("its line is another") };
    why.reason().cloned()
}

#[tokio::test]
async fn a_line_goes_the_other_way_in_its_place_and_whoever_uses_it_is_told() {
    let rig = Rig::by_order(DESK, "").await;
    let client = rig.client("desk").await;
    let out = client.session().output("out").open().await.unwrap();
    let input = client.session().input("turn").open().await.unwrap();
    let mut watch = client.watch(["turn"]).open().await.unwrap();
    assert!(matches!(watch.next().await.unwrap().unwrap(), WatchItem::Values(_)));
    out.write([("out", Value::Active)]).await.unwrap();
    assert_eq!(next_edge(&mut watch).await, Value::Active);
    let still = moves(&rig, "GPIO22").await;

    rig.edit_unseen(|text| text.replace(INPUT, OUTPUT));
    assert_eq!(rig.reload().await.unwrap().changed, ["desk"]);
    assert_eq!(line(&rig, 27).await, (Direction::Output, true, ours()), "as its at_start says");
    assert_eq!(lost(&input).await, Some(Reason::Reconfigured));
    drop(input);
    let WatchItem::Lost(_) = watch.next().await.unwrap().unwrap() else { panic!("the watch learns it") };
    let driven = client.session().output("turn").open().await.unwrap();
    driven.write([("turn", Value::Active)]).await.unwrap();
    assert_eq!(
        client.lines().await.unwrap().get("turn").unwrap().direction,
        Some(gpiod_sdk::Direction::Output)
    );

    rig.edit_unseen(|text| text.replace(OUTPUT, INPUT));
    assert_eq!(rig.reload().await.unwrap().changed, ["desk"]);
    assert_eq!(line(&rig, 27).await, (Direction::Input, true, ours()), "the wire's level");
    assert_eq!(lost(&driven).await, Some(Reason::Reconfigured));
    drop(driven);
    assert_eq!(moves(&rig, "GPIO22").await, still, "its neighbour saw nothing of it");
    let mut watch = client.watch(["turn"]).open().await.unwrap();
    out.write([("out", Value::Inactive)]).await.unwrap();
    assert_eq!(next_edge(&mut watch).await, Value::Inactive);
    out.close().await.unwrap();
}

#[tokio::test]
async fn a_line_that_was_removed_may_come_back_the_other_way() {
    let lamp = |direction: &str| {
        format!(
            "[[group]]\nname = \"lamp\"\nlines.lamp = {{ line = \"GPIO20\", direction = \"{direction}\" }}\n"
        )
    };
    let rig = Rig::by_order(&(DESK.to_owned() + &lamp("output")), "").await;
    for (now, then) in [("output", "input"), ("input", "output")] {
        rig.edit_unseen(|text| text.replace(&lamp(now), ""));
        assert_eq!(rig.reload().await.unwrap().removed, ["lamp"]);
        assert_eq!(line(&rig, 20).await.2, None, "it is given back");
        rig.edit_unseen(|text| text.replace(DESK, &(DESK.to_owned() + &lamp(then))));
        assert_eq!(rig.reload().await.unwrap().added, ["lamp"]);
        let (direction, _, consumer) = line(&rig, 20).await;
        let wanted = if then == "input" { Direction::Input } else { Direction::Output };
        assert_eq!((direction, consumer.as_deref()), (wanted, Some("gpiod:lamp")));
        rig.client("lamp").await.read(["lamp"]).await.unwrap();
    }
    let lamp = rig.client("lamp").await.session().output_at("lamp", Value::Active).open().await.unwrap();
    rig.saw(0, |e| became(e, "GPIO20", true)).await;
    lamp.close().await.unwrap();
}

#[tokio::test]
async fn a_removed_line_stays_claimed_with_its_request_and_that_is_told() {
    // No wire is to hold it down.
    let [desk, input, output] = [DESK, INPUT, OUTPUT].map(|text| text.replace("GPIO27", "GPIO24"));
    let rig = Rig::by_order(&desk, "").await;
    rig.edit_unseen(|text| text.replace(&input, ""));
    rig.reload().await.unwrap();
    assert_eq!(line(&rig, 24).await.2, ours(), "the kernel takes back requests, not lines");
    let told =
        "stays claimed until all of these are gone, too\",\"line\":\"desk/turn\",\"lines\":\"desk/out\"";
    assert!(rig.log().contains(told), "{}", rig.log());
    let listing = gpiod().args(["lines", "--socket"]).arg(rig.admin_socket()).output().await.unwrap();
    let listed = String::from_utf8(listing.stdout).unwrap();
    let row = listed.lines().find(|row| row.starts_with("GPIO24 ")).unwrap();
    assert!(row.contains(" gpiod:desk "), "{row}");
    // It comes back the other way, in its place.
    rig.edit_unseen(|text| {
        text.replace("[[group]]\nname = \"desk\"\n", &format!("[[group]]\nname = \"desk\"\n{output}"))
    });
    rig.reload().await.unwrap();
    assert_eq!(line(&rig, 24).await, (Direction::Output, true, ours()));
    rig.edit_unseen(|text| text.replace(&output, ""));
    rig.reload().await.unwrap();
    assert_eq!(line(&rig, 24).await, (Direction::Output, true, ours()), "as its on_release says");
    // With the last line of the request all of it goes.
    rig.edit_unseen(|text| text.replace("GPIO22", "GPIO23"));
    rig.reload().await.unwrap();
    assert_eq!(
        (line(&rig, 22).await.2, line(&rig, 24).await.2, line(&rig, 23).await.2),
        (None, None, ours())
    );
}
