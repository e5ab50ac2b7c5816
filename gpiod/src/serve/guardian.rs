//! Giving lines into the care of a guardian, before any is taken: one that nothing would switch off is not driven.
//! Once all are taken it hears so: until then it still answers for those of the daemon before.

use crate::config::{Config, Problem, Problems};
use crate::failure::{Exit, Failure};
use crate::guard::link::{Error, Link};
use crate::guard::{Charge, Place, Ward};
use crate::log_keys as keys;
use crate::reactor::task;
use crate::wiring::{LineIndex, Presence, Wiring};

/// Gives the lines that need it into care. Answers the link; `None` where no line needs it and no guardian is there.
///
/// A guardian hears of a daemon in any case: it may have lines of the one before.
///
/// # Errors
/// Exit code 69 for lines that need a guardian and have none, with each line's place in the configuration.
pub(super) async fn give(config: &Config, wiring: &Wiring) -> Result<Option<Link>, Failure> {
    let charge = charge(wiring);
    match Link::give(&config.run_dir, &charge).await {
        Ok(link) => Ok(Some(link)),
        Err(_) if charge.wards.is_empty() => Ok(None),
        Err(error) => Err(refusal(config, wiring, &error)),
    }
}

/// The wiring's lines are listed as in care.
pub(super) fn there(link: &Link, wiring: &Wiring) {
    presence(wiring).set(Some(link.within));
}

/// Says that all lines are taken, and watches over the link as long as the daemon lives.
pub(super) async fn keep(mut link: Link, config: &Config, wiring: &Wiring) {
    let charge = Charge { taken: true, ..charge(wiring) };
    // A guardian that has gone meanwhile is looked for as at any time.
    if let Err(error) = link.taken(&config.run_dir, &charge).await {
        tracing::warn!({ keys::ERROR } = %error, "the guardian was not told that the lines are taken");
    }
    tokio::spawn(task(link.keep(config.run_dir.clone(), charge, presence(wiring))));
}

fn presence(wiring: &Wiring) -> Presence {
    wiring.guarded().find_map(|line| wiring.line(line).guardian.clone()).unwrap_or_default()
}

fn charge(wiring: &Wiring) -> Charge {
    let mut charge = Charge::default();
    for index in (0..wiring.lines.len()).map(LineIndex) {
        let line = wiring.line(index);
        let place = Place::of(&line.info);
        match line.guardian {
            Some(_) => {
                charge.wards.push(Ward { name: wiring.full_name(index), place, bias: line.config.bias });
            }
            None => charge.others.push(place),
        }
    }
    charge
}

/// How to get a guardian.
pub fn how_to(config: &Config) -> String {
    format!("or run `gpiod guard --config {}`, which makes it an input", config.path.display())
}

fn refusal(config: &Config, wiring: &Wiring, error: &Error) -> Failure {
    let explain = |need: Problem| Problem {
        reason: format!("{}; {}. Now {error}", need.reason, how_to(config)),
        ..need
    };
    let problems = wiring.guardian_needs().into_iter().map(explain).collect();
    Failure::new(Exit::Unavailable, Problems::new(&config.path, problems).to_string())
}
