//! The handlers, one file per resource.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod context;
pub(crate) mod conversations;
pub(crate) mod decisions;
pub(crate) mod erasure;
pub(crate) mod health;
pub(crate) mod hooks;
pub(crate) mod identity;
pub(crate) mod ingest;
pub(crate) mod journey;
mod lines;
pub(crate) mod lists;
pub(crate) mod metrics;
pub(crate) mod posthog;
pub(crate) mod search;
pub(crate) mod writes;
