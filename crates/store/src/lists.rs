//! Lists and counts of accounts, people and the other roots: the rows that a plan and a caller's filter
//! keep.

use std::collections::BTreeSet;

use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;
use kith_policy::predicate::RowPredicate;

use crate::db::param::Param;
use crate::predicate::{Access, Bound, Probe, Sql, order, probes};
use crate::profiles::{Profile, ProfileId, read_profile};
use crate::{StoreError, Tx};

pub use crate::predicate::{Key, OrderBy};

/// Which rows.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// The rows of a plan.
    pub rows: &'q RowPredicate,
    /// The time of the request.
    pub now: Timestamp,
    /// The fields of which the index holds every value, by path: see [`crate::field_index::whole`].
    pub indexed: &'q BTreeSet<String>,
}

/// Where the page before ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After<Id> {
    /// What its last row was ordered by; `None` where nothing is shown.
    pub keys: Vec<Option<Key>>,
    /// Its last row.
    pub id: Id,
}

/// The first rows behind a place, in this order and then by their ids. One statement, or two if more
/// than one test could be answered by the index: which, depends on the question alone.
///
/// # Errors
/// If the database fails.
pub async fn list<Id: ProfileId>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    question: Question<'_>,
    by: &[OrderBy],
    after: Option<&After<Id>>,
    limit: u32,
) -> Result<Vec<Profile<Id>>, StoreError> {
    let probe = if by.is_empty() {
        Probe::Page
    } else {
        Probe::All
    };
    let access = access(tx, ws, question, probe, Id::TABLE).await?;
    let mut sql = Sql::new(tx.engine(), ws.0.cast_signed(), question.now);
    let text = list_sql(&access, &mut sql, by, after, limit);
    ask(tx, &text, &sql.params)
        .await?
        .iter()
        .map(|row| read_profile(&mut row.columns(Id::TABLE)))
        .collect()
}

/// How many rows there are. One statement or two, as of [`list`].
///
/// # Errors
/// If the database fails.
pub async fn count<Id: ProfileId>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    question: Question<'_>,
) -> Result<u64, StoreError> {
    let access = access(tx, ws, question, Probe::All, Id::TABLE).await?;
    let mut sql = Sql::new(tx.engine(), ws.0.cast_signed(), question.now);
    let text = count_sql(&access, &mut sql);
    let rows = ask(tx, &text, &sql.params).await?;
    rows.first()
        .map_or(Ok(0), |row| row.columns(Id::TABLE).number("count"))
}

async fn access<'p>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    question: Question<'p>,
    probe: Probe,
    table: &'static str,
) -> Result<Access<'p>, StoreError> {
    let mut access = Access::new(table, question.rows, question.now, question.indexed);
    let mut counts = Vec::new();
    if access.asks(probe) {
        let mut sql = Sql::new(tx.engine(), ws.0.cast_signed(), question.now);
        let text = probes(&access, &mut sql, probe);
        let rows = ask(tx, &text, &sql.params).await?;
        if let Some(row) = rows.first() {
            counts = row.columns("field_index").ints("count")?;
        }
    }
    access.choose(tx.engine(), probe, &counts);
    Ok(access)
}

async fn ask(
    tx: &mut Tx<'_>,
    text: &str,
    params: &[Bound],
) -> Result<Vec<crate::db::row::Row>, StoreError> {
    let params: Vec<Param<'_>> = params.iter().map(Bound::param).collect();
    tx.query_once(text, &params).await
}

pub(crate) fn list_sql<Id: ProfileId>(
    access: &Access<'_>,
    sql: &mut Sql,
    by: &[OrderBy],
    after: Option<&After<Id>>,
    limit: u32,
) -> String {
    let rows = access.render(sql, true);
    let after = after.map(|after| (after.keys.as_slice(), after.id.as_bytes()));
    let (order, behind) = order(sql, access.id(), by, after);
    let behind = behind.map_or_else(String::new, |behind| format!("\n  AND {behind}"));
    let limit = sql.int(limit.into());
    format!(
        "SELECT a.id, a.created_at, a.updated_at, a.fields, a.provenance\n\
         {rows}{behind}\nORDER BY {order}\nLIMIT {limit}"
    )
}

pub(crate) fn count_sql(access: &Access<'_>, sql: &mut Sql) -> String {
    format!("SELECT count(*) {}", access.render(sql, false))
}
