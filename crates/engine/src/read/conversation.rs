//! Conversations: the rows that one binds, and one of them with what was written in it.
//!
//! A conversation of an account that is out of view does not exist, and one of a person alone goes with
//! that person. What is written is catalogued as events are, so all that holds of events holds of it.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use kith_domain::fact::{MESSAGE, NOTE};
use kith_domain::id::{AccountId, ConversationId, MessageId, NodeId, PersonId, WorkspaceId};
use kith_domain::{Catalog, Entity, Purpose, Relation, Scope, Timestamp};
use kith_policy::{Plan, Reason, SignedIdentity, State, Subject, Verdict};
use kith_store::messages::{self, MessageRow};
use kith_store::profiles::{self, Profile};
use kith_store::{Tx, identity, relations};
use serde::Serialize;
use serde_json::json;

use super::answer::{EntityAnswer, Governor, IdAnswer, PropertyAnswer, Withheld};
use super::around::{Around, Neighbours};
use super::context::{MemberRef, Miss, Read, statements};
use super::cursor::{self, Seal};
use super::governed::{Governed, Sealed};
use super::subject::{self, MAX_ACCOUNTS, Membership, entity};
use crate::Engine;
use crate::access::Caller;
use crate::audit::Entry;
use crate::error::EngineError;

/// Most messages of one page.
const MAX_LIMIT: u32 = 200;
/// Messages of a page that names no number.
const DEFAULT_LIMIT: u32 = 50;
/// Messages that are read at once.
const BATCH: u32 = 250;
/// What the audit calls it.
const ACTION: &str = "conversations.read";
/// What to ask for instead of what takes too long.
const NARROWER: &str = "ask for fewer messages";

/// Which conversation is asked for.
#[derive(Debug, Clone)]
pub struct ConversationRequest {
    /// Why.
    pub purpose: Purpose,
    /// The conversation.
    pub conversation: ConversationId,
    /// The member for whom an agent acts; needs the scope `onBehalfOf`.
    pub on_behalf_of: Option<MemberRef>,
    /// At most this many messages, up to 200; 50 if none is named.
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// A conversation in its governed form, with a page of what was written in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationAnswer {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided; ages count from here.
    pub decided_at: Timestamp,
    /// The statements that allowed the purpose.
    pub allowed_because: Arc<[Reason]>,
    /// The conversation.
    pub conversation: EntityAnswer<ConversationId>,
    /// The account that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<IdAnswer<AccountId>>,
    /// The end user that it is with, if they are in view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<IdAnswer<PersonId>>,
    /// Messages and notes, the newest first.
    pub messages: Vec<MessageItem>,
    /// The fields that are hidden, each with the reason.
    pub withheld: Vec<Withheld>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What somebody wrote in a conversation.
#[derive(Serialize)]
pub struct MessageItem {
    /// The message's id.
    pub id: MessageId,
    /// `message`, or `note` if the other side does not read it.
    pub kind: &'static str,
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote it.
    pub author: AuthorAnswer,
    /// What was written among them; those that are not hidden.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub properties: IndexMap<String, PropertyAnswer>,
}

/// Who wrote a message.
#[derive(Serialize)]
pub struct AuthorAnswer {
    /// `person`, `member`, `agent` or `system`.
    pub kind: &'static str,
    /// The person, if it is the one that the conversation is with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
}

/// The rows that a conversation binds for an actor.
pub(super) struct Bound {
    pub(super) conversation: subject::Entity<ConversationId>,
    pub(super) account: Option<subject::Entity<AccountId>>,
    pub(super) person: Option<subject::Entity<PersonId>>,
    role: Option<subject::Entity<()>>,
    neighbours: Neighbours,
}

impl Bound {
    pub(super) fn subject(&self) -> Subject<'_> {
        let mut subject = Subject {
            conversation: Some(&self.conversation.row),
            account: self.account.as_ref().map(|account| &account.row),
            person: self.person.as_ref().map(|person| &person.row),
            role: self.role.as_ref().map(|role| &role.row),
            ..Subject::default()
        };
        self.neighbours.bind(&mut subject);
        subject
    }
}

/// Binds these conversations to their accounts and people, and leaves out those that do not exist for
/// the actor. The same statements run where there is none.
pub(super) async fn bind(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    (catalog, plan): (&Catalog, &Plan),
    now: Timestamp,
    found: Vec<Profile<ConversationId>>,
) -> Result<Vec<Bound>, EngineError> {
    let mut ids: Vec<_> = found.iter().map(|found| found.id).collect();
    if ids.is_empty() {
        ids.push(ConversationId::NIL);
    }
    let accounts: Vec<(_, Profile<AccountId>)> =
        relations::ahead(tx, workspace, Relation::ConversationAccount, &ids).await?;
    let people: Vec<(_, Profile<PersonId>)> =
        relations::ahead(tx, workspace, Relation::ConversationPerson, &ids).await?;
    let (accounts, people) = (BTreeMap::from_iter(accounts), BTreeMap::from_iter(people));
    let mut known: BTreeSet<PersonId> = people.values().map(|person| person.id).collect();
    if known.is_empty() {
        known.insert(PersonId::NIL);
    }
    let mut memberships = BTreeMap::new();
    for person in known {
        let of = profiles::accounts_of_person(tx, workspace, person, MAX_ACCOUNTS).await?;
        memberships.insert(person, of);
    }
    let joined = memberships.values().flatten().map(|(of, _)| of.account);
    let named: BTreeSet<AccountId> = accounts.values().map(|of| of.id).chain(joined).collect();
    let named: Vec<AccountId> = named.into_iter().collect();
    let around = Around::read(tx, workspace, catalog, &named).await?;

    let bound = found.into_iter().filter_map(|found| {
        let account = accounts.get(&found.id).cloned();
        let account = account.map(|account| entity(catalog, account));
        let person = people.get(&found.id).cloned();
        let person = person.map(|person| entity(catalog, person));
        let of = person
            .as_ref()
            .and_then(|person| memberships.get(&person.id));
        let of = of.map(Vec::as_slice).unwrap_or_default();
        let mut in_view: Vec<_> = of
            .iter()
            .filter_map(|row| {
                let proven = SignedIdentity::default();
                Membership::in_view(
                    catalog,
                    row.clone(),
                    &around,
                    person.as_ref(),
                    proven,
                    plan,
                    now,
                )
            })
            .collect();
        // A person exists if an account in view is attached to them, or none at all; and a conversation
        // of nobody but a person goes with them.
        let is_there = of.is_empty() || !in_view.is_empty();
        if account.is_none() && person.is_some() && !is_there {
            return None;
        }
        let place = in_view.iter().position(|of| {
            account
                .as_ref()
                .is_some_and(|account| of.account.id == account.id)
        });
        let membership = place.map(|place| in_view.swap_remove(place));
        let person = person.filter(|_| is_there);
        let (role, neighbours) = match (membership, &account) {
            (Some(membership), _) => (Some(membership.role), membership.neighbours),
            (None, Some(account)) => {
                let subject = Subject {
                    account: Some(&account.row),
                    person: person.as_ref().map(|person| &person.row),
                    ..Subject::default()
                };
                (None, around.of(account.id, &subject, plan, now))
            }
            (None, None) => (None, Neighbours::default()),
        };
        let bound = Bound {
            conversation: entity(catalog, found),
            account,
            person,
            role,
            neighbours,
        };
        plan.exists(&bound.subject(), now).then_some(bound)
    });
    Ok(bound.collect())
}

impl Engine {
    /// Answers a conversation with a page of what was written in it, after its audit entry is committed.
    ///
    /// # Errors
    /// As [`Engine::context`]; [`EngineError::Invalid`] for what is not as it must be, a cursor among it.
    pub async fn conversation(
        &self,
        caller: &Caller,
        request: ConversationRequest,
    ) -> Result<Governed<ConversationAnswer>, EngineError> {
        caller.needs(Scope::Context)?;
        let fits = |limit: u32| (1..=MAX_LIMIT).contains(&limit);
        if !request.limit.is_none_or(fits) {
            let expected = format!("expected a number from 1 to {MAX_LIMIT}");
            return Err(EngineError::invalid("limit", expected));
        }
        let hash_key = self.hash_key(caller.workspace).await?;
        let (engine, workspace) = (self.clone(), caller.workspace);
        let caller = caller.clone();
        let read = self
            .scanned(workspace, ACTION, NARROWER, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    engine
                        .conversation_page(tx, &caller, &request, hash_key)
                        .await
                })
            })
            .await?;
        self.release(read).await
    }

    async fn conversation_page(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        request: &ConversationRequest,
        hash_key: [u8; 32],
    ) -> Result<Read<ConversationAnswer>, EngineError> {
        let (workspace, now) = (caller.workspace, self.runtime().now());
        let on_behalf_of = request.on_behalf_of.as_ref();
        let begun = self
            .begin(tx, caller, on_behalf_of, ACTION, request.purpose)
            .await?;
        let mut begun = match begun {
            Ok(begun) => begun,
            Err(miss) => return Ok(Read::Miss(miss)),
        };
        // A verdict that is false whatever the row is refused before any look-up.
        if let Some(refusal) = begun.plan.refusal() {
            let miss = Miss::refused(begun.entry, &begun.version, &refusal);
            return Ok(Read::Miss(miss));
        }
        let question = cursor::Question {
            list: ACTION,
            workspace,
            actor: &begun.actor,
            purpose: request.purpose,
            filter: "",
            sort: &["conversation".to_owned(), request.conversation.to_string()],
        };
        let seal = Seal::new(&hash_key, begun.version.number, &question);
        let before = match &request.cursor {
            Some(cursor) => Some(read_place(&seal.open_json(cursor)?).ok_or_else(cursor::broken)?),
            None => None,
        };

        let root = identity::resolve(tx, workspace, request.conversation.into()).await?;
        let id = root.conversation().unwrap_or(ConversationId::NIL);
        let found = profiles::get(tx, workspace, id).await?;
        let (version, plan) = (&begun.version, &begun.plan);
        let rules = (&version.definitions.catalog, plan);
        let found = bind(tx, workspace, rules, now, found.into_iter().collect()).await?;
        let Some(bound) = found.into_iter().next() else {
            return Ok(Read::Miss(Miss::not_found(begun.entry)));
        };
        begun.entry.account = bound.account.as_ref().map(|account| account.id);
        begun.entry.person = bound.person.as_ref().map(|person| person.id);
        let decision = plan.decide(&bound.subject(), now);
        let allowed_because = match &decision.verdict {
            Verdict::Allowed { reasons } => reasons.clone(),
            Verdict::Refused(refusal) => {
                return Ok(Read::Miss(Miss::refused(begun.entry, version, refusal)));
            }
        };
        let mut governor = Governor {
            catalog: &version.definitions.catalog,
            decision: &decision,
            hash_key: &hash_key,
            now,
            released: Vec::new(),
        };
        let limit = request.limit.unwrap_or(DEFAULT_LIMIT) as usize;
        let mut rows = written(tx, workspace, &bound, &governor, before, limit + 1).await?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = match rows.last().filter(|_| has_more) {
            Some(last) => {
                let place = json!({"at": last.at.micros(), "id": last.id});
                Some(seal.close_json(self.runtime(), &place)?)
            }
            None => None,
        };
        let of = &bound.conversation;
        let conversation = EntityAnswer {
            id: of.id,
            fields: governor.fields(Entity::Conversation, &of.row, &of.provenance),
        };
        let messages = messages_of(tx, workspace, &bound, &mut governor, &rows).await?;
        let answer = ConversationAnswer {
            purpose: request.purpose,
            definitions_version: version.number,
            decided_at: now,
            conversation,
            account: bound.account.as_ref().map(|of| IdAnswer { id: of.id }),
            person: bound.person.as_ref().map(|of| IdAnswer { id: of.id }),
            messages,
            withheld: withheld(&governor),
            next_cursor,
            allowed_because,
        };
        let released = std::mem::take(&mut governor.released);
        let entry = said(begun.entry, &answer, released);
        Ok(Read::Answer(Sealed::new(answer, entry)))
    }
}

fn said(mut entry: Entry, answer: &ConversationAnswer, released: Vec<String>) -> Entry {
    entry.statements = statements(&answer.allowed_because);
    entry.detail = Some(format!(
        "{}; {} messages",
        answer.conversation.id,
        answer.messages.len()
    ));
    entry.set_fields(released);
    entry
}

/// The newest messages and notes that may be told, as many as are wanted.
async fn written(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    bound: &Bound,
    governor: &Governor<'_>,
    mut before: Option<messages::Cursor>,
    wanted: usize,
) -> Result<Vec<MessageRow>, EngineError> {
    let id = bound.conversation.id;
    let mut told = Vec::new();
    loop {
        let rows = messages::of_conversation(tx, workspace, id, before, BATCH).await?;
        let is_last = rows.len() < BATCH as usize;
        before = rows.last().map(|row| (row.at, row.id));
        told.extend(rows.into_iter().filter(|row| governor.tells(row.is_note)));
        if is_last || told.len() >= wanted {
            told.truncate(wanted);
            return Ok(told);
        }
    }
}

async fn messages_of(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    bound: &Bound,
    governor: &mut Governor<'_>,
    rows: &[MessageRow],
) -> Result<Vec<MessageItem>, EngineError> {
    let nodes: Vec<NodeId> = rows.iter().filter_map(|row| row.author_node).collect();
    let people: BTreeMap<NodeId, PersonId> = identity::nodes(tx, workspace, &nodes)
        .await?
        .into_iter()
        .filter_map(|node| Some((node.id, node.root?.person()?)))
        .collect();
    let with = bound.person.as_ref().map(|person| person.id);
    let items = rows.iter().filter_map(|row| {
        let person = row.author_node.and_then(|node| people.get(&node).copied());
        governor.message(row, person.filter(|person| Some(*person) == with))
    });
    Ok(items.collect())
}

fn read_place(json: &serde_json::Value) -> Option<messages::Cursor> {
    let at = Timestamp::from_micros(json.get("at")?.as_i64()?);
    Some((at, json.get("id")?.as_str()?.parse().ok()?))
}

/// The hidden fields of conversations and of what is written in them.
fn withheld(governor: &Governor<'_>) -> Vec<Withheld> {
    let mut withheld = governor.withheld(&[Entity::Conversation, Entity::Event]);
    let written = [MESSAGE, NOTE].map(|name| format!("event.{name}"));
    withheld.retain(|of| {
        let path = of.field.as_str();
        let is_written = |event: &String| {
            let rest = path.strip_prefix(event.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        !path.starts_with("event.") || written.iter().any(is_written)
    });
    withheld
}

impl Governor<'_> {
    /// Whether it may be told that there are messages, or notes.
    pub(super) fn tells(&self, is_note: bool) -> bool {
        let event = self.catalog.event(name_of(is_note));
        event.is_some_and(|event| self.decision.state(event.occurrence) == State::Visible)
    }

    fn message(&mut self, row: &MessageRow, person: Option<PersonId>) -> Option<MessageItem> {
        let name = name_of(row.is_note);
        if !self.shows_event(name) {
            return None;
        }
        let event = self.catalog.event(name)?;
        Some(MessageItem {
            id: row.id,
            kind: if row.is_note { "note" } else { "message" },
            at: row.at,
            author: AuthorAnswer {
                kind: row.author.as_str(),
                person,
            },
            properties: self.properties(event, &row.properties),
        })
    }
}

/// The name under which the catalog has notes, or messages.
pub(super) const fn name_of(is_note: bool) -> &'static str {
    if is_note { NOTE } else { MESSAGE }
}
