//! Keeps what is offered true to what is there: a socket for each resource, each registered with the kubelet that runs now,
//! and each resource's health.
//!
//! After whatever may have changed anything all is looked at anew: a kubelet's socket that is not the one before, one of
//! ours that was deleted, a list that nobody watches any more. While all is well there is no timer, and where nobody
//! listens there is none after some tries: a kubelet that starts makes its socket anew.

use super::Lines;
use super::answer::OPTIONS;
use super::grpc;
use super::messages::v1beta1::RegisterRequest;
use super::resource::{KUBELET, Offer, Resource};
use super::served::{Mark, Served};
use super::signs::Signs;
use crate::log_keys as keys;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

/// How long after the first try the second comes; each further one twice as late, and the last of these at most.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
/// After so many tries at a socket where nobody listens, it is waited until that is made anew.
const TRIES: u32 = 9;
/// How long a kubelet may take to watch what was registered with it, before that is done again.
const WATCHED_WITHIN: Duration = Duration::from_secs(2);
/// How often lines are tried of which the last access failed.
const PROBE: Duration = Duration::from_secs(1);

/// Goes on with what is offered, for as long as the daemon runs.
pub(super) async fn run(lines: Lines, mut offer: watch::Receiver<Offer>) {
    let mut plugin = Plugin {
        lines,
        offer: offer.borrow_and_update().clone(),
        served: Vec::new(),
        signs: None,
        kubelet: None,
        news: Arc::default(),
        tries: 0,
        next: None,
        probe: None,
        said: None,
    };
    loop {
        plugin.step().await;
        let (news, health) = (Arc::clone(&plugin.news), Arc::clone(&plugin.lines.health));
        let due = plugin.next.into_iter().chain(plugin.probe).min();
        tokio::select! {
            signed = sign(&mut plugin.signs) => if let Err(error) = signed {
                plugin.say(&error);
                plugin.signs = None;
            },
            () = news.notified() => {}
            () = health.changes() => {}
            changed = offer.changed() => match changed {
                Ok(()) => plugin.take(offer.borrow_and_update().clone()),
                Err(_) => return,
            },
            () = async { sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {}
        }
    }
}

async fn sign(signs: &mut Option<Signs>) -> io::Result<()> {
    match signs {
        Some(signs) => signs.next().await,
        None => std::future::pending().await,
    }
}

#[derive(Debug)]
struct Plugin {
    lines: Lines,
    offer: Offer,
    served: Vec<Served>,
    signs: Option<Signs>,
    /// The kubelet that is there.
    kubelet: Option<Mark>,
    /// Told when somebody begins or ceases to watch devices.
    news: Arc<Notify>,
    /// How often in vain.
    tries: u32,
    /// When to try again.
    next: Option<Instant>,
    /// When to try lines again.
    probe: Option<Instant>,
    /// What went wrong, as it was said last.
    said: Option<String>,
}

impl Plugin {
    /// From now on this is offered. What is as it was goes on.
    fn take(&mut self, offer: Offer) {
        if offer.kubelet != self.offer.kubelet {
            (self.signs, self.kubelet) = (None, None);
            self.served.clear();
        }
        self.served.retain(|served| offer.resources.contains(&served.resource));
        self.offer = offer;
        self.at_once();
    }

    fn at_once(&mut self) {
        (self.tries, self.next) = (0, None);
    }

    /// Looks at all that may have changed, and does what is to be done.
    async fn step(&mut self) {
        let Some((dir, _)) = self.offer.kubelet.clone() else { return };
        if let Err(error) = self.follow(&dir) {
            self.say(&error);
        }
        let kubelet = Mark::of(&dir.join(KUBELET));
        if kubelet != self.kubelet {
            self.kubelet = kubelet;
            self.at_once();
            self.lines.pods.may_answer();
        }
        // Where there is none, nothing is to be done: its coming is a sign.
        if kubelet.is_some()
            && let Err(error) = self.offer_all(&dir).await
        {
            self.say(&error);
        }
        self.tell_health().await;
    }

    fn follow(&mut self, dir: &Path) -> io::Result<()> {
        let signs = match &mut self.signs {
            Some(signs) => signs,
            None => self.signs.insert(Signs::new()?),
        };
        let ours = self.offer.resources.iter().map(|resource| resource.endpoint.clone());
        signs.follow(dir, ours.chain([KUBELET.to_owned()]))
    }

    /// Makes the sockets that are missing, and registers what no kubelet watches.
    async fn offer_all(&mut self, dir: &Path) -> io::Result<()> {
        self.served.retain(Served::is_there);
        let is_served = |resource: &&Resource| self.served.iter().any(|served| served.resource == **resource);
        let missing: Vec<Resource> =
            self.offer.resources.iter().filter(|resource| !is_served(resource)).cloned().collect();
        let registered = self.kubelet;
        let waits = |served: &Served| !served.is_watched() || served.registered != registered;
        if missing.is_empty() && !self.served.iter().any(waits) {
            (self.said, self.tries) = (None, 0);
            // Whoever ceases to watch soon after it began is not offered them at once.
            self.next = self.next.filter(|next| Instant::now() < *next);
            return Ok(());
        }
        if self.next.is_some_and(|next| Instant::now() < next) {
            return Ok(());
        }
        let outcome = self.try_all(dir, &missing).await;
        let wait = WAITS.0.saturating_mul(1 << self.tries.min(16)).min(WAITS.1);
        self.tries += 1;
        self.next = match &outcome {
            Ok(()) => Some(Instant::now() + wait.max(WATCHED_WITHIN)),
            Err(error) if self.tries > TRIES && nobody_listens(error) => None,
            Err(_) => Some(Instant::now() + wait),
        };
        outcome
    }

    async fn try_all(&mut self, dir: &Path, missing: &[Resource]) -> io::Result<()> {
        for resource in missing {
            self.served.push(Served::begin(dir, resource, &self.lines, &self.news)?);
        }
        let registered = self.kubelet;
        let waits = |served: &&mut Served| !served.is_watched() || served.registered != registered;
        let mut waiting: Vec<&mut Served> = self.served.iter_mut().filter(waits).collect();
        grpc::ask(&dir.join(KUBELET), async |send| {
            for served in &mut waiting {
                let request = RegisterRequest {
                    version: "v1beta1".to_owned(),
                    endpoint: served.resource.endpoint.clone(),
                    resource_name: served.resource.name.clone(),
                    options: Some(OPTIONS),
                };
                let path = "/v1beta1.Registration/Register";
                let framed = grpc::framed(&request);
                grpc::question(send.clone(), path, framed, &mut |_| Ok(())).await?;
                tracing::info!({ keys::RESOURCE } = request.resource_name, "offered to the kubelet");
                served.registered = registered;
            }
            Ok(())
        })
        .await
    }

    /// Tells the kubelet which resources can be used.
    async fn tell_health(&mut self) {
        if self.probe.is_some_and(|probe| probe <= Instant::now()) {
            for broker in self.lines.brokers.clone() {
                // A chip behind a bus may make us wait.
                let _ = tokio::task::spawn_blocking(move || broker.try_failing()).await;
            }
        }
        let health = &self.lines.health;
        let brokers = &self.lines.brokers;
        let unusable: Vec<_> = brokers.iter().flat_map(|broker| broker.unusable(health)).collect();
        for served in &self.served {
            let why = unusable.iter().find(|(group, _)| *group == served.resource.group);
            if served.tell(why.is_none()) {
                let resource = &served.resource.name;
                match why {
                    Some((_, why)) => {
                        tracing::warn!({ keys::RESOURCE } = resource, { keys::CAUSE } = why, "unhealthy");
                    }
                    None => tracing::info!({ keys::RESOURCE } = resource, "healthy again"),
                }
            }
        }
        let failing = brokers.iter().any(|broker| broker.is_failing());
        let now = Instant::now();
        let probe = self.probe.filter(|probe| *probe > now).unwrap_or(now + PROBE);
        self.probe = failing.then_some(probe);
    }

    /// Says once what goes wrong, and not at every try.
    fn say(&mut self, error: &io::Error) {
        let error = error.to_string();
        if self.said.as_ref() != Some(&error) {
            tracing::warn!({ keys::ERROR } = error, "groups are not offered to the kubelet");
            self.said = Some(error);
        }
    }
}

fn nobody_listens(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}
