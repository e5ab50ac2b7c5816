//! Taking the lines of the board, and waiting for those who held them when the last daemon ended.

use super::part::Lines;
use super::{changes, config_failure, guardian, left_driven, promises};
use crate::backend::{self, Backend};
use crate::broker::Broker;
use crate::clock;
use crate::config::Config;
use crate::error::chain;
use crate::failure::{Exit, Failure};
use crate::health::Health;
use crate::log_keys as keys;
use crate::state_file::{Previous, StateFile};
use crate::wiring::{Thread, Wiring};
use std::sync::Arc;
use std::time::Duration;

/// How often, and how many times, a starting daemon asks for lines that somebody else still holds: a predecessor that
/// was killed a moment ago may not be quite gone.
const BUSY_RETRY: (Duration, u32) = (Duration::from_millis(50), 20);

/// Takes the lines of the board, and tells which thread each belongs to: first those of this one.
pub(super) async fn take(
    reach: impl FnOnce(&Config) -> Result<Box<dyn Backend>, Failure>,
    config: &Config,
    state_file: &Arc<StateFile>,
    previous: &Previous,
    health: &Arc<Health>,
) -> Result<(Arc<dyn Backend>, Vec<Lines>), Failure> {
    let backend = reach(config)?;
    let bind = || {
        let board = backend.lines().map_err(|error| Failure::new(Exit::Unavailable, chain(&error)))?;
        Wiring::bind(config, &board).map_err(|problems| config_failure(&problems))
    };
    // What the lines are now decides what they become. It is asked once, before a try that fails half-way has driven
    // some of them; and anew after a guardian stood down, which may have switched some until then.
    let mut wiring = bind()?;
    let link = guardian::give(config, &wiring).await?;
    if let Some(link) = &link {
        wiring = bind()?;
        guardian::there(link, &wiring);
    }
    changes::watch(backend.as_ref(), &wiring, health);
    promises::say(&wiring);
    let backend: Arc<dyn Backend> = Arc::from(backend);
    let mut all = Vec::new();
    let mut tries = 0;
    for (thread, own) in wiring.by_thread() {
        let section = state_file.section();
        loop {
            match Broker::new(
                Arc::clone(&backend),
                own.clone(),
                config.limits,
                section.clone(),
                previous.lives(),
                kept_until(config),
            ) {
                Ok((broker, sources)) => {
                    all.push(Lines { thread, broker, sources });
                    break;
                }
                Err(error @ backend::Error::Busy { .. }) if tries < BUSY_RETRY.1 => {
                    tries += 1;
                    tracing::warn!({ keys::ERROR } = %error, "waiting for the line");
                    tokio::time::sleep(BUSY_RETRY.0).await;
                }
                Err(error @ backend::Error::Busy { .. }) => {
                    return Err(Failure::new(Exit::TempFail, chain(&error)));
                }
                Err(error) => return Err(Failure::new(Exit::Unavailable, chain(&error))),
            }
        }
    }
    if let Some(link) = link {
        guardian::keep(link, config, &wiring).await;
    }
    Ok((backend, all))
}

/// Waits for those who held lines when the last daemon ended.
pub(super) fn resume(backend: &dyn Backend, taken: &[Lines], previous: &Previous, config: &Config) {
    let Previous::Known(saved) = previous else {
        return taken.iter().for_each(|lines| lines.broker.save());
    };
    let served = |group: &str| config.groups.iter().any(|known| known.name == group);
    for session in &saved.sessions {
        if let Some(group) = session.group.as_deref().filter(|group| !served(group)) {
            tracing::warn!(
                { keys::GROUP } = group,
                { keys::CLIENT } = session.name,
                "the last daemon held lines of this group, which is not configured any more: nobody is waited for, and lines \
                 that no group has are left as they are"
            );
        }
    }
    left_driven::tell(backend, saved, config);
    for lines in taken {
        // The administrator's sessions are served by the first thread, whose lines alone they can have.
        let mut own = saved.clone();
        own.sessions.retain(|session| session.group.is_some() || lines.thread == Thread::Main);
        lines.broker.restore(&own, kept_until(config));
    }
}

/// Until when lines are kept, from now on, for whoever drove them.
pub(super) fn kept_until(config: &Config) -> u64 {
    let within_ns = u64::try_from(config.resume_within.as_nanos()).unwrap_or(u64::MAX);
    clock::now_ns().saturating_add(within_ns)
}
