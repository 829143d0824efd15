//! The values of filterable fields, in one narrow table. A value is kept in a form whose bytes sort
//! as the values do, the same on both engines.
//!
//! A field is *whole* if every account's value of it is here. Only then may a list leave the rows alone
//! and ask the index: a field that became filterable when there were rows already is filled in first.

use std::collections::BTreeSet;

use kith_domain::Value;
use kith_domain::id::WorkspaceId;

use crate::db::sql::{Column, bytes, text};
use crate::identity::RootId;
use crate::{StoreError, Tx};

/// Texts are indexed by at most this many bytes; who compares longer ones looks at the profile too.
pub const MAX_TEXT_BYTES: usize = 512;

const DELETE: &str = "DELETE FROM field_index
    WHERE workspace = ?1 AND (id, field) IN (SELECT r.id, r.field FROM {rows})";
const DELETE_ROWS: [Column; 2] = [bytes("id"), text("field")];
const INSERT: &str = "INSERT INTO field_index (workspace, field, value, id)
    SELECT ?1, r.field, r.value, r.id FROM {rows} WHERE true
    ON CONFLICT (workspace, field, value, id) DO NOTHING";
const INSERT_ROWS: [Column; 3] = [text("field"), bytes("value"), bytes("id")];

const OF_ROOT: &str = "SELECT id, field, value FROM field_index
    WHERE workspace = ?1 AND id = ?2 ORDER BY field, value";

const CLEAR: &str = "DELETE FROM field_index WHERE workspace = ?1 AND id = ?2";
const WHOLE: &str = "SELECT field FROM indexed_field WHERE workspace = ?1";
const FIELDS: [Column; 1] = [text("field")];
const ADD_WHOLE: &str = "INSERT INTO indexed_field (workspace, field)
    SELECT ?1, r.field FROM {rows} WHERE true
    ON CONFLICT (workspace, field) DO NOTHING";
const DROP_WHOLE: &str = "DELETE FROM indexed_field
    WHERE workspace = ?1 AND field IN (SELECT r.field FROM {rows})";

/// The fields that are whole.
///
/// # Errors
/// If the database fails.
pub async fn whole(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<BTreeSet<String>, StoreError> {
    let rows = tx.query(WHOLE, &[ws.into()]).await?;
    rows.iter()
        .map(|row| row.columns("indexed_field").string("field"))
        .collect()
}

/// From now on these are whole: their values of every account are here, and every writer keeps them so.
///
/// # Errors
/// If the database fails.
pub async fn add_whole(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    fields: &[&str],
) -> Result<(), StoreError> {
    let rows: Vec<_> = fields.iter().map(|field| [(*field).into()]).collect();
    tx.each(ADD_WHOLE, &[ws.into()], &FIELDS, &rows).await?;
    Ok(())
}

/// From now on these are not: writers no longer keep them.
///
/// # Errors
/// If the database fails.
pub async fn drop_whole(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    fields: &[&str],
) -> Result<(), StoreError> {
    let rows: Vec<_> = fields.iter().map(|field| [(*field).into()]).collect();
    tx.each(DROP_WHOLE, &[ws.into()], &FIELDS, &rows).await?;
    Ok(())
}

/// Forgets an account, person or company that is no more.
///
/// # Errors
/// If the database fails.
pub async fn clear(tx: &mut Tx<'_>, ws: WorkspaceId, id: RootId) -> Result<(), StoreError> {
    tx.execute(CLEAR, &[ws.into(), (&id).into()]).await?;
    Ok(())
}

/// A field of an account, person or company whose value changed.
#[expect(
    missing_debug_implementations,
    reason = "it holds a customer's value: nothing may print it in passing"
)]
#[derive(Clone, Copy)]
pub struct Changed<'a> {
    /// Whose.
    pub id: RootId,
    /// The field's full path.
    pub field: &'a str,
    /// The value now; `None` takes the field out. A list of strings is indexed by each of its items.
    pub value: Option<&'a Value>,
}

/// Replaces what is indexed for the fields that changed.
///
/// # Errors
/// If the database fails.
pub async fn replace(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    changed: &[Changed<'_>],
) -> Result<(), StoreError> {
    let fields: Vec<_> = changed
        .iter()
        .map(|changed| [(&changed.id).into(), changed.field.into()])
        .collect();
    tx.each(DELETE, &[ws.into()], &DELETE_ROWS, &fields).await?;

    let keys: Vec<(&Changed<'_>, Vec<u8>)> = changed
        .iter()
        .filter_map(|changed| Some((changed, changed.value?)))
        .flat_map(|(changed, value)| keys(value).into_iter().map(move |key| (changed, key)))
        .collect();
    let rows: Vec<_> = keys
        .iter()
        .map(|(changed, key)| {
            [
                changed.field.into(),
                key.as_slice().into(),
                (&changed.id).into(),
            ]
        })
        .collect();
    tx.each(INSERT, &[ws.into()], &INSERT_ROWS, &rows).await?;
    Ok(())
}

/// What is indexed of one account, person or company: fields with their sortable values.
///
/// # Errors
/// If the database fails.
pub async fn of_root(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: RootId,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    tx.query(OF_ROOT, &[ws.into(), (&id).into()])
        .await?
        .iter()
        .map(|row| {
            let mut columns = row.columns("field_index");
            columns.bytes("id")?;
            Ok((columns.string("field")?, columns.bytes("value")?.to_vec()))
        })
        .collect()
}

/// The sortable forms of a value: one, or one for each item of a list.
#[must_use]
pub fn keys(value: &Value) -> Vec<Vec<u8>> {
    match value {
        Value::Bool(value) => vec![vec![u8::from(*value)]],
        Value::Int(value) | Value::Duration(value) => vec![sortable(*value).to_vec()],
        Value::Timestamp(at) => vec![sortable(at.micros()).to_vec()],
        Value::Decimal(decimal) => {
            // Another currency is another range.
            let mut key = decimal
                .currency
                .map_or_else(Vec::new, |currency| currency.as_str().as_bytes().to_vec());
            key.extend(sortable(decimal.micros));
            vec![key]
        }
        Value::String(text) => vec![prefix(text)],
        Value::Strings(items) => items.iter().map(|item| prefix(item)).collect(),
    }
}

/// Big-endian with the sign turned, so that negative numbers sort first.
const fn sortable(value: i64) -> [u8; 8] {
    (value.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

fn prefix(text: &str) -> Vec<u8> {
    text.as_bytes()
        .iter()
        .copied()
        .take(MAX_TEXT_BYTES)
        .collect()
}

#[cfg(test)]
mod tests {
    use kith_domain::Decimal;

    use super::*;

    #[test]
    fn keys_sort_as_the_values_do() {
        let numbers = [i64::MIN, -1, 0, 1, i64::MAX];
        let ints: Vec<_> = numbers.iter().map(|n| keys(&Value::Int(*n))).collect();
        assert!(ints.is_sorted());
        let euros = |micros| {
            keys(&Value::Decimal(Decimal {
                micros,
                currency: "EUR".parse().ok(),
            }))
        };
        let euros: Vec<_> = numbers.iter().map(|n| euros(*n)).collect();
        assert!(euros.is_sorted());
        let texts = ["", "A", "a", "ab", "é"];
        let texts: Vec<_> = texts
            .iter()
            .map(|t| keys(&Value::String((*t).into())))
            .collect();
        assert!(texts.is_sorted());
    }
}
