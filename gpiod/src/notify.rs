//! What the service manager is told, where it asked for that: `NOTIFY_SOCKET` (`Type=notify`) and `WATCHDOG_USEC`
//! (`WatchdogSec=`).

use crate::log_keys as keys;
use crate::reactor::task;
use sd_notify::NotifyState;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// All that is to be there is there.
pub(crate) fn ready() {
    tracing::info!("ready");
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
        tracing::warn!({ keys::ERROR } = %error, "the service manager could not be told");
    }
}

/// Begins to tell the service manager that this reactor still turns, if it asked for that. A reactor that hangs tells
/// nothing, and the process is ended and started anew.
pub(crate) fn keep_alive() {
    if let Some(period) = sd_notify::watchdog_enabled().filter(|asked| !asked.is_zero()) {
        tokio::spawn(task(alive(period)));
    }
}

/// Twice within the period, as sd_watchdog_enabled(3) advises.
async fn alive(period: Duration) {
    let mut turn = interval(period / 2);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = true;
    loop {
        turn.tick().await;
        let outcome = sd_notify::notify(&[NotifyState::Watchdog]);
        if let Err(error) = &outcome
            && told
        {
            tracing::warn!({ keys::ERROR } = %error, "the service manager could not be told that all is well");
        }
        told = outcome.is_ok();
    }
}
