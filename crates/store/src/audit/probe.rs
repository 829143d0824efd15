//! Whether an entry could be appended just now, tried and taken back.

use kith_domain::id::{AuditId, WorkspaceId};
use kith_domain::{Purpose, Timestamp};

use super::{AuditRow, FieldSet, append_to};
use crate::{StoreError, Tx};

/// How a trial ended. Both are errors of its transaction, so that nothing of it remains.
#[derive(Debug)]
pub(crate) enum Trial {
    /// The entry could be appended.
    Worked,
    /// It could not.
    Failed(StoreError),
}

impl From<StoreError> for Trial {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Appends an entry of no workspace, and never ends well, so that it is not kept.
pub(crate) async fn try_append(tx: &mut Tx<'_>) -> Result<(), Trial> {
    let entry = AuditRow {
        workspace: WorkspaceId(0),
        id: AuditId::NIL,
        at: Timestamp::from_micros(0),
        leaf: Vec::new(),
        actor: String::new(),
        credential: String::new(),
        on_behalf_of: None,
        purpose: Purpose::AuditView,
        action: String::new(),
        verdict: String::new(),
        account: None,
        person: None,
        lookup_hash: None,
        fields: FieldSet {
            hash: [0; 32],
            names: Vec::new(),
        },
        statements: Vec::new(),
        definitions_version: 0,
        definitions_hash: String::new(),
        position: 0,
    };
    append_to(tx, &"trial".into(), &entry).await?;
    Err(Trial::Worked)
}

/// What came of a trial's transaction.
pub(crate) fn outcome(tried: Result<(), Trial>) -> Result<(), StoreError> {
    match tried {
        Ok(()) | Err(Trial::Worked) => Ok(()),
        Err(Trial::Failed(error)) => Err(error),
    }
}
