//! What tests of several crates share. Dev only: nothing of it is in the binary.

pub mod app;
pub mod postgres;

pub use app::{Answer, Client, Desk, Folder, Home, Source, Store, TestApp};
pub use postgres::{Cluster, Database};
