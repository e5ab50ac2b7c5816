use super::*;
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
}

words!(Colour = Colour::Green);

table! {
    #[derive(Debug, PartialEq)]
    struct Lamp {
        name: String,
        watts: Option<f64>,
        count: Spanned<u32>,
        colour: Colour,
        on: bool,
        between: Option<[u32; 2]>,
        file: Option<PathBuf>,
        inner: SortedMap<String, u32>,
    }
}

fn lamp(text: &str) -> Result<Lamp> {
    read(text, Lamp::KEYS, Lamp::of)
}

fn mistake_of(text: &str) -> (String, String) {
    let Mistake { at, reason, .. } = *lamp(text).unwrap_err();
    (text[at.unwrap()].to_owned(), reason)
}

#[test]
fn what_is_not_there_is_what_its_type_says() {
    let Lamp { name, watts, count, colour, on, between, file, inner } =
        lamp("name = 'a'\ncount = 0x1_0").unwrap();
    assert_eq!((name.as_str(), *count.get_ref(), count.span()), ("a", 16, 19..24));
    assert_eq!(
        (watts, colour, on, between, file, inner.iter().count()),
        (None, Colour::Green, false, None, None, 0)
    );
}

#[test]
fn numbers_are_read_as_they_are_written() {
    let watts =
        |number: &str| lamp(&format!("name = ''\ncount = 1\nwatts = {number}")).unwrap().watts.unwrap();
    assert_eq!((watts("5"), watts("-5.5e1"), watts("1_0.0"), watts("0b11")), (5.0, -55.0, 10.0, 3.0));
    assert!(watts("nan").is_nan() && watts("-inf").is_infinite());
    let count = |number: &str| mistake_of(&format!("name = ''\ncount = {number}"));
    for (number, kind) in [("-1", "integer `-1`"), ("4294967296", "integer `4294967296`")] {
        assert_eq!(count(number), (number.to_owned(), format!("invalid value: {kind}, expected u32")));
    }
    assert_eq!(count("1.0").1, "invalid type: floating point `1.0`, expected u32");
    let large = mistake_of("name = ''\ncount = 1\nwatts = 1e999");
    assert_eq!(
        large,
        ("1e999".to_owned(), "invalid value: a number that is too large, expected f64".to_owned())
    );
}

#[test]
fn a_mistake_is_told_with_its_place() {
    for (text, at, reason) in [
        ("name = 1", "1", "invalid type: integer `1`, expected a string"),
        ("name = 'a'\ncount = 'b'", "'b'", "invalid type: string \"b\", expected u32"),
        ("name = []", "[]", "invalid type: array, expected a string"),
        ("name = {}", "{}", "invalid type: table, expected a string"),
        ("name = 1979-05-27", "1979-05-27", "invalid type: date or time `1979-05-27`, expected a string"),
        ("name = ''\ncount = 1\non = 1", "1", "invalid type: integer `1`, expected a boolean"),
        (
            "name = ''\ncount = 1\ncolour = 'blue'",
            "'blue'",
            "unknown variant `blue`, expected `red` or `green`",
        ),
        ("name = ''\ncount = 1\ncolour = 1", "1", "invalid type: integer `1`, expected a string"),
        ("name = ''\ncount = 1\nbetween = [1]", "[1]", "invalid length 1, expected an array of length 2"),
        ("name = ''\ncount = 1\ninner = [1]", "[1]", "invalid type: array, expected a table"),
        ("name = ''\ncount = 1\ninner.x = true", "true", "invalid type: boolean `true`, expected u32"),
    ] {
        assert_eq!(mistake_of(text), (at.to_owned(), reason.to_owned()), "{text}");
    }
}

#[test]
fn keys_are_known_and_there() {
    assert_eq!(lamp("name = ''").unwrap_err().reason, "missing field `count`");
    let unknown = lamp("name = ''\nsize = 1").unwrap_err();
    assert_eq!((unknown.at, unknown.is_key), (Some(10..14), true));
    let keys = "`name`, `watts`, `count`, `colour`, `on`, `between`, `file`, `inner`";
    assert_eq!(unknown.reason, format!("unknown field `size`, expected one of {keys}"));
    assert!(lamp("name = ''\nname = ''").unwrap_err().reason.contains("duplicate key"));
    assert!(!lamp("name = ").unwrap_err().is_key);
}
