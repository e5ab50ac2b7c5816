//! Orders to the daemon as a whole, one after the other: to read its configuration anew, by the administrator, by
//! SIGHUP or because the file has changed, and to let go of a group.

use super::config_file::ConfigFile;
use super::group_sockets::GroupSockets;
use super::lines::kept_until;
use super::part::Rewire;
use crate::audit::tell;
use crate::backend::Backend;
use crate::broker::{Broker, Released};
use crate::config::{Config, Group, Line, Problem, Problems};
use crate::error::Error;
use crate::holder::Caller;
use crate::kubelet::Offer;
use crate::log_keys as keys;
use crate::metrics::Reloads;
use crate::server::SocketChange;
use crate::server::admin::{Order, Reloaded};
use crate::server::socket::RunDir;
use crate::wiring::{Thread, Wiring};
use std::sync::Arc;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot, watch};

/// One part of the daemon, as it is told of changes.
#[derive(Debug)]
pub(super) struct Overseen {
    pub(super) thread: Thread,
    pub(super) broker: Arc<Broker>,
    pub(super) rewire: mpsc::Sender<Rewire>,
    pub(super) sockets: mpsc::Sender<SocketChange>,
}

impl Overseen {
    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Rewire) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.rewire.send(order(answer)).await.map_err(|_| Error::Stopping)?;
        answered.await.map_err(|_| Error::Stopping)
    }

    /// What of a new wiring only a daemon that is started anew can take.
    async fn refusals(&self, wiring: Wiring) -> Result<Vec<Problem>, Error> {
        self.ask(|answer| Rewire::Check { wiring, answer }).await
    }
}

/// Whoever carries out orders.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) config: Config,
    /// How many sockets the daemon started with.
    pub(super) sockets_at_start: usize,
    /// How many there can be before it is started anew.
    pub(super) most_sockets: usize,
    pub(super) run_dir: RunDir,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) parts: Vec<Overseen>,
    pub(super) sockets: GroupSockets,
    pub(super) reloads: Arc<Reloads>,
    /// What a kubelet is offered.
    pub(super) offer: watch::Sender<Offer>,
}

impl Control {
    /// Carries out orders for as long as the daemon runs. `file` is the configuration's, watched since before the daemon
    /// said that it is ready.
    pub(super) async fn run(
        mut self,
        mut file: ConfigFile,
        mut orders: mpsc::Receiver<Order>,
        mut hangup: Signal,
    ) {
        loop {
            tokio::select! {
                Some(order) = orders.recv() => match order {
                    Order::Release { group, reason, by, answer } => {
                        let _ = answer.send(self.release(group, reason, by).await);
                    }
                    Order::Reload { answer } => {
                        file.known();
                        let _ = answer.send(self.reload("by order").await);
                    }
                },
                Some(()) = hangup.recv() => {
                    file.known();
                    let _ = self.reload("by SIGHUP").await;
                }
                () = file.changed() => {
                    let _ = self.reload("its file changed").await;
                }
            }
        }
    }

    async fn release(&self, group: String, reason: String, by: Caller) -> Result<Vec<Released>, Error> {
        // An order that can not be carried out is none: the audit tells what was done.
        if self.config.groups.iter().all(|known| known.name != group) {
            return Err(self.no_group(group));
        }
        tell::ordered(&group, &reason, by);
        for part in &self.parts {
            let (broker, group, reason) = (Arc::clone(&part.broker), group.clone(), reason.clone());
            // A chip behind a bus may make us wait.
            let released = tokio::task::spawn_blocking(move || broker.release_group(&group, &reason)).await;
            if let Ok(Some(released)) = released {
                return Ok(released);
            }
        }
        Err(self.no_group(group))
    }

    fn no_group(&self, group: String) -> Error {
        let known = self.config.groups.iter().map(|group| group.name.clone()).collect();
        Error::GroupNotFound { group, known }
    }

    /// Reads the configuration anew and does what it says; says in the log what came of it.
    async fn reload(&mut self, why: &str) -> Result<Reloaded, Error> {
        let path = self.config.path.display().to_string();
        let outcome = self.take_config().await;
        self.reloads.count(matches!(outcome, Ok(_) | Err(Error::ConfigPartlyTaken(_))));
        match &outcome {
            Ok(Reloaded { added, removed, changed }) => tracing::info!(
                { keys::PATH } = path,
                { keys::CAUSE } = why,
                added = added.join(","),
                removed = removed.join(","),
                changed = changed.join(","),
                "configuration read anew"
            ),
            Err(error) => {
                let outcome = if matches!(error, Error::ConfigPartlyTaken(_)) {
                    "the configuration is in force, but for what this says"
                } else {
                    "the configuration can not be taken: the old one stays in force, whole"
                };
                for line in error.to_string().lines() {
                    tracing::error!(
                        { keys::PATH } = path,
                        { keys::CAUSE } = why,
                        { keys::ERROR } = line,
                        "{outcome}"
                    );
                }
            }
        }
        outcome
    }

    async fn take_config(&mut self) -> Result<Reloaded, Error> {
        let config =
            Config::load(&self.config.path).map_err(|wrong| Error::ConfigRefused(wrong.to_string()))?;
        let wiring = self.bind(&config).await?;
        // Whatever can be refused is made ready first, and undone if something else is refused.
        let sockets = self.sockets.prepare(&config, &self.run_dir);
        let sockets = sockets.map_err(|error| Error::ConfigRefused(error.to_string()))?;
        if let Err(error) = self.prepare(&config, &wiring).await {
            for part in &self.parts {
                let _ = part.rewire.send(Rewire::Discard).await;
            }
            sockets.discard();
            return Err(error);
        }
        for part in &self.parts {
            part.ask(|answer| Rewire::Take { answer }).await??;
        }
        let reloaded = difference(&self.config, &config);
        self.config = config;
        let failures = self.sockets.change(sockets, &self.config, &self.run_dir, &self.parts).await;
        self.offer.send_if_modified(|offer| {
            let new = Offer::of(&self.config);
            std::mem::replace(offer, new) != *offer
        });
        if failures.is_empty() {
            return Ok(reloaded);
        }
        let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
        Err(Error::ConfigPartlyTaken(failures.join("\n")))
    }

    /// Takes the lines that a wiring adds, in all parts.
    async fn prepare(&self, config: &Config, wiring: &Wiring) -> Result<(), Error> {
        // A chip behind a bus fails sooner, and the first part's lines are better not given back.
        for part in self.parts.iter().rev() {
            let (wiring, keep_until_ns) = (wiring.part(&part.thread), kept_until(config));
            part.ask(|answer| Rewire::Prepare { wiring, keep_until_ns, answer }).await??;
        }
        Ok(())
    }

    /// Brings a configuration together with the board, or refuses it with all that is wrong with it and all that is
    /// decided when the daemon starts.
    async fn bind(&self, new: &Config) -> Result<Wiring, Error> {
        let mut problems = self.config.fixed_changes(new, self.sockets_at_start);
        if new.sockets() > self.most_sockets {
            let (sockets, most) = (new.sockets(), self.most_sockets);
            let reason = format!(
                "{sockets} sockets are more than the {most} that what they share was made for: start gpiod anew"
            );
            problems.push(Problem { line: 0, key: "group".to_owned(), reason });
        }
        let refused = |problems| Error::ConfigRefused(Problems::new(&new.path, problems).to_string());
        // Of another board nothing is known here.
        if new.backend != self.config.backend {
            return Err(refused(problems));
        }
        let wiring = match Wiring::bind(new, &self.backend.lines()?) {
            Ok(wiring) => wiring,
            Err(wrong) => {
                problems.extend(wrong.problems);
                return Err(refused(problems));
            }
        };
        for part in &self.parts {
            problems.extend(part.refusals(wiring.part(&part.thread)).await?);
        }
        let known = |thread: &Thread| self.parts.iter().any(|part| part.thread == *thread);
        let unserved = wiring.by_thread().into_iter().filter(|(thread, _)| !known(thread));
        problems.extend(unserved.filter_map(|(_, part)| needs_thread(&part)));
        if problems.is_empty() { Ok(wiring) } else { Err(refused(problems)) }
    }
}

/// That a chip's lines can not be served by the threads that there are.
fn needs_thread(part: &Wiring) -> Option<Problem> {
    let line = part.lines.first()?;
    let key = format!("{}.line", part.key(line));
    let reason = format!("chip {:?} would need a thread of its own: start gpiod anew for it", line.info.chip);
    Some(Problem { line: line.config.at, key, reason })
}

/// Which groups are new, gone, or not what they were.
fn difference(old: &Config, new: &Config) -> Reloaded {
    let find = |config: &Config, name: &str| config.groups.iter().find(|group| group.name == name).cloned();
    let mut reloaded = Reloaded::default();
    for group in &new.groups {
        match find(old, &group.name) {
            None => reloaded.added.push(group.name.clone()),
            Some(before) if without_places(&before) != without_places(group) => {
                reloaded.changed.push(group.name.clone());
            }
            Some(_) => {}
        }
    }
    let gone = old.groups.iter().filter(|group| find(new, &group.name).is_none());
    reloaded.removed = gone.map(|group| group.name.clone()).collect();
    reloaded
}

/// A group, wherever in the file its lines stand.
fn without_places(group: &Group) -> Group {
    let lines = group.lines.iter().map(|line| Line { at: 0, ..line.clone() }).collect();
    Group { lines, ..group.clone() }
}
