//! Workspaces, members, agents, keys and signing secrets: what an operator sets up. Every change
//! carries its audit entry in its own transaction.

use std::collections::BTreeSet;
use std::sync::Arc;

use kith_auth::end_user::{SigningMethod, SigningSecret};
use kith_auth::key::{self, KeyKind, Token};
use kith_domain::fact::Trust;
use kith_domain::id::{AgentId, KeyId, MemberId, SecretId, WorkspaceId};
use kith_domain::{Agent, AgentKind, Member, Purpose, Scope, Scopes, Timestamp};
use kith_store::keys::{Holder, KeyRow};
use kith_store::secrets::{Method, SecretRow};
use kith_store::{
    Scope as StoreScope, StoreError, Tx, agents, audit as audit_store, keys, members, secrets,
    workspaces,
};
use serde::Serialize;

use crate::Engine;
use crate::audit::{AuditActor, Entry};
use crate::error::EngineError;

/// Longest name of a workspace, member, agent or source, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The source of what is written with a key that names none.
pub const WRITER: &str = "api";

/// A workspace.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    /// Its number.
    pub id: WorkspaceId,
    /// Its name, unique in the installation.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A member to add.
#[derive(Debug, Clone, Default)]
pub struct NewMember {
    /// Unique in the workspace.
    pub name: String,
    /// `user.role`.
    pub roles: Vec<String>,
    /// `user.teams`.
    pub teams: Vec<String>,
    /// `user.sites`.
    pub sites: Vec<String>,
    /// `user.regions`.
    pub regions: Vec<String>,
}

/// For whom a key is made, by name.
#[derive(Debug, Clone)]
pub enum KeyHolder {
    /// A member.
    Member(String),
    /// An agent.
    Agent(String),
    /// A source that delivers facts.
    Source {
        /// Its name, as fields list it in `sources`.
        name: String,
        /// Whether its key stays on a server.
        trust: Trust,
    },
}

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// For whom.
    pub holder: KeyHolder,
    /// What it opens beside context.
    pub scopes: Vec<Scope>,
    /// The source that what its holder writes is said to come from, as fields list it in `sources`;
    /// `None` is [`WRITER`]. Only for keys with the scope `write`.
    pub writes_as: Option<String>,
    /// What it is for.
    pub label: String,
}

/// A key, without its secret.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// Its id.
    pub id: KeyId,
    /// `member`, `agent`, `write` or `public`.
    pub kind: &'static str,
    /// The member's or agent's id, or the source's name.
    pub holder: String,
    /// What it opens.
    pub scopes: Vec<&'static str>,
    /// The source that what its holder writes is said to come from, if it is not `api`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes_as: Option<String>,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked; none if it is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// A secret to add that proves the identity of end users.
#[derive(Clone)]
pub struct NewSecret {
    /// What it verifies.
    pub method: SigningMethod,
    /// The `kid` that its tokens carry.
    pub kid: Option<String>,
    /// The shared secret, or the public key in PEM.
    pub bytes: Vec<u8>,
}

/// Says nothing of the secret.
impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecret")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// A signing secret, without what is secret.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretInfo {
    /// Its id.
    pub id: SecretId,
    /// What it verifies.
    pub method: &'static str,
    /// The `kid` that its tokens carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was revoked; none if it is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl Engine {
    /// Makes a workspace.
    ///
    /// # Errors
    /// If the name is taken or no name.
    pub async fn create_workspace(&self, name: &str) -> Result<Workspace, EngineError> {
        let name = named("name", name)?;
        let (hash_key, now) = (self.runtime().bytes::<32>(), self.runtime().now());
        let row = self
            .db()
            .write(StoreScope::Installation, move |tx| {
                Box::pin(async move { workspaces::create(tx, &name, &hash_key, now).await })
            })
            .await
            .map_err(conflict)?;
        Ok(Workspace {
            id: row.id,
            name: row.name,
            created_at: row.created_at,
        })
    }

    /// Every workspace.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, EngineError> {
        let rows = self
            .db()
            .read(StoreScope::Installation, |tx| {
                Box::pin(workspaces::list(tx))
            })
            .await?;
        let info = |row: workspaces::WorkspaceRow| Workspace {
            id: row.id,
            name: row.name,
            created_at: row.created_at,
        };
        Ok(rows.into_iter().map(info).collect())
    }

    /// Adds a member.
    ///
    /// # Errors
    /// If the name is taken or no name.
    pub async fn add_member(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        new: NewMember,
    ) -> Result<Member, EngineError> {
        let set = |words: Vec<String>| -> BTreeSet<Arc<str>> {
            words.into_iter().map(Arc::from).collect()
        };
        let member = Member {
            id: MemberId::from_uuid(self.runtime().uuid()),
            name: named("name", &new.name)?.into(),
            roles: set(new.roles),
            teams: set(new.teams),
            sites: set(new.sites),
            regions: set(new.regions),
        };
        let row = member.clone();
        self.change(
            workspace,
            by,
            ("member.add", Purpose::MemberManage),
            Some(member.id.to_string()),
            move |tx, now| Box::pin(async move { members::insert(tx, workspace, &row, now).await }),
        )
        .await?;
        Ok(member)
    }

    /// Every member.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn members(&self, workspace: WorkspaceId) -> Result<Vec<Member>, EngineError> {
        Ok(self
            .db()
            .read(workspace, move |tx| Box::pin(members::list(tx, workspace)))
            .await?)
    }

    /// Adds an agent.
    ///
    /// # Errors
    /// If the name is taken or no name.
    pub async fn add_agent(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        name: &str,
        kind: AgentKind,
    ) -> Result<Agent, EngineError> {
        let agent = Agent {
            id: AgentId::from_uuid(self.runtime().uuid()),
            name: named("name", name)?.into(),
            kind,
        };
        let row = agent.clone();
        self.change(
            workspace,
            by,
            ("agent.add", Purpose::MemberManage),
            Some(agent.id.to_string()),
            move |tx, now| Box::pin(async move { agents::insert(tx, workspace, &row, now).await }),
        )
        .await?;
        Ok(agent)
    }

    /// Every agent.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn agents(&self, workspace: WorkspaceId) -> Result<Vec<Agent>, EngineError> {
        Ok(self
            .db()
            .read(workspace, move |tx| Box::pin(agents::list(tx, workspace)))
            .await?)
    }

    /// Makes a key. Its text is given this once and never again.
    ///
    /// # Errors
    /// If there is no such member or agent.
    pub async fn create_key(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        new: NewKey,
    ) -> Result<(KeyInfo, Token), EngineError> {
        let id = KeyId::from_uuid(self.runtime().uuid());
        let (holder, kind) = self.holder(workspace, new.holder).await?;
        let mut scopes: Scopes = new.scopes.into_iter().collect();
        if !matches!(holder, Holder::Source { .. }) {
            scopes.insert(Scope::Context);
        }
        if matches!(holder, Holder::Member(_)) && scopes.contains(&Scope::OnBehalfOf) {
            return Err(EngineError::invalid(
                "scope",
                "`onBehalfOf` is for agents: a member acts for themselves",
            ));
        }
        let writes_as = match &new.writes_as {
            Some(_) if !scopes.contains(&Scope::Write) => {
                return Err(EngineError::invalid(
                    "writesAs",
                    "only a key with the scope `write` writes as a source: add the scope",
                ));
            }
            Some(name) => Some(named("writesAs", name)?),
            None => None,
        };
        let (token, hash) = key::generate(kind, id, self.runtime());
        let row = KeyRow {
            workspace,
            id,
            label: new.label,
            holder,
            writes_as,
            scopes,
            secret_hash: *hash.as_bytes(),
            created_at: self.runtime().now(),
            revoked_at: None,
        };
        let info = key_info(&row);
        self.change(
            workspace,
            by,
            ("key.create", Purpose::MemberManage),
            Some(id.to_string()),
            move |tx, _| Box::pin(async move { keys::insert(tx, &row).await }),
        )
        .await?;
        Ok((info, token))
    }

    async fn holder(
        &self,
        workspace: WorkspaceId,
        holder: KeyHolder,
    ) -> Result<(Holder, KeyKind), EngineError> {
        match holder {
            KeyHolder::Member(name) => {
                let found = self
                    .db()
                    .read(workspace, move |tx| {
                        Box::pin(async move { members::by_name(tx, workspace, &name).await })
                    })
                    .await?;
                let member = found.ok_or_else(|| {
                    EngineError::invalid(
                        "member",
                        "no member of this name: add one with `kith members add`",
                    )
                })?;
                Ok((Holder::Member(member.id), KeyKind::Member))
            }
            KeyHolder::Agent(name) => {
                let found = self
                    .db()
                    .read(workspace, move |tx| {
                        Box::pin(async move { agents::by_name(tx, workspace, &name).await })
                    })
                    .await?;
                let agent = found.ok_or_else(|| {
                    EngineError::invalid(
                        "agent",
                        "no agent of this name: add one with `kith agents add`",
                    )
                })?;
                Ok((Holder::Agent(agent.id), KeyKind::Agent))
            }
            KeyHolder::Source { name, trust } => {
                let kind = if trust == Trust::Server {
                    KeyKind::Write
                } else {
                    KeyKind::Public
                };
                Ok((
                    Holder::Source {
                        name: named("source", &name)?,
                        trust,
                    },
                    kind,
                ))
            }
        }
    }

    /// Every key, without its secret.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn keys(&self, workspace: WorkspaceId) -> Result<Vec<KeyInfo>, EngineError> {
        let rows = self
            .db()
            .read(workspace, move |tx| Box::pin(keys::list(tx, workspace)))
            .await?;
        Ok(rows.iter().map(key_info).collect())
    }

    /// Ends a key at once; false if there is none that is live.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn revoke_key(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        id: KeyId,
    ) -> Result<bool, EngineError> {
        self.change(
            workspace,
            by,
            ("key.revoke", Purpose::MemberManage),
            Some(id.to_string()),
            move |tx, now| Box::pin(async move { keys::revoke(tx, workspace, id, now).await }),
        )
        .await
    }

    /// Adds a secret that proves the identity of end users.
    ///
    /// # Errors
    /// If it is too weak, or not of its method.
    pub async fn add_secret(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        new: NewSecret,
    ) -> Result<SecretInfo, EngineError> {
        let id = SecretId::from_uuid(self.runtime().uuid());
        SigningSecret::new(id, new.method, &new.bytes)
            .map_err(|error| EngineError::invalid("secret", error.to_string()))?;
        let row = SecretRow {
            id,
            method: stored_method(new.method),
            kid: new.kid,
            bytes: new.bytes,
            created_at: self.runtime().now(),
            revoked_at: None,
        };
        let info = secret_info(&row);
        self.change(
            workspace,
            by,
            ("secret.add", Purpose::SourceManage),
            Some(id.to_string()),
            move |tx, _| Box::pin(async move { secrets::insert(tx, workspace, &row).await }),
        )
        .await?;
        Ok(info)
    }

    /// Every signing secret, without what is secret.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn secrets(&self, workspace: WorkspaceId) -> Result<Vec<SecretInfo>, EngineError> {
        let rows = self
            .db()
            .read(workspace, move |tx| Box::pin(secrets::list(tx, workspace)))
            .await?;
        Ok(rows.iter().map(secret_info).collect())
    }

    /// Ends a signing secret at once; false if there is none that is live.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn revoke_secret(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        id: SecretId,
    ) -> Result<bool, EngineError> {
        self.change(
            workspace,
            by,
            ("secret.revoke", Purpose::SourceManage),
            Some(id.to_string()),
            move |tx, now| Box::pin(async move { secrets::revoke(tx, workspace, id, now).await }),
        )
        .await
    }

    /// Runs a change with its audit entry in one transaction.
    pub(crate) async fn change<T, F>(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        (action, purpose): (&'static str, Purpose),
        detail: Option<String>,
        work: F,
    ) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(
                &'t mut Tx<'_>,
                Timestamp,
            )
                -> futures_util::future::BoxFuture<'t, Result<T, StoreError>>
            + Send
            + 'static,
    {
        let mut entry = Entry::new(self.runtime(), workspace, by, action, purpose);
        entry.detail = detail;
        let now = entry.at;
        self.db()
            .write(workspace, move |tx| {
                Box::pin(async move {
                    let done = work(tx, now).await?;
                    audit_store::append_in(tx, &entry.freeze()?).await?;
                    Ok::<_, StoreError>(done)
                })
            })
            .await
            .map_err(conflict)
    }
}

fn conflict(error: StoreError) -> EngineError {
    match error {
        StoreError::Conflict(what) => EngineError::Conflict(what.to_owned()),
        other => EngineError::Store(other),
    }
}

pub(crate) fn named(field: &str, name: &str) -> Result<String, EngineError> {
    let name = name.trim();
    let fits =
        !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control);
    if fits {
        Ok(name.to_owned())
    } else {
        Err(EngineError::invalid(
            field,
            format!("expected 1 to {MAX_NAME_BYTES} bytes without control characters"),
        ))
    }
}

fn key_info(row: &KeyRow) -> KeyInfo {
    KeyInfo {
        id: row.id,
        kind: row.holder.kind(),
        holder: match &row.holder {
            Holder::Member(id) => id.to_string(),
            Holder::Agent(id) => id.to_string(),
            Holder::Source { name, .. } => name.clone(),
        },
        scopes: row.scopes.iter().map(|scope| scope.as_str()).collect(),
        writes_as: row.writes_as.clone(),
        label: row.label.clone(),
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }
}

fn secret_info(row: &SecretRow) -> SecretInfo {
    SecretInfo {
        id: row.id,
        method: row.method.as_str(),
        kid: row.kid.clone(),
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }
}

const fn stored_method(method: SigningMethod) -> Method {
    match method {
        SigningMethod::Hs256 => Method::Hs256,
        SigningMethod::Rs256 => Method::Rs256,
        SigningMethod::Es256 => Method::Es256,
        SigningMethod::HmacSha256 => Method::Hmac,
    }
}

/// A stored secret, ready to verify.
pub(crate) fn signing_secret(row: &SecretRow) -> Option<SigningSecret> {
    let method = match row.method {
        Method::Hs256 => SigningMethod::Hs256,
        Method::Rs256 => SigningMethod::Rs256,
        Method::Es256 => SigningMethod::Es256,
        Method::Hmac => SigningMethod::HmacSha256,
    };
    let secret = SigningSecret::new(row.id, method, &row.bytes).ok()?;
    Some(match &row.kid {
        Some(kid) => secret.with_kid(kid.clone()),
        None => secret,
    })
}
