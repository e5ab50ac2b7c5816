//! Orders to the daemon as a whole, one after the other: to read its configuration anew, by the administrator, by
//! SIGHUP or because the file has changed, and to let go of a group.

use super::config_file::ConfigFile;
use super::group_sockets::GroupSockets;
use super::lines::kept_until;
use super::part::Rewire;
use crate::audit::tell;
use crate::backend::Backend;
use crate::broker::{Broker, Released};
use crate::config::{Config, Group, Line};
use crate::error::Error;
use crate::holder::Caller;
use crate::log_keys as keys;
use crate::metrics::Reloads;
use crate::server::SocketChange;
use crate::server::admin::{Order, Reloaded};
use crate::server::socket::RunDir;
use crate::wiring::{Thread, Wiring};
use std::sync::Arc;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot};

/// One part of the daemon, as it is told of changes.
#[derive(Debug)]
pub(super) struct Overseen {
    pub(super) thread: Thread,
    pub(super) broker: Arc<Broker>,
    pub(super) rewire: mpsc::Sender<Rewire>,
    pub(super) sockets: mpsc::Sender<SocketChange>,
}

impl Overseen {
    async fn ask(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<(), Error>>) -> Rewire,
    ) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.rewire.send(order(answer)).await.map_err(|_| Error::Stopping)?;
        answered.await.map_err(|_| Error::Stopping)?
    }
}

/// Whoever carries out orders.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) config: Config,
    /// How many sockets there can be before the daemon is started anew.
    pub(super) most_sockets: usize,
    pub(super) run_dir: RunDir,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) parts: Vec<Overseen>,
    pub(super) sockets: GroupSockets,
    pub(super) reloads: Arc<Reloads>,
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
        tell::ordered(&group, &reason, by);
        for part in &self.parts {
            let (broker, group, reason) = (Arc::clone(&part.broker), group.clone(), reason.clone());
            // A chip behind a bus may make us wait.
            let released = tokio::task::spawn_blocking(move || broker.release_group(&group, &reason)).await;
            if let Ok(Some(released)) = released {
                return Ok(released);
            }
        }
        let known = self.config.groups.iter().map(|group| group.name.clone()).collect();
        Err(Error::GroupNotFound { group, known })
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
        self.refuse_fixed(&config)?;
        let wiring = Wiring::bind(&config, &self.backend.lines()?)
            .map_err(|wrong| Error::ConfigRefused(wrong.to_string()))?;
        let known = |thread: &Thread| self.parts.iter().any(|part| part.thread == *thread);
        if let Some((Thread::Chip(_, chip), _)) = wiring.by_thread().iter().find(|(thread, _)| !known(thread))
        {
            let reason = format!("chip {chip:?} would need a thread of its own: start gpiod anew for it");
            return Err(Error::ConfigRefused(reason));
        }
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
            part.ask(|answer| Rewire::Take { answer }).await?;
        }
        let reloaded = difference(&self.config, &config);
        self.config = config;
        let failures = self.sockets.change(sockets, &self.config, &self.run_dir, &self.parts).await;
        if failures.is_empty() {
            return Ok(reloaded);
        }
        let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
        Err(Error::ConfigPartlyTaken(failures.join("\n")))
    }

    /// Takes the lines that a wiring adds, in all parts.
    async fn prepare(&self, config: &Config, wiring: &Wiring) -> Result<(), Error> {
        for part in &self.parts {
            let (wiring, keep_until_ns) = (wiring.part(&part.thread), kept_until(config));
            part.ask(|answer| Rewire::Prepare { wiring, keep_until_ns, answer }).await?;
        }
        Ok(())
    }

    /// Refuses what is decided when the daemon starts.
    fn refuse_fixed(&self, new: &Config) -> Result<(), Error> {
        let old = &self.config;
        let fixed = [
            ("run_dir", old.run_dir == new.run_dir),
            ("backend", old.backend == new.backend && old.own_thread == new.own_thread),
            ("limits", old.limits_as_written == new.limits_as_written),
        ];
        let path = new.path.display();
        if let Some((key, _)) = fixed.iter().find(|(_, same)| !same) {
            let reason = format!("{path}: {key}: it can only be changed by starting gpiod anew");
            return Err(Error::ConfigRefused(reason));
        }
        if new.sockets() > self.most_sockets {
            let (sockets, most) = (new.sockets(), self.most_sockets);
            let reason = format!(
                "{path}: {sockets} sockets are more than the {most} that what they share was made for: start gpiod anew"
            );
            return Err(Error::ConfigRefused(reason));
        }
        Ok(())
    }
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
