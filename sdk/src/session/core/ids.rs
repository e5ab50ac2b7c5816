//! A map by the ids of a session's commands. They are counted up by the session itself, so nobody can choose them to
//! collide: the standard hash, which is there against that, would be a sixth of a pipelined command.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Something for each command, by its id.
pub(super) type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;

/// Spreads ids over all bits: the map takes its place from the lowest and a mark from the highest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u64(&mut self, id: u64) {
        // 2^64 divided by the golden ratio.
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    #[test]
    fn ids_in_a_row_have_places_and_marks_of_their_own() {
        let hash = |id: u64| BuildHasherDefault::<IdHasher>::default().hash_one(id);
        let places: HashSet<u64> = (0..256).map(|id| hash(id) & 0x3ff).collect();
        assert_eq!(places.len(), 256);
        let marks: HashSet<u64> = (0..256).map(|id| hash(id) >> 57).collect();
        assert!(marks.len() > 100, "{}", marks.len());
    }
}
