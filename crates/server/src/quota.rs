//! What a key may still ask, told with every answer to it: the fields `RateLimit-Policy` and `RateLimit` of
//! draft-ietf-httpapi-ratelimit-headers-11.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use kith_engine::{EngineError, Quota};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Where a request notes what is left of the quota of its key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot(Arc<OnceLock<Quota>>);

impl Slot {
    /// The slot of a request.
    pub(crate) fn of(parts: &Parts) -> Self {
        parts.extensions.get().cloned().unwrap_or_default()
    }

    pub(crate) fn note(&self, quota: Option<Quota>) {
        if let Some(quota) = quota {
            // The first that is noted stands: a request has one key.
            let _ = self.0.set(quota);
        }
    }

    pub(crate) fn note_error(&self, error: &EngineError) {
        if let EngineError::OverQuota(quota) = error {
            self.note(Some(*quota));
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Slot {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// Adds the fields to the answer.
pub(crate) async fn tell(mut request: Request, next: Next) -> Response {
    let slot = Slot::default();
    request.extensions_mut().insert(slot.clone());
    let mut response = next.run(request).await;
    if let Some(quota) = slot.0.get() {
        let headers = response.headers_mut();
        let policy = format!("\"key\";q={};w=60", quota.limit);
        let left = format!("\"key\";r={};t={}", quota.remaining, quota.reset_seconds);
        for (name, value) in [(POLICY, policy), (LEFT, left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
    response
}
