//! The real clock and the real randomness; tests inject others.

use std::time::{SystemTime, UNIX_EPOCH};

use kith_domain::{Clock, Entropy, Timestamp};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The operating system's cryptographically secure randomness.
#[derive(Debug, Clone, Copy)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // Without randomness no secret and no id is safe, and there is no way to go on with less:
        // the process ends rather than hand out predictable ones.
        if getrandom::fill(buffer).is_err() {
            std::process::abort();
        }
    }
}
