//! Protocols of proof: the secrets of API keys, and the signed identity of end users. Pure: what is
//! stored and who is asking is the engine's business.

pub mod end_user;
pub mod key;
