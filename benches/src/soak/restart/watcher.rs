//! A client that watches, and the account of what it was told: each edge of the record once and in order, or in a loss.

use super::a_moment;
use crate::Fallible;
use crate::soak::world::{in_time, is_level};
use gpiod::board::record::Entry;
use gpiod_sdk::{Client, EdgeEvent, Loss, LossCause, Session, WatchItem};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::AbortHandle;

/// How many edges in a row show that a watch is back.
const BACK: usize = 5;

/// What the lines of the watches are called on the board.
const BOARD_LINES: [(&str, &str); 2] = [("fast", "GPIO23"), ("slow", "GPIO24")];

/// The client. It takes in all that it is told.
#[derive(Debug)]
pub(super) struct Watcher {
    name: &'static str,
    lines: Vec<&'static str>,
    told: Arc<Mutex<Vec<Told>>>,
    task: AbortHandle,
    _session: Option<Session>,
}

/// What matters of an item.
#[derive(Clone, Debug)]
enum Told {
    Edge(EdgeEvent),
    Lost(Loss),
    Failed(String),
}

/// What became of all edges.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) name: &'static str,
    pub(super) made: usize,
    pub(super) told: usize,
    pub(super) in_intervals: usize,
    pub(super) counted: u64,
    pub(super) wrong: Vec<String>,
}

impl Watcher {
    pub(super) async fn open(
        name: &'static str,
        client: Client,
        lines: &[&'static str],
        in_session: bool,
    ) -> Fallible<Self> {
        let mut session = None;
        let mut watch = if in_session {
            let opened =
                lines.iter().fold(client.session(), |session, line| session.input(*line)).open().await?;
            let inputs = lines.iter().map(|line| opened.input(line)).collect::<Result<Vec<_>, _>>()?;
            let watch = opened.watch(inputs.iter().collect::<Vec<_>>()).open().await?;
            session = Some(opened);
            watch
        } else {
            client.watch(lines.iter().copied()).open().await?
        };
        let told = Arc::<Mutex<Vec<Told>>>::default();
        let heard = Arc::clone(&told);
        let task = tokio::spawn(async move {
            while let Some(item) = watch.next().await {
                let item = match item {
                    Ok(WatchItem::Edge(edge)) => Told::Edge(edge),
                    Ok(WatchItem::Lost(loss)) => Told::Lost(loss),
                    Ok(WatchItem::Values(_)) => continue,
                    Err(error) => Told::Failed(error.to_string()),
                };
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(item);
            }
        });
        Ok(Self { name, lines: lines.to_vec(), told, task: task.abort_handle(), _session: session })
    }

    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until edges come again.
    pub(super) async fn is_back(&self) -> Fallible<()> {
        let before = self.told().len();
        let back = async {
            loop {
                let told = self.told();
                let new = told.get(before..).unwrap_or_default();
                if new.len() >= BACK && new.iter().rev().take(BACK).all(|told| matches!(told, Told::Edge(_)))
                {
                    return;
                }
                a_moment().await;
            }
        };
        in_time("a watch that does not come back", back).await
    }

    /// Waits for the last edge of each line.
    pub(super) async fn has_heard(&self, entries: &[Entry]) -> Fallible<()> {
        let heard = async {
            for line in &self.lines {
                let last = entries.iter().rfind(|entry| is_level(entry, board_line(line)));
                let last = last.map_or(0, |entry| entry.time_ns);
                let is_it = |told: &Told| matches!(told, Told::Edge(edge) if &*edge.line == *line && edge.timestamp_ns >= last);
                while !self.told().iter().rev().any(is_it) {
                    a_moment().await;
                }
            }
        };
        in_time("the last edge of a watch", heard).await
    }

    /// Holds what was told against the record.
    pub(super) fn account(self, entries: &[Entry]) -> Account {
        self.task.abort();
        let mut account = Account { name: self.name, ..Account::default() };
        account.all(&self.lines, &self.told(), entries);
        account
    }
}

impl Account {
    fn all(&mut self, lines: &[&str], told: &[Told], entries: &[Entry]) {
        let loss = |told| if let &Told::Lost(loss) = told { Some(loss) } else { None };
        let losses: Vec<Loss> = told.iter().filter_map(loss).collect();
        let without: u64 = lines.iter().map(|line| self.line(line, told, &losses, entries)).sum();
        self.counted = losses.iter().filter_map(|loss| loss.count).sum();
        if self.counted != without {
            self.wrong
                .push(format!("{without} edges are in no interval, {} were counted as lost", self.counted));
        }
        for loss in losses {
            if loss.cause == LossCause::Restart && loss.from_ns.zip(loss.until_ns).is_none() {
                self.wrong.push(format!("a restart without its time: {loss:?}"));
            }
            if matches!(loss.cause, LossCause::Hardware | LossCause::Unknown) {
                self.wrong.push(format!("a loss that was none: {loss:?}"));
            }
        }
        for told in told {
            if let Told::Failed(error) = told {
                self.wrong.push(error.clone());
            }
        }
    }

    /// One line's edges. Answers how many are neither told nor in an interval.
    fn line<'told>(&mut self, line: &str, told: &'told [Told], losses: &[Loss], entries: &[Entry]) -> u64 {
        let of_line = |told: &'told Told| match told {
            Told::Edge(edge) if &*edge.line == line => Some(edge),
            Told::Edge(_) | Told::Lost(_) | Told::Failed(_) => None,
        };
        let mut edges = told.iter().filter_map(of_line).peekable();
        // What came before the first was before the watch.
        let first_ns = edges.peek().map_or(u64::MAX, |edge| edge.timestamp_ns);
        let mut without = 0;
        for entry in
            entries.iter().filter(|entry| is_level(entry, board_line(line)) && entry.time_ns >= first_ns)
        {
            self.made += 1;
            let is_it = |edge: &&EdgeEvent| {
                (edge.timestamp_ns, edge.value.is_active()) == (entry.time_ns, entry.high)
            };
            if edges.next_if(is_it).is_some() {
                self.told += 1;
            } else if losses.iter().any(|loss| within(loss, entry.time_ns)) {
                self.in_intervals += 1;
            } else {
                without += 1;
            }
        }
        if let Some(edge) = edges.next() {
            let more = edges.count();
            let at = edge.timestamp_ns;
            self.wrong.push(format!(
                "{line}: the edge of {at} was told twice, out of order, or never made; so {more} more"
            ));
        }
        without
    }
}

fn within(loss: &Loss, time_ns: u64) -> bool {
    loss.from_ns.zip(loss.until_ns).is_some_and(|(from, until)| (from..=until).contains(&time_ns))
}

fn board_line(line: &str) -> &'static str {
    BOARD_LINES.iter().find(|(name, _)| *name == line).map_or("", |(_, board)| board)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpiod::board::record::{Cause, Change};
    use gpiod::line::Direction;
    use gpiod_sdk::{EventSource, Value};

    /// The record: at 10, 20 and so on the line changes.
    fn record(edges: u64) -> Vec<Entry> {
        let entry = |n: u64| Entry {
            seq: n,
            time_ns: n * 10,
            line: "GPIO23".parse().unwrap(),
            change: Change::Level,
            high: n % 2 == 1,
            direction: Direction::Input,
            contention: false,
            cause: Cause::Pulse("fast".into()),
        };
        (1..=edges).map(entry).collect()
    }

    fn edge(timestamp_ns: u64) -> Told {
        let value = if timestamp_ns / 10 % 2 == 1 { Value::Active } else { Value::Inactive };
        let source = EventSource::Kernel;
        Told::Edge(EdgeEvent {
            line: "fast".into(),
            position: 0,
            value,
            timestamp_ns,
            line_seqno: 0,
            seqno: 0,
            source,
        })
    }

    fn lost(cause: LossCause, count: Option<u64>, time: Option<(u64, u64)>) -> Told {
        let (from_ns, until_ns) = time.unzip();
        Told::Lost(Loss { cause, count, away: None, from_ns, until_ns })
    }

    fn account(told: Vec<Told>) -> Account {
        let mut account = Account::default();
        account.all(&["fast"], &told, &record(6));
        account
    }

    #[test]
    fn every_edge_is_told_or_in_an_interval_or_counted() {
        let whole = account(vec![
            edge(20),
            lost(LossCause::Restart, None, Some((25, 35))),
            edge(40),
            lost(LossCause::Kernel, Some(1), None),
            edge(60),
        ]);
        assert_eq!((whole.made, whole.told, whole.in_intervals, whole.counted), (5, 3, 1, 1));
        assert!(whole.wrong.is_empty(), "{:?}", whole.wrong);
    }

    #[test]
    fn what_is_missing_twice_or_out_of_order_is_seen() {
        for (told, wrong) in [
            (vec![edge(20), edge(40), edge(50), edge(60)], "1 edges are in no interval, 0 were counted"),
            (
                vec![edge(20), lost(LossCause::Watcher, Some(2), None), edge(40), edge(50), edge(60)],
                "1 edges",
            ),
            (vec![edge(40), edge(40), edge(50), edge(60)], "the edge of 40 was told twice"),
            (
                vec![edge(20), edge(40), edge(30), edge(50), edge(60)],
                "the edge of 30 was told twice, out of order",
            ),
            (vec![edge(55), edge(60)], "or never made"),
            (vec![edge(50), lost(LossCause::Hardware, None, None), edge(60)], "a loss that was none"),
        ] {
            let account = account(told);
            assert!(account.wrong.iter().any(|told| told.contains(wrong)), "{wrong}: {:?}", account.wrong);
        }
    }
}
