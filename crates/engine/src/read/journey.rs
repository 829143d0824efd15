//! The journey of an account or a person: events and changes of fields on one time line, the newest
//! first.
//!
//! All of it is decided on the row of now. A change of a field that is hidden is not told, and one
//! whose two masked values look the same neither. Pages are full but for the last, whatever was left
//! out, so that nothing can be learned from their length.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::str::FromStr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use kith_domain::id::{AccountId, EventId, PersonId};
use kith_domain::{Entity, FieldIdx, FieldPath, MaskKind, Purpose, Scope, Timestamp};
use kith_policy::{Reason, Verdict};
use kith_store::identity::RootId;
use kith_store::{Tx, journey};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::answer::{Governor, IdAnswer, JourneyItem, Withheld};
use super::as_of::{said, shown};
use super::context::{
    Asked, Begun, ContextRequest, MemberRef, Miss, Read, RootRef, SubjectRef, in_view, statements,
};
use super::cursor::{self, Seal};
use super::governed::{Governed, Sealed};
use super::line::ConversationItem;
use crate::Engine;
use crate::access::Caller;
use crate::error::EngineError;
use crate::profile::{Observation, Turn, turns};

/// Most items of one page.
const MAX_LIMIT: u32 = 200;
/// Items of a page that names no number.
const DEFAULT_LIMIT: u32 = 50;
/// Events that are read at once.
const BATCH: u32 = 250;
/// What to ask for instead of what takes too long.
pub(super) const NARROWER: &str =
    "ask for one of the `kinds` alone, or for the time `before` which you know";

/// Whose journey is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JourneyOf {
    /// An account's.
    Account(AccountId),
    /// A person's.
    Person(PersonId),
}

/// What a journey is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JourneyKind {
    /// Conversations, and changes of their fields.
    Conversation,
    /// Events.
    Event,
    /// Changes of fields.
    Change,
}

impl JourneyKind {
    /// Every kind; of one moment the later ones are the newer.
    pub const ALL: [Self; 3] = [Self::Conversation, Self::Event, Self::Change];

    /// The word, as asked for and answered.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Event => "event",
            Self::Change => "change",
        }
    }
}

impl FromStr for JourneyKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// Which part of a journey is asked for.
#[derive(Debug, Clone)]
pub struct JourneyRequest {
    /// Why.
    pub purpose: Purpose,
    /// Whose.
    pub of: JourneyOf,
    /// The member for whom an agent acts; needs the scope `onBehalfOf`.
    pub on_behalf_of: Option<MemberRef>,
    /// Of which kinds; all, if none is named.
    pub kinds: Vec<JourneyKind>,
    /// What happened before this time alone.
    pub before: Option<Timestamp>,
    /// What happened at this time or after it alone.
    pub after: Option<Timestamp>,
    /// At most this many items, up to 200; 50 if none is named.
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// One page of a journey.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Journey {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The statements that allowed the purpose.
    pub allowed_because: Arc<[Reason]>,
    /// The account, if exactly one is in view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<IdAnswer<AccountId>>,
    /// The person, if the journey is theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<IdAnswer<PersonId>>,
    /// What happened, the newest first.
    pub items: Vec<JourneyEntry>,
    /// The fields that are hidden, each with the reason.
    pub withheld: Vec<Withheld>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One thing on the time line.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum JourneyEntry {
    /// Something that happened.
    Event(JourneyItem),
    /// A field's value changed.
    Change(ChangeItem),
    /// A conversation began, or changed.
    Conversation(ConversationItem),
}

/// A change of a field's value, in the field's governed form of now.
#[derive(Serialize)]
pub struct ChangeItem {
    /// The field's full path.
    pub field: FieldPath,
    /// When the new value was observed.
    pub at: Timestamp,
    /// `visible` or `masked`.
    pub state: &'static str,
    /// The mask, if masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<MaskKind>,
    /// The value until then or its masked form; null if there was none.
    pub before: Json,
    /// The value from then on or its masked form; null if there was none.
    pub after: Json,
    /// Who to ask about the field.
    pub owner: String,
    /// Where the new value came from, if it is visible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Where an item stands on the time line. Of one moment, changes are newer than events, and those than
/// conversations.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) at: Timestamp,
    pub(super) kind: JourneyKind,
    pub(super) key: String,
}

/// An item that may leave, with the fields that leave with it.
pub(super) struct Candidate {
    pub(super) place: Place,
    pub(super) entry: JourneyEntry,
    pub(super) released: Vec<String>,
    /// The statements that allowed it, beside those of the whole.
    pub(super) decided_by: Vec<String>,
}

impl From<&JourneyRequest> for ContextRequest {
    fn from(request: &JourneyRequest) -> Self {
        let subject = match request.of {
            JourneyOf::Account(id) => SubjectRef {
                person: None,
                account: Some(RootRef::Id(id)),
            },
            JourneyOf::Person(id) => SubjectRef {
                person: Some(RootRef::Id(id)),
                account: None,
            },
        };
        Self {
            purpose: request.purpose,
            subject,
            on_behalf_of: request.on_behalf_of.clone(),
            identity_token: None,
        }
    }
}

impl JourneyRequest {
    const fn action(&self) -> &'static str {
        match self.of {
            JourneyOf::Account(_) => "accounts.journey",
            JourneyOf::Person(_) => "people.journey",
        }
    }

    pub(super) fn wants(&self, kind: JourneyKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// The newest moment that is looked at.
    pub(super) fn until(&self, cursor: Option<&Place>) -> Timestamp {
        match (cursor, self.before) {
            (Some(place), _) => place.at,
            (None, Some(before)) => before.plus_micros(-1),
            (None, None) => Timestamp::from_micros(i64::MAX),
        }
    }

    /// What can be checked without knowing anything.
    fn check(&self) -> Result<(), EngineError> {
        let fits = |limit: u32| (1..=MAX_LIMIT).contains(&limit);
        if !self.limit.is_none_or(fits) {
            let expected = format!("expected a number from 1 to {MAX_LIMIT}");
            return Err(EngineError::invalid("limit", expected));
        }
        match (self.after, self.before) {
            (Some(after), Some(before)) if after >= before => Err(EngineError::invalid(
                "after",
                "expected an earlier time than `before`",
            )),
            _ => Ok(()),
        }
    }

    /// What a cursor is for, beside the asker and the purpose.
    fn question(&self) -> Vec<String> {
        let of = match self.of {
            JourneyOf::Account(id) => id.to_string(),
            JourneyOf::Person(id) => id.to_string(),
        };
        let kinds = JourneyKind::ALL
            .into_iter()
            .filter(|kind| self.wants(*kind));
        let kinds: Vec<_> = kinds.map(JourneyKind::as_str).collect();
        let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
        vec![
            "journey".to_owned(),
            of,
            kinds.join(","),
            time(self.before),
            time(self.after),
        ]
    }
}

impl Engine {
    /// Answers a page of the journey of an account or a person, after its audit entry is committed.
    ///
    /// # Errors
    /// As [`Engine::context`]; [`EngineError::TooBroad`] if too much would have to be looked at,
    /// [`EngineError::Invalid`] for what is not as it must be, a cursor among it.
    pub async fn journey(
        &self,
        caller: &Caller,
        request: JourneyRequest,
    ) -> Result<Governed<Journey>, EngineError> {
        caller.needs(Scope::Context)?;
        request.check()?;
        let hash_key = self.hash_key(caller.workspace).await?;
        let (engine, workspace) = (self.clone(), caller.workspace);
        let (caller, action) = (caller.clone(), request.action());
        let read = self
            .scanned(workspace, action, NARROWER, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move { engine.journey_page(tx, &caller, &request, hash_key).await })
            })
            .await?;
        self.release(read).await
    }

    async fn journey_page(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        request: &JourneyRequest,
        hash_key: [u8; 32],
    ) -> Result<Read<Journey>, EngineError> {
        let asking = ContextRequest::from(request);
        let on_behalf_of = asking.on_behalf_of.as_ref();
        let begun = self
            .begin(tx, caller, on_behalf_of, request.action(), request.purpose)
            .await?;
        let begun = match begun {
            Ok(begun) => begun,
            Err(miss) => return Ok(Read::Miss(miss)),
        };
        // Before anyone is looked up, so that a wrong cursor is no way to learn, unaudited, who is there.
        let seal = seal(&begun, caller, request, &hash_key);
        let cursor = match &request.cursor {
            Some(cursor) => Some(Place::read(&seal.open_json(cursor)?).ok_or_else(cursor::broken)?),
            None => None,
        };
        let asked = match self.find(tx, begun, caller, &asking, hash_key).await? {
            Ok(asked) => asked,
            Err(miss) => return Ok(Read::Miss(miss)),
        };
        let allowed_because = match &asked.decision.verdict {
            Verdict::Allowed { reasons } => reasons.clone(),
            Verdict::Refused(refusal) => {
                let miss = Miss::refused(asked.entry, &asked.version, refusal);
                return Ok(Read::Miss(miss));
            }
        };
        let limit = request.limit.unwrap_or(DEFAULT_LIMIT) as usize;
        let mut line = Line {
            request,
            asked: &asked,
            cursor,
            wanted: limit + 1,
            found: Vec::new(),
        };
        let mut governor = asked.governor();
        line.changes(tx, &governor).await?;
        line.events(tx, &mut governor).await?;
        line.conversations(tx).await?;
        let mut found = line.found;
        found.sort_by(|a, b| b.place.cmp(&a.place));
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = match found.last().filter(|_| has_more) {
            Some(last) => Some(seal.close_json(self.runtime(), &last.place.write())?),
            None => None,
        };

        let withheld = asked.withheld(&governor, request);
        let mut decided_by = statements(&allowed_because);
        let mut released = Vec::new();
        let mut items = Vec::with_capacity(found.len());
        for candidate in found {
            released.extend(candidate.released);
            decided_by.extend(candidate.decided_by);
            items.push(candidate.entry);
        }
        let answer = Journey {
            purpose: asked.purpose,
            definitions_version: asked.version.number,
            decided_at: asked.now,
            account: asked
                .bound
                .account
                .as_ref()
                .map(|of| IdAnswer { id: of.id }),
            person: asked.bound.person.as_ref().map(|of| IdAnswer { id: of.id }),
            items,
            withheld,
            next_cursor,
            allowed_because,
        };
        let mut entry = asked.entry;
        decided_by.sort_unstable();
        decided_by.dedup();
        entry.statements = decided_by;
        entry.detail = Some(format!("{} items", answer.items.len()));
        entry.set_fields(released);
        Ok(Read::Answer(Sealed::new(answer, entry)))
    }
}

fn seal(begun: &Begun, caller: &Caller, request: &JourneyRequest, hash_key: &[u8; 32]) -> Seal {
    let question = cursor::Question {
        workspace: caller.workspace,
        list: "journey",
        actor: &begun.actor,
        purpose: request.purpose,
        filter: "",
        sort: &request.question(),
    };
    Seal::new(hash_key, begun.version.number, &question)
}

impl Asked {
    fn governor(&self) -> Governor<'_> {
        Governor {
            catalog: &self.version.definitions.catalog,
            decision: &self.decision,
            hash_key: &self.hash_key,
            now: self.now,
            released: Vec::new(),
        }
    }

    /// The hidden fields of what is on the time line; those of conversations, if they are hidden whichever
    /// it is.
    fn withheld(&self, governor: &Governor<'_>, request: &JourneyRequest) -> Vec<Withheld> {
        let catalog = &self.version.definitions.catalog;
        let changes = self.changing().into_iter().map(|(entity, ..)| entity);
        let entities: Vec<_> = changes.chain([Entity::Event]).collect();
        let mut withheld = governor.withheld(&entities);
        if request.wants(JourneyKind::Conversation) {
            let is_hidden = |of: &Withheld| {
                let field = catalog.find(of.field.as_str());
                field.is_some_and(|field| self.plan.hides(field))
            };
            let of_conversations = governor.withheld(&[Entity::Conversation]);
            withheld.extend(of_conversations.into_iter().filter(is_hidden));
        }
        withheld
    }

    /// Whose fields change on the time line: the person's and their role's, else the account's.
    fn changing(&self) -> Vec<(Entity, RootId, Option<AccountId>)> {
        let account = self.bound.account.as_ref().map(|account| account.id);
        match (&self.bound.person, account) {
            (Some(person), account) => {
                let role = self.bound.role.as_ref().and(account);
                let role = role.map(|account| (Entity::Role, person.id.into(), Some(account)));
                let own = (Entity::Person, person.id.into(), None);
                std::iter::once(own).chain(role).collect()
            }
            (None, Some(account)) => vec![(Entity::Account, account.into(), None)],
            (None, None) => Vec::new(),
        }
    }
}

/// A page in the making.
pub(super) struct Line<'a> {
    pub(super) request: &'a JourneyRequest,
    pub(super) asked: &'a Asked,
    pub(super) cursor: Option<Place>,
    /// One more than the page shows.
    wanted: usize,
    pub(super) found: Vec<Candidate>,
}

impl Line<'_> {
    /// Whether a place belongs to what is asked for, and behind the page before.
    pub(super) fn holds(&self, place: &Place) -> bool {
        let after = self.request.after.is_none_or(|after| place.at >= after);
        let before = self.request.before.is_none_or(|before| place.at < before);
        after && before && self.cursor.as_ref().is_none_or(|cursor| place < cursor)
    }

    /// The newest changes.
    async fn changes(
        &mut self,
        tx: &mut Tx<'_>,
        governor: &Governor<'_>,
    ) -> Result<(), EngineError> {
        if !self.request.wants(JourneyKind::Change) {
            return Ok(());
        }
        let asked = self.asked;
        let catalog = &asked.version.definitions.catalog;
        let until = self.request.until(self.cursor.as_ref());
        let mut found = Vec::new();
        for (entity, root, role_in) in asked.changing() {
            let fields = shown(catalog, &asked.decision, entity).into_iter();
            let of: Vec<_> = fields.map(|field| (root, field)).collect();
            let said = said(tx, asked.workspace, role_in, &of, until, NARROWER).await?;
            let said = said.into_iter().map(Observation::from);
            found.extend(turns(catalog, said.collect()));
        }
        found.sort_by_key(|turn| std::cmp::Reverse(turn.place()));
        let changes = found.into_iter().filter_map(|turn| {
            let place = turn.place();
            let idx = catalog.find(&turn.field).filter(|_| self.holds(&place))?;
            let (change, released) = governor.change(idx, turn)?;
            Some(Candidate {
                place,
                entry: JourneyEntry::Change(change),
                released: vec![released],
                decided_by: Vec::new(),
            })
        });
        let changes: Vec<_> = changes.take(self.wanted).collect();
        self.found.extend(changes);
        Ok(())
    }

    /// The newest events.
    async fn events(
        &mut self,
        tx: &mut Tx<'_>,
        governor: &mut Governor<'_>,
    ) -> Result<(), EngineError> {
        if !self.request.wants(JourneyKind::Event) {
            return Ok(());
        }
        let (asked, enough) = (self.asked, self.found.len() + self.wanted);
        let account = asked.bound.account.as_ref().map(|account| account.id);
        let mut bound = self.event_bound();
        loop {
            let workspace = asked.workspace;
            let rows = match (&asked.bound.person, account) {
                (Some(person), account) => {
                    journey::of_person(tx, workspace, person.id, account, bound, BATCH).await?
                }
                (None, Some(account)) => {
                    journey::of_account(tx, workspace, account, bound, BATCH).await?
                }
                (None, None) => Vec::new(),
            };
            let is_last = rows.len() < BATCH as usize;
            bound = rows.last().map(|row| (row.at, row.id));
            for row in in_view(tx, workspace, &asked.bound, rows).await? {
                if self.request.after.is_some_and(|after| row.at < after) {
                    return Ok(());
                }
                let place = Place {
                    at: row.at,
                    kind: JourneyKind::Event,
                    key: row.id.to_string(),
                };
                let Some(event) = governor.event(row.id, &row.name, row.at, &row.properties) else {
                    continue;
                };
                self.found.push(Candidate {
                    place,
                    entry: JourneyEntry::Event(event),
                    released: std::mem::take(&mut governor.released),
                    decided_by: Vec::new(),
                });
                if self.found.len() == enough {
                    return Ok(());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Before which event the page begins.
    fn event_bound(&self) -> Option<journey::Cursor> {
        let last = EventId::from_slice(&[0xff; 16]).unwrap_or(EventId::NIL);
        match (&self.cursor, self.request.before) {
            (Some(place), _) => {
                let id = match place.kind {
                    JourneyKind::Conversation => EventId::NIL,
                    JourneyKind::Event => place.key.parse().unwrap_or(EventId::NIL),
                    JourneyKind::Change => last,
                };
                Some((place.at, id))
            }
            (None, Some(before)) => Some((before, EventId::NIL)),
            (None, None) => None,
        }
    }
}

impl Turn {
    fn place(&self) -> Place {
        Place {
            at: Timestamp::from_micros(self.at),
            kind: JourneyKind::Change,
            key: self.field.clone(),
        }
    }
}

impl Governor<'_> {
    /// A change in the form that the field's state of now allows, with the name under which it leaves;
    /// none if that form shows no change.
    pub(super) fn change(&self, idx: FieldIdx, turn: Turn) -> Option<(ChangeItem, String)> {
        let field = self.catalog.get(idx)?;
        let value = |json: &Json| field.ty.read_canonical(json);
        let (before, after) = (value(&turn.before), value(&turn.after));
        let (state, mask, before) = self.form(idx, before.as_ref())?;
        let (_, _, after) = self.form(idx, after.as_ref())?;
        (before != after).then(|| {
            let change = ChangeItem {
                field: field.path.clone(),
                at: Timestamp::from_micros(turn.at),
                state,
                mask,
                before,
                after,
                owner: field.owner.to_string(),
                source: mask.is_none().then_some(turn.source),
            };
            (change, Self::name(field, mask))
        })
    }
}

impl Place {
    fn write(&self) -> Json {
        json!({"at": self.at.micros(), "kind": self.kind.as_str(), "key": self.key})
    }

    fn read(json: &Json) -> Option<Self> {
        Some(Self {
            at: Timestamp::from_micros(json.get("at")?.as_i64()?),
            kind: json.get("kind")?.as_str()?.parse().ok()?,
            key: json.get("key")?.as_str()?.to_owned(),
        })
    }
}
