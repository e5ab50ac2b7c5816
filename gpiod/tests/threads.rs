//! A chip behind a bus has a thread of its own: waiting for it holds up nobody else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{CONFIG, PATIENCE, Rig, became, raw};
use gpiod_proto::v1::{ListLinesRequest, ReadRequest};
use gpiod_sdk::{Reason, Value};
use nix::sys::signal::{Signal, kill};
use tonic::transport::Endpoint;

const OWN_THREAD: &str = "own_thread = [\"pinctrl-bcm2835\"]\n";

#[tokio::test]
async fn groups_on_a_chip_with_a_thread_of_its_own_are_served_as_any_other() {
    let rig = Rig::with_backend(CONFIG, OWN_THREAD).await;
    assert!(rig.log().contains("their chip has a thread of its own"), "{}", rig.log());
    let client = rig.client("bench").await;
    let session = client.session().output("out").input("in").open().await.unwrap();
    let (out, input) = (session.output("out").unwrap(), session.input("in").unwrap());
    let mut watch = session.watch(&input).open().await.unwrap();
    out.set(Value::Active).await.unwrap();
    while !matches!(watch.next().await.unwrap().unwrap(), gpiod_sdk::WatchItem::Edge(_)) {}
    assert_eq!(input.read().await.unwrap(), Value::Active);
    // The administrator sees whose they are, and reaches them by their own sockets.
    let mut admin = raw(&rig.admin_socket()).await;
    let lines = admin.list_lines(ListLinesRequest {}).await.unwrap().into_inner().lines;
    let out = lines.iter().find(|line| line.board_line == "GPIO22").unwrap();
    assert_eq!(out.holder.as_ref().unwrap().name, "gpiod:bench");
    for (name, told) in [
        (
            "bench/out",
            "line \"bench/out\" can only be listed here: its chip has a thread of its own, and the lines of group \"bench\" \
             are used by the group's own socket",
        ),
        (
            "GPIO22",
            "no line \"GPIO22\" on this socket; it has none; the lines of traffic-light, light-sensor, bench are only listed \
             here, and used by their groups' own sockets",
        ),
    ] {
        let refused = admin.read(ReadRequest { lines: vec![name.to_owned()] }).await.unwrap_err();
        assert_eq!(refused.message(), told);
    }
}

#[tokio::test]
async fn a_chip_that_does_not_answer_holds_up_its_own_thread_alone() {
    let rig = Rig::with_backend(CONFIG, OWN_THREAD).await;
    let client = rig.client("bench").await;
    let session = client.session().output("out").open().await.unwrap();
    let mut admin = {
        let endpoint = Endpoint::try_from(format!("unix:{}", rig.admin_socket().display())).unwrap();
        let channel = endpoint.connect().await.unwrap();
        tonic_health::pb::health_client::HealthClient::new(channel)
    };
    kill(rig.board.pid(), Signal::SIGSTOP).unwrap();
    let out = session.output("out").unwrap();
    let stuck = out.set(Value::Active);
    tokio::pin!(stuck);
    let others = async {
        for _ in 0..10 {
            let asked = tonic_health::pb::HealthCheckRequest::default();
            admin.check(asked).await.unwrap();
        }
    };
    // Were there one thread, the first of these would come after the board was given up.
    tokio::select! {
        biased;
        answer = &mut stuck => panic!("a board that is stopped answered: {answer:?}"),
        answered = tokio::time::timeout(PATIENCE, others) => answered.unwrap(),
    }
    kill(rig.board.pid(), Signal::SIGCONT).unwrap();
    stuck.await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_all_threads_and_leaves_the_outputs() {
    let mut rig = Rig::with_backend(CONFIG, OWN_THREAD).await;
    let client = rig.client("bench").await;
    let session = client.session().output("out").open().await.unwrap();
    session.output("out").unwrap().set(Value::Active).await.unwrap();
    let status = rig.daemon.take().unwrap().signal(Signal::SIGTERM).await;
    assert_eq!(status.code(), Some(0));
    let state = rig.board().await.state().await.unwrap();
    assert!(state.lines[22].high);
}

#[tokio::test]
async fn a_board_that_goes_away_stops_all_threads() {
    let mut rig = Rig::with_backend(CONFIG, OWN_THREAD).await;
    let daemon = rig.daemon.take().unwrap();
    kill(rig.board.pid(), Signal::SIGKILL).unwrap();
    let mut child = daemon.child;
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(69));
}

#[tokio::test]
async fn a_changed_configuration_is_taken_by_all_threads_or_by_none() {
    let group = |name: &str, line: &str| {
        format!("[[group]]\nname = {name:?}\nlines.lamp = {{ line = {line:?}, direction = \"output\" }}\n")
    };
    let (stays, goes, comes) = (group("stays", "GPIO20"), group("goes", "GPIO21"), group("comes", "GPIO9"));
    let rig = Rig::by_order(&(stays.clone() + &goes), OWN_THREAD).await;
    let lamp = rig.client("stays").await.session().output_at("lamp", Value::Active).open().await.unwrap();
    let gone = rig.client("goes").await.session().output_at("lamp", Value::Active).open().await.unwrap();
    rig.saw(0, |e| became(e, "GPIO21", true)).await;
    rig.edit_unseen(|text| text.replace(&goes, &comes));

    let held = rig.claim(&["GPIO9"]);
    let refused = rig.reload().await.unwrap_err();
    assert_eq!(refused.reason(), Some(&Reason::LineHeld), "{refused}");
    gone.write([("lamp", Value::Active)]).await.unwrap();
    rig.end_claim(held, "GPIO9").await;

    let reloaded = rig.reload().await.unwrap();
    assert_eq!((reloaded.added, reloaded.removed), (vec!["comes".to_owned()], vec!["goes".to_owned()]));
    let dark = rig.saw(0, |e| became(e, "GPIO21", false)).await;
    // It was found as the other had left it.
    let new = rig.client("comes").await.session().output_at("lamp", Value::Inactive).open().await.unwrap();
    rig.saw(dark.seq, |e| became(e, "GPIO9", false)).await;
    lamp.write([("lamp", Value::Inactive)]).await.unwrap();
    drop((new, gone));

    // Whose thread a line is, is decided at the start.
    rig.edit_unseen(|text| text.replace(OWN_THREAD, ""));
    let refused = rig.reload().await.unwrap_err();
    assert!(refused.to_string().contains("backend.own_thread: it can only be changed by"), "{refused}");
    lamp.write([("lamp", Value::Active)]).await.unwrap();
}
