//! What the kernel did to a line, by its own trace of every value and direction it gave one.

use std::fs;
use std::path::Path;

const TRACING: &str = "/sys/kernel/tracing";

/// Begins a new trace of all that is done to lines.
pub(super) fn begin() {
    let write = |file: &str, text: &str| {
        let path = Path::new(TRACING).join(file);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    };
    write("events/gpio/enable", "1");
    write("trace", "");
    write("tracing_on", "1");
}

/// The levels that a line was set to since, oldest first. `number` is its number among all of the kernel's lines.
pub(super) fn levels_set(number: u32) -> Vec<bool> {
    let trace = fs::read_to_string(Path::new(TRACING).join("trace")).unwrap();
    // A line of it ends with, say, `gpio_value: 531 set 1`.
    let value = |line: &str| {
        let (_, event) = line.split_once("gpio_value: ")?;
        let [line, "set", level] = event.split_whitespace().collect::<Vec<_>>()[..] else { return None };
        (line.parse() == Ok(number)).then_some(level == "1")
    };
    trace.lines().filter_map(value).collect()
}
