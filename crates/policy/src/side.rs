//! Who asks, as constants: the one or two sides whose meet is the answer.

use std::sync::Arc;

use kith_domain::{Actor, Agent, Audience, Member, Principal, Purpose, Value};
use serde::Serialize;

use crate::eval::Reading;
use crate::eval::Scalar;
use crate::names::{Attr, ListAttr, NO_AGENT};

/// Which side of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SideKind {
    /// Whoever acts, under the purpose that was asked: software, or a member by themselves.
    Asker,
    /// The member alone, whom software or a purpose of AI or automation serves, or who looks as another.
    Member,
}

/// One side's names, as constants.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) kind: SideKind,
    pub(crate) purpose: Purpose,
    user: Option<User>,
    agent: Option<(Value, Value)>,
    agent_kind: Value,
    purpose_value: Value,
}

#[derive(Debug)]
struct User {
    id: Value,
    name: Value,
    roles: Arc<[Value]>,
    teams: Arc<[Value]>,
    sites: Arc<[Value]>,
    regions: Arc<[Value]>,
}

/// The sides of a request: one, or the agent's and the member's.
pub(crate) fn sides(actor: &Actor, purpose: Purpose) -> Vec<Side> {
    let member = actor.member().map(|member| &**member);
    let agent = actor.agent().map(|agent| &**agent);
    let mut sides = vec![Side::new(SideKind::Asker, purpose, member, agent)];
    let by_machine = matches!(
        purpose.audience(),
        Some(Audience::Ai | Audience::Automation)
    ) || matches!(actor.principal, Principal::Agent(_));
    if by_machine && member.is_some() {
        sides.push(Side::new(SideKind::Member, purpose.served(), member, None));
    }
    sides
}

/// The sides of a member who looks as another would: the other's, and the member's own, which bounds
/// it. None where a purpose of AI or automation has two sides by itself.
pub(crate) fn sides_as(viewer: &Member, viewed: &Member, purpose: Purpose) -> Option<Vec<Side>> {
    if matches!(
        purpose.audience(),
        Some(Audience::Ai | Audience::Automation)
    ) {
        return None;
    }
    Some(vec![
        Side::new(SideKind::Asker, purpose, Some(viewed), None),
        Side::new(SideKind::Member, purpose, Some(viewer), None),
    ])
}

impl Side {
    fn new(kind: SideKind, purpose: Purpose, user: Option<&Member>, agent: Option<&Agent>) -> Self {
        let text = |text: &str| Value::String(text.into());
        let texts = |set: &std::collections::BTreeSet<Arc<str>>| {
            set.iter()
                .map(|item| Value::String(Arc::clone(item)))
                .collect()
        };
        Self {
            kind,
            purpose,
            user: user.map(|member| User {
                id: text(&member.id.to_string()),
                name: Value::String(Arc::clone(&member.name)),
                roles: texts(&member.roles),
                teams: texts(&member.teams),
                sites: texts(&member.sites),
                regions: texts(&member.regions),
            }),
            agent: agent.map(|agent| {
                (
                    text(&agent.id.to_string()),
                    Value::String(Arc::clone(&agent.name)),
                )
            }),
            agent_kind: text(agent.map_or(NO_AGENT, |agent| agent.kind.as_str())),
            purpose_value: text(purpose.as_str()),
        }
    }

    /// Whether a member takes part.
    pub(crate) const fn has_user(&self) -> bool {
        self.user.is_some()
    }

    /// The value of a name of the actor: `None` unknown, `Some(None)` absent.
    pub(crate) fn value(&self, attr: Attr) -> Option<Option<&Value>> {
        let user = self.user.as_ref();
        match attr {
            Attr::UserId => user.map(|user| Some(&user.id)),
            Attr::UserName => user.map(|user| Some(&user.name)),
            Attr::AgentId => Some(self.agent.as_ref().map(|(id, _)| id)),
            Attr::AgentName => Some(self.agent.as_ref().map(|(_, name)| name)),
            Attr::AgentKind => Some(Some(&self.agent_kind)),
            Attr::Purpose => Some(Some(&self.purpose_value)),
            Attr::SignedIdentity | Attr::IdentityMethod | Attr::Now => None,
        }
    }

    pub(crate) fn reading(&self, attr: Attr) -> Reading<'_> {
        match self.value(attr) {
            None => Reading::Unknown,
            Some(None) => Reading::Absent,
            Some(Some(value)) => Reading::Value(Scalar::of(value)),
        }
    }

    /// A list of the member; `None` without a member.
    pub(crate) fn list(&self, list: ListAttr) -> Option<&Arc<[Value]>> {
        let user = self.user.as_ref()?;
        Some(match list {
            ListAttr::Roles => &user.roles,
            ListAttr::Teams => &user.teams,
            ListAttr::Sites => &user.sites,
            ListAttr::Regions => &user.regions,
        })
    }
}
