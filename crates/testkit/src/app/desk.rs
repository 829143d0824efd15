//! A workspace with its cast, and a client for everyone in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kith_auth::end_user::SigningMethod;
use kith_domain::fact::Trust;
use kith_domain::id::{KeyId, WorkspaceId};
use kith_domain::{AgentKind, Scope};
use kith_engine::{AuditActor, Engine, KeyHolder, NewKey, NewMember, NewSecret};
use serde_json::{Value, json};

use super::client::{Client, Source};
use super::definitions::Folder;
use super::runtime::ManualClock;
use super::tokens;

/// Members: name, roles, regions.
const MEMBERS: &[(&str, &[&str], &[&str])] = &[
    ("sam", &["support"], &["eu"]),
    ("lea", &["leadership"], &["eu", "us"]),
    ("bo", &["support", "success"], &[]),
    ("kim", &["success"], &["eu"]),
    ("ned", &[], &["eu", "us"]),
];

/// Agents: name, kind, whether their key may name a member.
const AGENTS: &[(&str, AgentKind, bool)] = &[
    ("drafter", AgentKind::Ai, true),
    ("loner", AgentKind::Ai, false),
    ("robot", AgentKind::Automation, true),
    ("client", AgentKind::Api, true),
];

/// Sources: name, and whether their key stays on a server.
const SOURCES: &[(&str, Trust)] = &[
    ("product", Trust::Server),
    ("billing", Trust::Server),
    ("crm", Trust::Server),
    ("segment", Trust::Server),
    ("web", Trust::Public),
];

/// A workspace and the keys of its cast: members `sam`, `lea`, `bo`, `kim` and `ned`, agents
/// `drafter`, `loner`, `robot` and `client`, sources `product`, `billing`, `crm`, `segment`, and the
/// public `web`.
#[derive(Debug)]
pub struct Workspace {
    id: WorkspaceId,
    name: String,
    keys: BTreeMap<String, (KeyId, String)>,
}

impl Workspace {
    /// Makes a workspace with its cast, two live signing secrets, and these definitions.
    pub async fn create(engine: &Engine, name: &str, definitions: Folder) -> Self {
        let id = engine.create_workspace(name).await.unwrap().id;
        let by = AuditActor::operator;
        let mut keys = BTreeMap::new();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        for (name, roles, regions) in MEMBERS {
            let new = NewMember {
                name: (*name).to_owned(),
                roles: words(roles),
                regions: words(regions),
                ..NewMember::default()
            };
            engine.add_member(id, by(), new).await.unwrap();
            let holder = KeyHolder::Member((*name).to_owned());
            keys.insert((*name).to_owned(), key(engine, id, holder, &[]).await);
        }
        for (name, kind, may_serve) in AGENTS {
            engine.add_agent(id, by(), name, *kind).await.unwrap();
            let scopes: &[Scope] = if *may_serve {
                &[Scope::OnBehalfOf]
            } else {
                &[]
            };
            let holder = KeyHolder::Agent((*name).to_owned());
            keys.insert((*name).to_owned(), key(engine, id, holder, scopes).await);
        }
        for (name, trust) in SOURCES {
            let holder = KeyHolder::Source {
                name: (*name).to_owned(),
                trust: *trust,
            };
            keys.insert((*name).to_owned(), key(engine, id, holder, &[]).await);
        }
        for (method, bytes) in [
            (SigningMethod::Hs256, jwt_secret(name)),
            (SigningMethod::HmacSha256, hash_secret(name)),
        ] {
            let new = NewSecret {
                method,
                kid: None,
                bytes,
            };
            engine.add_secret(id, by(), new).await.unwrap();
        }
        engine
            .publish(id, by(), definitions.into_files(), "the standard of tests")
            .await
            .unwrap();
        Self {
            id,
            name: name.to_owned(),
            keys,
        }
    }
}

impl Workspace {
    /// The workspace's id.
    #[must_use]
    pub const fn id(&self) -> WorkspaceId {
        self.id
    }
}

async fn key(
    engine: &Engine,
    workspace: WorkspaceId,
    holder: KeyHolder,
    scopes: &[Scope],
) -> (KeyId, String) {
    let new = NewKey {
        holder,
        scopes: scopes.to_vec(),
        writes_as: None,
        label: String::new(),
    };
    let (info, token) = engine
        .create_key(workspace, AuditActor::operator(), new)
        .await
        .unwrap();
    (info.id, token.reveal().to_owned())
}

fn jwt_secret(workspace: &str) -> Vec<u8> {
    format!("{workspace}: thirty-two bytes or more, for HS256").into_bytes()
}

fn hash_secret(workspace: &str) -> Vec<u8> {
    format!("{workspace}: a secret for plain hashes").into_bytes()
}

/// Where the cast of one workspace speaks to one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    http: reqwest::Client,
    url: String,
    clock: Arc<ManualClock>,
    workspace: Arc<Workspace>,
}

impl Desk {
    /// The cast of a workspace, before the server at this address.
    #[must_use]
    pub fn new(url: &str, workspace: impl Into<Arc<Workspace>>, clock: Arc<ManualClock>) -> Self {
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            url: url.to_owned(),
            clock,
            workspace: workspace.into(),
        }
    }

    /// The same before a server at another address.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self::new(url, Arc::clone(&self.workspace), Arc::clone(&self.clock))
    }

    /// The server's address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The workspace.
    #[must_use]
    pub fn id(&self) -> WorkspaceId {
        self.workspace.id
    }

    /// A member, with their own key.
    #[must_use]
    pub fn as_member(&self, name: &str) -> Client {
        self.with_key(Some(&self.key(name).1))
    }

    /// An agent, with its own key.
    #[must_use]
    pub fn as_agent(&self, name: &str) -> Client {
        self.as_member(name)
    }

    /// Someone without a credential.
    #[must_use]
    pub fn anonymous(&self) -> Client {
        self.with_key(None)
    }

    /// Someone with any text for a key.
    #[must_use]
    pub fn with_key(&self, key: Option<&str>) -> Client {
        Client {
            http: self.http.clone(),
            url: self.url.clone(),
            key: key.map(str::to_owned),
            on_behalf_of: None,
            identity_token: None,
        }
    }

    /// A source, with its write key.
    #[must_use]
    pub fn source(&self, name: &str) -> Source {
        self.source_with_key(&self.key(name).1)
    }

    /// A source with any text for a key.
    #[must_use]
    pub fn source_with_key(&self, key: &str) -> Source {
        Source {
            http: self.http.clone(),
            url: self.url.clone(),
            key: key.to_owned(),
        }
    }

    /// The id of someone's key.
    #[must_use]
    pub fn key_id(&self, name: &str) -> KeyId {
        self.key(name).0
    }

    fn key(&self, name: &str) -> &(KeyId, String) {
        let found = self.workspace.keys.get(name);
        found.unwrap_or_else(|| panic!("nobody in the cast is called `{name}`"))
    }

    /// The secret of the workspace's JWTs.
    #[must_use]
    pub fn jwt_secret(&self) -> Vec<u8> {
        jwt_secret(&self.workspace.name)
    }

    /// The secret of the workspace's plain hashes.
    #[must_use]
    pub fn hash_secret(&self) -> Vec<u8> {
        hash_secret(&self.workspace.name)
    }

    /// A good JWT of an end user, for ten minutes.
    #[must_use]
    pub fn jwt(&self, user_id: &str) -> String {
        let claims = json!({"user_id": user_id, "exp": self.clock.unix_seconds() + 600});
        tokens::jwt(&self.jwt_secret(), &claims)
    }

    /// A good hash of an end user's id.
    #[must_use]
    pub fn user_hash(&self, user_id: &str) -> Value {
        tokens::user_hash(&self.hash_secret(), "userId", user_id)
    }
}
