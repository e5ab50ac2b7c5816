//! Commands on their way, each in a place of its own that its id tells: an answer finds who waits for it without a search.

use super::asked::Waiter;
use super::{IN_FLIGHT, MAX_WATCHES};

/// The lowest bits of an id say in which place it is. The others count up, so that a later command has a greater id.
const PLACE_BITS: u32 = 10;

// Commands, and for each watch its end and what is left of its beginning.
const _: () = assert!(IN_FLIGHT + 2 * MAX_WATCHES <= 1 << PLACE_BITS);

/// Who waits for which answer.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    places: Vec<Place>,
    /// Which of them are free.
    free: Vec<usize>,
    /// How many ids were given. 0 was that of the command that opened the session.
    given: u64,
}

#[derive(Debug)]
struct Place {
    /// Whose it is, or was.
    id: u64,
    waiter: Option<Waiter>,
}

fn place(id: u64) -> usize {
    // It has ten bits.
    usize::try_from(id & ((1 << PLACE_BITS) - 1)).unwrap_or_default()
}

impl Waiters {
    /// The id that the next command will have.
    pub(super) fn next_id(&self) -> u64 {
        let place = self.free.last().copied().unwrap_or(self.places.len());
        self.beyond() | place as u64
    }

    /// An id beyond those of all commands so far, of none itself.
    pub(super) fn beyond(&self) -> u64 {
        (self.given + 1) << PLACE_BITS
    }

    /// The same, and below those of all to come.
    pub(super) fn between(&mut self) -> u64 {
        let id = self.beyond();
        self.given += 1;
        id
    }

    /// Keeps a place for who waits for the command that was sent with [`next_id`](Self::next_id).
    pub(super) fn insert(&mut self, waiter: Waiter) {
        let place = Place { id: self.next_id(), waiter: Some(waiter) };
        self.given += 1;
        match self.free.pop() {
            Some(free) => self.places[free] = place,
            None => self.places.push(place),
        }
    }

    /// Who waits for that one.
    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Waiter> {
        self.places.get_mut(place(id)).filter(|place| place.id == id)?.waiter.as_mut()
    }

    /// Takes out who waited for that one.
    pub(super) fn remove(&mut self, id: u64) -> Option<Waiter> {
        let index = place(id);
        let waiter = self.places.get_mut(index).filter(|place| place.id == id)?.waiter.take()?;
        self.free.push(index);
        Some(waiter)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Waiter)> {
        self.places.iter().filter_map(|place| Some((place.id, place.waiter.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use proptest::prelude::*;

    fn waiter() -> Waiter {
        Waiter::Answered(Err(Error::Closed))
    }

    proptest! {
        #[test]
        fn ids_count_up_and_each_finds_its_own(ends in prop::collection::vec(any::<prop::sample::Index>(), 0..200)) {
            let (mut waiters, mut open, mut last) = (Waiters::default(), Vec::new(), 0);
            for (n, end) in ends.iter().enumerate() {
                let id = waiters.next_id();
                prop_assert!(last < id && id < waiters.beyond() + (1 << PLACE_BITS));
                last = id;
                waiters.insert(waiter());
                open.push(id);
                if n % 3 > 0 {
                    let id = open.swap_remove(end.index(open.len()));
                    prop_assert!(waiters.remove(id).is_some());
                    prop_assert!(waiters.get_mut(id).is_none() && waiters.remove(id).is_none());
                }
                prop_assert!(open.iter().all(|id| waiters.get_mut(*id).is_some()));
                let mut known: Vec<u64> = waiters.iter().map(|(id, _)| id).collect();
                known.sort_unstable();
                open.sort_unstable();
                prop_assert_eq!(&known, &open);
            }
            prop_assert!(waiters.places.len() <= ends.len() / 3 + 2, "places are used again");
        }
    }

    #[test]
    fn an_id_between_is_beyond_what_was_and_before_what_comes() {
        let mut waiters = Waiters::default();
        let before = waiters.next_id();
        waiters.insert(waiter());
        let between = waiters.between();
        assert!(before < between && between < waiters.next_id() && between < waiters.beyond());
    }
}
