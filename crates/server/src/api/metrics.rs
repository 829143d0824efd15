//! `GET /metrics`: what is measured, for Prometheus. It tells how much happened and never to whom, and
//! still stands at an address of its own: from how much happened, a caller could learn what an answer
//! does not say.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::App;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is measured just now.
pub(crate) async fn scrape(State(app): State<App>) -> Response {
    app.engine.measure_audit_log().await;
    match app.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
