//! What `POST /v1/context` answers: fields nested as `entity.key`, each with its state; what is
//! hidden only in `withheld`.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::sync::Arc;

use indexmap::IndexMap;
use kith_domain::catalog::{Event, Field};
use kith_domain::id::{AccountId, EventId, PersonId};
use kith_domain::{Catalog, Entity, FieldIdx, FieldPath, MaskKind, Purpose, Timestamp, Value};
use kith_policy::{Decision, Reason, Row, State, mask};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::around::AroundAnswer;
use crate::profile::Origin;

/// The governed context of a customer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided; ages count from here.
    pub decided_at: Timestamp,
    /// The statements that allowed the purpose.
    pub allowed_because: Arc<[Reason]>,
    /// Whether the end user proved to be the subject.
    pub signed_identity: SignedIdentityAnswer,
    /// The account, if exactly one is in view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<EntityAnswer<AccountId>>,
    /// The person, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<EntityAnswer<PersonId>>,
    /// The person's role in the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<IndexMap<String, FieldAnswer>>,
    /// The account's company, site and subscriptions.
    #[serde(flatten)]
    pub around: AroundAnswer,
    /// The person's accounts in view, if there are several: ask again with one of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountItem>,
    /// What happened recently, the newest first.
    pub journey: Vec<JourneyItem>,
    /// The fields that are hidden, each with the reason.
    pub withheld: Vec<Withheld>,
}

/// An entity's id and its fields by key.
#[derive(Serialize)]
pub struct EntityAnswer<Id> {
    /// The entity's id.
    pub id: Id,
    /// Visible and masked fields by key.
    #[serde(flatten)]
    pub fields: IndexMap<String, FieldAnswer>,
}

/// Whether the end user proved to be the subject.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIdentityAnswer {
    /// Whether the proof holds for this person in this account.
    pub verified: bool,
    /// How: `jwt` or `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
}

/// Who an answer is about.
#[derive(Serialize)]
pub struct IdAnswer<Id> {
    /// The id.
    pub id: Id,
}

/// One account among several in view.
#[derive(Serialize)]
pub struct AccountItem {
    /// The account's id.
    pub id: AccountId,
}

/// One field in its governed form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldAnswer {
    /// `visible` or `masked`.
    pub state: &'static str,
    /// The mask, if masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<MaskKind>,
    /// The value or its masked form; null if there is none.
    pub value: Json,
    /// Who to ask about the field.
    pub owner: String,
    /// Where the value came from. Times of a masked value could tell it, so only a visible one has
    /// its origin.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub origin: Option<OriginAnswer>,
}

/// Where a visible value came from, and how old it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginAnswer {
    /// The source's name.
    pub source: String,
    /// When it was observed.
    pub observed_at: Timestamp,
    /// Whole seconds since then.
    pub age_seconds: i64,
    /// Whether it is older than the field's freshness limit.
    pub stale: bool,
}

/// Something that happened.
#[derive(Serialize)]
pub struct JourneyItem {
    /// The event's id.
    pub id: EventId,
    /// The event's name in the catalog.
    pub event: String,
    /// When it happened.
    pub at: Timestamp,
    /// Its properties that are not hidden.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub properties: IndexMap<String, PropertyAnswer>,
}

/// One property of an event in its governed form.
#[derive(Serialize)]
pub struct PropertyAnswer {
    /// `visible` or `masked`.
    pub state: &'static str,
    /// The value or its masked form.
    pub value: Json,
}

/// A field that is hidden, and why.
#[derive(Serialize)]
pub struct Withheld {
    /// The field's full path.
    pub field: FieldPath,
    /// Who to ask about it.
    pub owner: String,
    /// Why it is hidden, as far as this asker may know.
    pub reason: Reason,
}

/// What the policy decides about a customer, without any value.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// Whether the purpose is allowed.
    pub allowed: bool,
    /// Why, or why not.
    pub reasons: Arc<[Reason]>,
    /// The fields that were asked for, in order of path.
    pub fields: Vec<FieldExplanation>,
}

/// The state of one field, and why.
#[derive(Serialize)]
pub struct FieldExplanation {
    /// The field's full path.
    pub field: FieldPath,
    /// Its state in this request.
    #[serde(flatten)]
    pub state: StateAnswer,
    /// The statement or rule that decided, as far as this asker may know.
    pub reason: Reason,
}

/// A state, as answers show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StateAnswer {
    /// `visible`, `masked` or `hidden`.
    pub state: &'static str,
    /// The mask, if masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<MaskKind>,
}

impl From<State> for StateAnswer {
    fn from(state: State) -> Self {
        let mask = if let State::Masked(kind) = state {
            Some(kind)
        } else {
            None
        };
        Self {
            state: state.word().as_str(),
            mask,
        }
    }
}

/// Puts values into their governed form, field by field, and keeps the names of what leaves.
pub(super) struct Governor<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) decision: &'a Decision,
    pub(super) hash_key: &'a [u8; 32],
    pub(super) now: Timestamp,
    /// Names of the fields that leave, for the audit entry.
    pub(super) released: Vec<String>,
}

impl Governor<'_> {
    /// The visible and masked fields of one entity.
    pub(super) fn fields(
        &mut self,
        entity: Entity,
        row: &Row,
        provenance: &Map<String, Json>,
    ) -> IndexMap<String, FieldAnswer> {
        let mut answers = IndexMap::new();
        for (idx, field) in self
            .catalog
            .iter()
            .filter(|(_, field)| field.entity == entity)
        {
            let Some((state, mask, value)) = self.value(idx, row) else {
                continue;
            };
            let origin = (mask.is_none() && !value.is_null())
                .then(|| provenance.get(field.path.as_str()))
                .flatten()
                .and_then(|json| self.origin(field, json));
            let owner = field.owner.to_string();
            answers.insert(
                field.path.key().to_owned(),
                FieldAnswer {
                    state,
                    mask,
                    value,
                    owner,
                    origin,
                },
            );
        }
        answers
    }

    /// An event, unless it is hidden or no longer in the catalog.
    pub(super) fn event(
        &mut self,
        id: EventId,
        name: &str,
        at: Timestamp,
        properties: &Map<String, Json>,
    ) -> Option<JourneyItem> {
        if !self.shows_event(name) {
            return None;
        }
        let event = self.catalog.event(name)?;
        Some(JourneyItem {
            id,
            event: event.name.to_string(),
            at,
            properties: self.properties(event, properties),
        })
    }

    /// The visible and masked properties of an event that have a value.
    pub(super) fn properties(
        &mut self,
        event: &Event,
        properties: &Map<String, Json>,
    ) -> IndexMap<String, PropertyAnswer> {
        let mut answers = IndexMap::new();
        for (key, idx) in &event.properties {
            let Some(field) = self.catalog.get(*idx) else {
                continue;
            };
            let held = properties
                .get(field.path.as_str())
                .and_then(|json| field.ty.read_canonical(json));
            let Some(value) = held else { continue };
            let mut row = Row::new();
            row.set(*idx, value);
            if let Some((state, _, value)) = self.value(*idx, &row) {
                answers.insert(key.to_string(), PropertyAnswer { state, value });
            }
        }
        answers
    }

    /// Whether it may be told that such an event happened; if it may, its name is taken to leave.
    pub(super) fn shows_event(&mut self, name: &str) -> bool {
        // A masked occurrence would still tell when something happened: only a visible one is shown.
        let occurrence = self.catalog.event(name).map(|event| event.occurrence);
        match occurrence.filter(|field| self.decision.state(*field) == State::Visible) {
            Some(field) => {
                self.note(field, None);
                true
            }
            None => false,
        }
    }

    /// The hidden fields of these entities, in order of path.
    pub(super) fn withheld(&self, entities: &[Entity]) -> Vec<Withheld> {
        self.withheld_of(entities, |_| true)
    }

    /// Those of the hidden fields that are to be told of: a reason costs more than a state.
    pub(super) fn withheld_of(
        &self,
        entities: &[Entity],
        is_told: impl Fn(FieldIdx) -> bool,
    ) -> Vec<Withheld> {
        let is_hidden = |idx| self.decision.state(idx) == State::Hidden;
        self.catalog
            .iter()
            .filter(|(idx, field)| {
                entities.contains(&field.entity) && is_told(*idx) && is_hidden(*idx)
            })
            .map(|(idx, field)| Withheld {
                field: field.path.clone(),
                owner: field.owner.to_string(),
                reason: self.decision.reason(idx),
            })
            .collect()
    }

    /// The state and the governed value, unless the field is hidden.
    fn value(
        &mut self,
        idx: FieldIdx,
        row: &Row,
    ) -> Option<(&'static str, Option<MaskKind>, Json)> {
        let form = self.form(idx, row.get(idx))?;
        self.note(idx, form.1);
        Some(form)
    }

    /// A value in the form of its field's state, unless that is hidden. It is not yet taken to leave.
    pub(super) fn form(
        &self,
        idx: FieldIdx,
        value: Option<&Value>,
    ) -> Option<(&'static str, Option<MaskKind>, Json)> {
        let answer = |value: &Value| value.to_answer();
        match self.decision.state(idx) {
            State::Hidden => None,
            State::Visible => Some(("visible", None, value.map_or(Json::Null, answer))),
            State::Masked(kind) => {
                let masked = value.and_then(|value| mask::apply(kind, value, self.hash_key));
                let masked = masked.as_ref().map_or(Json::Null, answer);
                Some(("masked", Some(kind), masked))
            }
        }
    }

    fn note(&mut self, idx: FieldIdx, mask: Option<MaskKind>) {
        if let Some(field) = self.catalog.get(idx) {
            self.released.push(Self::name(field, mask));
        }
    }

    /// The name under which the audit entry has a field that leaves.
    pub(super) fn name(field: &Field, mask: Option<MaskKind>) -> String {
        match mask {
            None => field.path.to_string(),
            Some(mask) => format!("{}:{mask}", field.path),
        }
    }

    fn origin(&self, field: &Field, json: &Json) -> Option<OriginAnswer> {
        use serde::Deserialize as _;
        let origin = Origin::deserialize(json).ok()?;
        let observed_at = Timestamp::from_micros(origin.observed);
        let age = self.now.micros_since(observed_at).max(0);
        Some(OriginAnswer {
            source: origin.source,
            observed_at,
            age_seconds: age / kith_domain::time::MICROS_PER_SECOND,
            stale: field.freshness.is_some_and(|limit| age > limit),
        })
    }
}
