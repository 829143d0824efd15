//! HTTP: one table of routes, thin handlers, problem documents. Handlers extract, make one call into
//! the engine, and convert; policy and SQL never appear here.

mod api;
mod auth;
mod body;
mod console;
mod openapi;
mod problem;
pub mod routes;
mod serve;

use kith_engine::Engine;

pub use serve::{router, serve};

/// What every handler can reach. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The use cases.
    pub engine: Engine,
}
