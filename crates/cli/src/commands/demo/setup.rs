//! The demo's workspace: made on the first run, found again on the next ones.

use std::collections::HashMap;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kith_auth::end_user::SigningMethod;
use kith_domain::fact::Trust;
use kith_domain::time::MICROS_PER_SECOND;
use kith_domain::{AgentKind, Scope};
use kith_engine::{AuditActor, Engine, KeyHolder, NewKey, NewMember, NewSecret, Workspace};
use serde_json::json;

use super::files;
use crate::Shell;
use crate::commands::secrets::shared_secret;
use crate::failure::Failure;

/// Not a name that anyone's own workspace is likely to have.
const WORKSPACE: &str = "kith-demo";
/// What the demo's agent is called.
pub(super) const AGENT: &str = "drafter";
/// The end user that the demo is about.
pub(super) const END_USER: &str = "usr_2481";
/// How long the end user's token is good.
const TOKEN_SECONDS: i64 = 12 * 60 * 60;

/// Name, roles and regions of the demo's members.
const MEMBERS: [(&str, &[&str], &[&str]); 5] = [
    ("sam", &["support"], &["eu"]),
    ("lea", &["leadership"], &["eu", "us"]),
    ("rae", &["success", "revops"], &["eu", "us"]),
    ("kim", &["success"], &["eu"]),
    ("bo", &["support", "success"], &[]),
];

/// The demo's sources, and whether their keys stay on a server.
const SOURCES: [(&str, Trust); 6] = [
    ("product", Trust::Server),
    ("billing", Trust::Server),
    ("crm", Trust::Server),
    ("support", Trust::Server),
    ("scoring", Trust::Server),
    ("web", Trust::Public),
];

/// The demo's workspace, ready to be fed and asked.
pub(super) struct Demo {
    pub(super) workspace: Workspace,
    pub(super) definitions_version: u64,
    /// Keys of the sources by name.
    pub(super) write_keys: HashMap<&'static str, String>,
    /// Keys of the members by name.
    pub(super) member_keys: HashMap<&'static str, String>,
    pub(super) agent_key: String,
    /// What the backend of the customer's product would hand to its user's browser.
    pub(super) token: String,
    /// The same claims, signed by someone who does not have the secret.
    pub(super) forged_token: String,
    tag: &'static str,
}

/// Makes what is missing, and new keys in the place of the last run's. `tag` tells the keys of runs
/// that go on serving from those of runs that end at once, so that these leave those alone.
pub(super) async fn set_up(shell: &Shell, tag: &'static str) -> Result<Demo, Failure> {
    let engine = &shell.engine;
    let workspace = workspace(engine).await?;
    let by = AuditActor::operator;
    let published = engine
        .publish(workspace.id, by(), files::definitions(), "the demo")
        .await?;
    principals(engine, &workspace).await?;
    retire(engine, &workspace, tag).await?;

    let key = async |holder, scopes| -> Result<String, Failure> {
        let new = NewKey {
            holder,
            scopes,
            writes_as: None,
            label: tag.to_owned(),
        };
        let (_, token) = engine.create_key(workspace.id, by(), new).await?;
        Ok(token.reveal().to_owned())
    };
    let mut write_keys = HashMap::new();
    for (name, trust) in SOURCES {
        let name_of = name.to_owned();
        let holder = KeyHolder::Source {
            name: name_of,
            trust,
        };
        write_keys.insert(name, key(holder, Vec::new()).await?);
    }
    let mut member_keys = HashMap::new();
    for name in ["sam", "lea"] {
        let holder = KeyHolder::Member(name.to_owned());
        member_keys.insert(name, key(holder, Vec::new()).await?);
    }
    let agent = KeyHolder::Agent(AGENT.to_owned());
    let agent_key = key(agent, vec![Scope::OnBehalfOf]).await?;

    let secret = shared_secret(shell);
    let new = NewSecret {
        method: SigningMethod::Hs256,
        kid: Some(tag.to_owned()),
        bytes: secret.clone().into_bytes(),
    };
    engine.add_secret(workspace.id, by(), new).await?;
    let token = sign(shell, tag, &secret)?;
    let forged_token = sign(shell, tag, &shared_secret(shell))?;
    Ok(Demo {
        workspace,
        definitions_version: published.version,
        write_keys,
        member_keys,
        agent_key,
        token,
        forged_token,
        tag,
    })
}

impl Demo {
    /// Ends the keys of a run that nobody can ask any more.
    pub(super) async fn end(&self, engine: &Engine) -> Result<(), Failure> {
        retire(engine, &self.workspace, self.tag).await
    }
}

async fn workspace(engine: &Engine) -> Result<Workspace, Failure> {
    let all = engine.workspaces().await?;
    match all.into_iter().find(|one| one.name == WORKSPACE) {
        Some(workspace) => Ok(workspace),
        None => Ok(engine.create_workspace(WORKSPACE).await?),
    }
}

async fn principals(engine: &Engine, workspace: &Workspace) -> Result<(), Failure> {
    let members = engine.members(workspace.id).await?;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    for (name, roles, regions) in MEMBERS {
        if members.iter().all(|member| *member.name != *name) {
            let new = NewMember {
                name: name.to_owned(),
                roles: words(roles),
                regions: words(regions),
                ..NewMember::default()
            };
            engine
                .add_member(workspace.id, AuditActor::operator(), new)
                .await?;
        }
    }
    let agents = engine.agents(workspace.id).await?;
    if agents.iter().all(|agent| *agent.name != *AGENT) {
        engine
            .add_agent(workspace.id, AuditActor::operator(), AGENT, AgentKind::Ai)
            .await?;
    }
    Ok(())
}

/// Ends the keys and the secret of earlier runs.
async fn retire(engine: &Engine, workspace: &Workspace, tag: &str) -> Result<(), Failure> {
    for key in engine.keys(workspace.id).await? {
        if key.label == tag && key.revoked_at.is_none() {
            engine
                .revoke_key(workspace.id, AuditActor::operator(), key.id)
                .await?;
        }
    }
    for secret in engine.secrets(workspace.id).await? {
        if secret.kid.as_deref() == Some(tag) && secret.revoked_at.is_none() {
            engine
                .revoke_secret(workspace.id, AuditActor::operator(), secret.id)
                .await?;
        }
    }
    Ok(())
}

/// A token as any backend makes one with its JWT library: it shares nothing with Kith but the secret.
fn sign(shell: &Shell, kid: &str, secret: &str) -> Result<String, Failure> {
    let now = shell.runtime.now().micros() / MICROS_PER_SECOND;
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(kid.to_owned());
    let claims = json!({ "user_id": END_USER, "iat": now, "exp": now + TOKEN_SECONDS });
    jsonwebtoken::encode(
        &header,
        &claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .map_err(|error| Failure::machine(format!("cannot sign the demo's token: {error}")))
}
