//! A client that holds two outputs and writes them at random moments, and what it asked for, to be held against the record.

use crate::soak::dice::Dice;
use crate::soak::part::value;
use crate::soak::world::is_level;
use crate::{Fallible, now_ns};
use gpiod::board::record::Entry;
use gpiod_sdk::{Client, Error, Notice, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// One write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    /// Just before it was sent.
    pub(super) at_ns: u64,
    pattern: u64,
    /// When it was answered; `None` when it was cut off, and may have been done or not.
    pub(super) done_ns: Option<u64>,
}

/// What a client asked for, and what happened to it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) asks: Vec<Ask>,
    pub(super) away_ns: Vec<u64>,
    pub(super) resumed: Arc<AtomicU64>,
    pub(super) wrong: Vec<String>,
}

/// The client, with its session open.
#[derive(Debug)]
pub(super) struct Writer {
    session: Session,
    writes: bool,
    stopped: watch::Receiver<bool>,
    asked: Asked,
    dice: Dice,
}

impl Writer {
    pub(super) async fn open(client: Client, writes: bool, stopped: watch::Receiver<bool>) -> Fallible<Self> {
        let mut dice = Dice::new();
        let pattern = dice.below(4);
        let at_ns = now_ns();
        let session = client.session().output_at("a", value(pattern, 0)).output_at("b", value(pattern, 1));
        let session = session.open().await?;
        let asks = vec![Ask { at_ns, pattern, done_ns: Some(now_ns()) }];
        Ok(Self { session, writes, stopped, asked: Asked { asks, ..Asked::default() }, dice })
    }

    /// Counts how often it came back.
    pub(super) fn resumed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.asked.resumed)
    }

    /// Until it is stopped, and then once more, to see that it is back.
    pub(super) async fn run(mut self) -> Fallible<Asked> {
        while !*self.stopped.borrow() {
            let pause = if self.writes { 4000 } else { u64::MAX / 2_000_000 };
            tokio::select! {
                notice = self.session.next_notice() => { self.hear(notice)?; }
                _ = self.stopped.changed() => {}
                () = self.dice.wait_us(pause) => self.write().await?,
            }
        }
        while self.write_once().await?.is_none() {
            self.until_resumed().await?;
        }
        self.session.close().await?;
        Ok(self.asked)
    }

    async fn write(&mut self) -> Fallible<()> {
        if self.write_once().await?.is_none() {
            self.until_resumed().await?;
        }
        Ok(())
    }

    /// `None` where the daemon was away.
    async fn write_once(&mut self) -> Fallible<Option<u64>> {
        let pattern = if self.writes {
            self.dice.below(4)
        } else {
            self.asked.asks.last().map_or(0, |ask| ask.pattern)
        };
        let (a, b) = (self.session.output("a")?, self.session.output("b")?);
        let at_ns = now_ns();
        let done_ns = match self.session.write([a.to(value(pattern, 0)), b.to(value(pattern, 1))]).await {
            Ok(_) => Some(now_ns()),
            Err(Error::Away { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        self.asked.asks.push(Ask { at_ns, pattern, done_ns });
        Ok(done_ns)
    }

    async fn until_resumed(&mut self) -> Fallible<()> {
        loop {
            let notice = self.session.next_notice().await;
            if self.hear(notice)? {
                return Ok(());
            }
        }
    }

    /// Whether it has been resumed.
    fn hear(&mut self, notice: Notice) -> Fallible<bool> {
        match notice {
            Notice::Lost { .. } => Ok(false),
            Notice::Resumed { away, times, kept, values, .. } => {
                self.asked.resumed.fetch_add(times, Ordering::Relaxed);
                if times == 1 {
                    self.asked.away_ns.push(u64::try_from(away.as_nanos())?);
                }
                if !kept {
                    self.asked.wrong.push("resumed, but its lines were let go meanwhile".to_owned());
                }
                if !self.asked.may_be(values.bits()) {
                    self.asked
                        .wrong
                        .push(format!("resumed with values {:#b}, which it did not ask for", values.bits()));
                }
                Ok(true)
            }
            Notice::Ended { error } => Err(error.into()),
        }
    }
}

impl Asked {
    /// Whether the lines may have these values: those of the last write that was done, or of one that was cut off since.
    fn may_be(&self, pattern: u64) -> bool {
        for ask in self.asks.iter().rev() {
            if ask.pattern == pattern {
                return true;
            }
            if ask.done_ns.is_some() {
                return false;
            }
        }
        false
    }

    /// Changes of a line that were not asked for, and writes that were answered and not done. Between two writes belongs to
    /// the first of them; before the first and after the last nothing may happen, but the last itself.
    pub(super) fn unasked(&self, bit: usize, line: &str, before: bool, entries: &[Entry]) -> Option<String> {
        let mut level = before;
        let mut changes = entries.iter().filter(|entry| is_level(entry, line)).peekable();
        for (at, ask) in self.asks.iter().enumerate() {
            let until_ns =
                ask.done_ns.or_else(|| self.asks.get(at + 1).map(|next| next.at_ns)).unwrap_or(u64::MAX);
            let wanted = value(ask.pattern, bit).is_active();
            if let Some(change) = changes.next_if(|change| change.time_ns <= until_ns && level != wanted) {
                if change.time_ns < ask.at_ns || change.high != wanted {
                    return Some(format!("{line} moved at {} without being asked to", change.time_ns));
                }
                level = wanted;
            }
            if ask.done_ns.is_some() && level != wanted {
                return Some(format!("{line} was not set by the write of {}, which was answered", ask.at_ns));
            }
        }
        changes.next().map(|change| format!("{line} moved at {} without being asked to", change.time_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpiod::board::record::{Cause, Change};
    use gpiod::line::Direction;

    fn entry(time_ns: u64, high: bool) -> Entry {
        Entry {
            seq: time_ns,
            time_ns,
            line: "GPIO5".parse().unwrap(),
            change: Change::Level,
            high,
            direction: Direction::Output,
            contention: false,
            cause: Cause::Consumer("gpiod".into()),
        }
    }

    fn asked(asks: &[(u64, u64, Option<u64>)]) -> Asked {
        let asks = asks.iter().map(|(at_ns, pattern, done_ns)| Ask {
            at_ns: *at_ns,
            pattern: *pattern,
            done_ns: *done_ns,
        });
        Asked { asks: asks.collect(), ..Asked::default() }
    }

    #[test]
    fn a_write_that_was_cut_off_may_have_been_done_or_not_and_one_that_was_answered_was() {
        let cut = asked(&[(10, 1, Some(20)), (30, 0, None), (50, 1, Some(60))]);
        let unasked = |entries: &[Entry]| cut.unasked(0, "GPIO5", false, entries);
        assert_eq!(unasked(&[entry(15, true)]), None);
        assert_eq!(unasked(&[entry(15, true), entry(40, false), entry(55, true)]), None);
        assert!(
            unasked(&[entry(15, true), entry(40, false)]).unwrap().contains("not set by the write of 50")
        );
        assert!(unasked(&[]).unwrap().contains("not set by the write of 10"));
    }

    #[test]
    fn a_change_that_nobody_asked_for_is_seen() {
        let steady = asked(&[(10, 1, Some(20)), (30, 1, Some(40))]);
        for blink in [[entry(22, false), entry(23, true)], [entry(50, false), entry(51, true)]] {
            let entries: Vec<Entry> = [entry(15, true)].into_iter().chain(blink).collect();
            assert!(steady.unasked(0, "GPIO5", false, &entries).unwrap().contains("without being asked"));
        }
        assert!(steady.unasked(0, "GPIO5", false, &[entry(5, true)]).unwrap().contains("at 5 without"));
    }
}
