//! Which pods of a cluster have which group, as the kubelet tells it: for whoever reads the audit, and for groups that are
//! some namespaces' alone.
//!
//! Here is what is known, with no word about how it is asked: [`kubelet`](crate::kubelet) asks and tells. A device changes
//! hands only by the kubelet's asking us for it, which makes all that was known doubtful until it is told anew. So what is
//! known stays true while the kubelet is away.

use crate::error::Error;
use crate::sorted::{SortedMap, SortedSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// How long whoever needs to know waits for the kubelet's answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// How old an answer may be that told of a pod, and one that told of none.
const AGES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(1));
/// How long nobody asks again after the kubelet did not answer.
const REST: Duration = Duration::from_secs(2);

/// A pod, as a cluster names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name there.
    pub name: String,
}

impl fmt::Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Which of a group's two sockets, and so which of its two resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// The full one.
    Full,
    /// The one for readers.
    Watch,
}

/// The pod through whose device a line is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tenant {
    /// No kubelet is asked.
    #[default]
    Untold,
    /// It is not known, and why.
    Unknown(&'static str),
    /// This one.
    Pod(Arc<PodName>),
}

impl Tenant {
    /// The pod, where it is known.
    pub fn pod(&self) -> Option<&PodName> {
        match self {
            Self::Pod(pod) => Some(pod),
            Self::Untold | Self::Unknown(_) => None,
        }
    }

    /// Why it is not known, where a kubelet is asked.
    pub fn unknown(&self) -> Option<&'static str> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Untold | Self::Pod(_) => None,
        }
    }
}

/// Which pod has which device of which group.
pub type Allocated = SortedMap<(String, Access), Vec<(String, Arc<PodName>)>>;

const SILENT: &str = "the kubelet does not answer";
const NOBODY: &str = "the kubelet knows no pod that has the group's device";
const SEVERAL: &str = "the kubelet tells of several pods that have the group's device";

/// What is known, shared by all who tell and ask.
#[derive(Debug, Default)]
pub struct Pods {
    /// Whether there is a kubelet to be asked.
    told: AtomicBool,
    known: Mutex<Known>,
    asked: Notify,
    answered: Notify,
}

#[derive(Debug, Default)]
struct Known {
    allocated: Allocated,
    /// How often devices may have changed hands.
    changes: u64,
    /// Of how many of these the last answer knows; `None` before the first.
    answered: Option<u64>,
    when: Option<Instant>,
    /// When the kubelet last did not answer, and how many changes there were.
    silent: Option<(Instant, u64)>,
    /// Devices of containers that were not let start.
    refused: SortedSet<String>,
}

impl Known {
    fn is_current(&self) -> bool {
        self.answered == Some(self.changes)
    }

    fn of(&self, group: &str, access: Access) -> &[(String, Arc<PodName>)] {
        self.allocated.get(&(group.to_owned(), access)).map_or(&[], Vec::as_slice)
    }

    /// Whether the kubelet need not be asked.
    fn will_do(&self, group: &str, access: Access, now: Instant) -> bool {
        let rests = self.silent.is_some_and(|(at, changes)| changes == self.changes && now - at < REST);
        let age = if self.of(group, access).is_empty() { AGES.1 } else { AGES.0 };
        rests || (self.is_current() && self.when.is_some_and(|when| now - when < age))
    }
}

impl Pods {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a kubelet is to be asked from now on.
    pub fn ask_kubelet(&self, asked: bool) {
        if self.told.swap(asked, Ordering::Relaxed) != asked {
            self.changed(&[]);
        }
    }

    /// Whether a kubelet is asked.
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Devices may be other pods' from now on; of these it is not known whether their containers are let start.
    pub fn changed(&self, devices: &[String]) {
        self.lock().changes += 1;
        self.accept(devices);
    }

    /// Containers with these devices are let start.
    pub fn accept(&self, devices: &[String]) {
        let mut known = self.lock();
        for device in devices {
            known.refused.remove(device);
        }
    }

    /// A kubelet that did not answer may do so from now on.
    pub fn may_answer(&self) {
        self.lock().silent = None;
    }

    /// A container with these devices is not let start: its pod does not count among those who have the group.
    pub fn refuse(&self, devices: &[String]) {
        self.lock().refused.extend(devices.iter().cloned());
    }

    /// Waits until somebody wants to know.
    pub async fn wanted(&self) {
        self.asked.notified().await;
    }

    /// How many changes there were before an answer is asked for.
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// What the kubelet answered to a question that was asked after so many changes; `None`: nothing.
    pub fn tell(&self, changes: u64, answer: Option<Allocated>) {
        let mut known = self.lock();
        match answer {
            Some(allocated) => {
                (known.allocated, known.answered) = (allocated, Some(changes));
                (known.when, known.silent) = (Some(Instant::now()), None);
            }
            None => known.silent = Some((Instant::now(), changes)),
        }
        drop(known);
        self.answered.notify_waiters();
    }

    /// Waits until what is known of a group is new enough, or the kubelet has not answered in time.
    pub async fn look(&self, group: &str, access: Access) {
        if !self.is_told() {
            return;
        }
        let answered = async {
            loop {
                let mut told = std::pin::pin!(self.answered.notified());
                told.as_mut().enable();
                if self.lock().will_do(group, access, Instant::now()) {
                    return;
                }
                self.asked.notify_one();
                told.await;
            }
        };
        // Who has waited long enough goes by what is known.
        let _ = timeout(PATIENCE, answered).await;
    }

    /// The pod that has one device of a group, as far as is known now.
    pub fn pod_of(&self, group: &str, access: Access, device: &str) -> Option<Arc<PodName>> {
        let known = self.lock();
        let mut allocated = known.of(group, access).iter().filter(|_| known.is_current());
        allocated.find(|(known, _)| known == device).map(|(_, pod)| Arc::clone(pod))
    }

    /// The one pod that has the full resource of a group.
    pub fn tenant(&self, group: &str) -> Tenant {
        if !self.is_told() {
            return Tenant::Untold;
        }
        let known = self.lock();
        if !known.is_current() {
            return Tenant::Unknown(SILENT);
        }
        match known.of(group, Access::Full) {
            [] => Tenant::Unknown(NOBODY),
            [(_, pod), others @ ..] if others.iter().all(|(_, other)| other == pod) => {
                Tenant::Pod(Arc::clone(pod))
            }
            _ => Tenant::Unknown(SEVERAL),
        }
    }

    /// Whether all pods that have a resource of a group are in one of the namespaces, and there is one.
    ///
    /// # Errors
    /// [`Error::PodUnknown`], [`Error::NamespaceNotAllowed`].
    pub fn admit(&self, group: &str, access: Access, namespaces: &[String]) -> Result<(), Error> {
        let unknown = |why| Err(Error::PodUnknown { group: group.to_owned(), why });
        let known = self.lock();
        if !self.is_told() || !known.is_current() {
            return unknown(SILENT);
        }
        let counts = known.of(group, access).iter().filter(|(device, _)| !known.refused.contains(device));
        let pods: Vec<&Arc<PodName>> = counts.map(|(_, pod)| pod).collect();
        if pods.is_empty() {
            return unknown(NOBODY);
        }
        match pods.into_iter().find(|pod| !namespaces.contains(&pod.namespace)) {
            Some(pod) => Err(Error::NamespaceNotAllowed { group: group.to_owned(), pod: pod.to_string() }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
