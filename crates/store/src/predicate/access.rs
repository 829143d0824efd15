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
use crate::Engine;

/// What the rows of a question are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// The first ones in the order of their ids.
    Page,
    /// All of them, to be put in another order or counted.
    All,
}

impl Probe {
    /// A test with no more entries than this is rare: as many are read as soon as a page of rows by the order
    /// of their ids, or as a small part of all rows.
    pub(crate) const fn rare(self) -> i64 {
        match self {
            Self::Page => 1_000,
            Self::All => 32_000,
        }
    }
}

/// The conjuncts of a question, parted by who answers them.
pub(crate) struct Access<'p> {
    /// The table of the rows.
    table: &'static str,
    indexed: Vec<IndexTest>,
    rest: Vec<&'p Predicate>,
    way: Way,
}

/// How the rows are found. Tests are named by their place among [`Access::indexed`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// One by one.
    Rows,
    /// Along the entries of one test.
    Along(usize),
    /// Along the entries of several tests of one key each, side by side, where all have the row: all come
    /// in the order of its id.
    Common(Vec<usize>),
}

impl<'p> Access<'p> {
    pub(crate) fn new(
        table: &'static str,
        rows: &'p RowPredicate,
        now: Timestamp,
        whole: &BTreeSet<String>,
    ) -> Self {
        let is_indexed = |column: &Column| whole.contains(column.path.as_str());
        let (mut indexed, mut rest) = (Vec::new(), Vec::new());
        for conjunct in &rows.all {
            match IndexTest::of(conjunct, now, &is_indexed) {
                Some(test) => indexed.push(test),
                None => rest.push(conjunct),
            }
        }
        Self {
            table,
            indexed,
            rest,
            way: Way::Rows,
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

    /// Chooses the way, given how many entries each walkable test has, as
    /// far as [`Probe::rare`] and one more.
    ///
    /// All rows of several frequent keys are found by walking the entries of all keys at once: that reads
    /// more entries than looking up each of one key among the others, but reads them in order. PostgreSQL
    /// joins them by itself.
    pub(crate) fn choose(&mut self, engine: Engine, probe: Probe, counts: &[i64]) {
        let counted = || {
            let counts = counts
                .iter()
                .copied()
                .chain(std::iter::repeat(probe.rare() + 1));
            self.walkable().zip(counts)
        };
        let rarest = counted()
            .filter(|(_, count)| *count <= probe.rare())
            .min_by_key(|(_, count)| *count)
            .map(|((place, _), _)| place);
        let keys = || self.walkable().filter(|(_, test)| test.is_one_key());
        let common = || {
            let places: Vec<_> = keys().map(|(place, _)| place).collect();
            let helps = engine == Engine::Sqlite && probe == Probe::All && places.len() > 1;
            helps.then_some(Way::Common(places))
        };
        let any = || self.walkable().next().filter(|_| probe == Probe::All);
        let along = |(place, _)| Way::Along(place);
        self.way = rarest
            .map(Way::Along)
            .or_else(common)
            .or_else(|| keys().next().or_else(any).map(along))
            .unwrap_or(Way::Rows);
    }

    /// The name of the rows' id.
    pub(crate) fn id(&self) -> &'static str {
        match self.way {
            Way::Rows => "a.id",
            Way::Along(_) | Way::Common(_) => "i.id",
        }
    }

    /// `FROM … WHERE …`. The rows' values are `a`, which is left out if nobody asks for it.
    pub(crate) fn render(&self, sql: &mut Sql, wants_values: bool) -> String {
        let id = self.id();
        let needs_account = wants_values || self.way == Way::Rows || !self.rest.is_empty();
        let (mut tables, mut parts) = (Vec::new(), Vec::new());
        let test = |place: &usize| self.indexed.get(*place);
        match &self.way {
            Way::Rows => {}
            Way::Along(place) => {
                tables.push("field_index AS i".to_owned());
                parts.extend(test(place).map(|test| test.render(sql, "i")));
            }
            Way::Common(places) => {
                let tests = places.iter().filter_map(test);
                let entries: Vec<_> = tests
                    .map(|test| {
                        let entry = test.render(sql, "x");
                        format!("SELECT x.id FROM field_index AS x WHERE {entry}")
                    })
                    .collect();
                // Without a limit SQLite leaves the order out, and with it the walk side by side.
                tables.push(format!(
                    "({}\n  ORDER BY 1 LIMIT -1) AS i",
                    entries.join("\n  INTERSECT ")
                ));
            }
        }
        if needs_account {
            if self.way != Way::Rows {
                parts.push("a.id = i.id".to_owned());
            }
            tables.push(format!("{} AS a", self.table));
            parts.push("a.workspace = ?1".to_owned());
        }
        for (place, test) in self.indexed.iter().enumerate() {
            if !self.walks(place) {
                let entry = test.render(sql, "x");
                parts.push(format!(
                    "EXISTS (SELECT 1 FROM field_index AS x WHERE {entry} AND x.id = {id})"
                ));
            }
        }
        for conjunct in &self.rest {
            parts.push(sql.predicate(conjunct));
        }
        let mut from = format!("FROM {}", tables.join(" CROSS JOIN "));
        if !parts.is_empty() {
            from.push_str("\nWHERE ");
            from.push_str(&parts.join("\n  AND "));
        }
        from
    }

    /// Whether the way goes along a test's entries, so that it need not be asked again.
    fn walks(&self, place: usize) -> bool {
        match &self.way {
            Way::Rows => false,
            Way::Along(along) => *along == place,
            Way::Common(places) => places.contains(&place),
        }
    }
}

/// Counts the entries of each walkable test, as far as they are [`Probe::rare`] and one more: a row of
/// numbers.
pub(crate) fn probes(access: &Access<'_>, sql: &mut Sql, probe: Probe) -> String {
    let counts: Vec<_> = access
        .walkable()
        .map(|(_, test)| {
            let entry = test.render(sql, "x");
            format!(
                "(SELECT count(*) FROM (SELECT 1 FROM field_index AS x WHERE {entry} LIMIT {}) AS c)",
                probe.rare() + 1
            )
        })
        .collect();
    format!("SELECT {}", counts.join(",\n  "))
}
