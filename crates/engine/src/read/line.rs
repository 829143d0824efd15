//! The conversations on a journey: when each began, as far as the asker can know, and how its fields
//! changed. Each is decided on its own row, beside that of its account and its person.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::collections::BTreeMap;

use indexmap::IndexMap;
use kith_domain::id::ConversationId;
use kith_domain::{Entity, Relation, Timestamp};
use kith_policy::Decision;
use kith_store::identity::RootId;
use kith_store::messages::{self, MessageCount};
use kith_store::{Tx, relations};
use serde::Serialize;

use super::answer::{FieldAnswer, Governor};
use super::as_of::{said, shown};
use super::context::statements;
use super::conversation::{self, Bound, name_of};
use super::journey::{Candidate, ChangeItem, JourneyEntry, JourneyKind, Line, NARROWER, Place};
use crate::error::EngineError;
use crate::profile::{Observation, turns};

/// A conversation began, or changed.
#[derive(Serialize)]
pub struct ConversationItem {
    /// The conversation's id.
    pub id: ConversationId,
    /// Which of the two.
    #[serde(flatten)]
    pub news: ConversationNews,
}

/// What is new of a conversation.
#[derive(Serialize)]
#[serde(tag = "news", rename_all = "camelCase")]
pub enum ConversationNews {
    /// It began.
    Opened(OpenedItem),
    /// One of its fields changed.
    Changed(ChangeItem),
}

/// A conversation where it began.
#[derive(Serialize)]
pub struct OpenedItem {
    /// The time of the first of it that the asker can know.
    pub at: Timestamp,
    /// Its visible and masked fields as they are now, by key.
    pub fields: IndexMap<String, FieldAnswer>,
    /// How many messages there are, unless that is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// How many notes there are, unless that is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<u64>,
}

/// A conversation in view, and what is decided of it.
struct InView {
    bound: Bound,
    decision: Decision,
}

impl Line<'_> {
    /// The conversations of the account or the person.
    pub(super) async fn conversations(&mut self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        if !self.request.wants(JourneyKind::Conversation) {
            return Ok(());
        }
        let (asked, workspace) = (self.asked, self.asked.workspace);
        let (catalog, plan) = (&asked.version.definitions.catalog, &asked.plan);
        let of = (&asked.bound.person, &asked.bound.account);
        let found = match of {
            (Some(person), _) => {
                let relation = Relation::ConversationPerson;
                let found = relations::behind(tx, workspace, relation, &[person.id]).await?;
                found.into_iter().map(|(_, of)| of).collect()
            }
            (None, Some(account)) => {
                let relation = Relation::ConversationAccount;
                let found = relations::behind(tx, workspace, relation, &[account.id]).await?;
                found.into_iter().map(|(_, of)| of).collect()
            }
            (None, None) => Vec::new(),
        };
        let bound = conversation::bind(tx, workspace, (catalog, plan), asked.now, found).await?;
        let in_view = bound.into_iter().map(|bound| InView {
            decision: plan.decide(&bound.subject(), asked.now),
            bound,
        });
        let in_view: Vec<_> = in_view
            .filter(|of| of.decision.exists && of.decision.verdict.is_allowed())
            .collect();

        let ids: Vec<_> = in_view.iter().map(|of| of.bound.conversation.id).collect();
        let mut counts: BTreeMap<ConversationId, Vec<MessageCount>> = BTreeMap::new();
        for count in messages::counts(tx, workspace, &ids).await? {
            counts.entry(count.conversation).or_default().push(count);
        }
        let fields = in_view.iter().flat_map(|of| {
            let root = RootId::from(of.bound.conversation.id);
            let shown = shown(catalog, &of.decision, Entity::Conversation);
            shown.into_iter().map(move |field| (root, field))
        });
        let fields: Vec<_> = fields.collect();
        let until = self.request.until(self.cursor.as_ref());
        let mut held: BTreeMap<RootId, Vec<Observation>> = BTreeMap::new();
        for row in said(tx, workspace, None, &fields, until, NARROWER).await? {
            held.entry(row.root).or_default().push(row.into());
        }
        for of in &in_view {
            let id = of.bound.conversation.id;
            let said = held.remove(&id.into()).unwrap_or_default();
            let counts = counts.remove(&id).unwrap_or_default();
            self.conversation(of, said, &counts);
        }
        Ok(())
    }

    fn conversation(&mut self, of: &InView, said: Vec<Observation>, counts: &[MessageCount]) {
        let asked = self.asked;
        let catalog = &asked.version.definitions.catalog;
        let mut governor = Governor {
            catalog,
            decision: &of.decision,
            hash_key: &asked.hash_key,
            now: asked.now,
            released: Vec::new(),
        };
        let id = of.bound.conversation.id;
        let decided_by = statements(of.decision.verdict.reasons());
        let put = |line: &mut Self, at, key, news, released| {
            let place = Place {
                at,
                kind: JourneyKind::Conversation,
                key,
            };
            if line.holds(&place) {
                line.found.push(Candidate {
                    place,
                    entry: JourneyEntry::Conversation(ConversationItem { id, news }),
                    released,
                    decided_by: decided_by.clone(),
                });
            }
        };
        let told: Vec<_> = counts
            .iter()
            .filter(|of| governor.tells(of.of_notes))
            .collect();
        let mut first = told.iter().map(|of| of.first_at).min();
        for turn in turns(catalog, said) {
            let (at, key) = (
                Timestamp::from_micros(turn.at),
                format!("{id} 1 {}", turn.field),
            );
            let change = catalog
                .find(&turn.field)
                .and_then(|idx| governor.change(idx, turn));
            let Some((change, released)) = change else {
                continue;
            };
            first = Some(first.map_or(at, |first| first.min(at)));
            put(
                self,
                at,
                key,
                ConversationNews::Changed(change),
                vec![released],
            );
        }
        let Some(at) = first else { return };
        let row = &of.bound.conversation;
        let fields = governor.fields(Entity::Conversation, &row.row, &row.provenance);
        let mut count = |of_notes: bool| {
            if !governor.shows_event(name_of(of_notes)) {
                return None;
            }
            let found = told.iter().find(|of| of.of_notes == of_notes);
            Some(found.map_or(0, |of| of.count))
        };
        let (messages, notes) = (count(false), count(true));
        let opened = OpenedItem {
            at,
            fields,
            messages,
            notes,
        };
        let released = std::mem::take(&mut governor.released);
        put(
            self,
            at,
            format!("{id} 0"),
            ConversationNews::Opened(opened),
            released,
        );
    }
}
