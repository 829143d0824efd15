//! What was said of a root's fields over time: the observations that the values of then, and their
//! changes, follow from. One statement each.

use kith_domain::Timestamp;
use kith_domain::id::{AccountId, WorkspaceId};

use crate::db::param::Param;
use crate::db::sql::{Column, text};
use crate::facts::{ObservationRow, read_observation};
use crate::identity::RootId;
use crate::{StoreError, Tx};

/// Whose fields: those of a root, or of a person's role in an account.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    /// The root; the person, for a role.
    pub root: RootId,
    /// The account that the role is in.
    pub role_in: Option<AccountId>,
}

const FIELDS: [Column; 1] = [text("field")];

// The observations of a root's fields up to a time.
macro_rules! said {
    ($account_node:literal) => {
        concat!(
            " FROM {rows} JOIN observation o ON o.workspace = ?1 AND o.field = r.field
               AND o.node IN (SELECT i.id FROM identifier i WHERE i.workspace = ?1 AND i.root = ?2)
               AND ",
            $account_node,
            " AND o.observed_at <= ?4"
        )
    };
    (of_root) => {
        said!("o.account_node = ?3")
    };
    (of_role) => {
        said!("o.account_node IN (SELECT a.id FROM identifier a WHERE a.workspace = ?1 AND a.root = ?3)")
    };
}

// Of each source, trusted so or so, the newest; all of them, if several are as new.
macro_rules! newest {
    ($whose:tt) => {
        concat!(
            "SELECT p.node, p.account_node, p.field, p.source, p.message_id, p.trust, p.observed_at,
               p.received_at, p.value
             FROM (SELECT o.*, rank() OVER (PARTITION BY o.field, o.trust, o.source
               ORDER BY o.observed_at DESC, o.received_at DESC) AS place",
            said!($whose),
            ") p WHERE p.place = 1"
        )
    };
}

// What a source says again, with nothing said between, changes no choice, now or ever: it is left out
// where it is clear which came before, for sources repeat themselves in every message.
macro_rules! turns {
    ($whose:tt) => {
        concat!(
            "SELECT h.node, h.account_node, h.field, h.source, h.message_id, h.trust, h.observed_at,
               h.received_at, h.value
             FROM (SELECT p.*, lag(p.source) OVER t AS source_before,
                 lag(p.value) OVER t AS value_before, lag(p.peers) OVER t AS peers_before
               FROM (SELECT o.*, count(*) OVER (PARTITION BY o.field, o.trust, o.observed_at,
                 o.received_at, o.source) AS peers",
            said!($whose),
            ") p WINDOW t AS (PARTITION BY p.field, p.trust
                 ORDER BY p.observed_at, p.received_at, p.source)) h
             WHERE h.peers > 1 OR h.peers_before IS NULL OR h.peers_before > 1
               OR h.source_before <> h.source OR h.value_before IS DISTINCT FROM h.value
             LIMIT ?5"
        )
    };
}

/// The observations of these fields that can have been chosen at a time, in no order: of each source
/// the newest until then.
///
/// # Errors
/// If the database fails.
pub async fn as_of(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    whose: Whose,
    fields: &[&str],
    at: Timestamp,
) -> Result<Vec<ObservationRow>, StoreError> {
    let (root, role_in) = whose.params();
    let shared = [ws.into(), root, role_in, at.into()];
    let sql = match whose.role_in {
        None => newest!(of_root),
        Some(_) => newest!(of_role),
    };
    read(tx, sql, &shared, fields).await
}

/// The observations of these fields up to a time, in no order, without those that repeat what the
/// same source said just before. More than `limit` are not all.
///
/// # Errors
/// If the database fails.
pub async fn until(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    whose: Whose,
    fields: &[&str],
    at: Timestamp,
    limit: u32,
) -> Result<Vec<ObservationRow>, StoreError> {
    let (root, role_in) = whose.params();
    let most = i64::from(limit) + 1;
    let shared = [ws.into(), root, role_in, at.into(), most.into()];
    let sql = match whose.role_in {
        None => turns!(of_root),
        Some(_) => turns!(of_role),
    };
    read(tx, sql, &shared, fields).await
}

impl Whose {
    fn params(&self) -> (Param<'_>, Param<'_>) {
        let role_in = self.role_in.as_ref().map_or(Param::Bytes(&[]), Param::from);
        ((&self.root).into(), role_in)
    }
}

async fn read(
    tx: &mut Tx<'_>,
    sql: &str,
    shared: &[Param<'_>],
    fields: &[&str],
) -> Result<Vec<ObservationRow>, StoreError> {
    let rows: Vec<_> = fields.iter().map(|field| [(*field).into()]).collect();
    tx.each(sql, shared, &FIELDS, &rows)
        .await?
        .iter()
        .map(read_observation)
        .collect()
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
