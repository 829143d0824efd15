//! What the program prints: text for people, JSON for machines. Colour only where a terminal shows
//! it; everything can be told apart without it too.

use std::io::{self, Write as _};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use comfy_table::{
    Attribute, Cell, Color, ContentArrangement, LineStyle, Table, TableStyle, presets,
};
use kith_domain::{Diagnostic, Severity};
use serde::Serialize;

/// Columns where nothing says how wide the terminal is.
const DEFAULT_COLUMNS: u16 = 100;
/// No table is laid out narrower.
const LEAST_COLUMNS: u16 = 72;

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Whether machines read it.
    pub(crate) json: bool,
}

impl Output {
    /// Prints a result: as JSON, or as the text that `text` makes.
    pub(crate) fn result(
        self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> io::Result<()> {
        if self.json {
            let json = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
            return line(&json);
        }
        line(text().trim_end())
    }
}

/// A line to standard output. A closed pipe ends the program quietly, as is the custom.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other,
    }
}

/// A line to standard error. There is nowhere left to report that it failed.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A list as a table that lines up. Ids stay whole, so that they can be copied: a row that is wider
/// than the terminal is for the terminal to wrap.
pub(crate) fn list<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.map(heading));
    for row in rows {
        table.add_row(row.map(|text| crate::show::one_line(&text)));
    }
    finish(table)
}

/// A table whose cells wrap to fit the terminal.
pub(crate) fn fitted() -> Table {
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(columns());
    table
}

/// A header's cell.
pub(crate) fn heading(text: &str) -> Cell {
    Cell::new(text).add_attribute(Attribute::Bold)
}

/// A cell that is dim where there is colour.
pub(crate) fn dim(text: &str) -> Cell {
    if text.is_empty() {
        Cell::new("")
    } else {
        Cell::new(text).fg(Color::DarkGrey)
    }
}

/// Holds two words of a cell on one line.
pub(crate) const GLUE: char = '\u{a0}';

/// The table's text. Colour is taken out again where nothing shows it.
pub(crate) fn finish(mut table: Table) -> String {
    table.enforce_styling();
    table.style_text_only();
    let last = table.column_count().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n").replace(GLUE, " ")
}

/// How wide the terminal is: `COLUMNS` if it is set, as is the custom.
pub(crate) fn columns() -> u16 {
    let set = std::env::var("COLUMNS").ok();
    let set = set.and_then(|text| text.parse().ok());
    set.or_else(|| Table::new().width())
        .unwrap_or(DEFAULT_COLUMNS)
        .max(LEAST_COLUMNS)
}

/// A sentence on lines that fit the terminal, each behind this indent.
pub(crate) fn wrapped(indent: &str, text: &str) -> String {
    let room = usize::from(columns());
    let mut lines = Vec::new();
    let mut line = indent.to_owned();
    for word in text.split(' ') {
        let begun = line.len() > indent.len();
        if begun && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
        } else if begun {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join("\n")
}

/// Findings about definitions files, each with the line at fault and what to do. `text_of` gives a
/// file's text.
pub(crate) fn findings<'a>(found: &[Diagnostic], text_of: impl Fn(&str) -> &'a str) -> String {
    let renderer = Renderer::styled()
        .decor_style(DecorStyle::Unicode)
        .term_width(columns().into());
    let mut parts = Vec::new();
    for finding in found {
        let text = text_of(&finding.file);
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let start = finding.span.start.min(text.len());
        let end = finding.span.end.clamp(start, text.len());
        let path = if finding.file.is_empty() {
            "the folder"
        } else {
            finding.file.as_str()
        };
        let snippet = Snippet::source(text)
            .path(path)
            .annotation(AnnotationKind::Primary.span(start..end));
        let mut group = level
            .primary_title(finding.message.as_str())
            .element(snippet);
        if let Some(hint) = &finding.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        parts.push(renderer.render(&[group]));
    }
    parts.join("\n\n")
}

/// `1 mistake`, `2 mistakes`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}
