//! One write on its way: whom it names, whether it may be done, what becomes of it.

use std::collections::{BTreeSet, HashMap};

use kith_domain::fact::{Fact, FactKind, Fault, Message};
use kith_domain::{Entity, Identifier, Purpose, RootKind, Timestamp};
use kith_policy::{Refusal, Subject};
use kith_store::Tx;
use kith_store::dedup::Claim;
use kith_store::identity::{self, NodeRow, RootId};
use serde_json::{Map, Value as Json};

use super::request::{RefusedPart, RootWrite, Target, What, Write, WriteOutcome, Written};
use super::{Asked, Writing};
use crate::audit::{LookupHash, lookup_hash};
use crate::error::EngineError;
use crate::ingest::{Committed, Prepared};
use crate::read::{Begun, Standing, standing, statements, would_be};

/// The nodes of the identifiers that a transaction names.
pub(super) type Known = HashMap<Identifier, NodeRow>;

/// What is done with a write.
pub(super) enum Fate {
    /// It is stored.
    Kept,
    /// It waits in quarantine, and the caller is not told: it would tell them who is there.
    Withheld,
    /// It is refused.
    Denied(Denial),
}

/// Why a write is refused, as the caller is told.
pub(super) enum Denial {
    NotFound,
    Refused(Refusal),
}

/// A root that a write names.
struct Mention {
    entity: Entity,
    /// The strongest first.
    identifiers: Vec<Identifier>,
    /// What they lead to.
    roots: BTreeSet<RootId>,
    /// Whether the caller may be told whether it is there.
    is_told: bool,
    by_id: bool,
    place: Place,
}

enum Place {
    /// In view, and may be changed, by these statements.
    Mine(Vec<String>),
    /// Not there.
    Absent,
    /// There, and not in view.
    Hidden,
    /// In view, and may not be changed.
    Refused(Refusal),
}

/// One write, decided.
pub(super) struct Item {
    pub(super) messages: Vec<Prepared>,
    pub(super) fate: Fate,
    is_event: bool,
    joins: bool,
    is_told: bool,
    /// Whom it names; the first is what is written, if it is no event.
    mentions: Vec<Mention>,
    has_new_identifier: bool,
    /// Full paths of the fields that are written.
    pub(super) fields: Vec<String>,
    pub(super) statements: Vec<String>,
    refused: Vec<RefusedPart>,
}

/// Every identifier that a write names.
pub(super) fn identifiers(write: &Write) -> impl Iterator<Item = &Identifier> {
    let (targets, root): (Vec<&Target>, Option<&RootWrite>) = match &write.what {
        What::Root(root) => (vec![&root.target], Some(root)),
        What::Event(event) => (event.person.iter().chain(&event.account).collect(), None),
    };
    let named = targets.into_iter().flat_map(|target| match target {
        Target::Id(_) => &[],
        Target::Identifiers(identifiers) => identifiers.as_slice(),
    });
    let joined = root.into_iter().flat_map(|root| &root.accounts);
    let related = root.into_iter().flat_map(|root| &root.relations);
    named
        .chain(joined.map(|joined| &joined.account))
        .chain(related.filter_map(|related| related.to.as_ref()))
}

impl Writing {
    /// Decides one write. Nothing is stored yet.
    pub(super) async fn decide(
        &self,
        tx: &mut Tx<'_>,
        begun: &mut Begun,
        known: &Known,
        asked: Asked,
    ) -> Result<Item, EngineError> {
        let Asked { message_id, write } = asked;
        let now = begun.entry.at;
        let mut mentions = Vec::new();
        for (entity, target) in targets(&write) {
            mentions.push(
                self.mention(tx, begun, known, (entity, &target), now)
                    .await?,
            );
        }
        let is_event = matches!(write.what, What::Event(_));
        let joins = matches!(&write.what, What::Root(root) if !root.accounts.is_empty());
        let messages = match mentions
            .iter()
            .all(|mention| !mention.identifiers.is_empty())
        {
            true => self.messages(begun, message_id, write, &mentions),
            false => Vec::new(),
        };
        let mut item = Item {
            refused: parts(&messages),
            fields: fields(&messages),
            has_new_identifier: mentions.first().is_some_and(|mention| {
                let is_new = |identifier| !known.contains_key(identifier);
                !mention.by_id && mention.identifiers.iter().any(is_new)
            }),
            messages,
            fate: Fate::Kept,
            is_event,
            joins,
            is_told: true,
            mentions,
            statements: Vec::new(),
        };
        item.settle(begun, now);
        Ok(item)
    }

    /// Finds what a target leads to, and what that is to the caller.
    async fn mention(
        &self,
        tx: &mut Tx<'_>,
        begun: &mut Begun,
        known: &Known,
        (entity, target): (Entity, &Target),
        now: Timestamp,
    ) -> Result<Mention, EngineError> {
        let workspace = self.workspace;
        let mut mention = Mention {
            entity,
            identifiers: Vec::new(),
            roots: BTreeSet::new(),
            is_told: true,
            by_id: false,
            place: Place::Absent,
        };
        match target {
            Target::Id(id) => {
                let root = identity::resolve(tx, workspace, *id).await?;
                mention.by_id = true;
                mention.roots.insert(root);
                mention.place = match standing(tx, begun, root, &self.hash_key, now).await? {
                    Standing::Mine(statements) => Place::Mine(statements),
                    Standing::Refused(refusal) => Place::Refused(refusal),
                    Standing::Hidden => Place::Hidden,
                };
                let nodes = identity::nodes_of_root(tx, workspace, root).await?;
                let identifiers = nodes
                    .iter()
                    .filter_map(|node| Identifier::new(node.kind, &node.value).ok());
                mention.identifiers.extend(identifiers.min_by_key(strength));
            }
            Target::Identifiers(identifiers) => {
                mention.identifiers.clone_from(identifiers);
                mention.identifiers.sort_by_key(strength);
                mention.identifiers.dedup();
                let definitions = &begun.version.definitions;
                mention.is_told = mention.identifiers.iter().all(|identifier| {
                    definitions.may_look_up(identifier.kind(), Purpose::AccountEdit)
                });
                let roots = mention.identifiers.iter();
                let roots: Vec<_> = roots.map(|of| known.get(of)?.root).collect();
                mention.roots.extend(roots.iter().flatten());
                mention.place = match begun.plan.is_open() {
                    true if mention.roots.is_empty() => Place::Absent,
                    true => Place::Mine(open(begun)),
                    false => self.place(tx, begun, entity, &roots, now).await?,
                };
            }
        }
        Ok(mention)
    }

    /// What the roots of some identifiers are to the caller, all together. An identifier that leads nowhere
    /// costs the same statements as one that does.
    async fn place(
        &self,
        tx: &mut Tx<'_>,
        begun: &mut Begun,
        entity: Entity,
        roots: &[Option<RootId>],
        now: Timestamp,
    ) -> Result<Place, EngineError> {
        let mut place = Place::Absent;
        for root in roots {
            let seen = standing(tx, begun, root.unwrap_or(nil(entity)), &self.hash_key, now);
            place = match (place, seen.await?) {
                (Place::Hidden, _) => Place::Hidden,
                (_, Standing::Hidden) if root.is_some() => Place::Hidden,
                (Place::Refused(refusal), _) | (_, Standing::Refused(refusal)) => {
                    Place::Refused(refusal)
                }
                (_, Standing::Mine(statements)) => Place::Mine(statements),
                (place, Standing::Hidden) => place,
            };
        }
        Ok(place)
    }

    /// The messages that a write is made of, held against the catalog.
    fn messages(
        &self,
        begun: &Begun,
        id: String,
        write: Write,
        mentions: &[Mention],
    ) -> Vec<Prepared> {
        let now = begun.entry.at;
        let Write {
            what,
            observed_at,
            original,
        } = write;
        let of = |entity: Entity| {
            let mention = mentions.iter().find(|mention| mention.entity == entity);
            mention.map_or_else(Vec::new, |mention| mention.identifiers.clone())
        };
        let fact = |message_id, kind, data| Fact {
            message_id,
            kind,
            person: Vec::new(),
            account: Vec::new(),
            subject: Vec::new(),
            relations: Vec::new(),
            data,
            observed_at: observed_at.unwrap_or(now).min(now),
            faults: Vec::new(),
        };
        let mut facts = Vec::new();
        match what {
            What::Event(event) => {
                let kind = FactKind::Track { event: event.name };
                facts.push(Fact {
                    person: of(Entity::Person),
                    account: of(Entity::Account),
                    ..fact(id, kind, event.properties)
                });
            }
            What::Root(RootWrite {
                kind,
                fields,
                accounts,
                relations,
                ..
            }) => {
                let entity = Entity::from(kind);
                let write = FactKind::Write {
                    entity,
                    at: "fields".to_owned(),
                };
                let mut own = Fact {
                    relations,
                    ..fact(id.clone(), write, fields)
                };
                match kind {
                    RootKind::Account => own.account = of(entity),
                    RootKind::Person => own.person = of(entity),
                    _ => own.subject = of(entity),
                }
                facts.push(own);
                for (place, joined) in accounts.into_iter().enumerate() {
                    let role = FactKind::Write {
                        entity: Entity::Role,
                        at: format!("accounts.{place}.role"),
                    };
                    facts.push(Fact {
                        person: of(Entity::Person),
                        account: vec![joined.account],
                        ..fact(format!("{id}/{place}"), role, joined.role)
                    });
                }
            }
        }
        let prepare = |fact: Fact| {
            let message = Message {
                original: original.clone(),
                identifiers: named_by(&fact),
                message_id: Some(fact.message_id.clone()),
                fact: Ok(fact),
            };
            self.engine
                .prepare(&self.source, Some(&begun.version), message)
        };
        facts.into_iter().map(prepare).collect()
    }
}

impl Item {
    /// Decides what is done, and what the caller may be told of it.
    fn settle(&mut self, begun: &Begun, now: Timestamp) {
        self.fate = match self.judge(begun, now) {
            Err(denial) => {
                self.messages.clear();
                Fate::Denied(denial)
            }
            Ok(true) => Fate::Kept,
            Ok(false) => {
                self.is_told = false;
                self.withhold();
                Fate::Withheld
            }
        };
    }

    /// Whether it is kept; the error is why it is refused, as the caller may know.
    fn judge(&mut self, begun: &Begun, now: Timestamp) -> Result<bool, Denial> {
        let is_open = begun.plan.is_open();
        let mut is_kept = true;
        for (number, mention) in self.mentions.iter_mut().enumerate() {
            // On an open plan, whether an event was taken tells nothing of whom it is about.
            self.is_told &= mention.is_told || (is_open && self.is_event);
            if let Place::Mine(statements) = &mut mention.place {
                self.statements.append(statements);
                continue;
            }
            if let (Place::Refused(refusal), true) = (&mention.place, mention.is_told) {
                return Err(Denial::Refused(refusal.clone()));
            }
            let fits = match mention.by_id {
                true => None,
                false if is_open => Some(open(begun)),
                false => {
                    let is_written = number == 0 && !self.is_event;
                    let messages = self.messages.first().filter(|_| is_written);
                    would_be(begun, mention.entity, &row(messages, mention.entity), now)
                }
            };
            match (&mention.place, fits) {
                (Place::Absent, Some(statements)) => {
                    self.statements.extend(statements);
                    self.is_told &= is_open;
                }
                (_, None) if mention.is_told => return Err(Denial::NotFound),
                _ => is_kept = false,
            }
        }
        Ok(is_kept)
    }

    /// All of it goes to quarantine.
    fn withhold(&mut self) {
        self.messages.truncate(1);
        for message in &mut self.messages {
            message.kept = None;
            message.faults = vec![Fault {
                path: String::new(),
                code: "not-in-view",
                detail: "it names what its writer may not see or change: write it with another key, or change the policies and replay".into(),
            }];
        }
    }

    /// What the caller is told; `first` is the place of the item's first message.
    pub(super) fn answer(&self, committed: &Committed, first: usize) -> Written {
        let mut refused = self.refused.clone();
        let claim = committed.claims.get(first);
        if claim == Some(&Claim::Conflict) {
            refused = vec![RefusedPart {
                path: String::new(),
                code: "message-id-reused".into(),
                detail: "another thing was written under this key: use one key for each".into(),
            }];
        }
        let (id, outcome) = match (self.is_told, claim) {
            (false, _) => (None, WriteOutcome::Accepted),
            (true, Some(Claim::Conflict)) => (None, WriteOutcome::Quarantined),
            (true, claim) if self.is_event => self.event(committed, first, claim),
            (true, claim) => self.root(committed, claim),
        };
        Written {
            id,
            outcome,
            refused,
        }
    }

    fn event(
        &self,
        committed: &Committed,
        first: usize,
        claim: Option<&Claim>,
    ) -> (Option<String>, WriteOutcome) {
        match (claim, committed.events.get(&first)) {
            (Some(Claim::Duplicate), _) => (None, WriteOutcome::Unchanged),
            (_, Some(id)) => (Some(id.to_string()), WriteOutcome::Created),
            (_, None) => (None, WriteOutcome::Quarantined),
        }
    }

    fn root(&self, committed: &Committed, claim: Option<&Claim>) -> (Option<String>, WriteOutcome) {
        let Some(mention) = self.mentions.first() else {
            return (None, WriteOutcome::Unchanged);
        };
        let root = mention.root(committed);
        let outcome = match root {
            _ if claim == Some(&Claim::Duplicate) => WriteOutcome::Unchanged,
            Some(root) if committed.created.contains(&root) => WriteOutcome::Created,
            _ if mention.roots.len() > 1 || self.has_new_identifier => WriteOutcome::Updated,
            Some(root) => match committed.changed.get(&root) {
                Some(fields) if self.joins || fields.iter().any(|of| self.fields.contains(of)) => {
                    WriteOutcome::Updated
                }
                _ => WriteOutcome::Unchanged,
            },
            None => WriteOutcome::Unchanged,
        };
        (root.map(|root| root.to_string()), outcome)
    }

    /// The roots that it is about, for the audit.
    pub(super) fn roots<'a>(
        &'a self,
        committed: &'a Committed,
    ) -> impl Iterator<Item = RootId> + 'a {
        self.mentions
            .iter()
            .filter_map(|mention| mention.root(committed))
    }

    /// The identifiers that it was looked up by, as the audit knows them.
    pub(super) fn lookups(&self, hash_key: &[u8; 32]) -> Vec<LookupHash> {
        let named = self.mentions.iter().filter(|mention| !mention.by_id);
        let named = named.flat_map(|mention| &mention.identifiers);
        named
            .map(|identifier| lookup_hash(hash_key, identifier))
            .collect()
    }
}

impl Mention {
    fn root(&self, committed: &Committed) -> Option<RootId> {
        let mut identifiers = self.identifiers.iter();
        let stored = identifiers.find_map(|identifier| committed.roots.get(identifier));
        stored.or(self.roots.first()).copied()
    }
}

fn targets(write: &Write) -> Vec<(Entity, Target)> {
    match &write.what {
        What::Root(root) => {
            let own = (Entity::from(root.kind), root.target.clone());
            let joined = root.accounts.iter().map(|joined| {
                let account = Target::Identifiers(vec![joined.account.clone()]);
                (Entity::Account, account)
            });
            let related = root.relations.iter().filter_map(|related| {
                let to = Target::Identifiers(vec![related.to.clone()?]);
                Some((Entity::from(related.relation.to()), to))
            });
            std::iter::once(own).chain(joined).chain(related).collect()
        }
        What::Event(event) => {
            let person = event.person.clone();
            let account = event.account.clone();
            let person = person.map(|target| (Entity::Person, target));
            let account = account.map(|target| (Entity::Account, target));
            person.into_iter().chain(account).collect()
        }
    }
}

fn nil(entity: Entity) -> RootId {
    RootId::nil(entity.root_kind().unwrap_or(RootKind::Account))
}

/// Every identifier in it, for quarantine.
fn named_by(fact: &Fact) -> Vec<Identifier> {
    let named = [&fact.person, &fact.account, &fact.subject];
    let related = fact.relations.iter().filter_map(|of| of.to.as_ref());
    named
        .into_iter()
        .flatten()
        .chain(related)
        .cloned()
        .collect()
}

fn strength(identifier: &Identifier) -> (u8, Identifier) {
    (identifier.kind().priority(), identifier.clone())
}

fn parts(messages: &[Prepared]) -> Vec<RefusedPart> {
    let faults = messages.iter().flat_map(|message| &message.faults);
    faults.map(RefusedPart::from).collect()
}

/// Full paths of what is written.
fn fields(messages: &[Prepared]) -> Vec<String> {
    let kept = messages.iter().filter_map(|message| message.kept.as_ref());
    let mut paths: Vec<String> = Vec::new();
    for part in kept {
        paths.extend(part.values.iter().map(|(path, ..)| path.clone()));
        paths.extend(part.shown.iter().map(|(_, path)| path.clone()));
        let related = part.relations.iter().map(|of| of.relation.as_str());
        paths.extend(related.map(str::to_owned));
        if let Some((_, name, properties)) = &part.event {
            paths.push(format!("event.{name}"));
            paths.extend(properties.keys().cloned());
        }
    }
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// The values that a new root would begin with.
fn row(message: Option<&Prepared>, entity: Entity) -> Map<String, Json> {
    let kept = message.and_then(|message| message.kept.as_ref());
    let values = kept.into_iter().flat_map(|kept| &kept.values);
    values
        .filter(|(_, of, value)| *of == entity && !value.is_null())
        .map(|(path, _, value)| (path.clone(), value.clone()))
        .collect()
}

/// The statements that allow it on every row.
fn open(begun: &Begun) -> Vec<String> {
    let decision = begun.plan.decide(&Subject::default(), begun.entry.at);
    statements(decision.verdict.reasons())
}
