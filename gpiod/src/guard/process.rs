//! The guardian as a process: it listens, keeps watch over who gave it lines, and switches when they are due.

use super::attend::{News, Tell, attend};
use super::duty::{Duty, Next, PeerId};
use super::message::{Answer, Charge, Ward};
use super::peer::Peer;
use super::place::Site;
use super::switch::{all_failed, look, switch};
use crate::backend::Backend;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::log_keys as keys;
use crate::notify;
use crate::reactor::task;
use humantime::format_duration;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How the guardian reaches the board.
pub type Reach = Box<dyn Fn() -> Result<Box<dyn Backend>, Failure>>;

/// Connections at a time: the daemon's, its successor's, and some that say nothing.
const CONNECTIONS: usize = 8;
/// How long a guardian that stops listens for the end of a daemon.
const LAST_WORD: Duration = Duration::from_millis(100);
/// How long accepting rests after it failed.
const REST: Duration = Duration::from_millis(100);

/// Runs the guardian until it is told to stop.
///
/// # Errors
/// That another guardian runs, what the system refuses, or lines that were due at the end and could not be switched.
pub async fn run(config: Config, wait: Duration, reach: Reach) -> Result<(), Failure> {
    let Site { listener, socket, lock: _lock } =
        Site::take(&config.run_dir).map_err(|error| site_failure(&config, &error))?;
    let os = |error: io::Error| Failure::new(Exit::Os, error.to_string());
    let listener = tokio::net::UnixListener::from_std(listener).map_err(os)?;
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate()).map_err(os)?, signal(SignalKind::interrupt()).map_err(os)?);
    let (tell, mut told) = mpsc::channel(CONNECTIONS);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut guardian =
        Guardian { duty: Duty::new(wait), wait, reach, attended: HashMap::new(), said: HashMap::new() };
    let mut next = 0;
    tracing::info!({ keys::PATH } = %socket.display(), { keys::WAIT } = %format_duration(wait), "listening");
    notify::keep_alive();
    notify::ready();
    loop {
        let due = guardian.duty.due();
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    next += 1;
                    guardian.attend(PeerId(next), stream, &places, tell.clone());
                }
                Err(error) => {
                    tracing::warn!({ keys::ERROR } = %error, "accepting connections rests for {} ms", REST.as_millis());
                    sleep(REST).await;
                }
            },
            Some((peer, news)) = told.recv() => guardian.hear(peer, news),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => guardian.act(),
            _ = terminate.recv() => return guardian.stop(told).await,
            _ = interrupt.recv() => return guardian.stop(told).await,
        }
    }
}

struct Guardian {
    duty: Duty,
    wait: Duration,
    reach: Reach,
    /// The tasks of connections that have given a charge or may yet do so.
    attended: HashMap<u64, AbortHandle>,
    /// Each line's last failure that was told as an error: the same again is not.
    said: HashMap<String, String>,
}

impl Guardian {
    fn attend(&mut self, peer: PeerId, stream: UnixStream, places: &Arc<Semaphore>, tell: Tell) {
        self.attended.retain(|_, task| !task.is_finished());
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            return tracing::warn!("a connection was closed: there are {CONNECTIONS} already");
        };
        match Peer::of(&stream) {
            Ok(process) => {
                let task = tokio::spawn(task(attend(peer, process, stream, place, tell)));
                self.attended.insert(peer.0, task.abort_handle());
            }
            Err(error) => tracing::warn!({ keys::ERROR } = %error, "a connection was closed"),
        }
    }

    fn hear(&mut self, peer: PeerId, news: News) {
        match news {
            News::Charge(charge, answer) => {
                let _ = answer.send(self.take(peer, charge));
            }
            News::Gone => {
                if let Some(wards) = self.duty.gone(peer, Instant::now()).filter(|wards| !wards.is_empty()) {
                    tracing::warn!(
                        { keys::LINES } = names(&wards),
                        { keys::WAIT } = %format_duration(self.wait),
                        "the daemon has gone; if none is back in time, its lines are made inputs"
                    );
                }
            }
        }
    }

    /// Takes lines into care, if they could be switched as things are.
    fn take(&mut self, peer: PeerId, charge: Charge) -> Answer {
        // One that repeats its charge, to say that it has taken its lines, is not refused for what the board says now.
        if !charge.wards.is_empty() && !self.duty.knows(peer, &charge) {
            let looked = (self.reach)().map_err(|failure| failure.message);
            if let Err(why) = looked.and_then(|board| look(board.as_ref(), &charge.wards)) {
                tracing::error!(
                    { keys::LINES } = names(&charge.wards),
                    { keys::ERROR } = why,
                    "lines refused"
                );
                return Answer::Refused(why);
            }
        }
        let said = if charge.taken { "a daemon has taken its lines" } else { "a daemon's lines are in care" };
        tracing::info!({ keys::LINES } = names(&charge.wards), "{said}");
        // Who was replaced needs no watching; its process may go on for long.
        if let Some(task) =
            self.duty.take(peer, charge, Instant::now()).and_then(|old| self.attended.remove(&old.0))
        {
            task.abort();
        }
        Answer::within(self.wait)
    }

    /// Switches what is due.
    fn act(&mut self) {
        let due = self.duty.ready(Instant::now());
        let failed = self.switch(&due);
        let wards: Vec<Ward> = failed.iter().map(|(ward, _)| ward.clone()).collect();
        let next = self.duty.tried(&due, &wards, Instant::now());
        for ward in due.iter().filter(|ward| !wards.contains(ward)) {
            self.said.remove(&ward.name);
        }
        for (failure, next) in failed.iter().zip(next) {
            self.say(failure, next);
        }
    }

    fn switch(&self, wards: &[Ward]) -> Vec<(Ward, String)> {
        match (self.reach)() {
            Ok(board) => switch(board.as_ref(), wards),
            Err(failure) => all_failed(wards, &failure.message),
        }
    }

    fn say(&mut self, failure: &(Ward, String), next: Next) {
        let (ward, why) = failure;
        match next {
            Next::Retry(wait) if self.said.get(&ward.name) == Some(why) => {
                tracing::debug!(
                    { keys::LINE } = ward.name,
                    { keys::WAIT } = %format_duration(wait),
                    "still not, trying again"
                );
            }
            Next::Retry(_) => {
                tracing::error!(
                    { keys::LINE } = ward.name,
                    { keys::ERROR } = why,
                    "line could not be made an input, trying again"
                );
                self.said.insert(ward.name.clone(), why.clone());
            }
            Next::GiveUp => {
                give_up(std::slice::from_ref(failure));
                self.said.remove(&ward.name);
            }
        }
    }

    /// Ends, after a last try of what is owed: nobody would do it later.
    async fn stop(&mut self, mut told: mpsc::Receiver<(PeerId, News)>) -> Result<(), Failure> {
        tracing::info!("stopping");
        // A daemon that ended just before may not have been heard of. One that comes now is not answered.
        while self.duty.cares()
            && let Ok(Some((peer, news))) = timeout(LAST_WORD, told.recv()).await
        {
            if matches!(news, News::Gone) {
                self.hear(peer, news);
            }
        }
        if self.duty.cares() {
            tracing::warn!("the daemon goes on unguarded");
        }
        let owed = self.duty.owed();
        let failed = if owed.is_empty() { Vec::new() } else { self.switch(&owed) };
        give_up(&failed);
        if failed.is_empty() {
            return Ok(());
        }
        Err(Failure::new(Exit::Unavailable, format!("{} lines could not be made inputs", failed.len())))
    }
}

fn give_up(failed: &[(Ward, String)]) {
    for (ward, why) in failed {
        tracing::error!({ keys::LINE } = ward.name, { keys::ERROR } = why, "given up: line stays as it is");
    }
}

fn names(wards: &[Ward]) -> String {
    wards.iter().map(|ward| ward.name.as_str()).collect::<Vec<_>>().join(",")
}

fn site_failure(config: &Config, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::WouldBlock {
        let path = config.run_dir.display();
        return Failure::new(Exit::TempFail, format!("another guardian is running with run_dir {path}"));
    }
    Failure::new(Exit::Os, error.to_string())
}
