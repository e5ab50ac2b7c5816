//! The words for lines: what they are called, what they may do and what they do now.

use std::fmt;
use std::ops::Not;
use std::time::Duration;

pub(crate) mod line_use;
pub(crate) mod name;
pub(crate) mod positions;
pub(crate) mod wire;

/// The logical value of a line: after active-low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// Logical zero; low, or high on an active-low line.
    Inactive,
    /// Logical one; high, or low on an active-low line.
    Active,
}

impl Value {
    /// Whether the value is active.
    pub fn is_active(self) -> bool {
        self == Self::Active
    }
}

impl From<bool> for Value {
    fn from(active: bool) -> Self {
        if active { Self::Active } else { Self::Inactive }
    }
}

impl Not for Value {
    type Output = Self;

    fn not(self) -> Self {
        Self::from(!self.is_active())
    }
}

/// Which changes are reported or waited for. Rising is inactive to active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Edge {
    /// Inactive to active.
    Rising,
    /// Active to inactive.
    Falling,
    /// Either. Never in an event.
    #[default]
    Both,
}

/// Which way a line carries signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The line is read and watched.
    Input,
    /// The line is driven.
    Output,
    /// The line is driven and listened to in turn, as a sensor needs it.
    Both,
}

/// The pull of a line that nobody drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bias {
    /// No pull.
    Disabled,
    /// A resistor to the supply.
    PullUp,
    /// A resistor to ground.
    PullDown,
}

/// How an output drives its two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Drive {
    /// Both levels are driven.
    PushPull,
    /// Only low is driven; high is left to a pull.
    OpenDrain,
    /// Only high is driven; low is left to a pull.
    OpenSource,
}

/// What the daemon does with a line whose holder has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnRelease {
    /// The line stays as its holder left it.
    Keep,
    /// The line is driven inactive.
    Inactive,
    /// The line is driven active.
    Active,
    /// The line becomes an input.
    Input,
}

/// What a line does when the daemon itself has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnDaemonExit {
    /// The line keeps its level without a blink.
    Keep,
    /// The line becomes an input.
    Input,
}

/// Something that a client may do with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineOperation {
    /// Its value is told.
    Read,
    /// Its edges are told, with the values that they begin from.
    Watch,
    /// It is set, or held to be driven.
    Drive,
    /// Its direction or pull is changed by a session.
    Configure,
    /// Programs use it; each of their steps needs its own operation besides.
    Program,
}

/// One line as the client's socket sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The name to use on this socket, such as `red`.
    pub name: String,
    /// The line groups that have the line; none for a free line on the admin socket.
    pub groups: Vec<String>,
    /// Label of the chip, such as `pinctrl-bcm2835`.
    pub chip: String,
    /// The line's offset on its chip. On a Raspberry Pi's header this is the BCM number.
    pub offset: u32,
    /// The chip's own name for the line, such as `GPIO17`; may be empty.
    pub board_line: String,
    /// The position on the 40-pin header, 1 to 40; `None` where the line is on no header.
    pub header_pin: Option<u32>,
    /// What the configuration allows; `None` where the daemon does not say.
    pub direction: Option<Direction>,
    /// Which way the line goes now, never [`Direction::Both`]; `None` where that is unknown.
    pub present_direction: Option<Direction>,
    /// The present value; `None` where this socket may not read it.
    pub value: Option<Value>,
    /// The configured pull; `None` leaves the board's.
    pub bias: Option<Bias>,
    /// The configured drive; `None` for a line that is no output.
    pub drive: Option<Drive>,
    /// Whether low is the active level.
    pub active_low: bool,
    /// Edges closer together than this many ns are not reported; 0 is no debounce.
    pub debounce_ns: u64,
    /// Whether this socket may hold and drive the line.
    pub may_drive: bool,
    /// What may be done with the line through this socket.
    pub operations: Vec<LineOperation>,
    /// Whether [`Client::write`](crate::Client::write) may set the line without a session.
    pub one_shot: bool,
    /// Who holds the line; `None` when it is free.
    pub holder: Option<Holder>,
    /// What happens when the holder goes; `None` for an input.
    pub on_release: Option<OnRelease>,
    /// What would happen if the daemon went now; `None` for an input, and where nobody can tell.
    pub on_daemon_exit: Option<OnDaemonExit>,
    /// How long the line is kept for a holder whose connection broke; zero is not at all.
    pub grace: Duration,
    /// Who makes it an input then; `None` where the line needs no guardian for that.
    pub guardian: Option<Guardian>,
}

/// The process that makes a line an input when the daemon has gone, on a board whose kernel does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guardian {
    /// Whether it is there now. If it is not, the line would do what [`Line::on_daemon_exit`] says.
    pub present: bool,
    /// It acts when no daemon is back after so many ns; 0 is at once, and where there is none.
    pub within_ns: u64,
}

/// Who holds a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// What the client calls itself. It is claimed, not proven. For a holder outside of the daemon, the kernel's
    /// consumer name.
    pub name: String,
    /// The group through whose socket the line is held; empty for a holder outside of the daemon.
    pub group: String,
    /// User id of the client's process when it connected, as the kernel gives it.
    pub uid: u32,
    /// Group id of the client's process.
    pub gid: u32,
    /// Process id of the client, in the daemon's pid namespace; 0 where it is not visible there.
    pub pid: u32,
    /// The pod that had the group's device when the hold began; `None` where the daemon asks no kubelet.
    pub pod: Option<HolderPod>,
    /// When the hold began: CLOCK_MONOTONIC, ns.
    pub since_ns: u64,
    /// Set while the holder is away, its connection broken or the daemon started anew: until when its lines are kept
    /// for it. CLOCK_MONOTONIC, ns.
    pub away_until_ns: Option<u64>,
}

/// The pod of a cluster that has a group's device, as the kubelet says. Whoever reached the group's socket by another
/// way than that device is not told apart from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HolderPod {
    /// This one.
    Known {
        /// Its namespace.
        namespace: String,
        /// Its name there.
        name: String,
    },
    /// It is not known, and why.
    Unknown(String),
}

/// What stands behind the lines and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// `gpiomem`, `cdev` or `sim`.
    pub kind: String,
    /// The board, such as `Raspberry Pi 3 Model B`.
    pub board: String,
    /// Whether a write to several lines of one group reaches them in one register access.
    pub atomic_writes: bool,
    /// The largest number of steps in a program.
    pub max_program_steps: u32,
    /// The longest a program may take, all waits and time-outs added up, in ns.
    pub max_program_ns: u64,
}

/// All lines of the client's socket, in the order of the configuration, and what stands behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// The lines.
    pub lines: Vec<Line>,
    /// What stands behind them.
    pub backend: Backend,
}

impl Lines {
    /// The line of that name.
    pub fn get(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }
}

/// Writes the words that the configuration file uses.
macro_rules! words {
    ($($type:ident { $($variant:ident => $word:literal),+ $(,)? })+) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $word),+ })
            }
        }
    )+};
}

words! {
    Value { Inactive => "inactive", Active => "active" }
    Edge { Rising => "rising", Falling => "falling", Both => "both" }
    Direction { Input => "input", Output => "output", Both => "both" }
    Bias { Disabled => "disabled", PullUp => "pull-up", PullDown => "pull-down" }
    Drive { PushPull => "push-pull", OpenDrain => "open-drain", OpenSource => "open-source" }
    OnRelease { Keep => "keep", Inactive => "inactive", Active => "active", Input => "input" }
    LineOperation {
        Read => "read", Watch => "watch", Drive => "drive", Configure => "configure", Program => "program"
    }
    OnDaemonExit { Keep => "keep", Input => "input" }
}
