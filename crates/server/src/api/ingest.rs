//! Ingest: the protocol that Segment's client libraries speak, unmodified.
//!
//! The answers are a contract with those clients: 401, 403, 404 and 413 make them drop a whole batch
//! for ever, so they are never given for a fault of ours; 200 is never given for what was not kept.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kith_connectors::segment::{Call, Route};
use kith_engine::EngineError;
use serde_json::{Value, json};

use crate::App;
use crate::auth::HeaderWriteKey;
use crate::body::{Unreadable, Whole};

macro_rules! handlers {
    ($($(#[$doc:meta])* $name:ident = $route:expr;)*) => {
        $(
            $(#[$doc])*
            pub(crate) async fn $name(
                app: State<App>,
                key: HeaderWriteKey,
                body: Result<Whole, Unreadable>,
            ) -> Result<Json<Value>, IngestProblem> {
                deliver(app, key, body, $route).await
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
}

/// Keeps what was delivered, and says so only once it is durable.
async fn deliver(
    State(app): State<App>,
    HeaderWriteKey(header_key): HeaderWriteKey,
    body: Result<Whole, Unreadable>,
    format: Route,
) -> Result<Json<Value>, IngestProblem> {
    let Whole(body) = body?;
    app.engine
        .ingest(header_key.as_deref(), &format, &body)
        .await?;
    Ok(Json(json!({ "success": true })))
}

/// An error as Segment's clients read it: `{"code", "message"}`.
#[derive(Debug)]
pub(crate) struct IngestProblem {
    status: StatusCode,
    code: &'static str,
    message: String,
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
        Self {
            status,
            code,
            message,
        }
    }
}

impl IntoResponse for IngestProblem {
    fn into_response(self) -> Response {
        let body = Json(json!({ "code": self.code, "message": self.message }));
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
