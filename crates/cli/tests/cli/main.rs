//! The real binary, run as its users run it: arguments and settings in, texts and exit
//! codes out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod admin;
mod audit_log;
mod checkpoints;
mod definitions;
mod demo;
mod doctor;
mod guides;
mod help;
mod home;
mod lint;
mod people;
mod policy;
mod serve;
mod settings;
mod sources;
mod traces;
