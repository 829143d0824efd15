//! Reading TOML tables key by key, so that one mistake does not hide the next: each problem becomes a
//! diagnostic at its own place, and reading goes on.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Span, nearest};

/// Most findings in one file; the last says that there are more.
const MAX_FINDINGS: usize = 200;
const LAST_FINDING: usize = MAX_FINDINGS - 1;
const TOO_MANY: &str = "there is more to mend in this file: mend what is above first";

/// A file being read, and what was found wrong with it.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    pub(super) found: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            found: Vec::new(),
        }
    }

    pub(super) fn error(
        &mut self,
        code: &'static str,
        span: Span,
        message: String,
        hint: impl Into<Option<String>>,
    ) {
        // Each finding counts lines from the start of the file: unbounded, a file of nothing but
        // mistakes would take minutes.
        let (code, message, hint) = match self.found.len() {
            MAX_FINDINGS.. => return,
            LAST_FINDING => ("too-many-findings", TOO_MANY.to_owned(), None),
            _ => (code, message, hint.into()),
        };
        let mut diagnostic = Diagnostic::error(code, self.file, self.text, span, message);
        diagnostic.hint = hint;
        self.found.push(diagnostic);
    }

    /// Parses the file as TOML; what cannot be parsed is reported and the rest is read.
    pub(super) fn parse(&mut self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let span = error.span().unwrap_or_default().into();
            let message = format!("not valid TOML: {}", error.message().trim());
            self.error("toml-syntax", span, message, None);
        }
        table
    }

    /// Reports every key of a table that is not among the known ones.
    pub(super) fn only_keys(&mut self, table: &DeTable<'_>, what: &str, known: &[&str]) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let hint = match nearest(name, known.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("known here: {}", quoted(known)),
            };
            self.error(
                "unknown-key",
                span_of(key),
                format!("{what} has no key `{name}`"),
                hint,
            );
        }
    }

    /// A text at `key`, if there is one; anything else there is reported.
    pub(super) fn string<'t>(
        &mut self,
        table: &'t DeTable<'_>,
        key: &str,
    ) -> Option<(&'t str, Span)> {
        let value = table.get(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "a text in quotes");
        }
        text.map(|text| (text, span_of(value)))
    }

    /// `true` or `false` at `key`; absent is `false`.
    pub(super) fn flag(&mut self, table: &DeTable<'_>, key: &str) -> bool {
        let Some(value) = table.get(key) else {
            return false;
        };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, value, "`true` or `false`");
            false
        })
    }

    /// A list of texts at `key`; absent is empty.
    pub(super) fn strings<'t>(
        &mut self,
        table: &'t DeTable<'_>,
        key: &str,
    ) -> Vec<(&'t str, Span)> {
        let Some(value) = table.get(key) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of texts such as `[\"one\", \"two\"]`");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push((text, span_of(item))),
                None => self.wrong_type(key, item, "a text in quotes"),
            }
        }
        texts
    }

    /// A table at `key`; absent is `None`.
    pub(super) fn table<'t, 'i>(
        &mut self,
        table: &'t DeTable<'i>,
        key: &str,
    ) -> Option<&'t DeTable<'i>> {
        let value = table.get(key)?;
        let inner = value.get_ref().as_table();
        if inner.is_none() {
            self.wrong_type(key, value, "a table");
        }
        inner
    }

    /// One of a closed set of words, read by `FromStr`.
    pub(super) fn word<T: std::str::FromStr>(
        &mut self,
        what: &str,
        (text, span): (&str, Span),
        known: &[&str],
    ) -> Option<T> {
        let word = text.parse().ok();
        if word.is_none() {
            self.unknown_word(what, (text, span), known);
        }
        word
    }

    pub(super) fn unknown_word(&mut self, what: &str, (text, span): (&str, Span), known: &[&str]) {
        let hint = match nearest(text, known.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("use one of {}", quoted(known)),
        };
        self.error("unknown-word", span, format!("`{text}` is no {what}"), hint);
    }

    pub(super) fn wrong_type(&mut self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let found = value.get_ref().type_str();
        self.error(
            "wrong-type",
            span_of(value),
            format!("`{key}` must be {expected}, found {found}"),
            None,
        );
    }
}

pub(super) fn span_of<T>(spanned: &Spanned<T>) -> Span {
    spanned.span().into()
}

pub(super) fn quoted(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
