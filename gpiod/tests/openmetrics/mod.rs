//! Reads OpenMetrics 1.0 text as strictly as its specification: whatever is not to be there fails a test.
#![allow(unreachable_pub, reason = "as the fixture")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

/// The samples of an exposition by how they are written, such as `gpiod_events_total{group="bench"}`.
#[derive(Debug)]
pub struct Samples(BTreeMap<String, f64>);

impl Samples {
    /// A sample's value; one that is not there is 0, as a counter that has not begun.
    pub fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// The values of a label, over all samples that have it.
    pub fn values_of(&self, label: &str) -> BTreeSet<String> {
        let find = |sample: &String| {
            let (_, after) = sample.split_once(&format!("{label}=\""))?;
            Some(after.split_once('"')?.0.to_owned())
        };
        self.0.keys().filter_map(find).collect()
    }
}

#[derive(Debug, Default)]
struct Family {
    name: String,
    kind: Option<String>,
    unit: Option<String>,
    helped: bool,
    samples: usize,
}

/// Reads a whole exposition.
pub fn parse(text: &str) -> Samples {
    let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF and a line feed");
    assert!(body.is_empty() || body.ends_with('\n'), "each line is whole");
    let (mut samples, mut families, mut family) = (BTreeMap::new(), BTreeSet::new(), Family::default());
    for line in body.lines() {
        assert!(!line.is_empty() && !line.contains('\r'), "{line:?}");
        if let Some(metadata) = line.strip_prefix("# ") {
            let mut words = metadata.splitn(3, ' ');
            let [word, name, value] = [(); 3].map(|()| words.next().unwrap_or_else(|| panic!("{line:?}")));
            if family.name != name {
                assert!(is_name(name, true), "{line:?}");
                assert!(families.insert(name.to_owned()), "the samples of {name} stand together");
                family = Family { name: name.to_owned(), ..Family::default() };
            }
            assert_eq!(family.samples, 0, "what is said of a family comes before its samples: {line:?}");
            match word {
                "TYPE" => assert!(family.kind.replace(value.to_owned()).is_none(), "{line:?}"),
                "UNIT" => {
                    assert!(name.ends_with(&format!("_{value}")), "{line:?}");
                    assert!(family.unit.replace(value.to_owned()).is_none(), "{line:?}");
                }
                "HELP" => {
                    unescape(value);
                    assert!(!std::mem::replace(&mut family.helped, true), "{line:?}");
                }
                _ => panic!("{line:?}"),
            }
            continue;
        }
        let (name, labels, value) = sample(line);
        let suffix = name.strip_prefix(family.name.as_str()).unwrap_or_else(|| panic!("{line:?}"));
        match (family.kind.as_deref(), suffix) {
            (Some("counter"), "_total") => {
                assert!(value >= 0.0 && value.is_finite(), "{line:?}");
            }
            (Some("gauge"), "") => {}
            (Some("info"), "_info") => assert!((value - 1.0).abs() < f64::EPSILON, "{line:?}"),
            _ => panic!("{line:?} is no sample of {family:?}"),
        }
        assert!(family.helped, "{family:?}");
        for unit in ["seconds", "bytes"] {
            let named = family.name.ends_with(&format!("_{unit}"));
            assert_eq!(named, family.unit.as_deref() == Some(unit), "{family:?}");
        }
        family.samples += 1;
        let written =
            if labels.is_empty() { name.clone() } else { line[..=line.rfind('}').unwrap()].to_owned() };
        assert!(samples.insert(written, value).is_none(), "there are two of {line:?}");
    }
    Samples(samples)
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("{line:?}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name, true), "{line:?}");
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line:?}"));
            assert!(is_name(label, false), "{line:?}");
            let mut escaped = false;
            let close = after.char_indices().find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            let (close, _) = close.unwrap_or_else(|| panic!("{line:?}"));
            assert!(labels.insert(label.to_owned(), unescape(&after[..close])).is_none(), "{line:?}");
            rest = &after[close + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').unwrap_or_else(|| panic!("{line:?}"));
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line:?}"));
    assert!(!value.contains(' '), "neither time stamps nor exemplars: {line:?}");
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("{line:?}")))
}

fn is_name(name: &str, colons: bool) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    name.chars().all(good) && name.chars().next().is_some_and(|first| !first.is_ascii_digit())
}

fn unescape(text: &str) -> String {
    let (mut chars, mut plain) = (text.chars(), String::new());
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                other => panic!("{text:?} escapes {other:?}"),
            },
            '"' | '\n' => panic!("{text:?} has what is to be escaped"),
            c => c,
        });
    }
    plain
}
