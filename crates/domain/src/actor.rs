//! Who asks. The actor comes from the credential, never from a request's body, and is always a
//! chain: an agent may act on behalf of a member.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, KeyId, MemberId};

/// Someone of the support organisation, with what policies may ask of them (`user.*`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The member's id.
    pub id: MemberId,
    /// How the member is called, unique in the workspace: `sam`.
    pub name: Arc<str>,
    /// `user.role`.
    pub roles: BTreeSet<Arc<str>>,
    /// `user.teams`.
    pub teams: BTreeSet<Arc<str>>,
    /// `user.sites`.
    pub sites: BTreeSet<Arc<str>>,
    /// `user.regions`.
    pub regions: BTreeSet<Arc<str>>,
}

/// What kind of software acts. People have kind `none` in policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AgentKind {
    /// A model that drafts or answers.
    Ai,
    /// A client of the API.
    Api,
    /// A rule that acts by itself.
    Automation,
}

impl AgentKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Ai, Self::Api, Self::Automation];

    /// The word in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::Api => "api",
            Self::Automation => "automation",
        }
    }
}

/// Software that acts (`agent.*`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Agent {
    /// The agent's id.
    pub id: AgentId,
    /// `agent.name`, unique in the workspace.
    pub name: Arc<str>,
    /// `agent.kind`.
    pub kind: AgentKind,
}

/// The holder of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A person of the support organisation.
    Member(Arc<Member>),
    /// Software.
    Agent(Arc<Agent>),
}

/// What a credential opens beside its principal's own rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Ask for governed context.
    Context,
    /// Name a member on whose behalf an agent acts.
    OnBehalfOf,
    /// Write accounts, people and what belongs to them.
    Write,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Context, Self::OnBehalfOf, Self::Write];

    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::OnBehalfOf => "onBehalfOf",
            Self::Write => "write",
        }
    }
}

/// The scopes of one credential.
pub type Scopes = BTreeSet<Scope>;

/// Who asks, as a chain: the credential's principal, and the member it acts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The credential that was shown.
    pub credential: KeyId,
    /// Its holder.
    pub principal: Principal,
    /// The member on whose behalf an agent acts.
    pub on_behalf_of: Option<Arc<Member>>,
}

impl Actor {
    /// The member who takes part, by their own credential or through an agent.
    #[must_use]
    pub fn member(&self) -> Option<&Arc<Member>> {
        match &self.principal {
            Principal::Member(member) => Some(member),
            Principal::Agent(_) => self.on_behalf_of.as_ref(),
        }
    }

    /// The software that acts, if any.
    #[must_use]
    pub fn agent(&self) -> Option<&Arc<Agent>> {
        match &self.principal {
            Principal::Member(_) => None,
            Principal::Agent(agent) => Some(agent),
        }
    }
}
