//! How much of a reactor each socket may use while others are in use too. Pure: it is told the time and what was used.
//!
//! A socket that is in use alone has the whole reactor. While several are, each earns an equal part of its time, or what
//! the others leave, several times over, where that is more; and rests when it has used up more. But for the one that has
//! used least of late, which is never kept waiting. A dearer price for
//! turns that can not be cut short, such as a long batch, was tried: a writer beside somebody who watches it from another
//! socket was slowed down by it out of all proportion.

/// A socket counts as in use for this long after its last turn, in ns.
pub const RECENT_NS: u64 = 1_000_000_000;
/// Of a turn that took longer than its time at most so many times that is owed: one that took without end, on a board
/// that hangs, is not paid for without end.
const MOST_TURNS: u64 = 64;
/// What was used counts half of it after this time, in ns, when it is held against what others have used.
const HALF_NS: u64 = 250_000_000;
/// What has been used of late adds up to this, in ns, for a socket that uses all of the time.
const ALL_NS: u64 = HALF_NS * 3 / 2;
/// So many times what the others use is left free for them.
const ROOM: u64 = 4;

/// The accounts of all sockets of a reactor.
#[derive(Debug)]
pub struct Shares {
    accounts: Vec<Account>,
    /// What may be used at once, in ns.
    turn_ns: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// What has been used and not been earned again yet, in ns.
    used_ns: u64,
    /// Until when it has been earned.
    at_ns: u64,
    /// When its last turn ended; `None` before its first.
    last_ns: Option<u64>,
    /// What it has used of late, and when half of that was last forgotten, in ns.
    late: (u64, u64),
}

impl Account {
    fn in_use(&self, now_ns: u64) -> bool {
        self.last_ns.is_some_and(|last_ns| now_ns.saturating_sub(last_ns) < RECENT_NS)
    }

    fn late(&self, now_ns: u64) -> (u64, u64) {
        let (used_ns, at_ns) = self.late;
        let halves = now_ns.saturating_sub(at_ns) / HALF_NS;
        (used_ns >> halves.min(63), at_ns + halves * HALF_NS)
    }
}

impl Shares {
    /// Accounts of so many sockets, each of which may use `turn_ns` at once.
    pub fn new(sockets: usize, turn_ns: u64) -> Self {
        Self { accounts: vec![Account::default(); sockets], turn_ns }
    }

    /// One more socket, after the others.
    pub fn add(&mut self) {
        self.accounts.push(Account::default());
    }

    /// How long one turn should last at most, in ns.
    pub fn slice_ns(&self) -> u64 {
        self.turn_ns / 4
    }

    /// Whether another socket is in use too.
    pub fn contended(&self, socket: usize, now_ns: u64) -> bool {
        self.accounts.iter().enumerate().any(|(other, account)| other != socket && account.in_use(now_ns))
    }

    /// Counts what a turn of a socket has used. What is used while no other is in use costs nothing.
    pub fn charge(&mut self, socket: usize, used_ns: u64, now_ns: u64) {
        let contended = self.contended(socket, now_ns);
        if contended {
            // It has earned while its turn lasted, too.
            self.earn(socket, now_ns.saturating_sub(used_ns));
        }
        let Some(account) = self.accounts.get_mut(socket) else { return };
        account.last_ns = Some(now_ns);
        let (late_ns, at_ns) = account.late(now_ns);
        account.late = (late_ns.saturating_add(used_ns), at_ns);
        if !contended {
            (account.used_ns, account.at_ns) = (0, account.at_ns.max(now_ns));
            return;
        }
        account.used_ns = account.used_ns.saturating_add(used_ns);
        self.earn(socket, now_ns);
        let most_ns = MOST_TURNS * self.turn_ns;
        if let Some(account) = self.accounts.get_mut(socket) {
            account.used_ns = account.used_ns.min(most_ns);
        }
    }

    /// Until when a socket must rest; `None` when it may go on. Whoever has used up its turn rests until half of it is
    /// earned again, so that rests are few and of some use to others.
    pub fn rest_until(&mut self, socket: usize, now_ns: u64) -> Option<u64> {
        if !self.is_heavier(socket, now_ns) {
            return None;
        }
        self.earn(socket, now_ns);
        let used_ns = self.accounts.get(socket)?.used_ns;
        let over_ns = (used_ns >= self.turn_ns).then(|| used_ns - self.turn_ns / 2)?;
        Some(now_ns.saturating_add(over_ns * 1000 / self.rate(socket, now_ns)))
    }

    /// Whether another socket that is in use has used less of late.
    fn is_heavier(&self, socket: usize, now_ns: u64) -> bool {
        let Some(account) = self.accounts.get(socket) else { return false };
        let late_ns = account.late(now_ns).0;
        let lighter = |other: &Account| other.in_use(now_ns) && other.late(now_ns).0 < late_ns;
        self.accounts.iter().any(lighter)
    }

    /// How many thousandths of the time a socket earns.
    fn rate(&self, socket: usize, now_ns: u64) -> u64 {
        let (mut in_use, mut others_ns) = (1, 0);
        for (_, other) in self.accounts.iter().enumerate().filter(|(index, _)| *index != socket) {
            if other.in_use(now_ns) {
                in_use += 1;
                others_ns += other.late(now_ns).0;
            }
        }
        (1000 / in_use).max(1000u64.saturating_sub(others_ns.saturating_mul(ROOM * 1000) / ALL_NS))
    }

    fn earn(&mut self, socket: usize, now_ns: u64) {
        let rate = self.rate(socket, now_ns);
        let Some(account) = self.accounts.get_mut(socket) else { return };
        let earned_ns = now_ns.saturating_sub(account.at_ns).saturating_mul(rate) / 1000;
        account.used_ns = account.used_ns.saturating_sub(earned_ns);
        account.at_ns = account.at_ns.max(now_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TURN_NS: u64 = 1_000_000;

    #[test]
    fn a_socket_that_is_alone_never_rests() {
        let mut shares = Shares::new(3, TURN_NS);
        for now in 1..1000 {
            shares.charge(1, 50 * TURN_NS, now * 50 * TURN_NS);
            assert_eq!(shares.rest_until(1, now * 50 * TURN_NS), None);
        }
        // Nor does it pay for what it used before somebody came.
        shares.charge(0, 1, 50_000 * TURN_NS);
        assert_eq!(shares.rest_until(1, 50_000 * TURN_NS), None);
    }

    #[test]
    fn who_has_used_up_its_turn_rests_while_others_are_in_use_and_no_longer() {
        let mut shares = Shares::new(2, TURN_NS);
        let begin = RECENT_NS;
        shares.charge(0, 1, begin);
        shares.charge(1, 5 * TURN_NS, begin);
        // The other leaves nearly all of the time.
        assert_eq!(shares.rest_until(1, begin), None);
        // Now it does not: a ms is earned in two.
        shares.charge(0, ALL_NS, begin);
        shares.charge(1, 2 * ALL_NS, begin);
        let owed = MOST_TURNS * TURN_NS - TURN_NS / 2;
        let until = shares.rest_until(1, begin).unwrap();
        assert_eq!(until, begin + 2 * owed);
        assert_eq!(shares.rest_until(0, begin), None);
        assert_eq!(shares.rest_until(1, until), None);
        shares.charge(1, 5 * TURN_NS, until);
        assert!(shares.rest_until(1, until).is_some());
        assert_eq!(shares.rest_until(1, begin + RECENT_NS), None);
    }

    #[test]
    fn the_socket_that_has_used_least_of_late_never_rests() {
        let mut shares = Shares::new(2, TURN_NS);
        let mut now = RECENT_NS;
        for _ in 0..100 {
            now += 10 * TURN_NS;
            shares.charge(0, 6 * TURN_NS, now);
            shares.charge(1, 8 * TURN_NS, now);
            assert_eq!(shares.rest_until(0, now), None);
        }
        assert!(shares.rest_until(1, now).is_some());
        // What was long ago is forgotten: now the other has used more.
        now += 8 * HALF_NS;
        shares.charge(1, 50 * TURN_NS, now);
        shares.charge(0, 200 * TURN_NS, now);
        assert!(shares.rest_until(0, now).is_some() && shares.rest_until(1, now).is_none());
    }

    proptest! {
        /// However a socket uses what it is given, in turns of any length: beside another that uses a good deal it gets
        /// its part and no more, and it gets on.
        #[test]
        fn nobody_gets_more_than_its_part(costs in prop::collection::vec(1u64..3 * TURN_NS, 50..400)) {
            let mut shares = Shares::new(2, TURN_NS);
            let begin = RECENT_NS;
            let (mut now, mut total) = (begin, 0);
            for cost in costs {
                shares.charge(0, TURN_NS, now);
                shares.accounts[1].late = (1 << 40, now);
                shares.accounts[0].late = (ALL_NS, now);
                if let Some(until) = shares.rest_until(1, now) {
                    prop_assert!(until > now);
                    now = until;
                    shares.accounts[0].last_ns = Some(now);
                    prop_assert_eq!(shares.rest_until(1, now), None);
                }
                now += cost;
                shares.charge(1, cost, now);
                total += cost;
            }
            let bound = 4 * TURN_NS + (now - begin) / 2;
            prop_assert!(total <= bound, "{total} of {bound} ns");
        }
    }
}
