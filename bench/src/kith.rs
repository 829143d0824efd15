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
const MEMBER: &str = "Bench Support";
const AGENT: &str = "bench-drafts";
/// The folder that `kith demo` starts with.
const DEFINITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/definitions");

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A running server and who may speak to it.
#[derive(Debug)]
pub(crate) struct Kith {
    pub(crate) address: SocketAddr,
    pub(crate) workspace: WorkspaceId,
    member_key: String,
    agent_key: String,
    write_keys: BTreeMap<&'static str, String>,
    /// Last, so that the server ends after nobody needs it.
    pub(crate) runtime: Runtime,
}

impl Kith {
    /// Sets up a fresh store and serves it.
    pub(crate) fn start(store: &StoreUrl) -> Result<Self> {
        let runtime = Runtime::new()?;
        let (engine, workspace, member_key, agent_key, write_keys) =
            runtime.block_on(set_up(store))?;
        let router = kith_server::router(App::new(engine, Clock::now(&SystemClock)));
        Ok(Self {
            address: serve(&runtime, router)?,
            workspace,
            member_key,
            agent_key,
            write_keys,
            runtime,
        })
    }

    /// A delivery to `POST /v1/batch`.
    pub(crate) fn batch(&self, source: &str, body: &[u8]) -> Vec<u8> {
        let key = self.write_keys.get(source).map_or("", String::as_str);
        let key = format!("authorization: Bearer {key}");
        request("POST", "/v1/batch", &[&key, JSON], body)
    }

    /// A support member looks at a person.
    pub(crate) fn view(&self, user_id: &str) -> Vec<u8> {
        let body = json!({
            "purpose": "support.view",
            "subject": { "person": { "type": "userId", "value": user_id } },
        });
        self.context(&self.member_key, &body)
    }

    /// An agent drafts a reply for that member to a person who proved who they are.
    pub(crate) fn draft(&self, user_id: &str) -> Vec<u8> {
        let body = json!({
            "purpose": "ai.draft",
            "subject": { "person": { "type": "userId", "value": user_id } },
            "onBehalfOf": MEMBER,
            "identityToken": { "type": "userId", "value": user_id, "hash": signed(user_id) },
        });
        self.context(&self.agent_key, &body)
    }

    fn context(&self, key: &str, body: &serde_json::Value) -> Vec<u8> {
        let key = format!("authorization: Bearer {key}");
        request(
            "POST",
            "/v1/context",
            &[&key, JSON],
            body.to_string().as_bytes(),
        )
    }
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

type SetUp = (
    Engine,
    WorkspaceId,
    String,
    String,
    BTreeMap<&'static str, String>,
);

async fn set_up(store: &StoreUrl) -> Result<SetUp> {
    let runtime = kith_domain::Runtime::new(Arc::new(SystemClock), Arc::new(OsEntropy));
    let engine = Engine::open(store, "bench", runtime).await?;
    let by = AuditActor::operator;
    let workspace = engine.create_workspace("bench").await?.id;
    engine
        .publish(workspace, by(), definitions()?, "bench")
        .await?;
    let member = NewMember {
        name: MEMBER.into(),
        roles: vec!["support".into()],
        regions: vec!["eu".into()],
        ..NewMember::default()
    };
    engine.add_member(workspace, by(), member).await?;
    engine
        .add_agent(workspace, by(), AGENT, AgentKind::Ai)
        .await?;
    let secret = NewSecret {
        method: SigningMethod::HmacSha256,
        kid: None,
        bytes: SIGNING_SECRET.to_vec(),
    };
    engine.add_secret(workspace, by(), secret).await?;

    let key = async |holder, scopes| -> Result<String> {
        let new = NewKey {
            holder,
            scopes,
            writes_as: None,
            label: "bench".into(),
        };
        let (_, token) = engine.create_key(workspace, by(), new).await?;
        Ok(token.reveal().to_owned())
    };
    let member_key = key(KeyHolder::Member(MEMBER.into()), Vec::new()).await?;
    let agent_key = key(KeyHolder::Agent(AGENT.into()), vec![Scope::OnBehalfOf]).await?;
    let mut write_keys = BTreeMap::new();
    for source in SOURCES {
        let holder = KeyHolder::Source {
            name: source.into(),
            trust: Trust::Server,
        };
        write_keys.insert(source, key(holder, Vec::new()).await?);
    }
    Ok((engine, workspace, member_key, agent_key, write_keys))
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
