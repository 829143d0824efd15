//! The demo's table: one row per field, one column per asker. In each entity the fields that the
//! askers see differently come first.

use std::collections::BTreeMap;

use comfy_table::{Cell, Color, ColumnConstraint, Table};
use kith_engine::{Context, FieldAnswer, Withheld};
use kith_policy::{Reason, ReasonCode};

use super::asks::View;
use crate::commands::context::entities;
use crate::output::{GLUE, columns, dim, finish, fitted, heading};
use crate::show::{HIDDEN, MASKED, field, origin};

/// From this width on there is a column for where a value came from.
const WIDE: u16 = 100;
/// The entities of the table, in order.
const ENTITIES: [&str; 3] = ["account", "person", "role"];

/// One field as one asker gets it.
enum Seen<'a> {
    Answer(&'a FieldAnswer),
    Withheld(&'a Withheld),
}

/// One asker's fields by path.
fn seen(context: &Context) -> BTreeMap<String, Seen<'_>> {
    let answers = entities(context).into_iter().flat_map(|(entity, fields)| {
        fields
            .iter()
            .map(move |(key, answer)| (format!("{entity}.{key}"), Seen::Answer(answer)))
    });
    let withheld = context
        .withheld
        .iter()
        .map(|one| (one.field.to_string(), Seen::Withheld(one)));
    answers.chain(withheld).collect()
}

/// The table's text.
pub(super) fn table(views: &[View]) -> String {
    let columns: Vec<_> = views
        .iter()
        .map(|view| seen(view.answer.answer()))
        .collect();
    let wide = self::columns() >= WIDE;
    let mut table = fitted();
    let mut header = vec![heading("FIELD")];
    header.extend(
        views
            .iter()
            .map(|view| heading(&format!("{}\n{}", view.who, view.how))),
    );
    if wide {
        header.push(heading("SOURCE, AGE"));
    }
    table.set_header(header);
    for entity in ENTITIES {
        add_entity(&mut table, entity, &columns, wide);
    }
    let last = table.column_count().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        // Names and sources stay whole; what is left is for the askers.
        if index == 0 || (wide && index == last) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    finish(table)
}

fn add_entity(table: &mut Table, entity: &str, columns: &[BTreeMap<String, Seen<'_>>], wide: bool) {
    table.add_row([heading(entity)]);
    let prefix = format!("{entity}.");
    let mut paths: Vec<&String> = columns.iter().flat_map(BTreeMap::keys).collect();
    paths.retain(|path| path.starts_with(&prefix));
    paths.sort_unstable();
    paths.dedup();
    let mut rows: Vec<(&String, Vec<String>)> = paths
        .into_iter()
        .map(|path| {
            let texts = columns.iter().map(|column| text(column.get(path)));
            (path, texts.collect())
        })
        .collect();
    rows.sort_by_key(|(_, texts)| {
        texts
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a == b))
    });
    for (path, texts) in rows {
        let key = path.strip_prefix(&prefix).unwrap_or(path);
        let mut row = vec![Cell::new(format!(" {key}"))];
        row.extend(texts.into_iter().map(cell));
        if wide {
            row.push(dim(&source(path, columns).unwrap_or_default()));
        }
        table.add_row(row);
    }
}

fn text(seen: Option<&Seen<'_>>) -> String {
    match seen {
        None => String::new(),
        Some(Seen::Answer(answer)) => field(answer),
        Some(Seen::Withheld(one)) => format!("{HIDDEN}{GLUE}{}", short(&one.reason)),
    }
}

fn cell(text: String) -> Cell {
    let color = if text.starts_with(HIDDEN) {
        Color::Red
    } else if text.starts_with(MASKED) {
        Color::Yellow
    } else {
        return Cell::new_owned(text);
    };
    Cell::new_owned(text).fg(color)
}

/// Where the value came from, by the first answer that tells.
fn source(path: &str, columns: &[BTreeMap<String, Seen<'_>>]) -> Option<String> {
    columns.iter().find_map(|column| match column.get(path)? {
        Seen::Answer(answer) => origin(answer),
        Seen::Withheld(_) => None,
    })
}

/// A reason in a few words; the legend says what they mean, `kith policy explain` all the rest.
fn short(reason: &Reason) -> String {
    let place = reason.statement.as_ref().map(|statement| {
        let file = statement.file.trim_start_matches("policies/");
        format!("{file}:{}", statement.line)
    });
    match (reason.code, place) {
        (ReasonCode::AboveCeiling, _) => "above ceiling".to_owned(),
        (ReasonCode::NotSafe, _) => "not for ai".to_owned(),
        (ReasonCode::Draft, _) => "a draft".to_owned(),
        (_, Some(place)) => place,
        (_, None) => reason.words.clone(),
    }
}
