//! What is declared is what is taken, what is asked for, and what help tells; and whatever else comes is refused with
//! a sentence that helps.

use super::*;
use crate::cli::{self, ROOT, board};
use crate::failure::Exit;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// All commands, with the words that call them.
fn walk(
    declaration: &'static Declaration,
    words: &[&'static str],
) -> Vec<(Vec<&'static str>, &'static Declaration)> {
    let mut all = vec![(words.to_vec(), declaration)];
    for command in declaration.commands {
        all.extend(walk(command, &[words, &[command.name]].concat()));
    }
    all
}

/// What a command asks for while it reads a line that is right.
fn asked(line: &[&'static str]) -> BTreeSet<&'static str> {
    let parsed = parse(&ROOT, line.iter().map(OsString::from).collect());
    let Ok(Parsed::Command { read, given }) = parsed else { panic!("{line:?}: {parsed:?}") };
    read(&given).unwrap_or_else(|failure| panic!("{line:?}: {failure}"));
    given.asked.into_inner().into_iter().collect()
}

/// A command in the words of `Debug`, or why not.
fn read(words: &str) -> Result<String, String> {
    let words = ["gpiod"].into_iter().chain(words.split_whitespace());
    cli::parse(words).map(|command| format!("{command:?}")).map_err(|failure| {
        assert_eq!(failure.exit, Exit::Usage as u8);
        failure.message
    })
}

/// Something that an argument can be.
fn sample(argument: &Argument) -> &'static str {
    let value = match argument.kind {
        Kind::Value(value) | Kind::Perhaps(value, _) => value,
        Kind::Switch | Kind::Word | Kind::Words | Kind::Behind => argument.name,
    };
    match (value, argument.among) {
        (_, [first, ..]) => first,
        ("TIME", _) => "2s",
        ("N" | "MS" | "SEQ" | "LUX|curve", _) => "7",
        ("EDGE", _) => "rising",
        ("ADDR", _) => "127.0.0.1:9090",
        ("NAME=VALUE", _) => "red=1",
        ("LINE", _) => "GPIO17",
        ("LINE,LINE", _) => "GPIO22,GPIO27",
        _ => "something",
    }
}

/// A command line with the least that there must be, and with one option.
fn with(
    words: &[&'static str],
    declaration: &Declaration,
    option: Option<&'static Argument>,
) -> Vec<&'static str> {
    let mut all = words.to_vec();
    let mut behind = Vec::new();
    let needed = declaration.arguments().filter(|argument| match argument.needed {
        Needed::No => false,
        Needed::Yes => option.is_none_or(|option| option.name != argument.name),
        Needed::Unless(other) => option.is_none_or(|option| ![other, argument.name].contains(&option.name)),
    });
    for argument in needed.chain(option) {
        match argument.kind {
            Kind::Switch => all.push(leaked(format!("--{}", argument.name))),
            Kind::Value(_) => all.extend([leaked(format!("--{}", argument.name)), sample(argument)]),
            Kind::Perhaps(..) => all.push(leaked(format!("--{}={}", argument.name, sample(argument)))),
            Kind::Word | Kind::Words => all.push(sample(argument)),
            Kind::Behind => behind.extend(["--", sample(argument)]),
        }
    }
    all.extend(behind);
    all
}

fn leaked(text: String) -> &'static str {
    text.leak()
}

#[test]
fn every_command_asks_for_all_that_it_declares_and_for_nothing_else() {
    for (words, declaration) in walk(&ROOT, &[]).into_iter().filter(|(_, one)| one.read.is_some()) {
        let mut declared: BTreeSet<_> = declaration.arguments().map(|argument| argument.name).collect();
        assert_eq!(declared.len(), declaration.arguments().count(), "{words:?}: a name for two");
        let asked = asked(&with(&words, declaration, None));
        assert!(declared.is_subset(&asked), "{words:?}: {declared:?}, but {asked:?}");
        // What was given before a command stays given.
        if words[0] == "board" {
            declared.extend(board::DECLARATION.arguments().map(|argument| argument.name));
        }
        assert!(asked.is_subset(&declared), "{words:?}: {declared:?}, but {asked:?}");
    }
}

#[test]
fn every_option_is_taken_with_each_of_its_values() {
    for (words, declaration) in walk(&ROOT, &[]).into_iter().filter(|(_, one)| one.read.is_some()) {
        for option in declaration.arguments().filter(|argument| !argument.hidden && argument.is_option()) {
            let mut line = with(&words, declaration, Some(option));
            asked(&line);
            for other in option.among.windows(2) {
                line.iter_mut().filter(|word| **word == other[0]).for_each(|word| *word = other[1]);
                asked(&line);
            }
        }
    }
}

#[test]
fn help_names_all_that_is_taken_but_what_is_hidden_and_is_as_wide_as_a_console() {
    for (words, declaration) in walk(&ROOT, &[]) {
        let words: Vec<_> = words.iter().map(|word| OsString::from(*word)).collect();
        let mut told = Vec::new();
        for line in [
            [&words[..], &["--help".into()]].concat(),
            [&words[..], &["-h".into()]].concat(),
            [&["help".into()], &words[..]].concat(),
            [&["help".into()], &words[..], &["help".into()]].concat(),
        ] {
            let Ok(Parsed::Told(help)) = parse(&ROOT, line) else { panic!("{words:?} has no help") };
            told.push(help);
        }
        let help = &told[0];
        assert!(told.iter().all(|other| other == help), "{words:?}");
        for argument in declaration.arguments() {
            let shown = argument.shown();
            assert_eq!(help.contains(&shown), !argument.hidden, "{words:?}: {shown}");
            assert_eq!(
                help.contains(&format!("--{}", argument.name)),
                argument.is_option() && !argument.hidden
            );
        }
        for command in declaration.commands {
            assert!(help.contains(&format!("\n  {}", command.name)), "{words:?}: {}", command.name);
        }
        for line in help.lines() {
            assert!(line.chars().count() <= help::WIDTH, "{words:?}: {line}");
            assert_eq!(line, line.trim_end(), "{words:?}");
        }
        assert!(!help.contains("\n\n\n") && help.ends_with('\n') && !help.ends_with("\n\n"), "{help}");
    }
}

#[test]
fn an_option_and_its_value_are_one_word_or_two() {
    for words in ["watch a --count 3 --json", "watch --json --count=3 a", "watch --count=3 --json -- a"] {
        assert_eq!(read(words), read("watch --count=3 --json a"), "{words}");
    }
    let told =
        |words: &str, what: &str| assert!(read(words).unwrap().contains(what), "{words}: {:?}", read(words));
    told("watch a", "edge: Both, count: None, json: false");
    told("release door --reason=a=b", "reason: \"a=b\"");
    told("set a=1 --hold b=0", "hold: Some(Forever)");
    told("set a=1 --hold=2s", "hold: Some(For(2s))");
    told("program --file -", "file: Some(\"-\")");
    told("get -- --json -h --", "names: [\"--json\", \"-h\", \"--\"]");
    told("program a b:input --json -- wait --file 1s", "steps: [\"wait\", \"--file\", \"1s\"]");
    told("board light window -5", "Lux(Some(-5.0))");
    told("check", "config: \"/etc/gpiod/gpiod.toml\"");
    told("guard --wait 0s", "wait: 0ns");
}

#[test]
fn the_boards_directory_stands_before_a_command_or_behind_it() {
    let at = read("board --dir /tmp/b fault take GPIO17 --consumer me").unwrap();
    assert!(at.contains("dir: \"/tmp/b\"") && at.contains("consumer: \"me\""), "{at}");
    assert_eq!(read("board fault --dir /tmp/b take GPIO17 --consumer me").as_ref(), Ok(&at));
    assert_eq!(read("board fault take --consumer=me --dir=/tmp/b GPIO17").as_ref(), Ok(&at));
    assert!(read("board state").unwrap().contains("dir: \"/run/gpiod-board\""));
}

#[test]
fn what_is_wrong_is_told_with_what_is_meant_and_where_to_read_more() {
    for (words, told) in [
        ("", "a command is missing: serve, guard, check, board, lines"),
        ("lins", "there is no command \"lins\" (did you mean lines?); `gpiod --help` says more"),
        ("jump", "there is no command \"jump\"; `gpiod --help`"),
        ("help nix", "there is no command \"nix\""),
        ("-- serve", "\"serve\" stands behind --, where no command is"),
        ("--vers", "(did you mean --version?)"),
        ("board --kernel foo state", "--kernel \"foo\": it can be "),
        ("board fault", "a command is missing: stuck-high, stuck-low"),
        ("board help fualt", "(did you mean fault?); `gpiod board --help`"),
        ("get a --jsn", "there is no option \"--jsn\" (did you mean --json?); `gpiod get --help` says more"),
        ("get a -json", "there is no option \"-json\" (did you mean --json?)"),
        ("get a --num=1", "(did you mean --numeric?)"),
        ("get a -x", "there is no option \"-x\"; `gpiod get --help`"),
        ("--json lines", "\"--json\" stands behind a command: gpiod COMMAND --json"),
        ("board --json state", "gpiod board COMMAND --json"),
        ("lines --version", "there is no option \"--version\""),
        ("selftest --hold-until", "there is no option \"--hold-until\"; "),
        ("get a --json --json", "--json is given twice"),
        ("board --dir a state --dir b", "--dir is given twice"),
        ("get a --json=1", "--json \"1\": it takes no value"),
        ("get a --group", "--group has no value: --group <NAME>; "),
        (
            "get a --group --json",
            "--group has no value: --group <NAME>, or --group=... for one such as \"--json\"",
        ),
        ("lines --socket=", "--socket \"\": a path can not be empty"),
        ("lines --socket a --group b", "not both: --socket and --group"),
        ("get a --numeric --json", "not both: --numeric and --json"),
        ("sample a --for 1s --count 1", "not both: --for and --count"),
        ("sample a --format csv --json", "not both: --json and --format"),
        ("program --file a -- wait 1s", "not both: <STEP> and --file"),
        ("sample a --format xml", "--format \"xml\": it can be text, vcd, csv, json; `gpiod sample"),
        ("board pulse clock maybe", "<SWITCH> \"maybe\": it can be on, off"),
        ("get", "<NAME> is missing: gpiod get [OPTIONS] <NAME>...; `gpiod get --help`"),
        (
            "program",
            "<STEP> or --file is missing: gpiod program [OPTIONS] [NAME[:DIRECTION]]... [-- <STEP>...]",
        ),
        ("selftest", "--loop is missing: gpiod selftest [OPTIONS] --loop <LINE,LINE>; "),
        ("selftest --without-claim --loop a,b", "go with --hold-until-killed"),
        (
            "board fault take GPIO17",
            "--consumer is missing: gpiod board fault take [OPTIONS] --consumer <NAME> <LINE>",
        ),
        ("lines door", "\"door\" is one too many: gpiod lines [OPTIONS]"),
        ("board fault clear a b", "\"b\" is one too many"),
        ("board fault swallow GPIO17 0", "<N> \"0\": not a whole number from 1 to 4294967295"),
        ("board press b --for 1d", "--for \"1d\": not a whole number from 1 to 86400000"),
        ("watch a --count 0", "--count \"0\": not a whole number from 1 on"),
        ("watch a --edge up", "--edge \"up\": write rising, falling or both"),
        ("set red=high", "<NAME=VALUE> \"red=high\": \"high\" is no value: write active (1, on)"),
        ("sample a --every 5", "--every: \"5\" is no time: write a number with its unit"),
        ("probe --timeout -1s", "--timeout: \"-1s\" is no time"),
    ] {
        let message = read(words).expect_err(words);
        assert!(message.contains(told), "{words}: {message}");
        assert!(message.contains("--help` says more") && !message.contains('\n'), "{words}: {message}");
    }
}

#[test]
fn what_a_user_typed_is_told_back_cut_and_harmless() {
    let message = read(&format!("\u{1b}[2J{}", "x".repeat(1000))).unwrap_err();
    assert!(message.starts_with("there is no command \"\\u{1b}[2Jxxx") && message.len() < 130, "{message}");
    for words in ["set ", "set a=", "set a=1 --hold=", "probe --timeout="] {
        let message = read(&format!("{words}{}", "x".repeat(1000))).unwrap_err();
        assert!(message.len() < 300, "{message}");
    }
    let message = read("get --\u{202e}nosj a").unwrap_err();
    assert!(message.contains("\\u{202e}"), "{message}");
}

#[test]
fn a_path_need_not_be_text_and_a_name_must() {
    let odd = OsStr::from_bytes(b"/tmp/\xff").to_owned();
    let line = |words: &[&str]| {
        ["gpiod"].iter().chain(words).map(OsString::from).chain([odd.clone()]).collect::<Vec<_>>()
    };
    let serve = cli::parse(line(&["serve", "--config"])).unwrap();
    assert!(format!("{serve:?}").contains("/tmp/\\xFF"), "{serve:?}");
    let refused = cli::parse(line(&["get"])).unwrap_err();
    assert!(refused.message.contains("not UTF-8"), "{refused}");
}

/// Words of which some are commands and options, so that the depths are reached.
fn any_word() -> impl Strategy<Value = OsString> {
    let mut known: Vec<String> = vec!["--".into(), "-h".into(), "help".into(), "--help".into(), "-V".into()];
    for (words, declaration) in walk(&ROOT, &[]) {
        known.extend(words.iter().map(|word| (*word).to_owned()));
        for argument in declaration.arguments() {
            known.extend([
                format!("--{}", argument.name),
                format!("--{}={}", argument.name, sample(argument)),
            ]);
            known.push(sample(argument).to_owned());
        }
    }
    let bytes = prop::collection::vec(any::<u8>(), 0..12);
    prop_oneof![
        4 => prop::sample::select(known).prop_map(OsString::from),
        1 => bytes.prop_map(|bytes| OsStr::from_bytes(&bytes).to_owned()),
    ]
}

proptest! {
    #[test]
    fn whatever_is_typed_is_a_command_a_help_or_a_refusal(words in prop::collection::vec(any_word(), 0..10)) {
        let line = [OsString::from("gpiod")].into_iter().chain(words);
        if let Err(failure) = cli::parse(line) {
            prop_assert_eq!(failure.exit, Exit::Usage as u8);
            prop_assert!(!failure.message.chars().any(char::is_control), "{:?}", failure.message);
            prop_assert!(failure.message.len() < 1000, "{:?}", failure.message);
        }
    }
}
