//! Ingest: what other systems call out. Only a bad signature is answered with 401; whatever fails here is
//! answered so that the sender tries again.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use kith_engine::NotReceived;
use serde_json::{Value, json};

use super::ingest::IngestProblem;
use crate::App;
use crate::body::{Unreadable, Whole};

/// How long the sender of a paused source is asked to wait, in seconds.
const PAUSED_SECONDS: u32 = 3600;

/// Keeps what a source calls out, and says so only once it is durable.
pub(crate) async fn receive(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Whole, Unreadable>,
) -> Result<Json<Value>, IngestProblem> {
    let id = id.parse().map_err(|_| no_such_source())?;
    let Whole(body) = body?;
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    app.engine.receive(id, &headers, &body).await?;
    Ok(Json(json!({ "success": true })))
}

fn no_such_source() -> IngestProblem {
    IngestProblem::new(
        StatusCode::NOT_FOUND,
        "no_such_source",
        "nothing is set up at this address: see `kith sources list`",
        None,
    )
}

impl From<NotReceived> for IngestProblem {
    fn from(why: NotReceived) -> Self {
        match why {
            NotReceived::NoSuchSource => no_such_source(),
            NotReceived::Unsigned => Self::new(
                StatusCode::UNAUTHORIZED,
                "invalid_signature",
                "the signature does not hold: sign with the secret of this source, and at once",
                None,
            ),
            NotReceived::Paused => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "paused",
                "nothing was kept: this source is paused, send it again later",
                Some(PAUSED_SECONDS),
            ),
            NotReceived::Engine(error) => error.into(),
        }
    }
}
