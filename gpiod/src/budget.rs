//! How much of the programs' thread each socket's programs may use, so that none keeps the others, or the reactor,
//! from the processor. Pure: it is told the time and what was used.

use std::collections::HashMap;
use std::hash::Hash;

/// Programs together get one part in so many of the time on the long run: on a board with one processor the reactor
/// keeps the other half, whatever priority the programs have.
pub const SHARE: u64 = 2;
/// Who has used up what may be used at once goes on when one part in so many of it is left: rests are few and long
/// enough to be some use to others.
const REST: u64 = 4;
/// Waiting busily for the last microseconds is for those who have this part of it left: the rest is for steps.
const PRECISION: u64 = 2;

/// The accounts of all sockets.
///
/// An account fills while time passes, with an equal part of the programs' share for each socket that has programs
/// running. A socket whose programs have ended keeps its account, so ending and starting programs gains nothing.
#[derive(Debug)]
pub struct Budget<K> {
    /// What the programs of one socket may use at once, in ns of processor time, after they have used little for a while.
    burst_ns: u64,
    accounts: HashMap<K, Account>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// What has been used and not been earned again yet, in ns; it may go beyond the burst by one turn.
    used_ns: u64,
    /// Until when it has been earned.
    at_ns: u64,
    /// Programs that run.
    running: u32,
}

impl<K: Copy + Eq + Hash> Budget<K> {
    /// No accounts yet; `burst_ns` is what the programs of one socket may use at once.
    pub fn new(burst_ns: u64) -> Self {
        Self { burst_ns, accounts: HashMap::new() }
    }

    /// A program of this socket begins.
    pub fn begin(&mut self, socket: K, now_ns: u64) {
        self.earn(socket, now_ns);
        self.accounts.entry(socket).or_default().running += 1;
    }

    /// A program of this socket has ended.
    pub fn end(&mut self, socket: K, now_ns: u64) {
        self.earn(socket, now_ns);
        let account = self.accounts.entry(socket).or_default();
        account.running = account.running.saturating_sub(1);
    }

    /// Counts what a turn of a program has used.
    pub fn charge(&mut self, socket: K, used_ns: u64, now_ns: u64) {
        let most_ns = 2 * self.burst_ns;
        let account = self.earn(socket, now_ns);
        // A turn that took without end, on a board that hangs, is not paid for without end.
        account.used_ns = account.used_ns.saturating_add(used_ns).min(most_ns);
    }

    /// Until when the programs of this socket must rest; `None` when they may go on.
    pub fn rest_until(&mut self, socket: K, now_ns: u64) -> Option<u64> {
        let part = self.part();
        let used_ns = self.earn(socket, now_ns).used_ns;
        let burst_ns = self.burst_ns;
        let over_ns = || used_ns - (burst_ns - burst_ns / REST);
        (used_ns >= burst_ns).then(|| now_ns.saturating_add(over_ns() * part))
    }

    /// Whether a program of this socket may wait busily.
    pub fn may_spin(&mut self, socket: K, now_ns: u64) -> bool {
        let enough_ns = self.burst_ns / PRECISION;
        self.earn(socket, now_ns).used_ns < enough_ns
    }

    /// Each socket that has programs running earns one part in so many of the time.
    fn part(&self) -> u64 {
        let active = self.accounts.values().filter(|account| account.running > 0).count();
        SHARE * (active.max(1) as u64)
    }

    fn earn(&mut self, socket: K, now_ns: u64) -> &mut Account {
        let part = self.part();
        let account = self.accounts.entry(socket).or_insert(Account { at_ns: now_ns, ..Account::default() });
        let earned_ns = now_ns.saturating_sub(account.at_ns) / part;
        if earned_ns >= account.used_ns {
            (account.used_ns, account.at_ns) = (0, account.at_ns.max(now_ns));
        } else {
            account.used_ns -= earned_ns;
            // What does not make a whole ns yet is earned next time.
            account.at_ns += earned_ns * part;
        }
        account
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BURST_NS: u64 = 4_000_000;
    const REST_NS: u64 = BURST_NS / REST;
    const PRECISION_NS: u64 = BURST_NS / PRECISION;

    #[test]
    fn who_has_used_up_the_burst_rests_and_the_others_do_not() {
        let mut budget = Budget::new(BURST_NS);
        budget.begin("hog", 0);
        budget.begin("other", 0);
        assert_eq!(budget.rest_until("hog", 0), None);
        budget.charge("hog", BURST_NS, 0);
        // Two sockets share one half, so a millisecond is earned in four.
        let rest = REST_NS * SHARE * 2;
        assert_eq!(budget.rest_until("hog", 0), Some(rest));
        assert_eq!(budget.rest_until("other", 0), None);
        assert_eq!(budget.rest_until("hog", rest), None);
    }

    #[test]
    fn ending_programs_and_starting_others_gains_nothing() {
        let mut budget = Budget::new(BURST_NS);
        budget.begin("hog", 0);
        budget.charge("hog", BURST_NS, 0);
        budget.end("hog", 0);
        budget.begin("hog", 0);
        assert_eq!(budget.rest_until("hog", 0), Some(REST_NS * SHARE));
    }

    #[test]
    fn waiting_busily_ends_long_before_steps_must_rest() {
        let mut budget = Budget::new(BURST_NS);
        budget.begin((), 0);
        budget.charge((), PRECISION_NS, 0);
        assert!(!budget.may_spin((), 0));
        assert_eq!(budget.rest_until((), 0), None);
    }

    proptest! {
        /// Sockets that take all they are given, in turns of any length, get their burst and their share of the time
        /// and no more than one turn beyond it, however long it goes on; and each gets on.
        #[test]
        fn nobody_gets_more_than_burst_and_share(sockets in 1u64..5, turns in prop::collection::vec(1u64..200_000, 50..400)) {
            let mut budget = Budget::new(BURST_NS);
            for socket in 0..sockets {
                budget.begin(socket, 7);
            }
            let (mut now, mut total) = (7, 0);
            for (turn, cost) in turns.iter().enumerate() {
                let socket = turn as u64 % sockets;
                if let Some(until) = budget.rest_until(socket, now) {
                    prop_assert!(until > now);
                    // As if all others had nothing to do meanwhile.
                    now = until;
                    prop_assert_eq!(budget.rest_until(socket, now), None);
                }
                now += cost;
                budget.charge(socket, *cost, now);
                total += cost;
            }
            let bound = sockets * (BURST_NS + 200_000) + (now - 7) / SHARE + 1;
            prop_assert!(total <= bound, "{total} of {bound} ns");
        }
    }
}
