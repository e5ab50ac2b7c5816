//! A GPIO chip: its device file, and what sysfs tells of the driver behind it.

use super::os_error;
use crate::backend::pi;
use crate::line::{AtExit, Direction, LineId, LineInfo, OnExit};
use crate::log_keys as keys;
use gpiocdev_uapi::v2::{self, LineFlags};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A chip that could be opened.
#[derive(Debug)]
pub(super) struct Chip {
    pub(super) file: File,
    pub(super) lines: u32,
    pub(super) path: PathBuf,
    pub(super) about: About,
}

/// What is known of a chip and, by that, of its lines.
#[derive(Clone, Debug)]
pub(super) struct About {
    /// Its position among the board's chips.
    pub(super) index: u8,
    /// What the driver calls it, such as `pinctrl-bcm2835`; the device's number changes from boot to boot.
    pub(super) label: String,
    /// What an output does when its request ends; `None` where that is not known of the driver.
    at_claims_end: Option<OnExit>,
    /// Whether it is behind a bus on which each access waits.
    waits: bool,
    /// The header that its lines are on; `None` where they are on none.
    pub(super) header: Option<pi::Header>,
}

impl Chip {
    /// Opens the chip once more, with a descriptor that does not share what is watched and read with the first.
    pub(super) fn again(&self) -> io::Result<File> {
        open(&self.path)
    }
}

impl About {
    /// What the kernel says of a line, in the seam's words.
    pub(super) fn line(&self, info: &v2::LineInfo) -> LineInfo {
        let output = info.flags.contains(LineFlags::OUTPUT);
        let bcm_name = pi::is_header_chip(&self.label).then(|| pi::bcm_name(info.offset)).flatten();
        LineInfo {
            id: LineId { chip: self.index, offset: info.offset },
            chip: self.label.clone(),
            // Device trees call a header's lines by what they are on some board, such as SPI_MISO.
            name: bcm_name.unwrap_or_else(|| String::from(&info.name)),
            header_pin: self.header.and_then(|header| header.pin_of(info.offset)),
            direction: if output { Direction::Output } else { Direction::Input },
            high: None,
            drives_high: None,
            // A driver may hold a line without a name.
            consumer: info.flags.contains(LineFlags::USED).then(|| String::from(&info.consumer)),
            function: None,
            at_exit: AtExit { claimed: self.at_claims_end, unclaimed: false },
            waits: self.waits,
        }
    }
}

/// Opens all chips, in the order of their numbers. One that may not be opened is passed over, and said in the log.
pub(super) fn open_all() -> io::Result<Vec<Chip>> {
    let paths = devices()?;
    if paths.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "there is no /dev/gpiochip*: the machine has no GPIO chip, or the container was not given its device",
        ));
    }
    let mut chips = Vec::new();
    let mut refused = None;
    for path in paths {
        let index = u8::try_from(chips.len()).unwrap_or(u8::MAX);
        match open(&path).and_then(|file| chip(index, file, path.clone())) {
            Ok(chip) => chips.push(chip),
            Err(error) => {
                tracing::warn!({ keys::PATH } = %path.display(), { keys::ERROR } = %error, "GPIO chip passed over");
                refused = Some(error);
            }
        }
    }
    match refused {
        Some(error) if chips.is_empty() => Err(error),
        _ => Ok(chips),
    }
}

/// The chips' device files. A symbolic link is another name for one that is there anyway.
fn devices() -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir("/dev")? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("gpiochip")?.parse().ok());
        if let Some(number) = number.filter(|_| entry.file_type().is_ok_and(|kind| !kind.is_symlink())) {
            found.push((number, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).open(path).map_err(|error| {
        let grant = match error.kind() == io::ErrorKind::PermissionDenied {
            true => {
                "; give the daemon read and write access to it (its group, or the container's device rule)"
            }
            false => "",
        };
        io::Error::new(error.kind(), format!("{}: {error}{grant}", path.display()))
    })
}

fn chip(index: u8, file: File, path: PathBuf) -> io::Result<Chip> {
    let info = v2::get_chip_info(&file).map_err(os_error)?;
    v2::get_line_info(&file, 0).map_err(os_error).map_err(|error| match error.raw_os_error() {
        Some(code) if code == nix::errno::Errno::EINVAL as i32 => io::Error::new(
            io::ErrorKind::Unsupported,
            "the kernel has no GPIO uAPI v2, it is older than 5.10",
        ),
        _ => error,
    })?;
    let device = Device::of(&String::from(&info.name));
    let driver = device.as_ref().and_then(|device| device.link("driver"));
    let at_claims_end = driver.as_deref().and_then(at_claims_end);
    let waits = device.is_some_and(|device| device.waits(driver.as_deref()));
    let about = About { index, label: String::from(&info.label), at_claims_end, waits, header: None };
    Ok(Chip { file, lines: info.num_lines, path, about })
}

/// The device that a chip is part of, in sysfs.
struct Device(PathBuf);

impl Device {
    fn of(chip: &str) -> Option<Self> {
        let chip = fs::canonicalize(Path::new("/sys/bus/gpio/devices").join(chip)).ok()?;
        Some(Self(chip.parent()?.to_owned()))
    }

    /// The last name of what a link of the device leads to.
    fn link(&self, name: &str) -> Option<String> {
        Some(fs::read_link(self.0.join(name)).ok()?.file_name()?.to_str()?.to_owned())
    }

    /// Whether each access waits: for a bus, or for the firmware that a Raspberry Pi asks for some lines.
    fn waits(&self, driver: Option<&str>) -> bool {
        let bus = self.link("subsystem");
        matches!(bus.as_deref(), Some("i2c" | "spi" | "usb" | "w1" | "serdev" | "hid"))
            || driver == Some("raspberrypi-exp-gpio")
    }
}

/// What a driver does with an output whose request ends.
///
/// Raspberry Pi's drivers have a parameter for it, which mainline's has since Linux 6.10. Without it, mainline's turns the
/// pin into an input (drivers/pinctrl/bcm/pinctrl-bcm2835.c, `bcm2835_pmx_free`), while some of Raspberry Pi's own
/// kernels kept it an output (raspberrypi/linux, pull request 6117): of those nobody can tell.
fn at_claims_end(driver: &str) -> Option<OnExit> {
    let (module, without) = match driver {
        "pinctrl-bcm2835" => ("pinctrl_bcm2835", Some(OnExit::Input)),
        "rp1-pinctrl" | "pinctrl-rp1" => ("pinctrl_rp1", None),
        _ => return None,
    };
    match fs::read_to_string(format!("/sys/module/{module}/parameters/persist_gpio_outputs")) {
        Ok(text) if text.trim() == "Y" => Some(OnExit::Keep),
        Ok(_) => Some(OnExit::Input),
        Err(_) => {
            let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
            without.filter(|_| !is_raspberry_pis(release.trim()))
        }
    }
}

/// Whether a kernel is one of Raspberry Pi's own: `6.1.21-v8+`, `6.6.31+rpt-rpi-v8`.
fn is_raspberry_pis(release: &str) -> bool {
    release.contains("rpi") || release.ends_with('+')
}

#[cfg(test)]
mod tests {
    use super::is_raspberry_pis;

    #[test]
    fn raspberry_pis_own_kernels_are_told_from_a_distributions() {
        for (release, own) in [
            ("6.1.21-v8+", true),
            ("5.15.84-v7l+", true),
            ("6.6.31+rpt-rpi-v8", true),
            ("6.1.0-50-arm64", false),
            ("6.12.117+deb12-arm64", false),
        ] {
            assert_eq!(is_raspberry_pis(release), own, "{release}");
        }
    }
}
