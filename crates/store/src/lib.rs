//! SQLite and PostgreSQL behind one [`Db`], and the only home of SQL.
//!
//! Every module below `db` holds one aggregate: its rows, and the functions that read and write them
//! within a transaction ([`Tx`]). Every function takes the workspace, and every statement names it
//! as its first parameter. A look-up that finds nothing is `Ok(None)`; a row that cannot be read is
//! an error that names table, key and column.

mod db;
mod error;
mod predicate;
mod url;

pub mod agents;
pub mod audit;
pub mod dedup;
pub mod definitions;
pub mod erasure;
pub mod facts;
pub mod feed;
pub mod field_index;
pub mod history;
pub mod idempotency;
pub mod identity;
pub mod journey;
pub mod keys;
pub mod lists;
pub mod members;
pub mod messages;
pub mod profiles;
pub mod quarantine;
pub mod relations;
pub mod search;
pub mod secrets;
pub mod sources;
pub mod workspaces;

pub use db::{Db, Depths, Engine, Scope, Tx, backup, inspect};
pub use error::{Cause, StoreError};
pub use url::StoreUrl;
