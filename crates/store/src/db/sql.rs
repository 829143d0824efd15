//! One SQL text for both engines. It is written with `?1` and, for bulk statements, with `{rows}`,
//! and rewritten once per engine.
//!
//! `{rows}` stands for a relation named `r` that holds the rows of a bulk statement. PostgreSQL gets
//! them all at once, as arrays; SQLite runs the prepared statement once per row.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::RwLock;

use super::Engine;

/// Most texts that are kept: far more than this crate has, so only a mistake can reach it.
const MAX_TEXTS: usize = 4_096;

/// A column of `{rows}`.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    array: &'static str,
}

/// A column of numbers, times or flags.
pub(crate) const fn int(name: &'static str) -> Column {
    Column {
        name,
        array: "bigint[]",
    }
}

/// A column of text.
pub(crate) const fn text(name: &'static str) -> Column {
    Column {
        name,
        array: "text[]",
    }
}

/// A column of ids or hashes.
pub(crate) const fn bytes(name: &'static str) -> Column {
    Column {
        name,
        array: "bytea[]",
    }
}

/// A column of JSON.
pub(crate) const fn json(name: &'static str) -> Column {
    Column {
        name,
        array: "jsonb[]",
    }
}

/// The rewritten texts of one engine.
pub(crate) struct SqlCache {
    pub(super) engine: Engine,
    texts: RwLock<HashMap<Box<str>, Arc<str>>>,
}

impl SqlCache {
    pub(super) fn new(engine: Engine) -> Self {
        Self {
            engine,
            texts: RwLock::default(),
        }
    }

    /// The text of a plain statement.
    pub(super) fn plain(&self, sql: &str) -> Arc<str> {
        self.cached(sql, |engine| match engine {
            Engine::Sqlite => sql.to_owned(),
            Engine::Postgres => dollars(sql),
        })
    }

    /// The text of a bulk statement: `shared` parameters come first, then the columns.
    pub(super) fn bulk(&self, sql: &str, shared: usize, columns: &[Column]) -> Arc<str> {
        self.cached(sql, |engine| match engine {
            Engine::Sqlite => sql.replace("{rows}", &one_row(shared, columns)),
            Engine::Postgres => dollars(&sql.replace("{rows}", &all_rows(shared, columns))),
        })
    }

    fn cached(&self, sql: &str, rewrite: impl FnOnce(Engine) -> String) -> Arc<str> {
        if let Some(text) = self.texts.read().get(sql) {
            return Arc::clone(text);
        }
        let text: Arc<str> = rewrite(self.engine).into();
        let mut texts = self.texts.write();
        if texts.len() >= MAX_TEXTS {
            texts.clear();
        }
        texts.insert(sql.into(), Arc::clone(&text));
        text
    }
}

/// `(SELECT ?2 AS node, ?3 AS value) AS r`.
fn one_row(shared: usize, columns: &[Column]) -> String {
    let mut out = String::from("(SELECT ");
    for (number, column) in (shared + 1..).zip(columns) {
        let comma = if number == shared + 1 { "" } else { ", " };
        let _ = write!(out, "{comma}?{number} AS {}", column.name);
    }
    out.push_str(") AS r");
    out
}

/// `UNNEST(?2::bytea[], ?3::text[]) AS r(node, value)`.
fn all_rows(shared: usize, columns: &[Column]) -> String {
    let arrays: Vec<_> = (shared + 1..)
        .zip(columns)
        .map(|(number, column)| format!("?{number}::{}", column.array))
        .collect();
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    format!("UNNEST({}) AS r({})", arrays.join(", "), names.join(", "))
}

/// `?1` becomes `$1`. The crate's SQL has no `?` of another meaning.
pub(super) fn dollars(sql: &str) -> String {
    sql.replace('?', "$")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "UPDATE t SET v = r.v FROM {rows} WHERE w = ?1 AND t.id = r.id";

    #[test]
    fn one_text_becomes_the_text_of_each_engine() {
        let columns = [bytes("id"), text("v")];
        assert_eq!(
            &*SqlCache::new(Engine::Sqlite).bulk(SQL, 1, &columns),
            "UPDATE t SET v = r.v FROM (SELECT ?2 AS id, ?3 AS v) AS r WHERE w = ?1 AND t.id = r.id"
        );
        assert_eq!(
            &*SqlCache::new(Engine::Postgres).bulk(SQL, 1, &columns),
            "UPDATE t SET v = r.v FROM UNNEST($2::bytea[], $3::text[]) AS r(id, v) WHERE w = $1 AND t.id = r.id"
        );
    }
}
