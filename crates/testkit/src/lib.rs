//! What tests of several crates share. Dev only: nothing of it is in the binary.

pub mod postgres;

pub use postgres::{Cluster, Database};
