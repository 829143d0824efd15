//! What was said of a root's fields over time: the observations that the values of then, and their
//! changes, follow from.

use kith_domain::Timestamp;
use kith_domain::fact::Trust;
use kith_domain::id::{AccountId, WorkspaceId};
use serde_json::Value as Json;

use crate::db::param::Param;
use crate::db::row::Row;
use crate::db::sql::{Column, bytes, text};
use crate::facts::read_trust;
use crate::identity::RootId;
use crate::{StoreError, Tx};

/// A field of a root; of a person, for a field of their role.
pub type Of<'a> = (RootId, &'a str);

/// One value that was said of a field of a root.
#[derive(Clone, PartialEq)]
pub struct SaidRow {
    /// The root.
    pub root: RootId,
    /// The full field path.
    pub field: String,
    /// The source that said so.
    pub source: String,
    /// How far the source is believed.
    pub trust: Trust,
    /// When it was so, corrected for the sender's clock.
    pub observed_at: Timestamp,
    /// When it was received.
    pub received_at: Timestamp,
    /// The canonical value; `None` deletes.
    pub value: Option<Json>,
}

impl std::fmt::Debug for SaidRow {
    /// Leaves the value out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaidRow")
            .field("root", &self.root)
            .field("field", &self.field)
            .field("source", &self.source)
            .field("observed_at", &self.observed_at)
            .finish_non_exhaustive()
    }
}

const OF: [Column; 2] = [bytes("root"), text("field")];

macro_rules! said {
    ($account_node:literal) => {
        concat!(
            "SELECT r.root, o.field, o.source, o.trust, o.observed_at, o.received_at, o.value
             FROM {rows} JOIN observation o ON o.workspace = ?1 AND o.field = r.field
               AND o.node IN (SELECT i.id FROM identifier i WHERE i.workspace = ?1 AND i.root = r.root)
               AND ",
            $account_node,
            " AND o.observed_at <= ?3
             LIMIT ?4"
        )
    };
}
const OF_ROOT: &str = said!("o.account_node = ?2");
const OF_ROLE: &str = said!(
    "o.account_node IN (SELECT a.id FROM identifier a WHERE a.workspace = ?1 AND a.root = ?2)"
);

/// What was said of these fields up to a time, in no order; one statement. All the roots are of one
/// kind; with an account, the fields are those of the people's roles in it. More than `limit` are not all.
///
/// # Errors
/// If the database fails.
pub async fn until(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    role_in: Option<AccountId>,
    of: &[Of<'_>],
    at: Timestamp,
    limit: u32,
) -> Result<Vec<SaidRow>, StoreError> {
    let Some(kind) = of.first().map(|(root, _)| root.kind()) else {
        return Ok(Vec::new());
    };
    let (sql, account_node) = match &role_in {
        None => (OF_ROOT, Param::Bytes(&[])),
        Some(account) => (OF_ROLE, account.into()),
    };
    let most = i64::from(limit) + 1;
    let shared = [ws.into(), account_node, at.into(), most.into()];
    let rows: Vec<_> = of
        .iter()
        .map(|(root, field)| [root.into(), (*field).into()])
        .collect();
    let found = tx.each(sql, &shared, &OF, &rows).await?;
    let read = |row: &Row| {
        let mut columns = row.columns("observation");
        Ok(SaidRow {
            root: columns.id("root", |bytes| RootId::from_slice(kind, bytes))?,
            field: columns.string("field")?,
            source: columns.string("source")?,
            trust: read_trust(&mut columns)?,
            observed_at: columns.time("observed_at")?,
            received_at: columns.time("received_at")?,
            value: columns.opt("value", |columns, name| columns.json(name))?,
        })
    };
    found.iter().map(read).collect()
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
