//! Time and randomness that a test controls.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use kith_domain::time::MICROS_PER_SECOND;
use kith_domain::{Clock, Entropy, Timestamp};
use sha2::{Digest, Sha256};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl Default for ManualClock {
    /// A Monday morning in March 2026.
    fn default() -> Self {
        let start = Timestamp::parse("2026-03-02T09:00:00Z").map_or(0, Timestamp::micros);
        Self(AtomicI64::new(start))
    }
}

impl ManualClock {
    /// Moves the clock.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0
            .fetch_add(seconds * MICROS_PER_SECOND, Ordering::SeqCst);
    }

    /// Whole seconds since 1970, as tokens count them.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        self.now().micros() / MICROS_PER_SECOND
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness that follows from a seed: SHA-256 of the seed and a counter.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: [u8; 32],
    next: AtomicU64,
}

impl SeededEntropy {
    /// The randomness of a seed.
    #[must_use]
    pub fn new(seed: &str) -> Self {
        Self {
            seed: Sha256::digest(seed.as_bytes()).into(),
            next: AtomicU64::new(0),
        }
    }

    /// Seeded by the name of the running test, so that ids differ from test to test and not from run
    /// to run.
    #[must_use]
    pub fn of_this_test() -> Self {
        Self::new(std::thread::current().name().unwrap_or("test"))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let block = Sha256::new()
                .chain_update(self.seed)
                .chain_update(number.to_be_bytes())
                .finalize();
            for (byte, random) in chunk.iter_mut().zip(block) {
                *byte = random;
            }
        }
    }
}
