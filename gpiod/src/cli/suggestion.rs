//! "Did you mean …?": the known name that is nearest to what was typed.

/// The nearest of the known names, where one is near enough to be meant: one that begins so, or that is at most a
/// third, and one, of its letters away.
pub(super) fn nearest(typed: &str, known: &[&'static str]) -> Option<&'static str> {
    let typed = typed.to_ascii_lowercase();
    let length = typed.chars().count();
    let far = |name: &&str| {
        let begins = length > 1 && name.starts_with(&typed);
        if begins { 0 } else { distance(&typed, name) }
    };
    // Longer than any name of ours: not worth the comparison.
    let known = known.iter().filter(|name| length < 2 * name.len() + 2);
    let nearest = known.map(|name| (far(name), *name)).min_by_key(|(far, _)| *far)?;
    (nearest.0 <= 1 + length / 3 && nearest.0 < length).then_some(nearest.1)
}

/// How many letters must be put in, taken out or changed (Levenshtein's distance).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (taken, a) in one.chars().enumerate() {
        let mut diagonal = taken;
        let mut left = taken + 1;
        row[0] = left;
        for (cell, b) in row.iter_mut().skip(1).zip(other.chars()) {
            left = (diagonal + usize::from(a != b)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, left);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters() {
        let of = |one, other| distance(one, other);
        assert_eq!([of("", ""), of("", "abc"), of("abc", ""), of("json", "json")], [0, 3, 3, 0]);
        assert_eq!([of("jsn", "json"), of("gte", "get"), of("kitten", "sitting")], [1, 2, 3]);
    }

    #[test]
    fn what_is_near_is_meant_and_what_is_far_is_not() {
        let known = ["lines", "get", "set", "selftest", "program"];
        for (typed, meant) in [
            ("lins", Some("lines")),
            ("GET", Some("get")),
            ("gte", Some("get")),
            ("prog", Some("program")),
            ("prgoram", Some("program")),
            ("x", None),
            ("", None),
            ("jump", None),
            ("a-word-that-is-longer-than-any-name", None),
        ] {
            assert_eq!(nearest(typed, &known), meant, "{typed}");
        }
        assert_eq!(nearest("get", &[]), None);
    }
}
