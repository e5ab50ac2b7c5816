//! What the board says of itself: the head of the report.

use super::lines::Pair;
use crate::backend::Backend;
use crate::line::{LineInfo, OnExit};
use std::fs;

/// Facts, each with its name.
pub(super) type About = Vec<(&'static str, String)>;

/// All that an issue about this board should begin with.
pub(super) fn facts(backend: &dyn Backend, why: &str, pair: &Pair) -> About {
    let Pair { driver, listener } = pair;
    let chips = match driver.chip == listener.chip {
        true => driver.chip.clone(),
        false => format!("{} and {}", driver.chip, listener.chip),
    };
    let mut about = vec![
        ("gpiod", format!("{} ({})", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH)),
        ("board", backend.board().to_owned()),
        ("kernel", kernel(backend)),
        ("backend", format!("{}: {why}", backend.kind())),
        ("chip", chips),
        ("driver", place(driver)),
        ("listener", place(listener)),
        ("at exit", at_exit(driver)),
    ];
    if backend.kind() != "sim"
        && let Some(parameter) = parameter()
    {
        about.push(("parameter", parameter));
    }
    about
}

fn kernel(backend: &dyn Backend) -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let whose = if backend.kind() == "sim" { ", this machine's; the board is simulated" } else { "" };
    format!("Linux {}{whose}", release.trim())
}

fn place(info: &LineInfo) -> String {
    let name = info.name_or_place();
    match info.header_pin {
        Some(pin) => format!("{name}, header pin {pin}, offset {}", info.id.offset),
        None => format!("{name}, offset {}", info.id.offset),
    }
}

/// What an output does when its holder's process ends, in words.
fn at_exit(info: &LineInfo) -> String {
    let claimed = match info.at_exit.claimed {
        Some(OnExit::Keep) => "a claimed output keeps its level",
        Some(OnExit::Input) => "a claimed output becomes an input",
        None => "what a claimed output does is not known",
    };
    let unclaimed = if info.at_exit.unclaimed { "; one that is driven without a claim keeps it" } else { "" };
    format!("{claimed}{unclaimed}")
}

/// The parameter of a Raspberry Pi's driver that decides it.
fn parameter() -> Option<String> {
    ["pinctrl_bcm2835", "pinctrl_rp1"].into_iter().find_map(|module| {
        let path = format!("/sys/module/{module}/parameters/persist_gpio_outputs");
        let value = fs::read_to_string(path).ok()?;
        Some(format!("{module}.persist_gpio_outputs = {}", value.trim()))
    })
}

/// Whether the lines are those of the kernel's GPIO simulator, or of the simulated board with its manners: a line that is
/// let go keeps its level until something moves it, whatever pulls.
pub(super) fn has_manners_of_gpio_sim(backend: &dyn Backend, pair: &Pair) -> bool {
    if pair.driver.at_exit.claimed.is_some() {
        return false;
    }
    let simulated = |device: fs::DirEntry| {
        let driver = fs::canonicalize(device.path()).ok()?.parent()?.join("driver");
        Some(fs::read_link(driver).ok()?.file_name()? == "gpio-sim")
    };
    let mut chips = fs::read_dir("/sys/bus/gpio/devices").into_iter().flatten().flatten();
    backend.kind() == "sim" || chips.any(|device| simulated(device) == Some(true))
}
