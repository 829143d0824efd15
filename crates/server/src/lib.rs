//! HTTP: one table of routes, thin handlers, problem documents. Handlers extract, make one call into
//! the engine, and convert; policy and SQL never appear here.

mod api;
mod auth;
mod body;
mod console;
mod metrics;
mod openapi;
mod problem;
mod quota;
pub mod routes;
mod serve;

use std::sync::Arc;

use kith_domain::Timestamp;
use kith_engine::Engine;

pub use serve::{REQUEST_SPANS, operators_router, router, serve, serve_operators};

use metrics::Metrics;

/// What every handler can reach. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The use cases.
    pub engine: Engine,
    metrics: Arc<Metrics>,
}

impl App {
    /// What serves these use cases. What is measured is told from here on; `started_at` is told too.
    #[must_use]
    pub fn new(engine: Engine, started_at: Timestamp) -> Self {
        Self {
            metrics: Arc::new(Metrics::new(&engine, started_at)),
            engine,
        }
    }
}
