//! A whole Kith to measure: a real server on loopback, with a runtime of its own, over a store that
//! has a workspace with the demo's definitions, a member, an agent, and a key for each source.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use hmac::{Hmac, KeyInit as _, Mac as _};
use kith_auth::end_user::SigningMethod;
use kith_domain::definitions::SourceFile;
use kith_domain::fact::Trust;
use kith_domain::id::WorkspaceId;
use kith_domain::{AgentKind, Clock, Scope};
use kith_engine::runtime::{OsEntropy, SystemClock};
use kith_engine::{AuditActor, Engine, KeyHolder, NewKey, NewMember, NewSecret};
use kith_server::App;
use kith_store::StoreUrl;
use serde_json::json;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::customers::SOURCES;
use crate::load::request;

/// What the customer's backend signs end users' ids with.
const SIGNING_SECRET: &[u8] = b"a bench's secret, known to all who read this";
const WORKSPACE: &str = "bench";
const MEMBER: &str = "Bench Support";
/// The member's only region.
pub(crate) const REGION: &str = "eu";
const AGENT: &str = "bench-drafts";
/// The folder that `kith demo` starts with.
const DEFINITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/definitions");

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A running server and who may speak to it.
#[derive(Debug)]
pub(crate) struct Kith {
    pub(crate) address: SocketAddr,
    pub(crate) workspace: WorkspaceId,
    pub(crate) keys: Keys,
    /// Last, so that the server ends after nobody needs it.
    pub(crate) runtime: Runtime,
}

impl Kith {
    /// Sets up a store with the demo's definitions and serves it.
    pub(crate) fn start(store: &StoreUrl) -> Result<Self> {
        let runtime = Runtime::new()?;
        let desk = runtime.block_on(Desk::open(store, definitions()?))?;
        Self::serve(desk, runtime)
    }

    /// Serves a store that is set up.
    pub(crate) fn serve(desk: Desk, runtime: Runtime) -> Result<Self> {
        let router = kith_server::router(App::new(desk.engine, Clock::now(&SystemClock)));
        Ok(Self {
            address: serve(&runtime, router)?,
            workspace: desk.workspace,
            keys: desk.keys,
            runtime,
        })
    }
}

/// The keys of those who speak to a workspace, and what they say.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) member: String,
    agent: String,
    pub(crate) writers: BTreeMap<&'static str, String>,
}

impl Keys {
    /// A delivery to `POST /v1/batch`.
    pub(crate) fn batch(&self, source: &str, body: &[u8]) -> Vec<u8> {
        let key = self.writers.get(source).map_or("", String::as_str);
        let key = bearer(key);
        request("POST", "/v1/batch", &[&key, JSON], body)
    }

    /// A support member looks at a person.
    pub(crate) fn view(&self, user_id: &str) -> Vec<u8> {
        let body = json!({
            "purpose": "support.view",
            "subject": { "person": { "type": "userId", "value": user_id } },
        });
        context(&self.member, &body)
    }

    /// An agent drafts a reply for that member to a person who proved who they are.
    pub(crate) fn draft(&self, user_id: &str) -> Vec<u8> {
        let body = json!({
            "purpose": "ai.draft",
            "subject": { "person": { "type": "userId", "value": user_id } },
            "onBehalfOf": MEMBER,
            "identityToken": { "type": "userId", "value": user_id, "hash": signed(user_id) },
        });
        context(&self.agent, &body)
    }

    /// The member asks for what a path leads to.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        request("GET", path, &[&bearer(&self.member)], b"")
    }
}

fn bearer(key: &str) -> String {
    format!("authorization: Bearer {key}")
}

fn context(key: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    let head = [bearer(key), JSON.to_owned()];
    let head: Vec<_> = head.iter().map(String::as_str).collect();
    request("POST", "/v1/context", &head, body.as_bytes())
}

const JSON: &str = "content-type: application/json";

/// Serves on loopback until the runtime is gone.
pub(crate) fn serve(runtime: &Runtime, router: Router) -> Result<SocketAddr> {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let app = axum::serve(listener, router);
    runtime.spawn(async move { app.await });
    Ok(address)
}

/// A workspace of a store, with those who may speak to it.
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) workspace: WorkspaceId,
    /// Of its definitions.
    pub(crate) version: u64,
    pub(crate) keys: Keys,
}

impl Desk {
    /// Opens a store, and makes in it what is not there yet. The keys are new each time, for no store
    /// keeps one.
    pub(crate) async fn open(store: &StoreUrl, definitions: Vec<SourceFile>) -> Result<Self> {
        let runtime = kith_domain::Runtime::new(Arc::new(SystemClock), Arc::new(OsEntropy));
        let engine = Engine::open(store, "bench", runtime).await?;
        let workspace = workspace(&engine).await?;
        let published = engine
            .publish(workspace, AuditActor::operator(), definitions, "bench")
            .await?;
        Ok(Self {
            version: published.version,
            keys: keys(&engine, workspace).await?,
            engine,
            workspace,
        })
    }
}

async fn workspace(engine: &Engine) -> Result<WorkspaceId> {
    let by = AuditActor::operator;
    let found = engine.workspaces().await?;
    let workspace = match found.iter().find(|found| found.name == WORKSPACE) {
        Some(found) => found.id,
        None => engine.create_workspace(WORKSPACE).await?.id,
    };
    if engine.members(workspace).await?.is_empty() {
        let member = NewMember {
            name: MEMBER.into(),
            roles: vec!["support".into()],
            regions: vec![REGION.into()],
            ..NewMember::default()
        };
        engine.add_member(workspace, by(), member).await?;
    }
    if engine.agents(workspace).await?.is_empty() {
        engine
            .add_agent(workspace, by(), AGENT, AgentKind::Ai)
            .await?;
    }
    if engine.secrets(workspace).await?.is_empty() {
        let secret = NewSecret {
            method: SigningMethod::HmacSha256,
            kid: None,
            bytes: SIGNING_SECRET.to_vec(),
        };
        engine.add_secret(workspace, by(), secret).await?;
    }
    Ok(workspace)
}

async fn keys(engine: &Engine, workspace: WorkspaceId) -> Result<Keys> {
    let key = async |holder, scopes| -> Result<String> {
        let new = NewKey {
            holder,
            scopes,
            writes_as: None,
            label: "bench".into(),
        };
        let by = AuditActor::operator();
        let (_, token) = engine.create_key(workspace, by, new).await?;
        Ok(token.reveal().to_owned())
    };
    let member = key(KeyHolder::Member(MEMBER.into()), Vec::new()).await?;
    let agent = key(KeyHolder::Agent(AGENT.into()), vec![Scope::OnBehalfOf]).await?;
    let mut writers = BTreeMap::new();
    for source in SOURCES {
        let holder = KeyHolder::Source {
            name: source.into(),
            trust: Trust::Server,
        };
        writers.insert(source, key(holder, Vec::new()).await?);
    }
    Ok(Keys {
        member,
        agent,
        writers,
    })
}

/// The demo's definitions.
pub(crate) fn definitions() -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    read_folder(Path::new(DEFINITIONS), "", &mut files)?;
    Ok(files)
}

fn read_folder(folder: &Path, below: &str, files: &mut Vec<SourceFile>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else {
            let text = fs::read_to_string(entry.path())?;
            files.push(SourceFile { path, text });
        }
    }
    Ok(())
}

fn signed(user_id: &str) -> String {
    // HMAC takes keys of every length.
    Hmac::<Sha256>::new_from_slice(SIGNING_SECRET).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(user_id.as_bytes());
            hex::encode(mac.finalize().into_bytes())
        },
    )
}
