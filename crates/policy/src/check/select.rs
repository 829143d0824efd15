//! The fields that a statement speaks of.

use std::collections::BTreeSet;

use kith_domain::diagnostic::nearest;
use kith_domain::{Entity, FieldIdx, Purpose, Sensitivity, Span};

use super::Checker;
use crate::ast::{Op, Selector, Spanned};
use crate::parser::quoted;

impl Checker<'_> {
    /// Every field that one of the selectors names, in order of path.
    pub(super) fn select(&mut self, selectors: &[Spanned<Selector>]) -> Vec<FieldIdx> {
        let mut selected = BTreeSet::new();
        for selector in selectors {
            let span = selector.span;
            match &selector.node {
                Selector::Field(path) => match self.catalog.find(path) {
                    Some(field) => {
                        selected.insert(field);
                    }
                    None => self.unknown_field(path, span),
                },
                Selector::Under(prefix) => selected.extend(self.under(prefix, span)),
                Selector::Tag(tag) => selected.extend(self.tagged(tag, span)),
                Selector::Sensitivity(op, level) => {
                    selected.extend(self.as_sensitive(*op, level, span));
                }
            }
        }
        selected.into_iter().collect()
    }

    fn under(&mut self, prefix: &str, span: Span) -> Vec<FieldIdx> {
        let start = format!("{prefix}.");
        let fields: Vec<_> = self
            .catalog
            .iter()
            .filter(|(_, field)| field.path.as_str().starts_with(&start))
            .map(|(idx, _)| idx)
            .collect();
        if !fields.is_empty() {
            return fields;
        }
        if prefix.parse::<Entity>().is_ok() {
            let message = format!("the catalog has no field of a {prefix}");
            let hint = "this statement does nothing until there is one".to_owned();
            self.warn("empty-selector", span, message, hint);
        } else if self.catalog.find(prefix).is_some() {
            let message = format!("`{prefix}` has no fields below it");
            self.report("unknown-field", span, message, format!("write `{prefix}`"));
        } else {
            let mut known: Vec<_> = Entity::ALL.map(Entity::as_str).into();
            let events: Vec<_> = self
                .catalog
                .events()
                .iter()
                .map(|event| format!("event.{}", event.name))
                .collect();
            known.extend(events.iter().map(String::as_str));
            let hint = match nearest(prefix, known.iter().copied()) {
                Some(close) => format!("did you mean `{close}.*`?"),
                None => format!(
                    "write one of {} before `.*`",
                    quoted(&Entity::ALL.map(Entity::as_str))
                ),
            };
            self.report(
                "unknown-field",
                span,
                format!("nothing is named `{prefix}.*`"),
                hint,
            );
        }
        Vec::new()
    }

    fn tagged(&mut self, tag: &str, span: Span) -> Vec<FieldIdx> {
        let fields: Vec<_> = self
            .catalog
            .iter()
            .filter(|(_, field)| field.tags.iter().any(|known| **known == *tag))
            .map(|(idx, _)| idx)
            .collect();
        if fields.is_empty() && !tag.is_empty() {
            let tags: BTreeSet<&str> = self
                .catalog
                .fields()
                .iter()
                .flat_map(|field| field.tags.iter().map(|tag| &**tag))
                .collect();
            let hint = match nearest(tag, tags.iter().copied()) {
                Some(close) => format!("did you mean `tag:{close}`?"),
                None if tags.is_empty() => "no field has a tag yet".to_owned(),
                None => {
                    let known: Vec<_> = tags.iter().copied().take(10).collect();
                    format!("known tags are {}", quoted(&known))
                }
            };
            self.report(
                "unknown-tag",
                span,
                format!("no field has the tag `{tag}`"),
                hint,
            );
        }
        fields
    }

    fn as_sensitive(&mut self, op: Op, level: &str, span: Span) -> Vec<FieldIdx> {
        let Ok(level) = level.parse::<Sensitivity>() else {
            let known = Sensitivity::ALL.map(Sensitivity::as_str);
            let hint = match nearest(level, known) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("use one of {}", quoted(&known)),
            };
            self.report(
                "unknown-word",
                span,
                format!("`{level}` is no sensitivity"),
                hint,
            );
            return Vec::new();
        };
        self.catalog
            .iter()
            .filter(|(_, field)| op.accepts(field.sensitivity.cmp(&level)))
            .map(|(idx, _)| idx)
            .collect()
    }

    /// A selector or an operand that names no field.
    pub(super) fn unknown_field(&mut self, path: &str, span: Span) {
        let fields = self
            .catalog
            .fields()
            .iter()
            .map(|field| field.path.as_str());
        let hint = if path.parse::<Purpose>().is_ok() {
            "this is a purpose: `allow` and `forbid` take purposes, here stand fields".to_owned()
        } else if let Some(close) = nearest(path, fields) {
            format!("did you mean `{close}`?")
        } else if let Some(full) = self.with_key(path) {
            format!("did you mean `{full}`?")
        } else if path.parse::<Entity>().is_ok() {
            format!("write `{path}.*` for all of its fields")
        } else {
            "add it to the catalog first, or look up how it is written there".to_owned()
        };
        self.report(
            "unknown-field",
            span,
            format!("the catalog has no field `{path}`"),
            hint,
        );
    }

    /// The only field whose last part is this word.
    pub(super) fn with_key(&self, word: &str) -> Option<String> {
        let mut fields = self
            .catalog
            .fields()
            .iter()
            .filter(|field| field.path.key() == word && field.entity != Entity::Event);
        let first = fields.next()?;
        fields.next().is_none().then(|| first.path.to_string())
    }
}
