//! The simulated Raspberry Pi: lines, wires and components that behave, for laptops, tests, demos and CI.
//!
//! Like a real board it is nobody's child: it runs as a process of its own (`gpiod board`), outlives the daemon,
//! keeps levels and pulls, sees a claim end when its holder's process ends, and keeps a record of what every line
//! did. Programs reach it over `lines.sock`, which stands for `/dev/gpiochip0`; people and tests work it and read
//! its record over `control.sock`.
//!
//! # What is modelled
//!
//! - **Lines** GPIO0 to GPIO27 of a chip `pinctrl-bcm2835`: direction, push-pull, open drain, open source, pulls;
//!   at power-on inputs with the pulls of a BCM2835.
//! - **Nets**: wires join lines. Strong drivers win over pulls, low wins among strong drivers that disagree (and the
//!   contention is shown), more pulls win over fewer, a floating net keeps the level it had.
//! - **Claims** in the shape of the kernel's line requests: all or none, EBUSY with the holder's name, a first output
//!   value without a glitch, reconfiguration without letting go, active-low, edges of inputs with time stamp and
//!   sequence number in a buffer of 1,024 edges a claim that drops the oldest, software debounce (period starts anew
//!   with each change, the edge is stamped at its end, a read gives the level that lasted). A claim's end leaves
//!   outputs as they are (Raspberry Pi's kernel), turns them into inputs (upstream's) or drops them to their pulls
//!   (gpio-sim's), as the board is told. In the manners of gpio-sim lines also keep the level at which they are let go,
//!   and claimed outputs are moved by nobody else, so that tests on both agree.
//! - **Components**: buttons that bounce, lamps, pulse sources, RC light sensors whose capacitor follows its
//!   differential equation under photoresistor, pulls (50 kΩ) and drivers (50 Ω).
//! - **Faults**: a line stuck high or low, a loose component, a line taken by somebody else.
//!
//! # What is not
//!
//! - Alternate functions (SPI, I²C, UART, PWM): a line is GPIO or taken. Pad strength, slew, hysteresis: an input
//!   turns over at one voltage. Currents, heat and damage: contention is shown and hurts nobody.
//! - The time that the kernel and the chip take: a change is seen at its own moment. The kernel rounds debounce
//!   periods up to its tick; the board does not. Edges that a real chip swallows are not swallowed.
//! - Real time: a board that the machine lets wait makes up for it at once. Its times stay true, and a claim's buffer
//!   may overflow as a late reader's would.
//! - Edges on their way to a reader count as being in the claim's buffer until the reader has taken them.
//!
//! A rule enters when somebody needs it, and each rule that is modelled is to be proven once on a real kernel.

pub mod circuit;
pub mod light;
mod line;
mod net;
mod sensor;

mod button;
mod pulse;

pub mod claim;
pub mod model;
pub mod record;

pub mod client;
pub mod messages;
pub mod process;

pub use line::{Line, NoSuchLine};
