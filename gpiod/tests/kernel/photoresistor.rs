//! A photoresistor with its capacitor, played by the chip's pull: after the line was let go it stays low for as long as
//! it is dark, then it is pulled high.

use crate::chip::Chip;
use gpiocdev_uapi::Errno;
use gpiocdev_uapi::v2::{self, LineFlags, LineInfoChangeEvent};
use gpiod::clock::now_ns;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// errno(3): a signal came first.
const EINTR: i32 = 4;

/// What the world outside knows of one reading, in ns of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    /// When the line was let go, as the kernel stamped it.
    pub(crate) let_go_ns: u64,
    /// Before and after the line was pulled high.
    pub(crate) raised_ns: (u64, u64),
}

/// Plays until `over`: each time that the line is let go it waits for the next of these times, over and over.
pub(crate) fn play(chip: &Chip, bcm: u32, times: &[Duration], over: &AtomicBool) -> Vec<Charge> {
    let file = File::options().read(true).write(true).open(&chip.device).unwrap();
    v2::watch_line_info(&file, bcm).unwrap();
    let mut words = vec![0; LineInfoChangeEvent::u64_size()];
    let mut charges = Vec::new();
    let mut driven = false;
    while !over.load(Ordering::Acquire) {
        match v2::wait_event(&file, Duration::from_millis(20)) {
            Ok(true) => {}
            // A signal, such as that of an app's end.
            Ok(false) | Err(gpiocdev_uapi::Error::Os(Errno(EINTR))) => continue,
            Err(error) => panic!("{error}"),
        }
        v2::read_event(&file, &mut words).unwrap();
        let event = LineInfoChangeEvent::from_slice(&words).unwrap();
        if event.info.flags.contains(LineFlags::OUTPUT) {
            // The capacitor is emptied, whatever the light.
            chip.pull(bcm, false);
            driven = true;
        } else if std::mem::take(&mut driven) {
            let dark = times[charges.len() % times.len()];
            wait_until(event.timestamp_ns + u64::try_from(dark.as_nanos()).unwrap());
            let begin_ns = now_ns();
            chip.pull(bcm, true);
            charges.push(Charge { let_go_ns: event.timestamp_ns, raised_ns: (begin_ns, now_ns()) });
        }
    }
    charges
}

/// Light does not sleep, so neither does this: a sleep's end is much later than it was asked for.
fn wait_until(moment_ns: u64) {
    while now_ns() < moment_ns {
        std::hint::spin_loop();
    }
}
