//! One SQL text for both engines. It is written with `?1` and, for bulk statements, with `{rows}`,
//! and rewritten once per engine.
//!
//! `{rows}` stands for a relation named `r` that holds the rows of a bulk statement. PostgreSQL gets
//! them all at once, as arrays; SQLite runs the prepared statement once per row, and there the
//! relation is gone from the text: its planner does not see through a subquery of one row, scans the
//! table that is joined to it, and journals an `INSERT … SELECT` as it does not an `INSERT … VALUES`.

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
            Engine::Sqlite => one_row(sql, shared, columns),
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

/// The statement for one row: its columns are parameters, and nothing is selected from it.
fn one_row(sql: &str, shared: usize, columns: &[Column]) -> String {
    let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let sql = (shared + 1..)
        .zip(columns)
        .fold(sql, |sql, (number, column)| {
            with_parameter(&sql, column.name, number)
        });
    let inserts = sql.starts_with("INSERT") && !sql.contains(" GROUP BY ");
    if inserts {
        return sql
            .replacen("SELECT ", "VALUES (", 1)
            .replacen(" FROM {rows} WHERE true", ")", 1)
            .replacen(" FROM {rows}", ")", 1);
    }
    let mut parts = sql.split("{rows} JOIN ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .fold(first, |sql, part| {
            sql + &part.replacen(" ON ", " WHERE ", 1)
        })
        .replace(" FROM {rows}", "")
}

/// `r.name` becomes `?3`, where that is the whole name.
fn with_parameter(sql: &str, name: &str, number: usize) -> String {
    let wanted = format!("r.{name}");
    let in_a_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once(&wanted) {
        let other = before.ends_with(in_a_name) || after.starts_with(in_a_name);
        out.push_str(before);
        if other {
            out.push_str(&wanted);
        } else {
            let _ = write!(out, "?{number}");
        }
        rest = after;
    }
    out + rest
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

    #[test]
    fn one_text_becomes_the_text_of_each_engine() {
        let columns = [bytes("id"), text("v")];
        let check = |sql, sqlite: &str, postgres: &str| {
            let text = |engine| SqlCache::new(engine).bulk(sql, 1, &columns);
            assert_eq!(&*text(Engine::Sqlite), sqlite);
            assert_eq!(&*text(Engine::Postgres), postgres);
        };
        check(
            "UPDATE t SET v = r.v FROM {rows} WHERE w = ?1 AND t.id = r.id",
            "UPDATE t SET v = ?3 WHERE w = ?1 AND t.id = ?2",
            "UPDATE t SET v = r.v FROM UNNEST($2::bytea[], $3::text[]) AS r(id, v) WHERE w = $1 AND t.id = r.id",
        );
        check(
            "INSERT INTO t (w, id, v) SELECT ?1, r.id, r.v FROM {rows} WHERE true ON CONFLICT (id) DO NOTHING",
            "INSERT INTO t (w, id, v) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING",
            "INSERT INTO t (w, id, v) SELECT $1, r.id, r.v FROM UNNEST($2::bytea[], $3::text[]) AS r(id, v) WHERE true ON CONFLICT (id) DO NOTHING",
        );
        check(
            "SELECT t.id FROM {rows} JOIN t ON t.w = ?1 AND t.id = r.id UNION SELECT t.id FROM {rows} JOIN t ON t.v = r.v",
            "SELECT t.id FROM t WHERE t.w = ?1 AND t.id = ?2 UNION SELECT t.id FROM t WHERE t.v = ?3",
            "SELECT t.id FROM UNNEST($2::bytea[], $3::text[]) AS r(id, v) JOIN t ON t.w = $1 AND t.id = r.id UNION SELECT t.id FROM UNNEST($2::bytea[], $3::text[]) AS r(id, v) JOIN t ON t.v = r.v",
        );
        check(
            "SELECT max(r.id) FROM {rows} WHERE true GROUP BY r.v, other.id, r.vs",
            "SELECT max(?2) WHERE true GROUP BY ?3, other.id, r.vs",
            "SELECT max(r.id) FROM UNNEST($2::bytea[], $3::text[]) AS r(id, v) WHERE true GROUP BY r.v, other.id, r.vs",
        );
    }
}
