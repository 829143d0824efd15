//! The commands, one file each.

pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod context;
pub(crate) mod definitions;
pub(crate) mod demo;
pub(crate) mod keys;
pub(crate) mod secrets;
pub(crate) mod serve;
