//! Random moments and patterns: any will do, as long as they differ from round to round.

use crate::now_ns;

/// A generator (xorshift) that is begun by the clock.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new() -> Self {
        // Never 0, which would stay so.
        Self((now_ns() ^ u64::from(std::process::id()).rotate_left(40)) | 1)
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit.max(1)
    }

    /// One side of a coin.
    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Waits for up to so many µs.
    pub(crate) async fn wait_us(&mut self, most: u64) {
        tokio::time::sleep(std::time::Duration::from_micros(self.below(most))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coin_falls_on_both_sides() {
        let mut dice = Dice::new();
        let sides: Vec<bool> = (0..200).map(|_| dice.coin()).collect();
        assert!(sides.contains(&true) && sides.contains(&false));
        assert!((0..1000).all(|_| dice.below(3) < 3));
    }
}
