//! Ingest: the protocol that the client libraries of Segment, RudderStack and Jitsu speak, unmodified.
//!
//! The answers are a contract with those clients: 401, 403, 404 and 413 make them drop a whole batch
//! for ever, so they are never given for a fault of ours; 200 is never given for what was not kept.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kith_connectors::segment::{self, Call, Route};
use kith_domain::fact::Decoder;
use kith_engine::EngineError;
use serde_json::{Value, json};

use crate::App;
use crate::auth::HeaderWriteKey;
use crate::body::{Unreadable, Whole};
use crate::quota::Slot;

macro_rules! handlers {
    ($($(#[$doc:meta])* $name:ident = $route:expr;)*) => {
        $(
            $(#[$doc])*
            pub(crate) async fn $name(
                app: State<App>,
                key: HeaderWriteKey,
                slot: Slot,
                body: Result<Whole, Unreadable>,
            ) -> Result<Json<Value>, IngestProblem> {
                deliver(app, key, &slot, body, $route).await
            }
        )*
    };
}

handlers! {
    /// Traits of a person.
    identify = Route::One(Call::Identify);
    /// A person belongs to an account.
    group = Route::One(Call::Group);
    /// Something happened.
    track = Route::One(Call::Track);
    /// A page was viewed.
    page = Route::One(Call::Page);
    /// A screen was viewed.
    screen = Route::One(Call::Screen);
    /// Two identifiers are of one person.
    alias = Route::One(Call::Alias);
    /// Any of these, many at once.
    batch = Route::Batch;
    /// Any of these, one that names its type.
    own = Route::Own;
}

/// What `analytics.js` asks before it sends anything: the same for every key, which is not looked at.
pub(crate) async fn settings(Path(key): Path<String>) -> Json<Value> {
    Json(segment::settings(&key))
}

async fn deliver(
    app: State<App>,
    key: HeaderWriteKey,
    slot: &Slot,
    body: Result<Whole, Unreadable>,
    format: Route,
) -> Result<Json<Value>, IngestProblem> {
    let Whole(body) = body?;
    keep(app, key, slot, &body, &format).await?;
    Ok(Json(json!({ "success": true })))
}

/// Keeps what was delivered, and says so only once it is durable.
pub(super) async fn keep(
    State(app): State<App>,
    HeaderWriteKey(header_key): HeaderWriteKey,
    slot: &Slot,
    body: &[u8],
    format: &dyn Decoder,
) -> Result<(), IngestProblem> {
    let ingested = app.engine.ingest(header_key.as_deref(), format, body);
    let ingested = ingested.await.inspect_err(|error| slot.note_error(error))?;
    slot.note(ingested.quota);
    Ok(())
}

/// An error as Segment's clients read it: `{"code", "message"}`.
#[derive(Debug)]
pub(crate) struct IngestProblem {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Seconds to wait before it is sent again.
    retry_after_seconds: Option<u32>,
}

impl IngestProblem {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: &str,
        retry_after_seconds: Option<u32>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.to_owned(),
            retry_after_seconds,
        }
    }
}

impl From<Unreadable> for IngestProblem {
    fn from(unreadable: Unreadable) -> Self {
        let code = match unreadable {
            Unreadable::TooLarge => "body_too_large",
            Unreadable::UnknownEncoding => "unknown_encoding",
            Unreadable::Broken => "unreadable_body",
        };
        Self {
            status: unreadable.status(),
            code,
            message: unreadable.advice(),
            retry_after_seconds: None,
        }
    }
}

impl From<EngineError> for IngestProblem {
    fn from(error: EngineError) -> Self {
        let (status, code, message) = match &error {
            EngineError::Unauthenticated => (
                StatusCode::UNAUTHORIZED,
                "invalid_write_key",
                "the write key is missing, unknown or revoked: make one with `kith keys create`"
                    .to_owned(),
            ),
            EngineError::OverQuota(quota) => {
                return Self {
                    status: StatusCode::TOO_MANY_REQUESTS,
                    code: "too_many_requests",
                    message: "nothing was kept: wait as `Retry-After` says and send it again"
                        .to_owned(),
                    retry_after_seconds: Some(quota.wait_seconds),
                };
            }
            EngineError::Invalid { expected, .. } => {
                (StatusCode::BAD_REQUEST, "invalid_body", expected.clone())
            }
            // Whatever else fails is ours: clients keep what they have and try again.
            _ => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "nothing was kept: send it again".to_owned(),
            ),
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(error = %error, "ingest failed");
        }
        let is_ours = status == StatusCode::SERVICE_UNAVAILABLE;
        Self {
            status,
            code,
            message,
            retry_after_seconds: is_ours.then_some(1),
        }
    }
}

impl IngestProblem {
    /// The answer; PostHog's clients look for the message under `detail`.
    pub(super) fn answer(self, with_detail: bool) -> Response {
        let mut body = json!({ "code": self.code, "message": self.message });
        if let Some(body) = body.as_object_mut().filter(|_| with_detail) {
            body.insert("detail".to_owned(), self.message.into());
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for IngestProblem {
    fn into_response(self) -> Response {
        self.answer(false)
    }
}
