//! Protocols of proof: the secrets of API keys, the signed identity of end users, the
//! signatures of webhooks, and the log that
//! anyone can check. Pure: what is stored and who is asking is the engine's business.

pub mod end_user;
pub mod key;
pub mod tlog;
pub mod webhook;
