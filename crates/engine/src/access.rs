//! Who calls: from a credential to an actor or a source. The body of a request never says who sent
//! it.

use std::sync::Arc;

use kith_auth::key::{self, SecretHash};
use kith_domain::fact::Trust;
use kith_domain::id::{KeyId, WorkspaceId};
use kith_domain::{Actor, Member, Principal, Purpose, Scope, Scopes};
use kith_policy::{Asker, Policies};
use kith_store::keys::{Holder, KeyRow};
use kith_store::{Scope as StoreScope, Tx, agents, keys, members};

use crate::Engine;
use crate::admin::WRITER;
use crate::error::EngineError;
use crate::quota::Quota;
use crate::read::MemberRef;

/// The holder of a live key.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The workspace that the key opens, and no other.
    pub(crate) workspace: WorkspaceId,
    pub(crate) credential: KeyId,
    pub(crate) principal: Principal,
    pub(crate) scopes: Scopes,
    /// The source of what is written with this key.
    pub(crate) writes_as: Arc<str>,
    quota: Option<Quota>,
    /// Whom a member looks as.
    pub(crate) viewed: Option<Arc<Member>>,
}

impl Caller {
    /// What is left of the key's quota, if it has one.
    #[must_use]
    pub const fn quota(&self) -> Option<Quota> {
        self.quota
    }

    /// The same member, looking as they would with this role alone: what leaves is what both may see,
    /// and nothing that they may not see themselves.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] for an agent, which has no roles.
    pub fn viewing_as(&self, role: &str) -> Result<Self, EngineError> {
        let Principal::Member(member) = &self.principal else {
            let expected = "only a member looks as another role would: leave it out";
            return Err(EngineError::invalid("viewAs", expected));
        };
        let viewed = Member {
            roles: [Arc::from(role)].into(),
            ..Member::clone(member)
        };
        Ok(Self {
            viewed: Some(Arc::new(viewed)),
            ..self.clone()
        })
    }

    /// The holder's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.principal {
            Principal::Member(member) => &member.name,
            Principal::Agent(agent) => &agent.name,
        }
    }

    /// The member's roles; none of an agent.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        let roles = match &self.principal {
            Principal::Member(member) => Some(&member.roles),
            Principal::Agent(_) => None,
        };
        roles.into_iter().flatten().map(|role| &**role)
    }

    /// Who asks and why, as these policies see them.
    pub(crate) fn asker(
        &self,
        policies: &Policies,
        actor: &Actor,
        purpose: Purpose,
    ) -> Result<Asker, EngineError> {
        let Some((viewed, viewer)) = self.viewed.as_deref().zip(actor.member()) else {
            return Ok(policies.asker(actor, purpose));
        };
        let met = policies.asker_viewing_as(viewer, viewed, purpose);
        met.ok_or_else(|| {
            let expected = format!(
                "`{purpose}` meets two sides already: ask as yourself, or for another purpose"
            );
            EngineError::invalid("viewAs", expected)
        })
    }

    /// The caller as an actor who acts for nobody else.
    pub(crate) fn alone(&self) -> Actor {
        Actor {
            credential: self.credential,
            principal: self.principal.clone(),
            on_behalf_of: None,
        }
    }

    /// Whether the key has a scope.
    pub(crate) fn needs(&self, scope: Scope) -> Result<(), EngineError> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        let scope = scope.as_str();
        Err(EngineError::Forbidden(format!(
            "the key needs the scope `{scope}`: make one with `kith keys create … --scope {scope}`"
        )))
    }
}

/// A source that delivers facts under a live write key.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) workspace: WorkspaceId,
    pub(crate) name: Arc<str>,
    pub(crate) trust: Trust,
    /// What is left of the key's quota, if it has one.
    pub(crate) quota: Option<Quota>,
}

impl Engine {
    /// The holder of a member's or agent's key.
    ///
    /// # Errors
    /// [`EngineError::Unauthenticated`] if the key is malformed, unknown, revoked or a write key:
    /// which, is not said. [`EngineError::OverQuota`] if it asks more often than it may.
    pub async fn authenticate(&self, token: &str) -> Result<Caller, EngineError> {
        let row = self.live_key(token).await?;
        let quota = self.quotas().take(row.id)?;
        let (workspace, holder) = (row.workspace, row.holder);
        let principal = self
            .db()
            .read(workspace, move |tx| {
                Box::pin(async move {
                    Ok::<_, EngineError>(match holder {
                        Holder::Member(id) => members::by_id(tx, workspace, id)
                            .await?
                            .map(|member| Principal::Member(Arc::new(member))),
                        Holder::Agent(id) => agents::by_id(tx, workspace, id)
                            .await?
                            .map(|agent| Principal::Agent(Arc::new(agent))),
                        Holder::Source { .. } => None,
                    })
                })
            })
            .await?;
        let principal = principal.ok_or(EngineError::Unauthenticated)?;
        Ok(Caller {
            workspace,
            credential: row.id,
            principal,
            scopes: row.scopes,
            writes_as: row.writes_as.as_deref().unwrap_or(WRITER).into(),
            quota,
            viewed: None,
        })
    }

    /// The source of a write key.
    pub(crate) async fn source(&self, token: &str) -> Result<Source, EngineError> {
        let row = self.live_key(token).await?;
        match row.holder {
            Holder::Source { name, trust } => Ok(Source {
                quota: self.quotas().take(row.id)?,
                workspace: row.workspace,
                name: name.into(),
                trust,
            }),
            Holder::Member(_) | Holder::Agent(_) => Err(EngineError::Unauthenticated),
        }
    }

    /// The roles that the policies of the caller's workspace name.
    ///
    /// # Errors
    /// If the workspace has no definitions, or the store fails.
    pub async fn roles(&self, caller: &Caller) -> Result<Vec<Arc<str>>, EngineError> {
        let (engine, workspace) = (self.clone(), caller.workspace);
        self.db()
            .read(workspace, move |tx| {
                Box::pin(async move {
                    let version = engine.version(tx, workspace).await?;
                    Ok(version.policies.roles().into_iter().collect())
                })
            })
            .await
    }

    async fn live_key(&self, token: &str) -> Result<KeyRow, EngineError> {
        let parsed = key::parse(token).map_err(|_| EngineError::Unauthenticated)?;
        let id = parsed.id;
        let row = self
            .db()
            .read(StoreScope::Installation, move |tx| {
                Box::pin(keys::find(tx, id))
            })
            .await?
            .ok_or(EngineError::Unauthenticated)?;
        let hash = SecretHash::from_slice(&row.secret_hash).ok_or(EngineError::Unauthenticated)?;
        let live = row.revoked_at.is_none() && row.holder.kind() == parsed.kind.as_str();
        if key::verify(&parsed, &hash) && live {
            Ok(row)
        } else {
            Err(EngineError::Unauthenticated)
        }
    }

    /// The caller as an actor, with the member on whose behalf an agent acts.
    pub(crate) async fn actor(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        on_behalf_of: Option<&MemberRef>,
    ) -> Result<Actor, EngineError> {
        let mut actor = caller.alone();
        if let Some(wanted) = on_behalf_of {
            actor.on_behalf_of = Some(Arc::new(self.served_member(tx, caller, wanted).await?));
        }
        Ok(actor)
    }

    async fn served_member(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        wanted: &MemberRef,
    ) -> Result<Member, EngineError> {
        if matches!(caller.principal, Principal::Member(_)) {
            let expected = "a member acts for themselves: leave it out, or use an agent's key";
            return Err(EngineError::invalid("onBehalfOf", expected));
        }
        caller.needs(Scope::OnBehalfOf)?;
        let member = match wanted {
            MemberRef::Id(id) => members::by_id(tx, caller.workspace, *id).await?,
            MemberRef::Name(name) => members::by_name(tx, caller.workspace, name).await?,
        };
        member.ok_or_else(|| {
            EngineError::invalid(
                "onBehalfOf",
                "no member of this workspace has this name or id",
            )
        })
    }
}
