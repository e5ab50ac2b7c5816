use super::*;
use proptest::prelude::*;

fn whats(text: &str) -> Vec<What> {
    steps(text).unwrap().into_iter().map(|step| step.what).collect()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_reading_of_a_photoresistor_is_one_line() {
    let low = vec![("light".to_owned(), Value::Inactive)];
    let names = vec!["light".to_owned()];
    assert_eq!(
        whats("drive light=inactive, wait 100ms, listen light, edge light rising 2s"),
        [
            What::Drive(low),
            What::Wait(ms(100)),
            What::Listen(names.clone()),
            What::Edge { names, edge: Edge::Rising, timeout: ms(2000) },
        ]
    );
}

#[test]
fn a_file_has_a_step_on_a_line_and_comments() {
    let text = "# ping\nset trigger=1\n  set trigger=0   # the sensor answers now\n\ncapture 2 echo 50ms\n";
    let both = What::Capture { count: 2, names: vec!["echo".into()], edge: Edge::Both, timeout: ms(50) };
    assert_eq!(whats(text)[2], both);
    let texts: Vec<String> = steps(text).unwrap().iter().map(Step::to_string).collect();
    assert_eq!(texts, ["set trigger=1", "set trigger=0", "capture 2 echo 50ms"]);
}

#[test]
fn a_line_may_be_called_as_an_edge_is() {
    let edge = |names: &[&str], edge| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        [What::Edge { names, edge, timeout: ms(1) }]
    };
    assert_eq!(whats("edge rising 1ms"), edge(&["rising"], Edge::Both));
    assert_eq!(whats("edge rising falling 1ms"), edge(&["rising"], Edge::Falling));
    assert_eq!(whats("edge a b 1ms"), edge(&["a", "b"], Edge::Both));
}

#[test]
fn the_lines_are_those_that_the_steps_name() {
    let steps = steps("set a=1 b=0, wait 1ms, edge c a 1s, listen d").unwrap();
    assert_eq!(names(&steps), ["a", "b", "c", "d"]);
}

#[test]
fn a_line_is_held_as_it_is_told() {
    let argument = |name: &str, direction| Ok(LineArgument { name: name.into(), direction });
    assert_eq!(line("light:both"), argument("light", Some(Direction::Both)));
    assert_eq!(line("light"), argument("light", None));
    assert!(line("light:sideways").unwrap_err().contains("input, output or both"));
}

#[test]
fn what_is_wrong_is_told_with_its_step() {
    let wrong = [
        ("", "without steps"),
        (" , \n # only a comment", "without steps"),
        ("wait 1ms, jump", "step 1, \"jump\": there is no step \"jump\""),
        ("wait", "wait TIME"),
        ("wait 1ms 2ms", "wait TIME"),
        ("wait -1s", "step 0, \"wait -1s\": \"-1s\" is no time"),
        ("wait 5", "is no time"),
        ("wait 99999999999999999999999s", "is no time"),
        ("set", "no line is named"),
        ("set red", "red=active"),
        ("set red=high", "no value"),
        ("listen", "no line is named"),
        ("edge", "NAME... [rising|falling|both] TIME"),
        ("edge 2s", "no line is named"),
        ("edge light rising", "\"rising\" is no time"),
        ("capture", "capture N"),
        ("capture x light 1s", "\"x\" is no number"),
        ("capture -1 light 1s", "\"-1\" is no number"),
    ];
    for (text, told) in wrong {
        let message = steps(text).unwrap_err();
        assert!(message.contains(told), "{text}: {message}");
    }
    let long = format!("wait {}", "9".repeat(1000));
    assert!(steps(&long).unwrap_err().starts_with("step 0, \"wait 999"), "shortened");
}

proptest! {
    #[test]
    fn garbage_is_an_error_and_never_a_panic(text in "\\PC*|([a-z=, 0-9#\n-]{0,60})") {
        if let Ok(steps) = steps(&text) {
            prop_assert!(!steps.is_empty());
            let _ = program(&steps);
        }
    }
}
