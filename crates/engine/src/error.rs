//! What can go wrong in a use case, neutral to the transport. The server maps these to problem
//! documents in one place. No error repeats a value that a customer or a caller sent.

use kith_domain::Diagnostic;
use kith_domain::id::AuditId;
use kith_policy::{NotVisible, Refusal};
use kith_store::StoreError;

use crate::quota::Quota;

/// Why a use case gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No credential, one that never was, or one that was revoked: which, is not said.
    #[error("the key is missing, unknown or revoked")]
    Unauthenticated,
    /// The credential is real and does not open this.
    #[error("{0}")]
    Forbidden(String),
    /// The policy refuses this purpose. Audited.
    #[error("purpose refused by policy")]
    Refused(Box<Refused>),
    /// There is nothing here that the actor may know of. Audited.
    #[error("no such customer in your view")]
    NotFound {
        /// The entry that says so.
        audit: AuditId,
    },
    /// A filter or a sort names a field that is hidden on every row. Audited.
    #[error("{}", .0.field)]
    NotVisible(Box<FieldRefused>),
    /// A list would have to look at more rows than is good for anyone.
    #[error("{0}")]
    TooBroad(String),
    /// Too many look-ups by identifier that found nobody.
    #[error("too many look-ups found nobody: wait {retry_after_seconds} s")]
    RateLimited {
        /// Seconds to wait.
        retry_after_seconds: u32,
    },
    /// A part of the request is not as it must be.
    #[error("`{field}`: {expected}")]
    Invalid {
        /// The part at fault, as a path: `subject.person.id`.
        field: String,
        /// What was expected, and what to do.
        expected: String,
    },
    /// The key of a write was used before, for another one.
    #[error("the idempotency key was used for another write")]
    KeyReused,
    /// A credential asked more often than it may.
    #[error("more requests than a key may make: wait {} s", .0.wait_seconds)]
    OverQuota(Quota),
    /// The definitions have mistakes.
    #[error("the definitions have {} mistakes", .0.len())]
    Definitions(Vec<Diagnostic>),
    /// Someone else was faster.
    #[error("{0}")]
    Conflict(String),
    /// There is nothing to decide by yet.
    #[error(
        "the workspace has no definitions: publish a first version with `kith definitions load`"
    )]
    NoDefinitions,
    /// The audit entry could not be committed, so nothing leaves.
    #[error("the audit entry could not be written, so no data leaves")]
    AuditUnavailable(#[source] StoreError),
    /// The key that signs the audit log is not there, or is not the one that signed it.
    #[error("the key of the audit log: {0}")]
    LogKey(String),
    /// The audit log has no such checkpoint, tile, entry or tree. Audited.
    #[error("the audit log has no such part: {0}")]
    NotInLog(String),
    /// The tree of the audit log is not the one that was signed, so nothing more is signed.
    #[error("the audit log is not what was signed: see `kith audit verify`")]
    LogBroken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A refusal by policy, with what the asker may know of why.
#[derive(Debug)]
pub struct Refused {
    /// The entry that says so.
    pub audit: AuditId,
    /// The version that decided.
    pub definitions_version: u64,
    /// Why.
    pub refusal: Refusal,
}

/// A refusal of one field that a filter or a sort names, before any row is read.
#[derive(Debug)]
pub struct FieldRefused {
    /// The entry that says so.
    pub audit: AuditId,
    /// The version that decided.
    pub definitions_version: u64,
    /// Which field.
    pub field: NotVisible,
}

impl EngineError {
    /// A part of the request is not as it must be.
    pub fn invalid(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            expected: expected.into(),
        }
    }
}
