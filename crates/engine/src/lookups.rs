//! Finding a customer by an identifier is an oracle: whoever may ask without end learns which emails
//! are customers. So misses are counted for each credential, and one that misses too often waits,
//! before anything is looked up.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::Add;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use kith_domain::id::KeyId;
use kith_domain::{Runtime, Timestamp};
use parking_lot::Mutex;

use crate::error::EngineError;

/// Misses that a credential may have in a minute; as many at once after a quiet one.
const MISSES_PER_MINUTE: NonZeroU32 = match NonZeroU32::new(300) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};
/// How long a credential waits that had more.
const WAIT_MICROS: i64 = 10 * 1_000_000;

type Misses = RateLimiter<KeyId, HashMapStateStore<KeyId>, InjectedClock, NoOpMiddleware<Instant>>;

/// Counts misses by credential.
pub(crate) struct Lookups {
    misses: Misses,
    waiting: Mutex<HashMap<KeyId, Timestamp>>,
}

impl Lookups {
    pub(crate) fn new(runtime: Runtime) -> Self {
        let quota = Quota::per_minute(MISSES_PER_MINUTE);
        Self {
            misses: RateLimiter::hashmap_with_clock(quota, InjectedClock(runtime)),
            waiting: Mutex::default(),
        }
    }

    /// Whether a credential may look anybody up by an identifier at this time.
    pub(crate) fn admit(&self, credential: KeyId, now: Timestamp) -> Result<(), EngineError> {
        let mut waiting = self.waiting.lock();
        match waiting.get(&credential) {
            Some(until) if *until > now => {
                let seconds = until.micros_since(now).div_euclid(1_000_000) + 1;
                Err(EngineError::RateLimited {
                    retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
                })
            }
            Some(_) => {
                waiting.remove(&credential);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A look-up found nothing.
    pub(crate) fn missed(&self, credential: KeyId, now: Timestamp) {
        if self.misses.check_key(&credential).is_err() {
            tracing::warn!(%credential, "too many look-ups that found nobody: the credential waits");
            self.waiting
                .lock()
                .insert(credential, now.plus_micros(WAIT_MICROS));
            self.misses.retain_recent();
        }
    }
}

/// The injected clock, as the rate limiter wants it.
#[derive(Debug, Clone)]
pub(crate) struct InjectedClock(pub(crate) Runtime);

impl Clock for InjectedClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        let micros = u64::try_from(self.0.now().micros()).unwrap_or(0);
        Instant(Nanos::new(micros.saturating_mul(1000)))
    }
}

/// Nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Nanos);

impl Add<Nanos> for Instant {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0 + other)
    }
}

impl Reference for Instant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::new(self.0.as_u64().saturating_sub(earlier.0.as_u64()))
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(Nanos::new(
            self.0.as_u64().saturating_sub(duration.as_u64()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use kith_domain::Entropy;

    use super::*;

    #[derive(Debug, Default)]
    struct Hand(AtomicI64);

    impl kith_domain::Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::Relaxed))
        }
    }

    impl Entropy for Hand {
        fn fill(&self, _: &mut [u8]) {}
    }

    #[test]
    fn a_credential_that_misses_too_often_waits_and_others_do_not() {
        let hand = Arc::new(Hand::default());
        let runtime = Runtime::new(hand.clone(), hand.clone());
        let lookups = Lookups::new(runtime.clone());
        let (guesser, other) = (KeyId::NIL, KeyId::from_uuid(uuid::Uuid::from_u128(1)));
        for _ in 0..=MISSES_PER_MINUTE.get() {
            assert!(lookups.admit(guesser, runtime.now()).is_ok());
            lookups.missed(guesser, runtime.now());
        }
        let refused = lookups.admit(guesser, runtime.now()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "too many look-ups found nobody: wait 11 s"
        );
        assert!(lookups.admit(other, runtime.now()).is_ok());
        hand.0.store(WAIT_MICROS, Ordering::Relaxed);
        assert!(lookups.admit(guesser, runtime.now()).is_ok());
    }
}
