//! How often a credential may ask. Counted per credential after it was proven, so that nobody uses up the
//! quota of another.

use std::num::NonZeroU32;

use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota as Rate, RateLimiter};
use kith_domain::Runtime;
use kith_domain::id::KeyId;
use parking_lot::RwLock;

use crate::Engine;
use crate::error::EngineError;
use crate::lookups::InjectedClock;

/// Credentials that are counted before those are forgotten that are at rest.
const MOST_AT_REST: usize = 10_000;

/// What is left of a credential's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests that it may make in a minute, and at once after a quiet one.
    pub limit: u32,
    /// Requests that it may make now.
    pub remaining: u32,
    /// Whole seconds until all of it is there again.
    pub reset_seconds: u32,
    /// Whole seconds until there is one more; 0 if there is one now.
    pub wait_seconds: u32,
}

type Counted =
    RateLimiter<KeyId, HashMapStateStore<KeyId>, InjectedClock, StateInformationMiddleware>;

/// Counts requests by credential.
#[derive(Default)]
pub(crate) struct Quotas(RwLock<Option<Counting>>);

struct Counting {
    per_minute: NonZeroU32,
    counted: Counted,
}

impl Quotas {
    /// One request more.
    pub(crate) fn take(&self, credential: KeyId) -> Result<Option<Quota>, EngineError> {
        let counting = self.0.read();
        let Some(Counting {
            per_minute,
            counted,
        }) = counting.as_ref()
        else {
            return Ok(None);
        };
        if counted.len() > MOST_AT_REST {
            counted.retain_recent();
        }
        let limit = per_minute.get();
        // One comes back every so often.
        let seconds = |requests: u32| {
            let micros = u64::from(requests) * 60_000_000 / u64::from(limit);
            u32::try_from(micros.div_ceil(1_000_000)).unwrap_or(u32::MAX)
        };
        match counted.check_key(&credential) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                Ok(Some(Quota {
                    limit,
                    remaining,
                    reset_seconds: seconds(limit.saturating_sub(remaining)),
                    wait_seconds: 0,
                }))
            }
            Err(_) => Err(EngineError::OverQuota(Quota {
                limit,
                remaining: 0,
                reset_seconds: seconds(limit),
                wait_seconds: seconds(1).max(1),
            })),
        }
    }
}

impl Engine {
    /// From now on a credential may make so many requests in a minute; `None` is as many as it likes.
    pub fn limit_rate(&self, per_minute: Option<NonZeroU32>) {
        *self.quotas().0.write() = per_minute.map(|per_minute| Counting {
            per_minute,
            counted: counted(per_minute, self.runtime()),
        });
    }
}

fn counted(per_minute: NonZeroU32, runtime: &Runtime) -> Counted {
    let clock = InjectedClock(runtime.clone());
    RateLimiter::hashmap_with_clock(Rate::per_minute(per_minute), clock)
        .with_middleware::<StateInformationMiddleware>()
}
