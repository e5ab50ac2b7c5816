//! What is wrong with a configuration is told with file, line, key and reason, all of it at once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use gpiod::config::{AtStart, BackendChoice, Config, Kind, OnRelease};
use proptest::prelude::*;
use std::path::Path;
use std::time::Duration;

const HEAD: &str = "[backend]\nkind = \"sim\"\n";

fn parse(groups: &str) -> Result<Config, String> {
    Config::parse(Path::new("gpiod.toml"), &format!("{HEAD}{groups}"))
        .map_err(|problems| problems.to_string())
}

fn mistakes(groups: &str) -> String {
    parse(groups).unwrap_err()
}

#[test]
fn a_group_of_outputs_and_a_sensor_is_read_with_its_defaults() {
    let config = parse(
        r#"
        [[group]]
        name = "traffic-light"
        lines.red = { line = "GPIO9", direction = "output" }
        lines.green = { line = "GPIO11", direction = "output", at_start = "active", on_release = "keep" }

        [[group]]
        name = "light-sensor"
        lines.light = { line = "GPIO4", direction = "both", bias = "disabled" }
        lines.button = { line = "GPIO17", direction = "input", debounce = "5ms", active_low = true }
        "#,
    )
    .unwrap();
    let [lights, sensor] = &config.groups[..] else { panic!("two groups") };
    assert_eq!(lights.lines.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["red", "green"]);
    let Kind::Output(red) = lights.lines[0].kind else { panic!("an output") };
    assert_eq!((red.at_start, red.on_release, red.one_shot), (AtStart::Inactive, OnRelease::Inactive, false));
    let Kind::Output(green) = lights.lines[1].kind else { panic!("an output") };
    assert_eq!((green.at_start, green.on_release), (AtStart::Active, OnRelease::Keep));
    let light = sensor.lines.iter().find(|line| line.name == "light").unwrap();
    let Kind::Both(light) = light.kind else { panic!("both") };
    assert_eq!((light.at_start, light.on_release), (AtStart::Input, OnRelease::Input));
    let button = sensor.lines.iter().find(|line| line.name == "button").unwrap();
    assert_eq!((button.debounce, button.active_low), (Duration::from_millis(5), true));
}

#[test]
fn lines_keep_the_order_of_the_file() {
    let config = parse(
        "[[group]]\nname = \"a\"\nlines.z = { line = \"GPIO1\", direction = \"input\" }\n\
         lines.a = { line = \"GPIO2\", direction = \"input\" }\n",
    );
    let names: Vec<String> =
        config.unwrap().groups.remove(0).lines.into_iter().map(|line| line.name).collect();
    assert_eq!(names, ["z", "a"]);
}

#[test]
fn all_mistakes_are_told_in_the_files_order() {
    let text = mistakes(
        "[limits]\nprogram_ms = 0\n\
         [[group]]\nname = \"Traffic Light\"\nlines.red = { line = \"GPIO9\", direction = \"output\", debounce = \"1ms\" }\n\
         lines.two = { line = \"GPIO9\", direction = \"output\", on_daemon_exit = \"input\" }\n\
         [[group]]\nname = \"empty\"\n",
    );
    assert_eq!(
        text,
        "gpiod.toml:4: limits.program_ms: 0 is not between 1 and 600000\n\
         gpiod.toml:6: group.name: \"Traffic Light\" is no name: 1 to 25 of a-z, 0-9, '-' and '_', beginning and ending \
         with a letter or digit\n\
         gpiod.toml:7: group.Traffic Light.lines.red.debounce: an output has no edges to debounce\n\
         gpiod.toml:8: group.Traffic Light.lines.two: GPIO9 is already line \"red\" of this group\n\
         gpiod.toml:9: group.empty.lines: there is none: a group has 1 to 64 lines"
    );
}

#[test]
fn every_limit_has_bounds_and_every_socket_a_place() {
    let group = "[[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"input\" }\n";
    for (key, value, bounds) in [
        ("connections", 0, "1 and 4096"),
        ("total_connections", 70_000, "1 and 65536"),
        ("batch_operations", 257, "1 and 256"),
        ("session_watches", 0, "1 and 4096"),
        ("socket_events_per_s", 99, "100 and 10000000"),
        ("program_burst_us", 99, "100 and 100000"),
        ("turn_us", 49, "50 and 100000"),
    ] {
        let text = mistakes(&format!("[limits]\n{key} = {value}\n{group}"));
        assert_eq!(text, format!("gpiod.toml:4: limits.{key}: {value} is not between {bounds}"));
    }
    let text = mistakes(&format!("[limits]\ntotal_connections = 2\n{group}"));
    assert_eq!(text, "gpiod.toml:4: limits.total_connections: 2 is less than one for each of the 3 sockets");
}

#[test]
fn a_limit_that_all_share_grows_with_the_sockets_only_where_it_is_not_given() {
    let groups = |count: usize| {
        let group = |i| {
            format!("[[group]]\nname = \"g{i}\"\nlines.x = {{ line = \"GPIO{i}\", direction = \"input\" }}\n")
        };
        (0..count).map(group).collect::<String>()
    };
    let usual = parse(&groups(13)).unwrap().limits;
    assert_eq!((usual.total_connections, usual.total_streams, usual.total_watches), (54, 54, 54));
    let given = "[limits]\ntotal_connections = 24\ntotal_streams = 36\ntotal_watches = 32\n";
    let limits = parse(&format!("{given}{}", groups(10))).unwrap().limits;
    assert_eq!((limits.total_connections, limits.total_streams, limits.total_watches), (24, 36, 32));
    assert_eq!(
        mistakes(&format!("{given}{}", groups(13))),
        "gpiod.toml:4: limits.total_connections: 24 is less than one for each of the 27 sockets"
    );
}

#[test]
fn an_unknown_key_is_a_mistake() {
    let text = mistakes(
        "[[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"input\", pull = \"up\" }\n",
    );
    assert!(
        text.starts_with("gpiod.toml:5: pull: unknown field `pull`, expected one of `line`, `direction`"),
        "{text}"
    );
}

#[test]
fn an_output_in_two_groups_is_refused() {
    let text = mistakes(
        "[[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"output\" }\n\
         [[group]]\nname = \"b\"\nlines.y = { line = \"GPIO1\", direction = \"output\" }\n",
    );
    assert_eq!(
        text,
        "gpiod.toml:8: group.b.lines.y: GPIO1 is already line \"x\" of group \"a\"; only inputs may stand in several groups"
    );
}

#[test]
fn groups_that_share_an_input_must_agree_on_it() {
    let shared = |second: &str| {
        format!(
            "[[group]]\nname = \"a\"\nlines.x = {{ line = \"GPIO1\", direction = \"input\", bias = \"pull-up\" }}\n\
             [[group]]\nname = \"b\"\nlines.y = {{ line = \"GPIO1\", direction = \"input\", {second} }}\n"
        )
    };
    parse(&shared("bias = \"pull-up\"")).unwrap();
    let text = mistakes(&shared("bias = \"pull-down\""));
    assert!(text.contains("GPIO1 is also line \"x\" of group \"a\", with another bias"), "{text}");
    let text = mistakes(&shared("bias = \"pull-up\", debounce = \"1ms\""));
    assert!(text.contains("with another debounce"), "{text}");
}

#[test]
fn an_input_has_nothing_to_drive_or_release() {
    let text = mistakes(
        "[[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"input\", on_release = \"keep\" }\n",
    );
    assert_eq!(text, "gpiod.toml:5: group.a.lines.x.on_release: the line is an input: nothing drives it");
}

#[test]
fn durations_are_words_and_bounded() {
    let debounce = |text: &str| {
        mistakes(&format!(
            "[[group]]\nname = \"a\"\nlines.x = {{ line = \"GPIO1\", direction = \"input\", debounce = \"{text}\" }}\n"
        ))
    };
    assert!(debounce("-5ms").contains("\"-5ms\" is no duration such as \"5ms\""));
    assert!(debounce("1h").contains("\"1h\" is longer than 10s"));
}

#[test]
fn names_that_could_leave_their_directory_are_refused() {
    for name in ["..", "a/b", "", "-a", "a-", "Ä", "a b", "abcdefghijklmnopqrstuvwxyz"] {
        let text = mistakes(&format!(
            "[[group]]\nname = {name:?}\nlines.x = {{ line = \"GPIO1\", direction = \"input\" }}\n"
        ));
        assert!(text.contains("is no name"), "{name}: {text}");
    }
}

#[test]
fn two_groups_of_one_name_are_refused() {
    let group =
        |line| format!("[[group]]\nname = \"a\"\nlines.x = {{ line = \"{line}\", direction = \"input\" }}\n");
    let text = mistakes(&(group("GPIO1") + &group("GPIO2")));
    assert!(text.contains("there are two groups named \"a\""), "{text}");
}

#[test]
fn a_file_that_can_not_be_read_says_so() {
    let problems = Config::load(Path::new("/nonexistent/gpiod.toml")).unwrap_err();
    assert!(problems.unreadable);
    assert_eq!(
        problems.to_string(),
        "/nonexistent/gpiod.toml: can not be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let problems = Config::load(Path::new("/dev/zero")).unwrap_err();
    assert_eq!(problems.to_string(), "/dev/zero: can not be read: it has more than 1048576 bytes");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(\\[\\[group\\]\\]|name|lines|=|\"|\\{|\\}|\n|[a-z.0-9 ]){0,60}") {
        let _ = Config::parse(Path::new("x"), &text);
    }
}

#[test]
fn without_a_backend_the_daemon_takes_what_is_there_and_a_board_directory_is_the_simulated_boards_alone() {
    let group = "[[group]]\nname = \"a\"\nlines.x = { line = \"GPIO1\", direction = \"input\" }\n";
    let parse = |text: &str| Config::parse(Path::new("gpiod.toml"), text).map(|config| config.backend);
    assert_eq!(parse(group).unwrap(), BackendChoice::Auto);
    for (kind, choice) in
        [("auto", BackendChoice::Auto), ("gpiomem", BackendChoice::Gpiomem), ("cdev", BackendChoice::Cdev)]
    {
        assert_eq!(parse(&format!("[backend]\nkind = {kind:?}\n{group}")).unwrap(), choice);
        let mistaken =
            parse(&format!("[backend]\nkind = {kind:?}\nboard = \"/run/x\"\n{group}")).unwrap_err();
        assert_eq!(
            mistaken.to_string(),
            "gpiod.toml:3: backend.board: only the simulated board, kind = \"sim\", has a directory"
        );
    }
}

#[test]
fn operations_are_the_lines_own_or_the_groups_as_far_as_the_direction_has_them() {
    let config = parse(
        "[[group]]\nname = \"a\"\noperations = [\"read\", \"drive\"]\n\
         lines.in = { line = \"GPIO1\", direction = \"input\" }\n\
         lines.out = { line = \"GPIO2\", direction = \"output\" }\n\
         lines.own = { line = \"GPIO3\", direction = \"input\", operations = [\"watch\"] }\n\
         [[group]]\nname = \"b\"\n\
         lines.in = { line = \"GPIO4\", direction = \"input\" }\n\
         lines.out = { line = \"GPIO5\", direction = \"output\" }\n",
    )
    .unwrap();
    let told: Vec<String> =
        config.groups.iter().flat_map(|group| &group.lines).map(|line| line.operations.to_string()).collect();
    assert_eq!(
        told,
        ["read", "read, drive", "watch", "read, watch, program", "read, watch, drive, configure, program"]
    );
}

#[test]
fn operations_that_there_are_not_or_that_an_input_can_not_have_are_mistakes() {
    let text = mistakes(
        "[[group]]\nname = \"a\"\noperations = [\"write\"]\n\
         lines.x = { line = \"GPIO1\", direction = \"input\", operations = [\"read\", \"drive\"] }\n\
         lines.y = { line = \"GPIO2\", direction = \"output\", operations = [\"look\"] }\n\
         lines.z = { line = \"GPIO3\", direction = \"output\", operations = [] }\n\
         [[group]]\nname = \"b\"\noperations = [\"configure\"]\n\
         lines.x = { line = \"GPIO4\", direction = \"input\" }\n\
         lines.y = { line = \"GPIO5\", direction = \"output\", one_shot = true }\n",
    );
    assert_eq!(
        text,
        "gpiod.toml:5: group.a.operations: \"write\" is no operation; there are read, watch, drive, configure, program\n\
         gpiod.toml:6: group.a.lines.x.operations: an input has no operation \"drive\": it has read, watch, program\n\
         gpiod.toml:7: group.a.lines.y.operations: \"look\" is no operation; there are read, watch, drive, configure, \
         program\n\
         gpiod.toml:8: group.a.lines.z.operations: no operation is left: nothing could be done with the line\n\
         gpiod.toml:12: group.b.lines.x.operations: no operation is left: nothing could be done with the line\n\
         gpiod.toml:13: group.b.lines.y.operations: one_shot is set, but the operations have no \"drive\""
    );
}

#[test]
fn a_list_of_ids_that_lets_nobody_in_is_a_mistake() {
    let group = |keys: &str| {
        format!("[[group]]\nname = \"a\"\n{keys}\nlines.x = {{ line = \"GPIO1\", direction = \"input\" }}\n")
    };
    let config = parse(&group("allow_uids = [65532]\nallow_gids = [100, 101]")).unwrap();
    let allowed = &config.groups[0].allowed;
    assert_eq!((&allowed.uids[..], &allowed.gids[..]), (&[65532][..], &[100, 101][..]));
    assert_eq!(
        mistakes(&group("allow_gids = []")),
        "gpiod.toml:5: group.a.allow_gids: the list is empty: it would let nobody in; leave it out to let everybody in"
    );
}

#[test]
fn an_unknown_operation_is_one_mistake_and_no_second_that_follows_from_it() {
    let told = |keys: &str, line: &str| {
        mistakes(&format!(
            "[[group]]\nname = \"a\"\n{keys}\nlines.x = {{ line = \"GPIO1\", direction = {line} }}\n"
        ))
    };
    let fly = "\"fly\" is no operation; there are read, watch, drive, configure, program";
    let list = "operations = [\"fly\"]";
    for (line, keys) in [("\"input\"", list), ("\"output\", one_shot = true", list)] {
        assert_eq!(told(keys, line), format!("gpiod.toml:5: group.a.operations: {fly}"));
        assert_eq!(
            told("", &format!("{line}, {keys}")),
            format!("gpiod.toml:6: group.a.lines.x.operations: {fly}")
        );
    }
    let both = told("", "\"input\", operations = [\"drive\", \"fly\"]");
    assert_eq!(both.lines().count(), 2, "{both}");
}

#[test]
fn a_run_dir_in_which_no_socket_can_be_made_is_a_mistake() {
    let check = |run_dir: &str| {
        let text = format!(
            "# One.\nrun_dir = {run_dir:?}\n[[group]]\nname = \"a\"\nlines.x = {{ line = \"GPIO1\", direction = \"input\" }}\n\
             [[group]]\nname = \"longer\"\nlines.x = {{ line = \"GPIO1\", direction = \"input\" }}\n"
        );
        Config::parse(Path::new("gpiod.toml"), &text).map_err(|problems| problems.to_string())
    };
    assert_eq!(check("").unwrap_err(), "gpiod.toml:2: run_dir: it is empty: leave it out for /run/gpiod");
    // `/groups/longer/gpiod.sock` has 25 bytes.
    check(&format!("/{}", "r".repeat(81))).unwrap();
    let long = format!("/{}", "r".repeat(82));
    assert_eq!(
        check(&long).unwrap_err(),
        format!(
            "gpiod.toml:2: run_dir: the socket of group \"longer\" would be \"{long}/groups/longer/gpiod.sock\", which is no path \
             of a socket: it has 108 bytes, and at most 107 that are not 0 can be connected to"
        )
    );
}

#[test]
fn a_group_id_that_is_none_is_a_mistake() {
    let group = |gid: u32| {
        format!(
            "[[group]]\nname = \"a\"\nsocket_gid = {gid}\nlines.x = {{ line = \"GPIO1\", direction = \"input\" }}\n"
        )
    };
    assert_eq!(parse(&group(u32::MAX - 1)).unwrap().groups[0].socket_gid, Some(u32::MAX - 1));
    assert_eq!(
        mistakes(&group(u32::MAX)),
        "gpiod.toml:5: group.a.socket_gid: 4294967295 is no group: it is (gid_t)-1"
    );
}
