//! Search: the roots of a kind of which every word of a question begins a word that the index holds. What
//! comes out are candidates; the policy decides on each.

use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;
use kith_policy::predicate::{Predicate, RowPredicate};

use crate::db::param::Param;
use crate::predicate::{Bound, Sql};
use crate::profiles::{Profile, ProfileId, read_profile};
use crate::{StoreError, Tx};

/// Entries of a word that are counted at most, to begin with the rarest.
const MOST_COUNTED: u32 = 10_000;

/// Which roots.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// The rows of a plan.
    pub rows: &'q RowPredicate,
    /// The time of the request.
    pub now: Timestamp,
    /// The fields whose words are searched; at least one.
    pub fields: &'q [Searched],
    /// Each must begin a word of one of the fields; at least one.
    pub words: &'q [String],
}

/// One field whose words are searched.
#[derive(Debug, Clone)]
pub struct Searched {
    /// The name under which the index holds its words: see [`crate::field_index`].
    pub name: String,
    /// Where the field counts, as far as a row alone tells.
    pub shown: Predicate,
}

/// The first candidates in no order. One statement, or two if there are several words.
///
/// # Errors
/// If the database fails.
pub async fn candidates<Id: ProfileId>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    question: Question<'_>,
    limit: u32,
) -> Result<Vec<Profile<Id>>, StoreError> {
    let first = rarest(tx, ws, question).await?;
    let mut sql = Sql::new(tx.engine(), ws.0.cast_signed(), question.now);
    let text = candidates_sql(&mut sql, Id::TABLE, question, first, limit);
    ask(tx, &text, &sql.params)
        .await?
        .iter()
        .map(|row| read_profile(&mut row.columns(Id::TABLE)))
        .collect()
}

/// The place of the word that begins the fewest words of the index.
async fn rarest(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    question: Question<'_>,
) -> Result<usize, StoreError> {
    if question.words.len() < 2 {
        return Ok(0);
    }
    let mut sql = Sql::new(tx.engine(), ws.0.cast_signed(), question.now);
    let counts: Vec<String> = question
        .words
        .iter()
        .map(|word| {
            let entries = entries(&mut sql, "x", question.fields, word);
            format!(
                "(SELECT count(*) FROM (SELECT 1 FROM field_index AS x WHERE {entries} \
                 LIMIT {MOST_COUNTED}) AS c)"
            )
        })
        .collect();
    let rows = ask(tx, &format!("SELECT {}", counts.join(",\n  ")), &sql.params).await?;
    let counts = rows.first().map_or_else(
        || Ok(Vec::new()),
        |row| row.columns("field_index").ints("count"),
    )?;
    let rarest = counts.iter().enumerate().min_by_key(|(_, count)| **count);
    Ok(rarest.map_or(0, |(place, _)| place))
}

fn candidates_sql(
    sql: &mut Sql,
    table: &str,
    question: Question<'_>,
    first: usize,
    limit: u32,
) -> String {
    let Question {
        rows,
        fields,
        words,
        ..
    } = question;
    let along = words.get(first).map_or("", String::as_str);
    let along = entries(sql, "i", fields, along);
    let mut parts = vec!["a.workspace = ?1".to_owned(), "a.id = w.id".to_owned()];
    // Where a field is shown, only the row tells: then the first word is asked for once more.
    let is_always = |field: &Searched| field.shown == Predicate::Always;
    let is_shown_everywhere = fields.iter().all(is_always);
    for (place, word) in words.iter().enumerate() {
        if place != first || !is_shown_everywhere {
            let mut entry = entries(sql, "x", fields, word);
            if !is_shown_everywhere {
                let shown = fields.iter().map(|field| {
                    let name = sql.bind(Bound::Text(field.name.clone()));
                    format!("(x.field = {name} AND {})", sql.predicate(&field.shown))
                });
                let shown: Vec<String> = shown.collect();
                entry = format!("{entry} AND ({})", shown.join(" OR "));
            }
            parts.push(format!(
                "EXISTS (SELECT 1 FROM field_index AS x WHERE {entry} AND x.id = w.id)"
            ));
        }
    }
    for conjunct in &rows.all {
        parts.push(sql.predicate(conjunct));
    }
    let limit = sql.bind(Bound::Int(limit.into()));
    format!(
        "SELECT a.id, a.created_at, a.updated_at, a.fields, a.provenance\n\
         FROM (SELECT DISTINCT i.id FROM field_index AS i WHERE {along}) AS w CROSS JOIN {table} AS a\n\
         WHERE {}\nLIMIT {limit}",
        parts.join("\n  AND ")
    )
}

/// The conditions on an entry `name` of the index: a word of one of the fields that begins so.
fn entries(sql: &mut Sql, name: &str, fields: &[Searched], word: &str) -> String {
    let names: Vec<String> = fields
        .iter()
        .map(|field| sql.bind(Bound::Text(field.name.clone())))
        .collect();
    let from = sql.bind(Bound::Bytes(word.as_bytes().to_vec()));
    // No text holds this byte, so it stands behind all that begin so.
    let behind = word.bytes().chain([u8::MAX]).collect();
    let behind = sql.bind(Bound::Bytes(behind));
    format!(
        "{name}.workspace = ?1 AND {name}.field IN ({}) AND {name}.value >= {from} AND {name}.value < {behind}",
        names.join(", ")
    )
}

async fn ask(
    tx: &mut Tx<'_>,
    text: &str,
    params: &[Bound],
) -> Result<Vec<crate::db::row::Row>, StoreError> {
    let params: Vec<Param<'_>> = params.iter().map(Bound::param).collect();
    tx.query_once(text, &params).await
}
