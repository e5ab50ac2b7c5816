//! What the kernel did to lines, by its own trace of every value and direction that it gave one.

use std::fs;
use std::path::Path;

const TRACING: &str = "/sys/kernel/tracing";

/// Begins a new trace of all that is done to lines.
pub(crate) fn begin() {
    let write = |file: &str, text: &str| {
        let path = Path::new(TRACING).join(file);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    };
    write("events/gpio/enable", "1");
    write("trace", "");
    write("tracing_on", "1");
}

/// What lines were set to since, oldest first: a line's number among all of the kernel's, and whether it became high.
pub(crate) fn sets() -> Vec<(u32, bool)> {
    let trace = fs::read_to_string(Path::new(TRACING).join("trace")).unwrap();
    // A line of it ends with, say, `gpio_value: 531 set 1`.
    let set = |line: &str| {
        let (_, event) = line.split_once("gpio_value: ")?;
        let [line, "set", level] = event.split_whitespace().collect::<Vec<_>>()[..] else { return None };
        Some((line.parse().ok()?, level == "1"))
    };
    trace.lines().filter_map(set).collect()
}

/// Which way lines were turned since, oldest first: a line's number, and whether it became an output.
pub(crate) fn turns() -> Vec<(u32, bool)> {
    let trace = fs::read_to_string(Path::new(TRACING).join("trace")).unwrap();
    // A line of it ends with, say, `gpio_direction: 531  in (0)`.
    let turn = |line: &str| {
        let (_, event) = line.split_once("gpio_direction: ")?;
        let [line, way, "(0)"] = event.split_whitespace().collect::<Vec<_>>()[..] else { return None };
        Some((line.parse().ok()?, way == "out"))
    };
    trace.lines().filter_map(turn).collect()
}
