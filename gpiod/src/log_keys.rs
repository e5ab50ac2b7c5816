//! The names of the fields in the log, so that each thing is called the same everywhere.

/// A line: `group/name`.
pub const LINE: &str = "line";
/// Several lines.
pub const LINES: &str = "lines";
/// A line's value.
pub const VALUE: &str = "value";
/// A line group.
pub const GROUP: &str = "group";
/// What a client calls itself.
pub const CLIENT: &str = "client";
/// User id of a client.
pub const UID: &str = "uid";
/// Group id of a client.
pub const GID: &str = "gid";
/// Process id of a client.
pub const PID: &str = "pid";
/// Why something ended.
pub const CAUSE: &str = "cause";
/// What went wrong.
pub const ERROR: &str = "error";
/// Who holds a line in the kernel.
pub const CONSUMER: &str = "consumer";
/// `gpiomem`, `cdev` or `sim`.
pub const BACKEND: &str = "backend";
/// The board's model.
pub const BOARD: &str = "board";
/// A path.
pub const PATH: &str = "path";
/// How many.
pub const COUNT: &str = "count";
