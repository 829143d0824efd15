//! Files of cases to [`Case`]s: first all names of the folder, then the cases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::cast::{BOUND, Cast};
use super::{Answer, Asked, Case, CaseState, Expected, value};
use crate::actor::Actor;
use crate::catalog::{Catalog, Entity, FieldIdx, MaskKind};
use crate::definitions::table::{Reader, span_of};
use crate::definitions::{MAX_CASES, Place, SourceFile};
use crate::diagnostic::{Diagnostic, Span, line_and_column};
use crate::proof::ProofMethod;
use crate::purpose::Purpose;
use crate::time::Timestamp;
use crate::value::Value;

/// When a case plays that says nothing else: 2026-01-31, noon.
const NOON: Timestamp = Timestamp::from_micros(1_769_860_800_000_000);

const CASE_KEYS: &[&str] = &[
    "name",
    "actor",
    "purpose",
    "account",
    "company",
    "conversation",
    "person",
    "role",
    "site",
    "subscription",
    "signed_identity",
    "now",
    "expect",
    "visible",
    "masked",
    "hidden",
    "routed_to",
];

pub(super) fn read<'f>(
    files: impl Iterator<Item = &'f SourceFile>,
    catalog: Option<&Catalog>,
) -> (Vec<Case>, Vec<Diagnostic>) {
    let mut cast = Cast::default();
    let mut opened = Vec::new();
    for file in files {
        let mut reader = Reader::new(&file.path, &file.text);
        let root = reader.parse();
        let mut known = vec!["members", "agents", "case"];
        known.extend(BOUND.map(Entity::as_str));
        reader.only_keys(root.get_ref(), "a file of tests", &known);
        cast.read(&mut reader, root.get_ref(), catalog);
        opened.push((reader, root));
    }
    let mut cases = Vec::new();
    let mut found = Vec::new();
    for (mut reader, root) in opened {
        let mut of_file = OfFile {
            reader: &mut reader,
            cast: &cast,
            catalog,
            cases: &mut cases,
        };
        of_file.read(root.get_ref());
        found.append(&mut reader.found);
    }
    (cases, found)
}

/// A file whose cases are being read.
struct OfFile<'a, 'f> {
    reader: &'a mut Reader<'f>,
    cast: &'a Cast,
    catalog: Option<&'a Catalog>,
    cases: &'a mut Vec<Case>,
}

impl OfFile<'_, '_> {
    fn read(&mut self, root: &DeTable<'_>) {
        let Some(list) = root.get("case") else {
            return;
        };
        let Some(items) = list.get_ref().as_array() else {
            let hint = "each case starts with a line `[[case]]`".to_owned();
            let message = "`case` must be a list of tables".to_owned();
            return self
                .reader
                .error("wrong-type", span_of(list), message, hint);
        };
        for item in items.iter() {
            match item.get_ref().as_table() {
                Some(table) => self.case(table, span_of(item)),
                None => self
                    .reader
                    .wrong_type("case", item, "a table, started by `[[case]]`"),
            }
        }
    }

    fn case(&mut self, table: &DeTable<'_>, span: Span) {
        self.reader.only_keys(table, "a case", CASE_KEYS);
        let (name, span) = match self.reader.string(table, "name") {
            Some((name, at)) if !name.trim().is_empty() => (name.trim(), at),
            _ => {
                let message = "a case has no name".to_owned();
                let hint = "say in a sentence what it promises: `name = \"…\"`".to_owned();
                self.reader.error("missing-key", span, message, hint);
                ("", span)
            }
        };
        let rows = self.rows(table);
        let signed_identity = self.signed_identity(table);
        let now = self.now(table);
        let expected = self.expected(table, span);
        let only_routes = expected.answer.is_none() && expected.routed_to.is_some();
        let mentions_asker = table.contains_key("actor") || table.contains_key("purpose");
        let asked = if only_routes && !mentions_asker {
            vec![None]
        } else {
            self.asked(table, span).into_iter().map(Some).collect()
        };
        if self.cases.len() + asked.len() > MAX_CASES {
            let message = format!("a definitions folder has at most {MAX_CASES} cases");
            return self.reader.error("too-many", span, message, None);
        }
        let line = line_and_column(self.reader.text, span.start).0;
        for asked in asked {
            self.cases.push(Case {
                name: name.into(),
                place: Place {
                    file: self.reader.file.to_owned(),
                    span,
                },
                line,
                asked,
                rows: rows.clone(),
                signed_identity,
                now,
                expected: expected.clone(),
            });
        }
    }

    /// Every actor with every purpose.
    fn asked(&mut self, table: &DeTable<'_>, span: Span) -> Vec<Asked> {
        let actors: Vec<(Arc<str>, Actor)> = self
            .one_or_more(table, "actor", span, "name who asks: `actor = \"sam\"`")
            .into_iter()
            .filter_map(|(text, at)| Some((text.into(), self.cast.actor(self.reader, text, at)?)))
            .collect();
        let known: Vec<_> = Purpose::ALL
            .iter()
            .map(|purpose| purpose.as_str())
            .collect();
        let purposes: Vec<Purpose> = self
            .one_or_more(
                table,
                "purpose",
                span,
                "say why: `purpose = \"support.view\"`",
            )
            .into_iter()
            .filter_map(|word| self.reader.word("purpose", word, &known))
            .collect();
        let with_purposes = |(who, actor): &(Arc<str>, Actor)| {
            let (who, actor) = (Arc::clone(who), actor.clone());
            purposes.iter().map(move |purpose| Asked {
                who: Arc::clone(&who),
                actor: actor.clone(),
                purpose: *purpose,
            })
        };
        actors.iter().flat_map(with_purposes).collect()
    }

    /// A text, or a list of texts.
    fn one_or_more<'t>(
        &mut self,
        table: &'t DeTable<'_>,
        key: &str,
        span: Span,
        hint: &str,
    ) -> Vec<(&'t str, Span)> {
        let texts = match table.get(key) {
            Some(value) if value.get_ref().is_array() => self.reader.strings(table, key),
            _ => self.reader.string(table, key).into_iter().collect(),
        };
        let is_empty = table.get(key).is_none_or(|value| {
            let items = value.get_ref().as_array();
            items.is_some_and(|items| items.is_empty())
        });
        if is_empty {
            let message = format!("a case has no {key}");
            self.reader
                .error("missing-key", span, message, hint.to_owned());
        }
        texts
    }

    /// The rows that are bound: each by its name, or with its values.
    fn rows(&mut self, table: &DeTable<'_>) -> BTreeMap<Entity, BTreeMap<FieldIdx, Value>> {
        let mut rows = BTreeMap::new();
        for entity in BOUND {
            let Some(value) = table.get(entity.as_str()) else {
                continue;
            };
            let row = match value.get_ref() {
                DeValue::String(name) => self.cast.row(self.reader, entity, name, span_of(value)),
                DeValue::Table(table) => value::row(self.reader, entity, table, self.catalog),
                _ => {
                    let expected = format!("the name of {} or its values", article(entity));
                    self.reader.wrong_type(entity.as_str(), value, &expected);
                    continue;
                }
            };
            rows.insert(entity, row);
        }
        rows
    }

    fn signed_identity(&mut self, table: &DeTable<'_>) -> Option<ProofMethod> {
        let value = table.get("signed_identity")?;
        if let Some(proven) = value.get_ref().as_bool() {
            return proven.then_some(ProofMethod::Jwt);
        }
        let text = value.get_ref().as_str().unwrap_or("");
        let method = ProofMethod::ALL
            .into_iter()
            .find(|method| method.as_str() == text);
        if method.is_none() {
            let expected = "`true`, `false`, `\"jwt\"` or `\"hmac\"`";
            self.reader.wrong_type("signed_identity", value, expected);
        }
        method
    }

    fn now(&mut self, table: &DeTable<'_>) -> Timestamp {
        let Some(value) = table.get("now") else {
            return NOON;
        };
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(at) => at.to_string(),
            _ => String::new(),
        };
        Timestamp::parse(&text).unwrap_or_else(|| {
            self.reader
                .wrong_type("now", value, "a time such as `2026-01-31T12:00:00Z`");
            NOON
        })
    }

    fn expected(&mut self, table: &DeTable<'_>, span: Span) -> Expected {
        let words = Answer::ALL.map(Answer::as_str);
        let answer = self.reader.string(table, "expect");
        let said = answer.and_then(|text| self.reader.word("answer", text, &words));
        let lists = ["visible", "masked", "hidden"];
        let says_states = lists.iter().any(|list| table.contains_key(*list));
        if let (Some(Answer::Refused | Answer::NotFound), true, Some((word, at))) =
            (said, says_states, answer)
        {
            let message = format!("where the answer is `{word}`, no field is shown");
            let hint = "remove `visible`, `masked` and `hidden` from this case".to_owned();
            self.reader.error("misplaced-key", at, message, hint);
        }
        let routed_to = self.reader.string(table, "routed_to");
        if answer.is_none() && !says_states && !table.contains_key("routed_to") {
            let message = "a case expects nothing".to_owned();
            let hint = "add `expect = \"allowed\"`, `\"refused\"` or `\"not found\"`".to_owned();
            self.reader.error("missing-key", span, message, hint);
        }
        let mut states = Vec::new();
        let mut seen = BTreeSet::new();
        for list in lists {
            for (text, at) in self.reader.strings(table, list) {
                let Some((field, state)) = self.state(list, text, at) else {
                    continue;
                };
                if seen.insert(field) {
                    states.push((field, state));
                } else {
                    let message = format!("`{text}` is expected twice");
                    self.reader
                        .error("duplicate-item", at, message, "keep one of them".to_owned());
                }
            }
        }
        Expected {
            // Fields are shown in an answer only.
            answer: said.or(says_states.then_some(Answer::Allowed)),
            states,
            routed_to: routed_to.map(|(space, _)| space.into()),
        }
    }

    /// `person.email`, or under `masked` also `person.email with email`.
    fn state(&mut self, list: &str, text: &str, span: Span) -> Option<(FieldIdx, CaseState)> {
        let (path, kind) = match text.split_once(" with ") {
            Some((path, kind)) if list == "masked" => (path.trim(), Some(kind.trim())),
            _ => (text.trim(), None),
        };
        let state = match (list, kind) {
            ("visible", _) => CaseState::Visible,
            ("hidden", _) => CaseState::Hidden,
            (_, None) => CaseState::Masked(None),
            (_, Some(kind)) => {
                let kinds = MaskKind::ALL.map(MaskKind::as_str);
                CaseState::Masked(Some(self.reader.word("mask", (kind, span), &kinds)?))
            }
        };
        let catalog = self.catalog?;
        let field = catalog.find(path);
        if field.is_none() {
            value::unknown_field(self.reader, path, span, catalog);
        }
        Some((field?, state))
    }
}

fn article(entity: Entity) -> String {
    let an = if entity == Entity::Account { "an" } else { "a" };
    format!("{an} {entity}")
}
