//! Which events are logged: by where they are from and how grave they are.

use tracing::level_filters::LevelFilter;

/// Prefixes of targets, and down to which level theirs are logged; the empty one is for all.
pub(super) struct Filter(Vec<(String, LevelFilter)>);

impl Filter {
    /// Reads a list of `LEVEL`, `TARGET=LEVEL` and `TARGET`, with commas between them. A target alone stands for all of
    /// its levels; levels are words in upper or lower case, or numbers from 0 (`off`) to 5 (`trace`).
    ///
    /// # Errors
    /// What of it can not be read, and why.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        text.split(',').map(part).collect::<Result<_, _>>().map(Self)
    }

    /// Down to which level events of a target are logged: as the longest prefix of it has it, or the last of equals.
    pub(super) fn level(&self, target: &str) -> LevelFilter {
        let matching = self.0.iter().filter(|(prefix, _)| target.starts_with(prefix.as_str()));
        matching.max_by_key(|(prefix, _)| prefix.len()).map_or(LevelFilter::OFF, |(_, level)| *level)
    }

    /// Down to which level anything may be logged.
    pub(super) fn most(&self) -> LevelFilter {
        self.0.iter().map(|(_, level)| *level).max().unwrap_or(LevelFilter::OFF)
    }
}

fn part(text: &str) -> Result<(String, LevelFilter), String> {
    let text = text.trim();
    let (target, level) = match text.split_once('=') {
        Some((target, word)) => (target, word.parse().map_err(|_| no_level(word))?),
        None => text.parse().map_or((text, LevelFilter::TRACE), |level| ("", level)),
    };
    if target.contains('[') {
        return Err(format!("{target:?} is no target, and fields are not looked at"));
    }
    if target.contains(char::is_whitespace) {
        return Err(format!("{target:?} is no target: write commas between the parts"));
    }
    Ok((target.to_owned(), level))
}

fn no_level(word: &str) -> String {
    format!("{word:?} is none of off, error, warn, info, debug, trace, 0 to 5")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn level(filter: &str, target: &str) -> LevelFilter {
        Filter::read(filter).unwrap().level(target)
    }

    #[test]
    fn the_longest_prefix_of_a_target_decides() {
        let filter = "warn,gpiod=info,gpiod::server=debug,gpiod::guard=off,http";
        let table = [
            ("tokio", LevelFilter::WARN),
            ("gpiod", LevelFilter::INFO),
            ("gpiod::broker", LevelFilter::INFO),
            ("gpiod::server::dispatch", LevelFilter::DEBUG),
            ("gpiod::guard", LevelFilter::OFF),
            ("gpiodx", LevelFilter::INFO),
            ("http::uri", LevelFilter::TRACE),
        ];
        for (target, expected) in table {
            assert_eq!(level(filter, target), expected, "{target}");
        }
        assert_eq!(level("gpiod=info", "tokio"), LevelFilter::OFF);
        assert_eq!(level("gpiod=info,gpiod=debug", "gpiod"), LevelFilter::DEBUG);
    }

    #[test]
    fn levels_are_words_in_any_case_and_numbers_and_nothing_is_error() {
        let table = [
            ("off", LevelFilter::OFF),
            ("Error", LevelFilter::ERROR),
            ("WARN", LevelFilter::WARN),
            ("info", LevelFilter::INFO),
            ("dEbUg", LevelFilter::DEBUG),
            ("trace", LevelFilter::TRACE),
            ("0", LevelFilter::OFF),
            ("1", LevelFilter::ERROR),
            ("5", LevelFilter::TRACE),
            ("", LevelFilter::ERROR),
        ];
        for (word, expected) in table {
            assert_eq!(level(word, "gpiod"), expected, "{word}");
            assert_eq!(level(&format!("gpiod={word}"), "gpiod"), expected, "{word}");
        }
    }

    #[test]
    fn the_most_is_that_of_the_part_that_lets_most_through() {
        for (filter, most) in [
            ("warn,gpiod=info", LevelFilter::INFO),
            ("off", LevelFilter::OFF),
            ("off,gpiod", LevelFilter::TRACE),
        ] {
            assert_eq!(Filter::read(filter).unwrap().most(), most, "{filter}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_told() {
        for (filter, told) in [
            ("warn,gpiod=loud", "\"loud\" is none of off, error, warn, info, debug, trace, 0 to 5"),
            ("gpiod=info=debug", "\"info=debug\" is none of off, error, warn, info, debug, trace, 0 to 5"),
            ("gpiod=6", "\"6\" is none of off, error, warn, info, debug, trace, 0 to 5"),
            ("info debug", "\"info debug\" is no target: write commas between the parts"),
            ("gpiod[{line}]=info", "\"gpiod[{line}]\" is no target, and fields are not looked at"),
        ] {
            assert_eq!(Filter::read(filter).err().as_deref(), Some(told));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_filter_or_is_refused(text in "\\PC*", target in "\\PC*") {
            if let Ok(filter) = Filter::read(&text) {
                prop_assert!(filter.level(&target) <= filter.most());
            }
        }

        #[test]
        fn a_target_has_the_level_that_is_said_for_it(target in "[a-z:_]{1,20}", level in 0..6usize) {
            let filter = Filter::read(&format!("warn,{target}={level}")).unwrap();
            prop_assert_eq!(filter.level(&target), level.to_string().parse::<LevelFilter>().unwrap());
        }
    }
}
