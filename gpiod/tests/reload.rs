//! The configuration is changed under a running daemon, and the administrator lets go of a group.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use fixture::{Rig, became, gpiod};
use gpiod::board::record::Change;
use gpiod_sdk::{Client, LossCause, Notice, Reason, Value, WatchItem};
use nix::sys::signal::{Signal, kill};
use std::process::Output;

const LAMP: &str = "[[group]]\nname = \"lamp\"\nlines.lamp = { line = \"GPIO20\", direction = \"output\" }\n";
const SHARED: &str = "[[group]]\nname = \"one\"\n\
    lines.button = { line = \"GPIO17\", direction = \"input\", bias = \"pull-up\", active_low = true }\n\
    lines.fan = { line = \"GPIO21\", direction = \"output\" }\n\
    [[group]]\nname = \"two\"\n\
    lines.start = { line = \"GPIO17\", direction = \"input\", bias = \"pull-up\", active_low = true }\n";

async fn admin(rig: &Rig) -> Client {
    Client::at(rig.admin_socket()).connect().await.unwrap()
}

async fn levels(rig: &Rig, line: &str) -> Vec<bool> {
    let record = rig.board().await.record(0).await.unwrap().entries;
    let changes = record.iter().filter(|e| e.change == Change::Level && e.line.to_string() == line);
    changes.map(|e| e.high).collect()
}

/// Waits until a group has a socket that answers, or has none.
async fn served(rig: &Rig, group: &str, wanted: bool) {
    let wait = async {
        loop {
            let answers = match Client::at(rig.socket(group)).connect().await {
                Ok(client) => client.lines().await.is_ok(),
                Err(_) => false,
            };
            if answers == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(fixture::PATIENCE, wait).await.expect("it is so");
}

async fn command(rig: &Rig, arguments: &[&str]) -> Output {
    gpiod().args(arguments).arg("--socket").arg(rig.admin_socket()).output().await.unwrap()
}

#[tokio::test]
async fn groups_come_and_go_while_the_sessions_of_others_go_on() {
    let rig = Rig::by_order(&format!("{LAMP}{SHARED}"), "").await;
    let lamp = rig.client("lamp").await.session().output_at("lamp", Value::Active).open().await.unwrap();
    let two = rig.client("two").await;
    let mut watch = two.watch(["start"]).open().await.unwrap();
    assert!(matches!(watch.next().await.unwrap().unwrap(), WatchItem::Values(_)));
    let fan = rig.client("one").await.session().output_at("fan", Value::Active).open().await.unwrap();
    let lit = rig.saw(0, |e| became(e, "GPIO21", true)).await;

    rig.edit_unseen(|text| {
        let start = text.find("[[group]]\nname = \"one\"").unwrap();
        let end = text.find("[[group]]\nname = \"two\"").unwrap();
        let new = "[[group]]\nname = \"new\"\nlines.red = { line = \"GPIO9\", direction = \"output\" }\n";
        format!("{}{new}{}", &text[..start], &text[end..])
    });
    let reloaded = admin(&rig).await.reload_config().await.unwrap();
    assert_eq!((reloaded.added, reloaded.removed), (vec!["new".to_owned()], vec!["one".to_owned()]));
    assert!(reloaded.changed.is_empty());

    // The group that has gone: its line is released, its holder learns it, its socket is no more.
    rig.saw(lit.seq, |e| became(e, "GPIO21", false)).await;
    let Notice::Lost { why } = fan.next_notice().await else { panic!("the group is gone") };
    assert_eq!(why.reason(), Some(&Reason::Reconfigured));
    drop(fan);
    served(&rig, "one", false).await;
    assert!(rig.path("run/groups/one").is_dir(), "whoever has it mounted may find the group there again");
    // The new one works.
    let red = rig.client("new").await.session().output_at("red", Value::Active).open().await.unwrap();
    rig.saw(0, |e| became(e, "GPIO9", true)).await;
    red.close().await.unwrap();
    // The others noticed nothing: the lamp is on, the watch of the line that was the other group's, too, goes on.
    assert_eq!(levels(&rig, "GPIO20").await, [true]);
    lamp.write([("lamp", Value::Inactive)]).await.unwrap();
    rig.board().await.press("start", None).await.unwrap();
    let WatchItem::Edge(edge) = watch.next().await.unwrap().unwrap() else { panic!("no loss") };
    assert_eq!(edge.value, Value::Active);

    // And back again, with the line that was retired.
    rig.edit_unseen(|text| format!("{text}\n{}", SHARED.split("[[group]]\nname = \"two\"").next().unwrap()));
    let reloaded = admin(&rig).await.reload_config().await.unwrap();
    assert_eq!(reloaded.added, ["one"]);
    let fan = rig.client("one").await.session().output_at("fan", Value::Active).open().await.unwrap();
    let dark = rig.saw(lit.seq, |e| became(e, "GPIO21", false)).await;
    rig.saw(dark.seq, |e| became(e, "GPIO21", true)).await;
    fan.close().await.unwrap();
}

#[tokio::test]
async fn what_only_a_policy_says_is_changed_under_its_holder_and_what_the_line_is_ends_its_session() {
    let rig = Rig::by_order(LAMP, "").await;
    let lamp = rig.client("lamp").await.session().output_at("lamp", Value::Active).open().await.unwrap();
    rig.edit_unseen(|text| {
        text.replace("direction = \"output\"", "direction = \"output\", on_release = \"keep\"")
    });
    assert_eq!(admin(&rig).await.reload_config().await.unwrap().changed, ["lamp"]);
    lamp.close().await.unwrap();
    assert_eq!(levels(&rig, "GPIO20").await, [true], "it is kept now");

    let client = rig.client("lamp").await;
    let mut watch = client.watch(["lamp"]).open().await.unwrap();
    assert!(matches!(watch.next().await.unwrap().unwrap(), WatchItem::Values(_)));
    let lamp = client.session().output("lamp").open().await.unwrap();
    rig.edit_unseen(|text| {
        text.replace("direction = \"output\"", "direction = \"output\", active_low = true")
    });
    admin(&rig).await.reload_config().await.unwrap();
    let Notice::Lost { why } = lamp.next_notice().await else { panic!("another line") };
    assert_eq!(why.reason(), Some(&Reason::Reconfigured));
    let Notice::Resumed { kept: false, .. } = lamp.next_notice().await else { panic!("opened anew") };
    let WatchItem::Lost(loss) = watch.next().await.unwrap().unwrap() else { panic!("the watch learns it") };
    assert_eq!(loss.cause, LossCause::Restart);
}

#[tokio::test]
async fn a_change_of_the_file_is_seen_and_a_wrong_one_keeps_the_old_configuration_and_says_why() {
    let rig = Rig::with(LAMP).await;
    let lamp = rig.client("lamp").await.session().output_at("lamp", Value::Active).open().await.unwrap();
    rig.edit(|text| text.replace("GPIO20", "GPIO99"));
    let refused = admin(&rig).await.reload_config().await.unwrap_err();
    assert_eq!(refused.reason(), Some(&Reason::ConfigRefused));
    assert!(
        refused.to_string().contains("group.lamp.lines.lamp: the board has no line \"GPIO99\""),
        "{refused}"
    );
    let output = command(&rig, &["reload"]).await;
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    lamp.write([("lamp", Value::Active)]).await.unwrap();

    rig.edit(|text| text.replace("GPIO99", "GPIO20") + "\n[limits]\nwatches = 1\n");
    let refused = admin(&rig).await.reload_config().await.unwrap_err();
    assert!(
        refused.to_string().contains("limits.watches: it can only be changed by starting gpiod anew"),
        "{refused}"
    );

    // Nobody says anything: the file is watched.
    rig.edit(|text| text.replace("\n[limits]\nwatches = 1\n", &SHARED.replace("\\n", "\n")));
    served(&rig, "two", true).await;
    // And by a signal.
    rig.edit(|text| text.replace("name = \"two\"", "name = \"three\""));
    kill(rig.daemon.as_ref().unwrap().pid(), Signal::SIGHUP).unwrap();
    served(&rig, "three", true).await;
    served(&rig, "two", false).await;
    assert_eq!(levels(&rig, "GPIO20").await, [true], "through all that");
    assert!(rig.log().contains("the configuration can not be taken"));
}

#[tokio::test]
async fn the_administrator_lets_go_of_a_group_and_its_holder_is_told_why() {
    let rig = Rig::with(&format!("{LAMP}grace = \"1h\"\n{SHARED}").replace("grace", "#")).await;
    let lamp = rig.client("lamp").await.session().output_at("lamp", Value::Active).open().await.unwrap();
    let lit = rig.saw(0, |e| became(e, "GPIO20", true)).await;
    let output = command(&rig, &["release", "lamp", "--reason", "maintenance until noon"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.starts_with("test (uid ") && told.ends_with(" no longer holds lamp\n"), "{told}");
    rig.saw(lit.seq, |e| became(e, "GPIO20", false)).await;
    let Notice::Ended { error } = lamp.next_notice().await else { panic!("for good") };
    assert_eq!(error.reason(), Some(&Reason::Released));
    assert!(error.to_string().contains("maintenance until noon"), "{error}");

    let output = command(&rig, &["release", "lamp"]).await;
    assert_eq!(output.stdout, b"nobody holds a line of lamp\n");
    let output = command(&rig, &["release", "none"]).await;
    assert_eq!(output.status.code(), Some(65));
    assert!(
        String::from_utf8(output.stderr).unwrap().contains("no line group \"none\"; there is lamp, one, two")
    );
    let output = command(&rig, &["release", "lamp", "--reason", "\u{1b}[2J"]).await;
    assert_eq!(output.status.code(), Some(65));
}

#[tokio::test]
async fn only_the_admin_socket_takes_orders() {
    let rig = Rig::with(LAMP).await;
    for socket in [rig.socket("lamp"), rig.watch_socket("lamp")] {
        let client = Client::at(&socket).connect().await.unwrap();
        for error in
            [client.release_group("lamp", "").await.unwrap_err(), client.reload_config().await.unwrap_err()]
        {
            assert_eq!(error.reason(), Some(&Reason::NotPermitted), "{error}");
        }
        for arguments in [&["reload"][..], &["release", "lamp"]] {
            let output =
                fixture::gpiod().args(arguments).arg("--socket").arg(&socket).output().await.unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(77), "{told}");
            assert!(told.contains("on the admin socket alone, admin/gpiod.sock"), "{told}");
        }
    }
}

#[tokio::test]
async fn who_is_excluded_is_out_at_once_and_who_is_not_goes_on_with_its_watches() {
    let me = nix::unistd::getuid().as_raw();
    let desk = |allow: &str| {
        format!(
            "[[group]]\nname = \"desk\"\n{allow}\n\
             lines.lamp = {{ line = \"GPIO20\", direction = \"output\" }}\n\
             lines.button = {{ line = \"GPIO17\", direction = \"input\", bias = \"pull-up\", active_low = true }}\n"
        )
    };
    let (first, more, others) =
        (format!("allow_uids = [{me}]"), format!("allow_uids = [{me}, 4242]"), "allow_uids = [4242]");
    let rig = Rig::with(&desk(&first)).await;
    let client = rig.client("desk").await;
    let session = client.session().output_at("lamp", Value::Active).input("button").open().await.unwrap();
    let mut watch = session.watch("button").open().await.unwrap();
    assert!(matches!(watch.next().await.unwrap().unwrap(), WatchItem::Values(_)));
    let lit = rig.saw(0, |e| became(e, "GPIO20", true)).await;

    rig.edit(|text| text.replace(&first, &more));
    admin(&rig).await.reload_config().await.unwrap();
    rig.board().await.press("start", None).await.unwrap();
    let WatchItem::Edge(edge) = watch.next().await.unwrap().unwrap() else { panic!("nothing is lost") };
    assert_eq!(edge.value, Value::Active);

    rig.edit(|text| text.replace(&more, others));
    admin(&rig).await.reload_config().await.unwrap();
    rig.saw(lit.seq, |e| became(e, "GPIO20", false)).await;
    // On the connection that it had, too.
    for refused in [client.read(["lamp"]).await.unwrap_err(), client.lines().await.unwrap_err()] {
        assert_eq!(refused.reason(), Some(&Reason::NotPermitted), "{refused}");
    }
    let refused = client.session().output("lamp").open().await.unwrap_err();
    assert_eq!(refused.reason(), Some(&Reason::NotPermitted), "{refused}");
    assert_eq!(levels(&rig, "GPIO20").await, [true, false]);
}

#[tokio::test]
async fn a_line_that_moves_to_another_group_takes_no_history_and_no_watcher_along() {
    let group = |name: &str, lines: &str| format!("[[group]]\nname = \"{name}\"\n{lines}");
    let button = "lines.button = { line = \"GPIO17\", direction = \"input\", bias = \"pull-up\", active_low = true }\n";
    let (a, b) = (
        "lines.red = { line = \"GPIO9\", direction = \"output\" }\n",
        "lines.lamp = { line = \"GPIO20\", direction = \"output\" }\n",
    );
    let rig = Rig::with(&(group("a", &format!("{a}{button}")) + &group("b", b))).await;
    let mut old = rig.client("a").await.watch(["button"]).open().await.unwrap();
    assert!(matches!(old.next().await.unwrap().unwrap(), WatchItem::Values(_)));
    rig.board().await.press("start", None).await.unwrap();
    assert!(matches!(old.next().await.unwrap().unwrap(), WatchItem::Edge(_)));

    rig.edit(|text| text.replace(button, "").replace(b, &format!("{b}{button}")));
    admin(&rig).await.reload_config().await.unwrap();
    let mut new = rig.client("b").await.watch(["button"]).open().await.unwrap();
    let WatchItem::Values(values) = new.next().await.unwrap().unwrap() else { panic!("as it is now") };
    assert_eq!(values.get("button"), Some(Value::Active));
    // The one who had it learns that it is gone, and nothing else; the new one sees what comes.
    let over = old.next().await.unwrap().unwrap_err();
    assert_eq!(over.reason(), Some(&Reason::LineNotFound), "{over}");
    drop(old);
    rig.board().await.release("start").await.unwrap();
    let WatchItem::Edge(edge) = new.next().await.unwrap().unwrap() else { panic!("an edge") };
    assert_eq!(edge.value, Value::Inactive);
}

#[tokio::test]
async fn a_shorter_grace_is_one_for_who_is_away_already() {
    let rig = Rig::with(&LAMP.replace("name = \"lamp\"\n", "name = \"lamp\"\ngrace = \"1h\"\n")).await;
    let mut holder = gpiod();
    holder.arg("set").arg("--socket").arg(rig.socket("lamp")).arg("--hold").arg("lamp=active");
    let mut holder = holder.stdout(std::process::Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let lit = rig.saw(0, |e| became(e, "GPIO20", true)).await;
    holder.kill().await.unwrap();
    rig.edit(|text| text.replace("grace = \"1h\"", "grace = \"0s\""));
    admin(&rig).await.reload_config().await.unwrap();
    rig.saw(lit.seq, |e| became(e, "GPIO20", false)).await;
}

#[tokio::test]
async fn groups_beyond_those_that_the_default_limits_are_made_for_can_be_added() {
    let rig = Rig::by_order(LAMP, "").await;
    let group = |bcm: u32| {
        format!("[[group]]\nname = \"g{bcm}\"\nlines.x = {{ line = \"GPIO{bcm}\", direction = \"input\" }}\n")
    };
    rig.edit_unseen(|text| text + &(2..8).map(group).collect::<String>());
    assert_eq!(admin(&rig).await.reload_config().await.unwrap().added.len(), 6);
    let mut clients = Vec::new();
    for bcm in 2..8 {
        let client = rig.client(&format!("g{bcm}")).await;
        client.read(["x"]).await.unwrap();
        clients.push(client);
    }
    // Of 24 places 12 are the own of the three sockets that it started with, and each later one took one.
    rig.edit_unseen(|text| text + &group(8));
    let refused = admin(&rig).await.reload_config().await.unwrap_err();
    assert!(refused.to_string().contains("17 sockets are more than the 15"), "{refused}");
    rig.edit_unseen(|text| text.replace(&group(8), ""));
    rig.edit_unseen(|text| text + "[limits]\ntotal_streams = 99\n");
    let refused = admin(&rig).await.reload_config().await.unwrap_err();
    assert!(
        refused.to_string().contains("limits.total_streams: it can only be changed by starting gpiod anew"),
        "{refused}"
    );
}
