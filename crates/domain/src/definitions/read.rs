//! From a folder of text files to [`Definitions`], with every mistake reported at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::de::DeTable;

use super::table::{Reader, quoted, span_of};
use super::{
    Accept, Ceilings, Definitions, EDITION, MAX_FIELDS, MAX_FILE_BYTES, MAX_FILES, PolicyFile,
    SourceFile,
};
use super::{cases, clash};
use crate::catalog::{
    Catalog, Entity, EventNames, Field, FieldPath, Lifecycle, MaskKind, SafeFor, Sensitivity,
};
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::identifier::IdentifierType;
use crate::purpose::{Audience, Purpose};
use crate::relation::Relation;
use crate::time::parse_duration;
use crate::value::FieldType;

const FIELD_KEYS: &[&str] = &[
    "type",
    "values",
    "currency",
    "owner",
    "description",
    "sources",
    "traits",
    "identifier",
    "sensitivity",
    "safe_for",
    "mask",
    "freshness",
    "filterable",
    "searchable",
    "tags",
    "lifecycle",
    "examples",
    "accept",
];
/// What answers hold beside the fields of a row.
const RESERVED_KEYS: &[&str] = &["id", "accounts", "withheld"];
const EVENT_KEYS: &[&str] = &[
    "aliases",
    "owner",
    "description",
    "sources",
    "sensitivity",
    "safe_for",
    "mask",
    "tags",
    "lifecycle",
    "examples",
    "accept",
    "properties",
];
const TYPES: &[&str] = &[
    "bool",
    "int",
    "decimal",
    "string",
    "enum",
    "timestamp",
    "duration",
    "strings",
];
const SENSITIVITIES: &[&str] = &["public", "internal", "confidential", "restricted"];

/// Reads the files of a definitions folder.
///
/// # Errors
/// Every mistake in every file, in order of file and position.
pub fn read_folder(
    mut files: Vec<SourceFile>,
) -> Result<(Definitions, Vec<Diagnostic>), Vec<Diagnostic>> {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut draft = Draft::default();
    draft.limits(&files);
    let within_limits = draft.found.is_empty();
    if within_limits {
        for file in &files {
            draft.read_file(file);
        }
        let clashes = clash::find(&draft.fields, &draft.events, &files);
        draft.found.extend(clashes);
        draft.whole();
    }
    draft.fields.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    let (fields, places) = draft.fields.into_iter().unzip();
    let catalog = Catalog::new(fields, draft.events);
    // Mistakes in the catalog would only show again in whatever names its fields.
    let is_error = |finding: &Diagnostic| finding.severity == Severity::Error;
    let is_sound = !draft.found.iter().any(is_error);
    let tests = if within_limits { files.as_slice() } else { &[] };
    let (cases, of_cases) = cases::read(tests, is_sound.then_some(&catalog));
    let mut found = draft.found;
    found.extend(of_cases);
    found.sort_by(|a, b| (&a.file, a.span).cmp(&(&b.file, b.span)));
    if found.iter().any(is_error) {
        return Err(found);
    }
    let definitions = Definitions {
        ceilings: draft.ceilings,
        lookups: draft.lookups,
        catalog,
        places,
        accepts: draft.accepts,
        policies: draft.policies,
        cases,
        files,
    };
    Ok((definitions, found))
}

/// Where something is written, for findings that only show once all files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to the definitions folder.
    pub file: String,
    /// Its name there.
    pub span: Span,
}

#[derive(Debug, Default)]
struct Draft {
    found: Vec<Diagnostic>,
    saw_workspace: bool,
    ceilings: Ceilings,
    lookups: BTreeMap<IdentifierType, BTreeSet<Purpose>>,
    fields: Vec<(Field, Place)>,
    events: Vec<EventNames>,
    accepts: Vec<Accept>,
    policies: Vec<PolicyFile>,
}

impl Draft {
    fn limits(&mut self, files: &[SourceFile]) {
        if files.len() > MAX_FILES {
            let message = format!(
                "{} files; a definitions folder has at most {MAX_FILES}",
                files.len()
            );
            self.found.push(Diagnostic::error(
                "too-many-files",
                "",
                "",
                Span::default(),
                message,
            ));
        }
        for pair in files.windows(2) {
            if let [file, other] = pair
                && file.path == other.path
            {
                let message = "this file is there twice";
                self.found.push(Diagnostic::error(
                    "duplicate-file",
                    &file.path,
                    "",
                    Span::default(),
                    message,
                ));
            }
        }
        for file in files.iter().filter(|file| file.text.len() > MAX_FILE_BYTES) {
            let message = format!(
                "{} bytes; a definitions file has at most {MAX_FILE_BYTES}",
                file.text.len()
            );
            self.found.push(Diagnostic::error(
                "file-too-large",
                &file.path,
                "",
                Span::default(),
                message,
            ));
        }
    }

    /// What can be said of the folder only as a whole.
    fn whole(&mut self) {
        if self.fields.len() > MAX_FIELDS {
            let message = format!(
                "{} fields; a catalog has at most {MAX_FIELDS}",
                self.fields.len()
            );
            let nowhere = Span::default();
            self.found.push(Diagnostic::error(
                "too-many-fields",
                "",
                "",
                nowhere,
                message,
            ));
        }
        if !self.saw_workspace {
            let hint =
                format!("add a file `workspace.toml` that starts with `edition = {EDITION}`");
            let message = "`workspace.toml` is missing";
            let start = Span::default();
            let missing = Diagnostic::error("missing-file", "workspace.toml", "", start, message);
            self.found.push(missing.with_hint(hint));
        }
    }

    fn read_file(&mut self, file: &SourceFile) {
        let mut reader = Reader::new(&file.path, &file.text);
        let entity = file
            .path
            .strip_prefix("fields/")
            .and_then(|name| name.strip_suffix(".toml"));
        match (file.path.as_str(), entity) {
            ("workspace.toml", _) => self.read_workspace(&mut reader),
            ("events.toml", _) => self.read_events(&mut reader),
            (_, Some(name)) => self.read_fields(&mut reader, name),
            (path, None) if is_policy_path(path) => {
                self.policies.push(PolicyFile { path: path.into(), text: file.text.as_str().into() });
            }
            (path, None) if cases::is_test_path(path) => {}
            _ => reader.error(
                "unknown-file",
                Span::default(),
                "not a definitions file".into(),
                "known are `workspace.toml`, `fields/<entity>.toml`, `events.toml`, `policies/<name>.kith` and `tests/<name>.toml`, a name being letters, digits, `-` and `_`".to_owned(),
            ),
        }
        self.found.append(&mut reader.found);
    }

    fn read_workspace(&mut self, reader: &mut Reader<'_>) {
        self.saw_workspace = true;
        let root = reader.parse();
        let table = root.get_ref();
        reader.only_keys(
            table,
            "`workspace.toml`",
            &["edition", "ceilings", "lookups"],
        );
        match table.get("edition") {
            None => reader.error(
                "missing-key",
                Span::default(),
                "`edition` is missing".into(),
                format!("start the file with `edition = {EDITION}`"),
            ),
            Some(value) => {
                let edition = value
                    .get_ref()
                    .as_integer()
                    .and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok());
                if edition != Some(EDITION) {
                    let hint = format!("this Kith reads `edition = {EDITION}`");
                    reader.error(
                        "wrong-edition",
                        span_of(value),
                        "`edition` is not one that is known".into(),
                        hint,
                    );
                }
            }
        }
        if let Some(ceilings) = reader.table(table, "ceilings") {
            self.read_ceilings(reader, ceilings);
        }
        if let Some(lookups) = reader.table(table, "lookups") {
            self.read_lookups(reader, lookups);
        }
    }

    fn read_ceilings(&mut self, reader: &mut Reader<'_>, table: &DeTable<'_>) {
        reader.only_keys(table, "`ceilings`", &Audience::ALL.map(Audience::as_str));
        for audience in Audience::ALL {
            let Some(text) = reader.string(table, audience.as_str()) else {
                continue;
            };
            let Some(level) = reader.word("sensitivity", text, SENSITIVITIES) else {
                continue;
            };
            let ceiling = match audience {
                Audience::Support => &mut self.ceilings.support,
                Audience::Ai => &mut self.ceilings.ai,
                Audience::Reporting => &mut self.ceilings.reporting,
                Audience::Automation => &mut self.ceilings.automation,
            };
            *ceiling = level;
        }
    }

    fn read_lookups(&mut self, reader: &mut Reader<'_>, table: &DeTable<'_>) {
        let types: Vec<_> = IdentifierType::ALL
            .iter()
            .map(|kind| kind.as_str())
            .collect();
        let purposes: Vec<_> = Purpose::ALL
            .iter()
            .map(|purpose| purpose.as_str())
            .collect();
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            let Some(kind) =
                reader.word::<IdentifierType>("identifier type", (name, span_of(key)), &types)
            else {
                continue;
            };
            let words = reader.strings(table, name);
            let consent = words
                .into_iter()
                .filter_map(|word| reader.word("purpose", word, &purposes))
                .collect();
            self.lookups.insert(kind, consent);
        }
    }

    fn read_fields(&mut self, reader: &mut Reader<'_>, name: &str) {
        let entity = match name.parse::<Entity>() {
            Ok(Entity::Event) | Err(()) => {
                let known: Vec<_> = Entity::ALL
                    .iter()
                    .filter(|e| **e != Entity::Event)
                    .map(|e| e.as_str())
                    .collect();
                let message = format!("`{name}` is no entity that has fields of its own");
                let hint = format!(
                    "use one of {}; events are written in `events.toml`",
                    quoted(&known)
                );
                return reader.error("unknown-entity", Span::default(), message, hint);
            }
            Ok(entity) => entity,
        };
        let root = reader.parse();
        for (key, value) in root.get_ref() {
            let Some(table) = value.get_ref().as_table() else {
                reader.wrong_type(key.get_ref(), value, "a table that describes a field");
                continue;
            };
            if let Some(path) = self.path(reader, entity, key.get_ref(), span_of(key)) {
                reader.only_keys(table, &format!("field `{path}`"), FIELD_KEYS);
                let ty = read_type(reader, table, &path, span_of(key));
                self.read_field(reader, entity, path, ty, table, span_of(key));
            }
        }
    }

    fn read_events(&mut self, reader: &mut Reader<'_>) {
        let root = reader.parse();
        for (key, value) in root.get_ref() {
            let name = key.get_ref().as_ref();
            let Some(table) = value.get_ref().as_table() else {
                reader.wrong_type(name, value, "a table that describes an event");
                continue;
            };
            if let Some(inner) = unquoted_name(table) {
                let hint = format!("put its name in quotes: `[\"{name}.{inner}\"]`");
                let message = format!("`{name}.{inner}` is read as a table within a table");
                reader.error("unquoted-name", span_of(key), message, hint);
                continue;
            }
            let Some(path) = self.path(reader, Entity::Event, name, span_of(key)) else {
                continue;
            };
            reader.only_keys(table, &format!("event `{name}`"), EVENT_KEYS);
            self.read_field(
                reader,
                Entity::Event,
                path,
                Some(FieldType::Bool),
                table,
                span_of(key),
            );
            let aliases = words(reader.strings(table, "aliases"));
            let keys = self.read_properties(reader, name, table);
            self.events.push(EventNames {
                name: name.into(),
                aliases,
                properties: keys,
            });
        }
    }

    fn read_properties(
        &mut self,
        reader: &mut Reader<'_>,
        event: &str,
        table: &DeTable<'_>,
    ) -> Vec<Arc<str>> {
        let mut keys = Vec::new();
        let Some(properties) = reader.table(table, "properties") else {
            return keys;
        };
        for (key, value) in properties {
            let Some(property) = value.get_ref().as_table() else {
                reader.wrong_type(key.get_ref(), value, "a table that describes a property");
                continue;
            };
            let name = format!("{event}.{}", key.get_ref());
            let Some(path) = self.path(reader, Entity::Event, &name, span_of(key)) else {
                continue;
            };
            reader.only_keys(property, &format!("property `{path}`"), FIELD_KEYS);
            let ty = read_type(reader, property, &path, span_of(key));
            self.read_field(reader, Entity::Event, path, ty, property, span_of(key));
            keys.push(key.get_ref().as_ref().into());
        }
        keys
    }

    fn path(
        &self,
        reader: &mut Reader<'_>,
        entity: Entity,
        key: &str,
        span: Span,
    ) -> Option<FieldPath> {
        let path = FieldPath::new(entity, key);
        if path.is_none() {
            let hint = if entity == Entity::Event {
                "write camelCase words joined by points, such as `checkout.failed`"
            } else {
                "write one camelCase word, such as `privateRevenue`"
            };
            reader.error(
                "malformed-key",
                span,
                format!("`{key}` cannot name a field"),
                hint.to_owned(),
            );
        }
        if RESERVED_KEYS.contains(&key) && entity != Entity::Event {
            reader.error(
                "reserved-key",
                span,
                format!("`{key}` stands beside the fields in every answer"),
                "name the field for what it holds, such as `customerId`".to_owned(),
            );
        }
        let is_relation =
            |path: &FieldPath| entity != Entity::Event && Relation::named(path.as_str()).is_some();
        if let Some(path) = path.as_ref().filter(|path| is_relation(path)) {
            reader.error(
                "reserved-key",
                span,
                format!("`{path}` is the relation between the two, not a field"),
                "name the field for what it holds, such as `companyName`".to_owned(),
            );
        }
        path
    }

    fn read_field(
        &mut self,
        reader: &mut Reader<'_>,
        entity: Entity,
        path: FieldPath,
        ty: Option<FieldType>,
        table: &DeTable<'_>,
        span: Span,
    ) {
        let lifecycle = reader.string(table, "lifecycle");
        let lifecycle = lifecycle.and_then(|text| {
            reader.word("lifecycle", text, &Lifecycle::ALL.map(Lifecycle::as_str))
        });
        let lifecycle = lifecycle.unwrap_or(Lifecycle::Active);
        let owner = self.required(reader, table, "owner", &path, span, lifecycle);
        let description = self.required(reader, table, "description", &path, span, lifecycle);
        let sensitivity = match reader.string(table, "sensitivity") {
            Some(text) => reader.word("sensitivity", text, SENSITIVITIES),
            None => {
                let message = format!("field `{path}` says no `sensitivity`");
                reader.error(
                    "missing-key",
                    span,
                    message,
                    format!("use one of {}", quoted(SENSITIVITIES)),
                );
                None
            }
        };
        let mask = reader.string(table, "mask");
        let mask =
            mask.and_then(|text| reader.word("mask", text, &MaskKind::ALL.map(MaskKind::as_str)));
        let identifiers: Vec<_> = IdentifierType::ALL
            .iter()
            .map(|kind| kind.as_str())
            .collect();
        let identifier = reader.string(table, "identifier");
        let identifier =
            identifier.and_then(|text| reader.word("identifier type", text, &identifiers));
        let freshness = reader.string(table, "freshness").and_then(|(text, at)| {
            let micros = parse_duration(text).filter(|micros| *micros > 0);
            if micros.is_none() {
                let message = format!("`{text}` is no length of time");
                reader.error(
                    "malformed-duration",
                    at,
                    message,
                    "write `30 days` or `15 minutes`".to_owned(),
                );
            }
            micros
        });
        let safe_for = reader.strings(table, "safe_for");
        let safe_for: SafeFor = safe_for
            .into_iter()
            .filter_map(|text| {
                reader.word::<Audience>("audience", text, &Audience::ALL.map(Audience::as_str))
            })
            .collect();
        let searchable = reader.flag(table, "searchable");
        let has_words = ty.as_ref().is_none_or(|ty| *ty == FieldType::String);
        if searchable && !(has_words && entity.root_kind().is_some()) {
            let hint = "set it on a text that people search by, such as a name".to_owned();
            reader.error(
                "misplaced-key",
                span,
                format!("`{path}` is no text of its own row, so it cannot be `searchable`"),
                hint,
            );
        }
        self.read_accepts(reader, &path, table);
        let field = Field {
            entity,
            ty: ty.unwrap_or(FieldType::String),
            owner,
            description,
            sources: words(reader.strings(table, "sources")),
            traits: words(reader.strings(table, "traits")),
            identifier,
            sensitivity: sensitivity.unwrap_or(Sensitivity::Restricted),
            safe_for,
            mask: mask.unwrap_or(MaskKind::Redact),
            freshness,
            filterable: reader.flag(table, "filterable"),
            searchable,
            tags: words(reader.strings(table, "tags")),
            lifecycle,
            examples: words(reader.strings(table, "examples")),
            path,
        };
        self.fields.push((
            field,
            Place {
                file: reader.file.to_owned(),
                span,
            },
        ));
    }

    /// What is accepted of a field, each with its reason.
    fn read_accepts(&mut self, reader: &mut Reader<'_>, path: &FieldPath, table: &DeTable<'_>) {
        let Some(accept) = reader.table(table, "accept") else {
            return;
        };
        let mut accepts = Vec::new();
        for key in accept.keys() {
            let lint = key.get_ref().as_ref();
            if let Some((reason, _)) = reader.string(accept, lint) {
                accepts.push(Accept {
                    field: path.clone(),
                    lint: lint.into(),
                    reason: reason.trim().into(),
                    place: Place {
                        file: reader.file.to_owned(),
                        span: span_of(key),
                    },
                });
            }
        }
        accepts.sort_by_key(|accept| accept.place.span);
        self.accepts.append(&mut accepts);
    }

    fn required(
        &self,
        reader: &mut Reader<'_>,
        table: &DeTable<'_>,
        key: &str,
        path: &FieldPath,
        span: Span,
        lifecycle: Lifecycle,
    ) -> Arc<str> {
        let text = reader.string(table, key).map(|(text, _)| text.trim());
        // What is there and no text was reported as that already.
        let is_missing = text.is_some_and(str::is_empty) || !table.contains_key(key);
        let text = text.unwrap_or("");
        if is_missing && lifecycle != Lifecycle::Draft {
            let hint =
                format!("add `{key} = \"…\"`, or set `lifecycle = \"draft\"` until there is one");
            reader.error(
                "missing-key",
                span,
                format!("field `{path}` has no {key}"),
                hint,
            );
        }
        text.into()
    }
}

fn read_type(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    path: &FieldPath,
    span: Span,
) -> Option<FieldType> {
    let Some((name, at)) = reader.string(table, "type") else {
        let message = format!("field `{path}` says no `type`");
        reader.error(
            "missing-key",
            span,
            message,
            format!("use one of {}", quoted(TYPES)),
        );
        return None;
    };
    let values = reader.strings(table, "values");
    let currency = reader.string(table, "currency").and_then(|(text, at)| {
        let currency = text.parse().ok();
        if currency.is_none() {
            let hint = "write the three capital letters of ISO 4217, such as `EUR`".to_owned();
            reader.error("unknown-word", at, format!("`{text}` is no currency"), hint);
        }
        currency
    });
    if table.contains_key("values") && name != "enum" {
        reader.error(
            "misplaced-key",
            at,
            "only an enum has `values`".into(),
            None,
        );
    }
    if table.contains_key("currency") && name != "decimal" {
        reader.error(
            "misplaced-key",
            at,
            "only a decimal has a `currency`".into(),
            None,
        );
    }
    match name {
        "bool" => Some(FieldType::Bool),
        "int" => Some(FieldType::Int),
        "decimal" => Some(FieldType::Decimal { currency }),
        "string" => Some(FieldType::String),
        "enum" if values.is_empty() => {
            let hint = "add `values = [\"one\", \"two\"]`".to_owned();
            reader.error(
                "missing-key",
                at,
                format!("enum `{path}` has no values"),
                hint,
            );
            None
        }
        "enum" => Some(FieldType::Enum(enum_words(reader, values))),
        "timestamp" => Some(FieldType::Timestamp),
        "duration" => Some(FieldType::Duration),
        "strings" => Some(FieldType::Strings),
        _ => {
            reader.unknown_word("type", (name, at), TYPES);
            None
        }
    }
}

fn enum_words(reader: &mut Reader<'_>, values: Vec<(&str, Span)>) -> Arc<[Arc<str>]> {
    let mut seen = BTreeSet::new();
    for (word, span) in &values {
        if word.is_empty() {
            let message = "an enum's value cannot be empty".to_owned();
            let hint = "leave the field out of a message to say that there is no value".to_owned();
            reader.error("empty-value", *span, message, hint);
        } else if !seen.insert(*word) {
            let message = format!("`{word}` is there twice");
            reader.error("duplicate-value", *span, message, None);
        }
    }
    values.into_iter().map(|(word, _)| word.into()).collect()
}

/// `[checkout.failed]` without quotes is a table `failed` in a table `checkout`: the key that gives
/// it away.
fn unquoted_name<'t>(table: &'t DeTable<'_>) -> Option<&'t str> {
    let mut keys = table.iter();
    let (first, _) = keys.next()?;
    let looks_nested = table
        .iter()
        .all(|(key, value)| value.get_ref().is_table() && !EVENT_KEYS.contains(&&**key.get_ref()));
    looks_nested.then(|| first.get_ref().as_ref())
}

/// `policies/<name>.kith`.
fn is_policy_path(path: &str) -> bool {
    is_plain_file(path, "policies/", ".kith")
}

/// Whether this is a file right in a folder. A name leads nowhere else, because folders are also
/// written from versions.
pub(super) fn is_plain_file(path: &str, folder: &str, ending: &str) -> bool {
    let name = path
        .strip_prefix(folder)
        .and_then(|name| name.strip_suffix(ending));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(plain))
}

fn words(texts: Vec<(&str, Span)>) -> Vec<Arc<str>> {
    texts.into_iter().map(|(text, _)| text.into()).collect()
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
