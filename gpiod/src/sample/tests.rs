use super::*;
use crate::error::Error;
use proptest::prelude::*;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// What happens to one sample.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Taken(u64),
    Missed(Cause),
}

fn slot() -> impl Strategy<Value = Slot> {
    prop_oneof![
        4 => any::<u64>().prop_map(Slot::Taken),
        1 => prop_oneof![Just(Cause::Late), Just(Cause::Limit)].prop_map(Slot::Missed),
    ]
}

/// As a client in another language would.
fn unpack(chunk: &Chunk, lines: usize) -> Vec<Option<u64>> {
    let mut slots = Vec::new();
    let mut gaps = chunk.gaps.iter().peekable();
    let miss = |slots: &mut Vec<Option<u64>>, gap: &Gap| {
        slots.extend(std::iter::repeat_n(None, usize::try_from(gap.count).unwrap()));
    };
    for (i, sample) in chunk.samples.chunks(width(lines)).enumerate() {
        while let Some(gap) = gaps.next_if(|gap| gap.after as usize == i) {
            miss(&mut slots, gap);
        }
        let bits = sample.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        slots.push(Some(bits));
    }
    for gap in gaps {
        miss(&mut slots, gap);
    }
    slots
}

fn take(queue: &Queue) -> Option<Result<Chunk, Error>> {
    match queue.poll_take(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(item) => item,
        Poll::Pending => None,
    }
}

proptest! {
    /// Whatever is put in comes out at its number, and what is missing is missing there, whenever the client reads.
    #[test]
    fn what_is_packed_is_unpacked_at_its_place(
        lines in 1usize..=64,
        slots in prop::collection::vec((slot(), 0u64..1_000_000, prop::bool::weighted(0.01)), 0..6000),
    ) {
        let mask = crate::line::known_mask(lines);
        let queue = Arc::new(Queue::default());
        let mut feed = Feed::new(Arc::clone(&queue), lines, 0);
        let (mut expected, mut chunks, mut now) = (Vec::new(), Vec::new(), 0);
        for (slot, ns, reads) in slots {
            now += ns;
            if reads {
                while let Some(chunk) = take(&queue) {
                    chunks.push(chunk.unwrap());
                }
            }
            let next = feed.index() + 1;
            match (feed.has_room(now), slot) {
                (true, Slot::Taken(bits)) => {
                    feed.put(bits & mask, ns, now);
                    expected.push(Some(bits & mask));
                }
                (true, Slot::Missed(cause)) => {
                    feed.miss_to(next, cause);
                    expected.push(None);
                }
                (false, _) => {
                    feed.miss_to(next, Cause::Client);
                    expected.push(None);
                }
            }
        }
        feed.finish(now, now);
        while let Some(chunk) = take(&queue) {
            chunks.push(chunk.unwrap());
        }
        let mut found = Vec::new();
        for chunk in &chunks {
            prop_assert_eq!(chunk.first_index, found.len() as u64);
            prop_assert!(chunk.samples.len() <= CHUNK_BYTES && chunk.gaps.len() <= CHUNK_GAPS);
            found.extend(unpack(chunk, lines));
        }
        let totals = chunks.last().unwrap().totals;
        prop_assert_eq!(totals.taken, expected.iter().flatten().count() as u64);
        prop_assert_eq!(totals.taken + totals.missed, expected.len() as u64);
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_client_that_does_not_read_is_kept_no_more_than_a_few_chunks() {
    let queue = Arc::new(Queue::default());
    let mut feed = Feed::new(Arc::clone(&queue), 1, 0);
    let mut taken = 0;
    while feed.has_room(0) {
        feed.put(1, 0, 0);
        taken += 1;
    }
    feed.miss_to(1_000_000, Cause::Client);
    assert!(taken <= (CHUNKS + 1) * CHUNK_BYTES, "{taken}");
    drop(feed);
    let mut chunks = 0;
    while let Some(Ok(_)) = take(&queue) {
        chunks += 1;
    }
    assert_eq!(chunks, CHUNKS);
}

#[test]
fn a_thread_that_ends_without_a_word_ends_the_stream() {
    let queue = Arc::new(Queue::default());
    drop(Feed::new(Arc::clone(&queue), 1, 0));
    assert!(matches!(take(&queue), Some(Err(Error::Stopping))));
    assert!(take(&queue).is_none());
}
