//! The names of conditions that are not fields: who asks, why, when, and with which proof.

use std::sync::Arc;

use kith_domain::{AgentKind, FieldType, Purpose};

use crate::subject::ProofMethod;

/// A name with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attr {
    /// `user.id`.
    UserId,
    /// `user.name`.
    UserName,
    /// `agent.id`.
    AgentId,
    /// `agent.kind`: `none` for people.
    AgentKind,
    /// `agent.name`.
    AgentName,
    /// `purpose`.
    Purpose,
    /// `signedIdentity`.
    SignedIdentity,
    /// `identity.method`.
    IdentityMethod,
    /// `now`.
    Now,
}

/// A name with several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListAttr {
    /// `user.role` and `user.roles`.
    Roles,
    /// `user.teams`.
    Teams,
    /// `user.sites`.
    Sites,
    /// `user.regions`.
    Regions,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    One(Attr),
    /// A list, to be searched with `in`.
    List(ListAttr),
    /// `user.role`: written like one value, holds for any of the member's.
    Any(ListAttr),
}

/// Every name that is no field.
pub(crate) const ATTRIBUTES: &[(&str, Attribute)] = &[
    ("user.id", Attribute::One(Attr::UserId)),
    ("user.name", Attribute::One(Attr::UserName)),
    ("user.role", Attribute::Any(ListAttr::Roles)),
    ("user.roles", Attribute::List(ListAttr::Roles)),
    ("user.teams", Attribute::List(ListAttr::Teams)),
    ("user.sites", Attribute::List(ListAttr::Sites)),
    ("user.regions", Attribute::List(ListAttr::Regions)),
    ("agent.id", Attribute::One(Attr::AgentId)),
    ("agent.kind", Attribute::One(Attr::AgentKind)),
    ("agent.name", Attribute::One(Attr::AgentName)),
    ("purpose", Attribute::One(Attr::Purpose)),
    ("signedIdentity", Attribute::One(Attr::SignedIdentity)),
    ("identity.method", Attribute::One(Attr::IdentityMethod)),
    ("now", Attribute::One(Attr::Now)),
];

/// The word that `agent.kind` has for people.
pub(crate) const NO_AGENT: &str = "none";

impl Attribute {
    pub(crate) fn find(name: &str) -> Option<Self> {
        ATTRIBUTES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, attribute)| *attribute)
    }
}

impl Attr {
    /// Whether it depends on who asks and why, and on nothing else of the request.
    pub(crate) const fn is_of_actor(self) -> bool {
        !matches!(
            self,
            Self::SignedIdentity | Self::IdentityMethod | Self::Now
        )
    }

    /// Whether plans leave it open until they are asked: it is of one member alone.
    pub(crate) const fn is_parameter(self) -> bool {
        matches!(self, Self::UserId | Self::UserName)
    }

    pub(crate) const fn is_now(self) -> bool {
        matches!(self, Self::Now)
    }

    /// What values it takes.
    pub(crate) fn ty(self) -> FieldType {
        let words = |words: Vec<&str>| FieldType::Enum(words.into_iter().map(Arc::from).collect());
        match self {
            Self::UserId | Self::UserName | Self::AgentId | Self::AgentName => FieldType::String,
            Self::AgentKind => {
                let kinds = AgentKind::ALL.iter().map(|kind| kind.as_str());
                words(kinds.chain([NO_AGENT]).collect())
            }
            Self::Purpose => words(
                Purpose::ALL
                    .iter()
                    .map(|purpose| purpose.as_str())
                    .collect(),
            ),
            Self::SignedIdentity => FieldType::Bool,
            Self::IdentityMethod => words(
                ProofMethod::ALL
                    .iter()
                    .map(|method| method.as_str())
                    .collect(),
            ),
            Self::Now => FieldType::Timestamp,
        }
    }
}
