//! Identity: the identifiers that sources used, the edges that say two of them are one, the roots
//! (accounts, people, companies, …) that they belong to at present, and where merged ids lead.

mod decisions;
mod edges;
mod joins;
mod nodes;
mod redirects;
pub mod reviews;

pub use decisions::{
    DecidedRow, Decision, DecisionKind, about, decide, decision, decision_nodes, undo,
};
pub use edges::{
    Component, EdgeRow, component, edges_at, hold_edges, insert_edges, release_edges,
    set_edges_active,
};
pub use joins::{add_joins, joins};
pub use nodes::{
    NewNode, NodeRow, Upserted, find, find_all, nodes, nodes_of_root, set_roots, upsert_nodes,
};
pub use redirects::{dormant, follow, merged_accounts, redirect_to, resolve, revive};

use kith_domain::id::{
    AccountId, CompanyId, ConversationId, IdError, PersonId, SiteId, SubscriptionId,
};
use kith_domain::{RootKind, Runtime};

use crate::db::param::Param;

macro_rules! roots {
    ($($kind:ident($id:ident) $of:literal $accessor:ident;)*) => {
        /// The id of a root: an account, a person, a company and so on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RootId {
            $(
                #[doc = concat!("Of ", $of, ".")]
                $kind($id),
            )*
        }

        impl RootId {
            /// A new root of a kind.
            #[must_use]
            pub fn fresh(kind: RootKind, runtime: &Runtime) -> Self {
                match kind {
                    $(RootKind::$kind => Self::$kind($id::from_uuid(runtime.uuid())),)*
                }
            }

            /// An id that no root of a kind has: looking for it costs what looking for one does.
            #[must_use]
            pub const fn nil(kind: RootKind) -> Self {
                match kind {
                    $(RootKind::$kind => Self::$kind($id::NIL),)*
                }
            }

            /// What it is the id of.
            #[must_use]
            pub const fn kind(&self) -> RootKind {
                match self {
                    $(Self::$kind(_) => RootKind::$kind,)*
                }
            }

            $(
                #[doc = concat!("The id, if it is ", $of, "'s.")]
                #[must_use]
                pub const fn $accessor(&self) -> Option<$id> {
                    match self {
                        Self::$kind(id) => Some(*id),
                        _ => None,
                    }
                }
            )*

            /// The id of a root of this kind, from its text.
            ///
            /// # Errors
            /// If it is no id of the kind.
            pub fn parse(kind: RootKind, text: &str) -> Result<Self, IdError> {
                match kind {
                    $(RootKind::$kind => text.parse().map(Self::$kind),)*
                }
            }

            pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
                match self {
                    $(Self::$kind(id) => id.as_bytes(),)*
                }
            }

            pub(crate) fn from_slice(kind: RootKind, bytes: &[u8]) -> Option<Self> {
                match kind {
                    $(RootKind::$kind => $id::from_slice(bytes).map(Self::$kind),)*
                }
            }
        }

        impl std::fmt::Display for RootId {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$kind(id) => id.fmt(f),)*
                }
            }
        }

        $(
            impl From<$id> for RootId {
                fn from(id: $id) -> Self {
                    Self::$kind(id)
                }
            }
        )*
    };
}

roots! {
    Account(AccountId) "an account" account;
    Company(CompanyId) "a company" company;
    Conversation(ConversationId) "a conversation" conversation;
    Person(PersonId) "a person" person;
    Site(SiteId) "a site" site;
    Subscription(SubscriptionId) "a subscription" subscription;
}

impl<'a> From<&'a RootId> for Param<'a> {
    fn from(id: &'a RootId) -> Self {
        Self::Bytes(id.as_bytes())
    }
}
