//! Identity: the identifiers that sources used, the edges that say two of them are one, the roots
//! (accounts, people, companies) that they belong to at present, and where merged ids lead.

mod edges;
mod nodes;
mod redirects;

pub use edges::{Component, EdgeRow, component, insert_edges, set_edges_active};
pub use nodes::{
    NewNode, NodeRow, Upserted, find, find_all, nodes, nodes_of_root, set_roots, upsert_nodes,
};
pub use redirects::{merged_accounts, redirect_to, resolve};

use kith_domain::RootKind;
use kith_domain::id::{AccountId, CompanyId, IdError, PersonId};

use crate::db::param::Param;

/// The id of an account, a company or a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RootId {
    /// Of an account.
    Account(AccountId),
    /// Of a company.
    Company(CompanyId),
    /// Of a person.
    Person(PersonId),
}

impl RootId {
    /// What it is the id of.
    #[must_use]
    pub const fn kind(&self) -> RootKind {
        match self {
            Self::Account(_) => RootKind::Account,
            Self::Company(_) => RootKind::Company,
            Self::Person(_) => RootKind::Person,
        }
    }

    /// The account's id, if it is one.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(id) => Some(*id),
            _ => None,
        }
    }

    /// The company's id, if it is one.
    #[must_use]
    pub const fn company(&self) -> Option<CompanyId> {
        match self {
            Self::Company(id) => Some(*id),
            _ => None,
        }
    }

    /// The person's id, if it is one.
    #[must_use]
    pub const fn person(&self) -> Option<PersonId> {
        match self {
            Self::Person(id) => Some(*id),
            _ => None,
        }
    }

    /// The id of a root of this kind, from its text.
    ///
    /// # Errors
    /// If it is no id of the kind.
    pub fn parse(kind: RootKind, text: &str) -> Result<Self, IdError> {
        match kind {
            RootKind::Account => text.parse().map(Self::Account),
            RootKind::Company => text.parse().map(Self::Company),
            RootKind::Person => text.parse().map(Self::Person),
        }
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        match self {
            Self::Account(id) => id.as_bytes(),
            Self::Company(id) => id.as_bytes(),
            Self::Person(id) => id.as_bytes(),
        }
    }

    pub(crate) fn from_slice(kind: RootKind, bytes: &[u8]) -> Option<Self> {
        match kind {
            RootKind::Account => AccountId::from_slice(bytes).map(Self::Account),
            RootKind::Company => CompanyId::from_slice(bytes).map(Self::Company),
            RootKind::Person => PersonId::from_slice(bytes).map(Self::Person),
        }
    }
}

impl From<AccountId> for RootId {
    fn from(id: AccountId) -> Self {
        Self::Account(id)
    }
}

impl From<CompanyId> for RootId {
    fn from(id: CompanyId) -> Self {
        Self::Company(id)
    }
}

impl From<PersonId> for RootId {
    fn from(id: PersonId) -> Self {
        Self::Person(id)
    }
}

impl std::fmt::Display for RootId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Company(id) => id.fmt(f),
            Self::Person(id) => id.fmt(f),
        }
    }
}

impl<'a> From<&'a RootId> for Param<'a> {
    fn from(id: &'a RootId) -> Self {
        Self::Bytes(id.as_bytes())
    }
}

/// Every kind of root.
pub(crate) const ROOT_KINDS: [RootKind; 3] =
    [RootKind::Account, RootKind::Company, RootKind::Person];
