//! Edges on their way to an app's handlers: how late each is heard, and how many are.

use super::floors::Train;
use crate::daemon::Daemon;
use crate::process::PATIENCE;
use crate::{Fallible, now_ns};
use futures_util::future::try_join_all;
use gpiod_sdk::{Client, Watch, WatchItem};

/// Watchers of one app, on one connection.
#[derive(Debug)]
pub(crate) struct Watchers(Vec<Watch>);

impl Watchers {
    /// So many that have heard the present values.
    pub(crate) async fn open(daemon: &Daemon, count: usize) -> Fallible<Self> {
        let client = Client::at(daemon.bench()).wait(PATIENCE).connect().await?;
        let mut watches = Vec::with_capacity(count);
        for _ in 0..count {
            let mut watch = client.watch(["in"]).open().await?;
            watch.next().await.ok_or("a watch ended")??;
            watches.push(watch);
        }
        Ok(Self(watches))
    }

    /// How late each of them hears each edge of a train, in ns. An edge that is lost is a failure.
    pub(crate) async fn late(&mut self, daemon: &Daemon, train: Train) -> Fallible<Vec<u64>> {
        let _train = train.start(&[daemon.edges()], daemon.dir())?;
        let heard = self.0.iter_mut().map(async |watch| {
            let mut late = Vec::with_capacity(train.count as usize);
            while late.len() < train.count as usize {
                match watch.next().await.ok_or("a watch ended")?? {
                    WatchItem::Edge(edge) => late.push(now_ns().saturating_sub(edge.timestamp_ns)),
                    WatchItem::Values(_) => {}
                    WatchItem::Lost(loss) => return Err(format!("edges were lost: {loss:?}").into()),
                }
            }
            Fallible::Ok(late)
        });
        Ok(try_join_all(heard).await?.concat())
    }

    /// How many edges all of them hear in a second, and which part of all that could be heard was lost, when edges come as
    /// fast as they are taken.
    pub(crate) async fn rate(&mut self, daemon: &Daemon, train: Train) -> Fallible<(f64, f64)> {
        let begin_ns = now_ns();
        let _train = train.start(&[daemon.edges()], daemon.dir())?;
        let counted = self.0.iter_mut().map(async |watch| {
            let (mut heard, mut lost) = (0, 0);
            while heard + lost < u64::from(train.count) {
                match watch.next().await.ok_or("a watch ended")?? {
                    WatchItem::Edge(_) => heard += 1,
                    WatchItem::Values(_) => {}
                    WatchItem::Lost(loss) => lost += loss.count.ok_or("a loss without a count")?,
                }
            }
            Fallible::Ok((heard, lost))
        });
        let counted = try_join_all(counted).await?;
        let (heard, lost) = counted.into_iter().fold((0, 0), |(h, l), (heard, lost)| (h + heard, l + lost));
        let seconds = (now_ns() - begin_ns) as f64 / 1e9;
        Ok((heard as f64 / seconds, lost as f64 / (heard + lost) as f64))
    }
}
