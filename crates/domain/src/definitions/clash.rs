//! What only shows once all files are read: the same field, name or identifier claimed twice.

use std::collections::{BTreeMap, BTreeSet};

use super::SourceFile;
use super::read::Place;
use crate::catalog::{Entity, EventNames, Field};
use crate::diagnostic::Diagnostic;
use crate::value::FieldType;

/// Finds every clash between fields, and between events.
pub(super) fn find(
    fields: &[(Field, Place)],
    events: &[EventNames],
    files: &[SourceFile],
) -> Vec<Diagnostic> {
    let mut clashes = Clashes {
        files,
        found: Vec::new(),
    };
    clashes.paths(fields);
    clashes.payload_names(fields, events);
    clashes.identifiers(fields);
    clashes.event_names(fields, events);
    clashes.found
}

struct Clashes<'a> {
    files: &'a [SourceFile],
    found: Vec<Diagnostic>,
}

impl Clashes<'_> {
    fn report(&mut self, code: &'static str, place: &Place, message: String, hint: &str) {
        let file = self.files.iter().find(|file| file.path == place.file);
        let text = file.map_or("", |file| file.text.as_str());
        let finding = Diagnostic::error(code, &place.file, text, place.span, message);
        self.found.push(finding.with_hint(hint));
    }

    fn paths(&mut self, fields: &[(Field, Place)]) {
        let mut seen = BTreeSet::new();
        for (field, place) in fields {
            if !seen.insert(&field.path) {
                let message = format!("field `{}` is defined twice", field.path);
                let hint =
                    "an event and another event's property may have the same path: rename one";
                self.report("duplicate-field", place, message, hint);
            }
        }
    }

    /// Within one entity, or one event, a name in payloads means one field.
    fn payload_names(&mut self, fields: &[(Field, Place)], events: &[EventNames]) {
        let occurrences: BTreeSet<_> = events.iter().map(|event| &*event.name).collect();
        let named: Vec<_> = fields
            .iter()
            .filter(|(field, _)| {
                field.entity != Entity::Event || !occurrences.contains(field.path.key())
            })
            .filter_map(|(field, place)| {
                let (scope, own) = field.path.as_str().rsplit_once('.')?;
                Some((field, place, scope, own))
            })
            .collect();
        // A field's own key comes before any other field's further name for it.
        let mut seen: BTreeMap<_, _> = named
            .iter()
            .map(|(field, _, scope, own)| ((*scope, *own), &field.path))
            .collect();
        for (field, place, scope, _) in &named {
            for name in &field.traits {
                let other = *seen.entry((scope, name)).or_insert(&field.path);
                if *other != field.path {
                    let message = format!("`{name}` already means `{other}` in payloads");
                    let hint = "remove it from one of the two fields";
                    self.report("duplicate-trait", place, message, hint);
                }
            }
        }
    }

    fn identifiers(&mut self, fields: &[(Field, Place)]) {
        let mut seen = BTreeMap::new();
        for (field, place) in fields {
            let Some(kind) = field.identifier else {
                continue;
            };
            if let Some(other) = seen.insert(kind, &field.path) {
                let message =
                    format!("identifiers of type `{kind}` are already shown by `{other}`");
                self.report(
                    "duplicate-identifier",
                    place,
                    message,
                    "one field shows one type",
                );
            }
            let root = kind.root_kind().as_str();
            if root != field.entity.as_str() {
                let message = format!("`{kind}` belongs to `{root}`, not to `{}`", field.entity);
                let hint = "move the field, or remove `identifier`";
                self.report("wrong-identifier", place, message, hint);
            }
            if field.ty != FieldType::String {
                let message = format!("`{kind}` is text, and `{}` is {}", field.path, field.ty);
                let hint = "write `type = \"string\"`, or remove `identifier`";
                self.report("wrong-identifier", place, message, hint);
            }
        }
    }

    fn event_names(&mut self, fields: &[(Field, Place)], events: &[EventNames]) {
        let mut seen: BTreeMap<_, _> = events.iter().map(|it| (&*it.name, &*it.name)).collect();
        for event in events {
            for alias in &event.aliases {
                let other = *seen.entry(alias).or_insert(&event.name);
                if other == &*event.name {
                    continue;
                }
                let path = format!("event.{}", event.name);
                let place = fields.iter().find(|(field, _)| field.path.as_str() == path);
                if let Some((_, place)) = place {
                    let message = format!("`{alias}` already means the event `{other}`");
                    let hint = "remove the alias from one of the two events";
                    self.report("duplicate-alias", place, message, hint);
                }
            }
        }
    }
}
