//! From which end a question is asked: along the accounts, or along the index of one filterable field.
//!
//! Neither engine knows how often a field has a value: SQLite keeps no statistics, and PostgreSQL has none
//! for single fields. So the rarest is looked for first, counting a few entries of each; every other test
//! that the index answers is then a look-up for each row.

use std::collections::BTreeSet;

use kith_domain::Timestamp;
use kith_policy::predicate::{Column, Predicate, RowPredicate};

use super::Sql;
use super::index::IndexTest;

/// As many entries of the index are read as soon as a page of rows by the order of their ids.
pub(crate) const RARE: i64 = 1_000;

/// What the rows of a question are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// The first ones in the order of their ids.
    Page,
    /// All of them, to be put in another order or counted.
    All,
}

/// The conjuncts of a question, parted by who answers them.
pub(crate) struct Access<'p> {
    indexed: Vec<IndexTest>,
    rest: Vec<&'p Predicate>,
    /// The place among `indexed` of the test along whose entries the rows are found.
    along: Option<usize>,
}

impl<'p> Access<'p> {
    pub(crate) fn new(rows: &'p RowPredicate, now: Timestamp, whole: &BTreeSet<String>) -> Self {
        let is_indexed = |column: &Column| whole.contains(column.path.as_str());
        let (mut indexed, mut rest) = (Vec::new(), Vec::new());
        for conjunct in &rows.all {
            match IndexTest::of(conjunct, now, &is_indexed) {
                Some(test) => indexed.push(test),
                None => rest.push(conjunct),
            }
        }
        Self {
            indexed,
            rest,
            along: None,
        }
    }

    /// The tests whose entries may be walked along: each row comes once.
    fn walkable(&self) -> impl Iterator<Item = (usize, &IndexTest)> {
        let tests = self.indexed.iter().enumerate();
        tests.filter(|(_, test)| test.is_single)
    }

    /// Whether the entries must be counted before [`Access::choose`]. It depends on the question alone.
    pub(crate) fn asks(&self, probe: Probe) -> bool {
        match self.walkable().count() {
            0 => false,
            1 => probe == Probe::Page && self.walkable().any(|(_, test)| !test.is_one_key()),
            _ => true,
        }
    }

    /// Chooses the way, given how many entries each walkable test has, up to [`RARE`] and one more.
    pub(crate) fn choose(&mut self, probe: Probe, counts: &[i64]) {
        let counted = || {
            let counts = counts.iter().copied().chain(std::iter::repeat(RARE + 1));
            self.walkable().zip(counts)
        };
        let rarest = counted()
            .filter(|(_, count)| *count <= RARE)
            .min_by_key(|(_, count)| *count)
            .map(|((place, _), _)| place);
        let ordered = || self.walkable().find(|(_, test)| test.is_one_key());
        let any = || self.walkable().next().filter(|_| probe == Probe::All);
        self.along = rarest.or_else(|| ordered().or_else(any).map(|(place, _)| place));
    }

    /// The name of the rows' id.
    pub(crate) fn id(&self) -> &'static str {
        if self.along.is_some() { "i.id" } else { "a.id" }
    }

    /// `FROM … WHERE …`. The rows' values are `a`, which is left out if nobody asks for it.
    pub(crate) fn render(&self, sql: &mut Sql, wants_values: bool) -> String {
        let id = self.id();
        let along = self.along.and_then(|place| self.indexed.get(place));
        let needs_account = wants_values || along.is_none() || !self.rest.is_empty();
        let mut tables = Vec::new();
        let mut parts = Vec::new();
        if let Some(test) = along {
            tables.push("field_index AS i");
            parts.push(test.render(sql, "i"));
        }
        if needs_account {
            tables.push("account AS a");
            parts.push("a.workspace = ?1".to_owned());
            if along.is_some() {
                parts.push("a.id = i.id".to_owned());
            }
        }
        for (place, test) in self.indexed.iter().enumerate() {
            if Some(place) != self.along {
                let entry = test.render(sql, "x");
                parts.push(format!(
                    "EXISTS (SELECT 1 FROM field_index AS x WHERE {entry} AND x.id = {id})"
                ));
            }
        }
        for conjunct in &self.rest {
            parts.push(sql.predicate(conjunct));
        }
        format!(
            "FROM {}\nWHERE {}",
            tables.join(" CROSS JOIN "),
            parts.join("\n  AND ")
        )
    }
}

/// Counts the entries of each walkable test, as far as [`RARE`] and one more: a row of numbers.
pub(crate) fn probes(access: &Access<'_>, sql: &mut Sql) -> String {
    let counts: Vec<_> = access
        .walkable()
        .map(|(_, test)| {
            let entry = test.render(sql, "x");
            format!(
                "(SELECT count(*) FROM (SELECT 1 FROM field_index AS x WHERE {entry} LIMIT {}) AS c)",
                RARE + 1
            )
        })
        .collect();
    format!("SELECT {}", counts.join(",\n  "))
}
