//! A path through a diagram as a request that one can really ask.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use kith_domain::id::{AgentId, KeyId, MemberId};
use kith_domain::{Actor, Agent, Entity, FieldIdx, Member, Principal, Purpose, Timestamp, Value};

use super::classes::{Source, Test, sources_of};
use super::shape::Shape;
use super::universe::{Key, PROOFS, Universe, Var};
use crate::eval::Env;
use crate::names::{Attr, ListAttr};
use crate::side::sides;
use crate::subject::{Row, SignedIdentity, Subject};
use crate::tri::Tri;

/// Most combinations of values that are tried on one path for tests that were not taken apart.
const MAX_TRIES: usize = 5_000;

/// What each source holds.
#[derive(Debug, Clone, Default)]
struct Choices {
    values: HashMap<Source, Option<Value>>,
    lists: HashMap<Source, BTreeSet<Arc<str>>>,
    bound: HashMap<Entity, bool>,
    proof: SignedIdentity,
}

/// A request, over the fields of all versions.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) actor: Actor,
    /// The bound rows. Fields are by their place among those of all versions.
    pub(crate) rows: BTreeMap<Entity, BTreeMap<FieldIdx, Value>>,
    pub(crate) signed_identity: SignedIdentity,
    pub(crate) now: Timestamp,
}

impl Model {
    /// The request of a path; `None` if no values were found that make its tests what it wants.
    /// `bind` are entities to bind unless the path says otherwise; `tries` is how many combinations may
    /// still be tried.
    pub(crate) fn of_path(
        universe: &Universe,
        (shape, purpose): (Shape, Purpose),
        path: &[(Var, usize)],
        bind: &[Entity],
        tries: &mut usize,
    ) -> Option<Self> {
        let mut choices = Choices::default();
        choices
            .bound
            .extend(bind.iter().map(|entity| (*entity, true)));
        let mut wanted: Vec<(&Test, Tri)> = Vec::new();
        for (var, option) in path {
            match universe.key(*var)? {
                Key::Holds(source, word) => {
                    let list = choices.lists.entry(*source).or_default();
                    if *option == 1 {
                        list.insert(Arc::clone(word));
                    }
                }
                Key::Value(source) => {
                    let value = universe.options(*source).get(*option)?;
                    choices.values.insert(*source, value.clone());
                }
                Key::Present(field) if *option == 0 => {
                    choices.lists.entry(Source::Field(*field)).or_default();
                }
                Key::Present(field) => {
                    choices.values.insert(Source::Field(*field), None);
                }
                Key::Proof => choices.proof = *PROOFS.get(*option)?,
                Key::Bound(entity) => {
                    choices.bound.insert(*entity, *option == 0);
                }
                // Whatever its outcome, it says nothing of values.
                Key::Common(_) => {}
                Key::Truth(test) => {
                    let tri = [Tri::False, Tri::Unknown, Tri::True].get(*option)?;
                    wanted.push((test, *tri));
                }
            }
        }
        let mut classes: Vec<usize> = Vec::new();
        for (test, _) in &wanted {
            let (place, _) = universe.opaque_class(test)?;
            if !classes.contains(&place) {
                classes.push(place);
            }
        }
        for class in classes {
            let of_class = |test: &Test| universe.opaque_class(test).map(|(place, _)| place);
            let wanted: Vec<_> = wanted
                .iter()
                .copied()
                .filter(|(test, _)| of_class(test) == Some(class))
                .collect();
            choices = search(universe, shape, purpose, &choices, &wanted, tries)?;
        }
        Some(choices.model(universe, shape))
    }
}

/// Values for a class of tests that were not taken apart, so that they come out as wanted.
fn search(
    universe: &Universe,
    shape: Shape,
    purpose: Purpose,
    base: &Choices,
    wanted: &[(&Test, Tri)],
    tries: &mut usize,
) -> Option<Choices> {
    let (_, (_, guesses)) = universe.opaque_class(wanted.first()?.0)?;
    let mut sources: Vec<Source> = wanted
        .iter()
        .flat_map(|(test, _)| sources_of(test))
        .collect();
    sources.sort();
    sources.dedup();
    let values = |source: &Source| guesses.values.iter().find(|(known, _)| known == source);
    let words = |source: &Source| guesses.lists.iter().find(|(known, _)| known == source);
    let counts: Vec<usize> = sources
        .iter()
        .map(|source| match (values(source), words(source)) {
            (Some((_, values)), _) => values.len(),
            // Nothing, each word, or all of them.
            (None, Some((_, words))) => words.len() + 2,
            (None, None) => 1,
        })
        .collect();
    let all = counts
        .iter()
        .fold(1_usize, |all, count| all.saturating_mul(*count));
    for attempt in 0..all.min(MAX_TRIES) {
        *tries = tries.checked_sub(1)?;
        let mut choices = base.clone();
        // Spread over all combinations where there are too many to try.
        let mut rest = attempt.saturating_mul(all.div_ceil(MAX_TRIES).max(1));
        for (source, count) in sources.iter().zip(&counts) {
            let option = rest % (*count).max(1);
            rest /= (*count).max(1);
            if let Source::Field(idx) = source
                && let Some(field) = universe.fields().get(idx.index())
            {
                choices.bound.entry(field.entity).or_insert(true);
            }
            if let Some((_, values)) = values(source) {
                choices.values.insert(*source, values.get(option)?.clone());
            } else if let Some((_, words)) = words(source) {
                let held = match option {
                    0 => BTreeSet::new(),
                    all if all > words.len() => words.iter().cloned().collect(),
                    one => words.get(one - 1).cloned().into_iter().collect(),
                };
                choices.lists.insert(*source, held);
            }
        }
        let model = choices.model(universe, shape);
        if holds(&model, purpose, wanted) {
            return Some(choices);
        }
    }
    None
}

fn holds(model: &Model, purpose: Purpose, wanted: &[(&Test, Tri)]) -> bool {
    let sides = sides(&model.actor, purpose);
    let rows: Vec<(Entity, Row)> = model
        .rows
        .iter()
        .map(|(entity, values)| {
            let mut row = Row::new();
            for (field, value) in values {
                row.set(*field, value.clone());
            }
            (*entity, row)
        })
        .collect();
    let mut subject = Subject {
        signed_identity: model.signed_identity,
        ..Subject::default()
    };
    for (entity, row) in &rows {
        subject.bind(*entity, row);
    }
    let env = Env {
        subject: &subject,
        now: model.now,
        side: sides.first(),
    };
    wanted.iter().all(|(test, tri)| env.test(*test) == *tri)
}

impl Choices {
    fn text(&self, attr: Attr) -> Option<Arc<str>> {
        match self.values.get(&Source::Attr(attr)) {
            Some(Some(Value::String(text))) => Some(Arc::clone(text)),
            _ => None,
        }
    }

    fn words(&self, list: ListAttr) -> BTreeSet<Arc<str>> {
        self.lists
            .get(&Source::List(list))
            .cloned()
            .unwrap_or_default()
    }

    fn model(&self, universe: &Universe, shape: Shape) -> Model {
        let id = |attr| self.text(attr);
        let member = shape.has_member.then(|| {
            Arc::new(Member {
                id: id(Attr::UserId)
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(MemberId::NIL),
                name: self
                    .text(Attr::UserName)
                    .unwrap_or_else(|| "someone".into()),
                roles: self.words(ListAttr::Roles),
                teams: self.words(ListAttr::Teams),
                sites: self.words(ListAttr::Sites),
                regions: self.words(ListAttr::Regions),
            })
        });
        let agent = shape.agent.map(|kind| {
            Arc::new(Agent {
                id: id(Attr::AgentId)
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(AgentId::NIL),
                name: self.text(Attr::AgentName).unwrap_or_else(|| "agent".into()),
                kind,
            })
        });
        let actor = match (agent, member) {
            (Some(agent), member) => Actor {
                credential: KeyId::NIL,
                principal: Principal::Agent(agent),
                on_behalf_of: member,
            },
            (None, member) => Actor {
                credential: KeyId::NIL,
                principal: Principal::Member(member.unwrap_or_else(nobody)),
                on_behalf_of: None,
            },
        };
        let mut rows: BTreeMap<Entity, BTreeMap<FieldIdx, Value>> = BTreeMap::new();
        for (entity, bound) in &self.bound {
            if *bound && *entity != Entity::Event {
                rows.entry(*entity).or_default();
            }
        }
        let mut set = |source: &Source, value: Value| {
            if let Source::Field(idx) = source
                && let Some(field) = universe.fields().get(idx.index())
                && let Some(row) = rows.get_mut(&field.entity)
            {
                row.insert(*idx, value);
            }
        };
        for (source, value) in &self.values {
            if let Some(value) = value {
                set(source, value.clone());
            }
        }
        for (source, words) in &self.lists {
            let is_absent = matches!(self.values.get(source), Some(None));
            if !is_absent {
                set(source, Value::Strings(words.iter().cloned().collect()));
            }
        }
        let now = match self.values.get(&Source::Attr(Attr::Now)) {
            Some(Some(Value::Timestamp(at))) => Some(*at),
            _ => universe
                .options(Source::Attr(Attr::Now))
                .iter()
                .flatten()
                .find_map(|value| match value {
                    Value::Timestamp(at) => Some(*at),
                    _ => None,
                }),
        };
        Model {
            actor,
            rows,
            signed_identity: self.proof,
            now: now.unwrap_or(super::options::NOON),
        }
    }
}

/// A member of whom nothing is known; no shape is without both a member and an agent.
fn nobody() -> Arc<Member> {
    Arc::new(Member {
        id: MemberId::NIL,
        name: "someone".into(),
        roles: BTreeSet::new(),
        teams: BTreeSet::new(),
        sites: BTreeSet::new(),
        regions: BTreeSet::new(),
    })
}
