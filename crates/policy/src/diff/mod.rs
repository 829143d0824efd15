//! What a change of the policies changes, for everyone who may ask and whatever they ask about.
//!
//! For each shape of asker, each set of roles, each purpose and each group of fields that are decided
//! alike: is what is shown the same, narrower, wider, or neither? States are followed through, so a
//! `hide` that grants a purpose shows as the widening that it is. Each widening comes with a request
//! that shows it, asked of both versions by the direct evaluator before anyone sees it. What could not
//! be gone through in full is *unproven*, which never counts as safe.

mod common;
mod compare;
mod example;
mod roles;
mod routes;

use std::sync::Arc;

use kith_domain::{Actor, AgentKind, Definitions, IdentifierType, Purpose};
use serde::Serialize;

pub use compare::{compare, compare_within};
pub use example::{Bound, Example};
pub use routes::RouteChange;

/// How what is shown changes, over every request of some kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Comparison {
    /// On no request does anything change.
    Same,
    /// On some request less is shown, on none more.
    Narrower,
    /// On some request more is shown, on none less.
    Wider,
    /// On some request more is shown or something else, on another less.
    Incomparable,
    /// There was too much to go through, or what seemed to widen could not be shown. Not safe.
    Unproven,
}

impl Comparison {
    /// Whether it is proven that no request shows more.
    #[must_use]
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Same | Self::Narrower)
    }

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::Incomparable => "incomparable",
            Self::Unproven => "unproven",
        }
    }
}

/// Every change between two versions. What is not in it is the same.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// Who sees more or less: in order of purpose, then asker.
    pub changes: Vec<Change>,
    /// Which purposes may find customers by which identifiers, and could not before, or no longer.
    pub look_ups: Vec<LookUpChange>,
    /// Where conversations go that went elsewhere. What they reveal is in `changes`.
    pub routes: Vec<RouteChange>,
    /// How many combinations of asker, purpose and field or answer there are.
    pub combinations: usize,
    /// On how many of them nothing changes for anyone.
    pub same: usize,
}

/// A change of a consent to look customers up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LookUpChange {
    /// By what.
    pub identifier: IdentifierType,
    /// For which purpose.
    pub purpose: Purpose,
    /// Wider if it is new, narrower if it is gone.
    pub comparison: Comparison,
}

/// One change, for some who ask.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// For whom.
    pub who: Who,
    /// Why they ask.
    pub purpose: Purpose,
    /// Of what.
    pub what: What,
    /// How it changes.
    pub comparison: Comparison,
    /// A request that shows the widening, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Example>,
}

/// Who asks, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    /// Whether a member, an agent, or an agent for a member.
    pub asker: Asker,
    /// Roles that they have.
    pub with: Vec<Arc<str>>,
    /// Roles that they do not have. Any other role makes no difference.
    pub without: Vec<Arc<str>>,
}

/// The shape of an asker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Asker {
    /// A member by themselves.
    Member,
    /// An agent alone.
    Agent {
        /// Its kind, if that matters.
        kind: Option<AgentKind>,
    },
    /// An agent on behalf of a member.
    AgentForMember {
        /// Its kind, if that matters.
        kind: Option<AgentKind>,
    },
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is", content = "fields")]
pub enum What {
    /// Which rows exist for the asker, be the purpose allowed or not.
    Rows,
    /// Whether there is an answer: the rows exist, and the purpose is allowed.
    Answer,
    /// What these fields are in the answer; without an answer, hidden.
    Fields(Vec<Arc<str>>),
}

impl Diff {
    /// Whether it is proven that nobody sees more than before.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        let changes = self.changes.iter().map(|change| change.comparison);
        let look_ups = self.look_ups.iter().map(|change| change.comparison);
        changes.chain(look_ups).all(Comparison::is_safe)
    }

    /// Adds what changes in the definitions beside the policies and the catalog.
    #[must_use]
    pub fn with_look_ups(mut self, old: &Definitions, new: &Definitions) -> Self {
        for identifier in IdentifierType::ALL {
            for purpose in Purpose::ALL {
                let may = |of: &Definitions| of.may_look_up(*identifier, *purpose);
                let comparison = match (may(old), may(new)) {
                    (false, true) => Comparison::Wider,
                    (true, false) => Comparison::Narrower,
                    _ => continue,
                };
                self.look_ups.push(LookUpChange {
                    identifier: *identifier,
                    purpose: *purpose,
                    comparison,
                });
            }
        }
        self
    }

    /// What is said of the answer that an actor gets for a purpose.
    #[must_use]
    pub fn of_answer(&self, actor: &Actor, purpose: Purpose) -> Comparison {
        self.find(actor, purpose, |what| *what == What::Answer)
    }

    /// What is said of which rows exist for an actor under a purpose.
    #[must_use]
    pub fn of_rows(&self, actor: &Actor, purpose: Purpose) -> Comparison {
        self.find(actor, purpose, |what| *what == What::Rows)
    }

    /// What is said of a field that an actor asks for under a purpose.
    #[must_use]
    pub fn of_field(&self, actor: &Actor, purpose: Purpose, field: &str) -> Comparison {
        self.find(actor, purpose, |what| match what {
            What::Fields(fields) => fields.iter().any(|known| **known == *field),
            _ => false,
        })
    }

    fn find(&self, actor: &Actor, purpose: Purpose, is: impl Fn(&What) -> bool) -> Comparison {
        let mut changes = self.changes.iter();
        let found = changes.find(|change| {
            change.purpose == purpose && is(&change.what) && change.who.holds(actor)
        });
        found.map_or(Comparison::Same, |change| change.comparison)
    }
}

impl Who {
    /// Whether it speaks of this actor.
    #[must_use]
    pub fn holds(&self, actor: &Actor) -> bool {
        let kind_holds = |kind: Option<AgentKind>| {
            let agent = actor.agent();
            agent.is_some_and(|agent| kind.is_none_or(|kind| kind == agent.kind))
        };
        let shape_holds = match self.asker {
            Asker::Member => actor.agent().is_none(),
            Asker::Agent { kind } => kind_holds(kind) && actor.member().is_none(),
            Asker::AgentForMember { kind } => kind_holds(kind) && actor.member().is_some(),
        };
        let has = |role: &Arc<str>| actor.member().is_some_and(|of| of.roles.contains(role));
        shape_holds && self.with.iter().all(has) && !self.without.iter().any(has)
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |words: &[Arc<str>]| {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(" and ")
        };
        let kind = |kind: Option<AgentKind>| match kind {
            None => "an agent".to_owned(),
            Some(kind) => format!("an agent of kind `{}`", kind.as_str()),
        };
        match self.asker {
            Asker::Member => f.write_str("a member")?,
            Asker::Agent { kind: of } => f.write_str(&kind(of))?,
            Asker::AgentForMember { kind: of } => write!(f, "{} for a member", kind(of))?,
        }
        match (self.with.as_slice(), self.without.as_slice()) {
            ([], []) => Ok(()),
            (with, []) => write!(f, " with {}", words(with)),
            ([], without) => write!(f, " without {}", words(without)),
            (with, without) => write!(f, " with {}, without {}", words(with), words(without)),
        }
    }
}
