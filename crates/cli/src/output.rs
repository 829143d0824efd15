//! What the program prints: text for people, JSON for machines. Colour only where a terminal shows
//! it; everything can be told apart without it too.

use std::io::{self, Write as _};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use comfy_table::{ContentArrangement, Table, presets};
use kith_domain::{Diagnostic, Severity};
use serde::Serialize;

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Whether machines read it.
    pub(crate) json: bool,
}

impl Output {
    /// Prints a result: as JSON, or as the text that `text` makes.
    pub(crate) fn result(self, value: &impl Serialize, text: impl FnOnce() -> String) -> io::Result<()> {
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

/// A table with this header, no wider than the terminal.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// Findings about definitions files, each with the line at fault and what to do. `text_of` gives a
/// file's text.
pub(crate) fn findings(found: &[Diagnostic], text_of: impl Fn(&str) -> String) -> String {
    let renderer = Renderer::styled().decor_style(DecorStyle::Unicode);
    let mut parts = Vec::new();
    for finding in found {
        let text = text_of(&finding.file);
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let start = finding.span.start.min(text.len());
        let end = finding.span.end.clamp(start, text.len());
        let snippet = Snippet::source(text.as_str())
            .path(finding.file.as_str())
            .annotation(AnnotationKind::Primary.span(start..end));
        let mut group = level.primary_title(finding.message.as_str()).element(snippet);
        if let Some(hint) = &finding.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        parts.push(renderer.render(&[group]).to_string());
    }
    parts.join("\n\n")
}

/// `1 mistake`, `2 mistakes`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}
