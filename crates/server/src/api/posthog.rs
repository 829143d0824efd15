//! Ingest: the protocol that PostHog's client libraries speak, unmodified.

use std::borrow::Cow;
use std::io::Read as _;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use kith_connectors::posthog::Capture;
use serde_json::{Value, json};

use super::ingest::{IngestProblem, keep};
use crate::App;
use crate::auth::HeaderWriteKey;
use crate::body::{Unreadable, Whole};
use crate::quota::Slot;
use crate::serve::MAX_BODY_BYTES;

/// What gzip begins with, and JSON never does.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Keeps the events of a body, one or many, and says so only once they are durable.
pub(crate) async fn capture(
    app: State<App>,
    key: HeaderWriteKey,
    slot: Slot,
    body: Result<Whole, Unreadable>,
) -> Result<Json<Value>, Refused> {
    let Whole(body) = body.map_err(IngestProblem::from)?;
    let body = unpacked(&body).map_err(IngestProblem::from)?;
    keep(app, key, &slot, &body, &Capture).await?;
    Ok(Json(json!({ "status": 1 })))
}

/// In browsers the client packs a body itself, and says so in the query alone, if at all.
fn unpacked(body: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
    if !body.starts_with(&GZIP) {
        return Ok(body.into());
    }
    let mut plain = Vec::new();
    let most = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX);
    let mut packed = flate2::read::GzDecoder::new(body).take(most.saturating_add(1));
    match packed.read_to_end(&mut plain) {
        Ok(bytes) if bytes > MAX_BODY_BYTES => Err(Unreadable::TooLarge),
        Ok(_) => Ok(plain.into()),
        Err(_) => Err(Unreadable::Broken),
    }
}

/// An error as PostHog's clients read it too: `detail` beside `code` and `message`.
#[derive(Debug)]
pub(crate) struct Refused(IngestProblem);

impl From<IngestProblem> for Refused {
    fn from(problem: IngestProblem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.answer(true)
    }
}
