//! `POST /v1/accounts`, `/v1/people`, …: what a caller writes, by identifiers; `PATCH …/{id}`, by Kith's
//! own id; `POST /v1/events`: what happened. Answers hold ids and outcomes, never values.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, MatchedPath, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use kith_domain::fact::Related;
use kith_domain::{Relation, RootKind};
use kith_engine::{
    EventWrite, Governed, IdempotencyKey, Joined, MAX_IDENTIFIERS, MAX_JOINED, RootId, RootWrite,
    Target, What, Write, WriteOutcome, Written,
};
use serde_json::{Map, Value};

use super::context::read_identifier;
use crate::App;
use crate::auth::Authenticated;
use crate::body::{Faults, Part, Whole, parse};
use crate::problem::{FieldProblem, Problem};

/// Largest write, in bytes.
pub(crate) const MAX_WRITE_BYTES: usize = 64 * 1024;

/// A kind of root that can be written.
pub(crate) struct Kind {
    /// Its part of the path.
    plural: &'static str,
    pub(super) root: RootKind,
    /// What the audit calls it.
    pub(crate) action: &'static str,
    /// Whether one names the accounts that it belongs to, with its role in each.
    joins: bool,
}

/// Every kind of root that can be written.
const KINDS: &[Kind] = &[
    Kind {
        plural: "accounts",
        root: RootKind::Account,
        action: "accounts.write",
        joins: false,
    },
    Kind {
        plural: "people",
        root: RootKind::Person,
        action: "people.write",
        joins: true,
    },
    other("companies", RootKind::Company, "companies.write"),
    other("sites", RootKind::Site, "sites.write"),
    other(
        "subscriptions",
        RootKind::Subscription,
        "subscriptions.write",
    ),
    other(
        "conversations",
        RootKind::Conversation,
        "conversations.write",
    ),
];

/// A kind that belongs to accounts, or accounts to it.
const fn other(plural: &'static str, root: RootKind, action: &'static str) -> Kind {
    Kind {
        plural,
        root,
        action,
        joins: false,
    }
}

impl Kind {
    /// The kind of a part of the path.
    pub(crate) fn of(plural: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.plural == plural)
    }

    /// Whether it names the accounts that it belongs to.
    pub(crate) const fn joins(&self) -> bool {
        self.joins
    }

    /// What one belongs to at most one of, by the words that name it.
    pub(crate) fn relations(&self) -> impl Iterator<Item = (&'static str, Relation)> {
        let of_it = Relation::ALL
            .into_iter()
            .filter(|relation| relation.from() == self.root);
        of_it.map(|relation| (relation.to().as_str(), relation))
    }

    /// The parts that a body may have, beside these.
    fn keys(&self, more: &[&'static str]) -> Vec<&'static str> {
        let own = self.relations().map(|(key, _)| key);
        more.iter().copied().chain(own).collect()
    }
}

/// What the audit calls the writing of an event.
pub(crate) const EVENTS: &str = "events.write";

/// The key in `Idempotency-Key`, if there is one.
pub(crate) struct Key(pub(crate) Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        const NAME: &str = "Idempotency-Key";
        let mut sent = parts.headers.get_all(NAME).iter();
        let Some(key) = sent.next() else {
            return Ok(Self(None));
        };
        let read = key.to_str().unwrap_or_default().parse();
        let read = match sent.next() {
            None => read,
            Some(_) => Err("given twice: send it once".to_owned()),
        };
        read.map(|key| Self(Some(key))).map_err(|expected| {
            let field = NAME.to_owned();
            Problem::invalid(vec![FieldProblem { field, expected }])
        })
    }
}

/// An answer, with the status that says what became of the write.
type Answer = (StatusCode, Json<Governed<Written>>);

/// Writes a root by its identifiers: it is there afterwards.
pub(crate) async fn upsert(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    path: MatchedPath,
    key: Key,
    Whole(body): Whole,
) -> Result<Answer, Problem> {
    let kind = kind(&path)?;
    let write = read(&body, |object, faults| {
        read_upsert(kind, object, faults, body.to_vec())
    })?;
    let written = app
        .engine
        .write(&caller, kind.action, write, key.0.as_ref())
        .await?;
    Ok(answer(written))
}

/// Changes fields of a root that is there and in view.
pub(crate) async fn change(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    path: MatchedPath,
    id: Result<Path<String>, PathRejection>,
    key: Key,
    Whole(body): Whole,
) -> Result<Answer, Problem> {
    let kind = kind(&path)?;
    // What is no UTF-8 is no id either.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let write = read(&body, |object, faults| {
        read_change(kind, &id, object, faults)
    })?;
    let written = app
        .engine
        .write(&caller, kind.action, write, key.0.as_ref())
        .await?;
    Ok(answer(written))
}

/// Writes something that happened.
pub(crate) async fn event(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    key: Key,
    Whole(body): Whole,
) -> Result<Answer, Problem> {
    let write = read(&body, |object, faults| {
        read_event(object, faults, body.to_vec())
    })?;
    let written = app
        .engine
        .write(&caller, EVENTS, write, key.0.as_ref())
        .await?;
    Ok(answer(written))
}

/// The kind whose route it is: the first part of the path behind the version.
pub(crate) fn kind(path: &MatchedPath) -> Result<&'static Kind, Problem> {
    let plural = path.as_str().split('/').nth(2).unwrap_or_default();
    Kind::of(plural).ok_or_else(|| {
        Problem::new(
            "urn:kith:problem:no-such-route",
            StatusCode::NOT_FOUND,
            "there is nothing at this path",
        )
    })
}

fn answer(written: Governed<Written>) -> Answer {
    let status = match written.answer().outcome {
        WriteOutcome::Created => StatusCode::CREATED,
        WriteOutcome::Updated | WriteOutcome::Unchanged => StatusCode::OK,
        WriteOutcome::Accepted | WriteOutcome::Quarantined => StatusCode::ACCEPTED,
    };
    (status, Json(written))
}

/// Reads one write, and reports all that is wrong with it.
pub(crate) fn read(
    body: &[u8],
    parts: impl FnOnce(&Map<String, Value>, &mut Faults) -> Option<Write>,
) -> Result<Write, Problem> {
    if body.len() > MAX_WRITE_BYTES {
        return Err(Problem::invalid(vec![FieldProblem {
            field: String::new(),
            expected: format!("at most {MAX_WRITE_BYTES} bytes: write less at once"),
        }]));
    }
    let object = parse(body)?;
    let mut faults = Faults::default();
    let write = parts(&object, &mut faults);
    faults.finish(write)
}

pub(crate) fn read_upsert(
    kind: &Kind,
    object: &Map<String, Value>,
    faults: &mut Faults,
    original: Vec<u8>,
) -> Option<Write> {
    let part = Part::root(object);
    let known: &[&str] = match kind.joins {
        true => &["identifiers", "fields", "accounts", "observedAt"],
        false => &["identifiers", "fields", "observedAt"],
    };
    part.only_keys(faults, &kind.keys(known));
    let listed = part.objects(faults, "identifiers", MAX_IDENTIFIERS);
    if part
        .raw("identifiers")
        .is_none_or(|list| *list == Value::Array(Vec::new()))
    {
        let expected = "required, expected a list such as `[{\"type\": …, \"value\": …}]`";
        faults.add("identifiers", expected);
    }
    let identifiers = listed.iter().filter_map(|(path, object)| {
        let part = Part::at(path, object);
        part.only_keys(faults, &["type", "value"]);
        read_identifier(&part, faults, kind.root)
    });
    let identifiers = identifiers.collect();
    let accounts = match kind.joins {
        true => read_joined(&part, faults),
        false => Vec::new(),
    };
    let root = RootWrite {
        kind: kind.root,
        target: Target::Identifiers(identifiers),
        fields: read_map(&part, faults, "fields"),
        accounts,
        relations: read_relations(kind, &part, faults),
    };
    Some(Write {
        what: What::Root(root),
        observed_at: part.time(faults, "observedAt"),
        original,
    })
}

/// What it belongs to: `"company": {"type": …, "value": …}`; `null` ends it.
fn read_relations(kind: &Kind, part: &Part<'_>, faults: &mut Faults) -> Vec<Related> {
    let mut related = Vec::new();
    for (key, relation) in kind.relations() {
        if !part.entries().contains_key(key) {
            continue;
        }
        let Some(target) = part.object(faults, key, key) else {
            // What is neither an object nor `null` is a mistake already.
            if part.raw(key).is_none() {
                related.push(Related { relation, to: None });
            }
            continue;
        };
        target.only_keys(faults, &["type", "value"]);
        if let Some(to) = read_identifier(&target, faults, relation.to()) {
            let to = Some(to);
            related.push(Related { relation, to });
        }
    }
    related
}

/// The accounts that a person belongs to, with fields of the role in each.
fn read_joined(part: &Part<'_>, faults: &mut Faults) -> Vec<Joined> {
    let mut joined = Vec::new();
    for (path, object) in part.objects(faults, "accounts", MAX_JOINED) {
        let part = Part::at(&path, object);
        part.only_keys(faults, &["identifier", "role"]);
        let at = part.path("identifier");
        let Some(identifier) = part.object(faults, "identifier", &at) else {
            if part.raw("identifier").is_none() {
                faults.add(&at, "required, expected `{\"type\": …, \"value\": …}`");
            }
            continue;
        };
        identifier.only_keys(faults, &["type", "value"]);
        if let Some(account) = read_identifier(&identifier, faults, RootKind::Account) {
            let role = read_map(&part, faults, "role");
            joined.push(Joined { account, role });
        }
    }
    joined
}

fn read_change(
    kind: &Kind,
    id: &str,
    object: &Map<String, Value>,
    faults: &mut Faults,
) -> Option<Write> {
    let part = Part::root(object);
    part.only_keys(faults, &kind.keys(&["fields", "observedAt"]));
    let relations = read_relations(kind, &part, faults);
    if part.raw("fields").is_none() && relations.is_empty() {
        faults.add("fields", "required, expected an object");
    }
    let id = RootId::parse(kind.root, id).map_err(|error| faults.add("id", error.to_string()));
    let id = id.ok()?;
    // What was sent does not say of whom it speaks: the path did.
    let mut original = object.clone();
    original.insert("id".to_owned(), id.to_string().into());
    let root = RootWrite {
        kind: kind.root,
        target: Target::Id(id),
        fields: read_map(&part, faults, "fields"),
        accounts: Vec::new(),
        relations,
    };
    Some(Write {
        what: What::Root(root),
        observed_at: part.time(faults, "observedAt"),
        original: Value::Object(original).to_string().into_bytes(),
    })
}

pub(crate) fn read_event(
    object: &Map<String, Value>,
    faults: &mut Faults,
    original: Vec<u8>,
) -> Option<Write> {
    let part = Part::root(object);
    let known = &["name", "person", "account", "properties", "observedAt"];
    part.only_keys(faults, known);
    let name = part.required_text(faults, "name");
    if part.raw("person").is_none() && part.raw("account").is_none() {
        faults.add("person", "expected a `person`, an `account` or both");
    }
    let event = EventWrite {
        name: name.unwrap_or_default().to_owned(),
        person: read_target(&part, faults, "person", RootKind::Person),
        account: read_target(&part, faults, "account", RootKind::Account),
        properties: read_map(&part, faults, "properties"),
    };
    Some(Write {
        what: What::Event(event),
        observed_at: part.time(faults, "observedAt"),
        original,
    })
}

/// `{"id": "per_…"}` or `{"type": "email", "value": "…"}`.
fn read_target(part: &Part<'_>, faults: &mut Faults, key: &str, kind: RootKind) -> Option<Target> {
    let part = part.object(faults, key, key)?;
    part.only_keys(faults, &["id", "type", "value"]);
    if part.raw("id").is_none() {
        let identifier = read_identifier(&part, faults, kind)?;
        return Some(Target::Identifiers(vec![identifier]));
    }
    let id = RootId::parse(kind, part.required_text(faults, "id")?);
    let id = id.map_err(|error| faults.add(&part.path("id"), error.to_string()));
    id.ok().map(Target::Id)
}

/// An object whose parts the catalog judges; absent or `null` is empty.
fn read_map(part: &Part<'_>, faults: &mut Faults, key: &str) -> Map<String, Value> {
    let at = part.path(key);
    let object = part.object(faults, key, &at);
    object.map_or_else(Map::new, |part| part.entries().clone())
}
