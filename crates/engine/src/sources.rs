//! Sources that call out: set up by an operator, each with its format, its secrets and where its parts go;
//! and their deliveries, of which nothing is believed before its signature holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use kith_auth::webhook::{self, Scheme, Signed};
use kith_connectors::hook::{Hook, Kind, Mapping};
use kith_domain::fact::{Decoder as _, Trust};
use kith_domain::id::{SourceId, WorkspaceId};
use kith_domain::time::MICROS_PER_SECOND;
use kith_domain::{Catalog, Lifecycle, Purpose, Timestamp};
use kith_store::Scope as StoreScope;
use kith_store::sources::{self, SourceRow};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::Engine;
use crate::access::Source;
use crate::admin::named;
use crate::audit::AuditActor;
use crate::error::EngineError;
use crate::ingest::Ingested;
use crate::seal::MasterKey;

/// Secrets of one source that are live at once, the newest first.
const LIVE_SECRETS: usize = 2;

/// How often it is noted at most that something could not be taken.
const NOTE_EVERY_MICROS: i64 = 10 * MICROS_PER_SECOND;

/// What is not secret of how a source is set up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceConfig {
    /// The address that the sender calls, as it was told: HubSpot signs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where parts go beside the built-in lines: `"customer.metadata.tier" = "account.slaTier"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Under which names the catalog has what happens: `"invoice.paid" = "invoice.collected"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, String>,
}

/// A source to add.
#[derive(Clone)]
pub struct NewSource {
    /// Its name, as fields list it in `sources`.
    pub name: String,
    /// Whose format it speaks.
    pub kind: Kind,
    /// What is not secret.
    pub config: SourceConfig,
    /// The secret that its deliveries are signed with.
    pub secret: String,
}

/// Says nothing of the secret.
impl std::fmt::Debug for NewSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSource")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A source, without what is secret.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceInfo {
    /// Its id.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// Whose format it speaks.
    pub kind: String,
    /// The path that its sender is to call.
    pub path: String,
    /// What is not secret.
    pub config: Json,
    /// `enabled` or `paused`.
    pub state: &'static str,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it delivered last and was believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery_at: Option<Timestamp>,
    /// When something of it could last not be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<Timestamp>,
    /// What that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Messages that it delivered.
    pub received: u64,
    /// Messages that were kept, whole or in part.
    pub kept: u64,
    /// Messages of which something is in quarantine.
    pub refused: u64,
}

/// What is to change of a source.
#[derive(Clone)]
pub enum SourceChange {
    /// Its sender is told to come again later.
    Pause,
    /// It is heard again.
    Resume,
    /// A new secret; the one before stays good until the next, so that no delivery is lost in between.
    Secret(String),
    /// Where its parts go from now on.
    Config(SourceConfig),
}

/// Says nothing of a secret.
impl std::fmt::Debug for SourceChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.action())
    }
}

impl SourceChange {
    const fn action(&self) -> &'static str {
        match self {
            Self::Pause => "source.pause",
            Self::Resume => "source.resume",
            Self::Secret(_) => "source.secret",
            Self::Config(_) => "source.config",
        }
    }
}

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotReceived {
    /// There is no source of this id.
    #[error("there is no such source")]
    NoSuchSource,
    /// Its signature does not hold.
    #[error("the signature does not hold")]
    Unsigned,
    /// The source is paused.
    #[error("the source is paused")]
    Paused,
    /// Anything else.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Gives the engine the key that seals the secrets of sources; only the first counts.
    pub fn set_master_key(&self, key: Arc<MasterKey>) {
        let _ = self.0.master_key.set(key);
    }

    fn master_key(&self) -> Result<&MasterKey, EngineError> {
        let missing = || {
            EngineError::Conflict(
                "secrets of sources are kept sealed, and there is no key to seal them with: put 64 random \
                 hexadecimal digits, such as `openssl rand -hex 32` prints, into `KITH_MASTER_KEY` or the file \
                 that `master_key_file` names"
                    .to_owned(),
            )
        };
        self.0
            .master_key
            .get()
            .map(|key| &**key)
            .ok_or_else(missing)
    }

    /// Adds a source.
    ///
    /// # Errors
    /// If its name is taken, its set-up cannot be one, its secret is none, or there is no master key.
    pub async fn add_source(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        new: NewSource,
    ) -> Result<SourceInfo, EngineError> {
        let id = SourceId::from_uuid(self.runtime().uuid());
        mapping(new.kind, &new.config)?;
        check_secret(new.kind, &new.secret)?;
        let row = SourceRow {
            workspace,
            id,
            name: named("name", &new.name)?,
            kind: new.kind.as_str().to_owned(),
            config: config_json(&new.config)?,
            sealed: self.sealed((workspace, id), &[new.secret.trim().to_owned()])?,
            paused: false,
            created_at: self.runtime().now(),
            status: sources::SourceStatus::default(),
        };
        let info = info(row.clone());
        let action = ("source.add", Purpose::SourceManage);
        self.change(workspace, by, action, Some(id.to_string()), move |tx, _| {
            Box::pin(async move { sources::insert(tx, &row).await })
        })
        .await?;
        Ok(info)
    }

    /// Every source of a workspace, the oldest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn sources(&self, workspace: WorkspaceId) -> Result<Vec<SourceInfo>, EngineError> {
        let rows = self
            .db()
            .read(workspace, move |tx| Box::pin(sources::list(tx, workspace)))
            .await?;
        Ok(rows.into_iter().map(info).collect())
    }

    /// Changes a source; `None` if there is none.
    ///
    /// # Errors
    /// If what it is to become cannot be.
    pub async fn change_source(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        id: SourceId,
        change: SourceChange,
    ) -> Result<Option<SourceInfo>, EngineError> {
        let found = self
            .db()
            .read(workspace, move |tx| {
                Box::pin(sources::by_id(tx, workspace, id))
            })
            .await?;
        let Some(mut row) = found else {
            return Ok(None);
        };
        let kind = kind_of(&row)?;
        let action = (change.action(), Purpose::SourceManage);
        match change {
            SourceChange::Pause => row.paused = true,
            SourceChange::Resume => row.paused = false,
            SourceChange::Secret(secret) => {
                check_secret(kind, &secret)?;
                let mut secrets = self.opened(&row)?;
                secrets.insert(0, secret.trim().to_owned());
                secrets.truncate(LIVE_SECRETS);
                row.sealed = self.sealed((workspace, id), &secrets)?;
            }
            SourceChange::Config(config) => {
                mapping(kind, &config)?;
                row.config = config_json(&config)?;
            }
        }
        let changed = row.clone();
        self.change(workspace, by, action, Some(id.to_string()), move |tx, _| {
            Box::pin(async move { sources::change(tx, workspace, &changed).await })
        })
        .await?;
        Ok(Some(info(row)))
    }

    /// Removes a source and its secrets; what it said stays. False if there is none.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn remove_source(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        id: SourceId,
    ) -> Result<bool, EngineError> {
        let action = ("source.remove", Purpose::SourceManage);
        self.change(workspace, by, action, Some(id.to_string()), move |tx, _| {
            Box::pin(async move { sources::remove(tx, workspace, id).await })
        })
        .await
    }

    /// Keeps what a source calls out, if its signature holds. Once this returns, it survives a crash.
    ///
    /// # Errors
    /// Why nothing was kept.
    pub async fn receive(
        &self,
        id: SourceId,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Ingested, NotReceived> {
        let found = self
            .db()
            .read(StoreScope::Installation, move |tx| {
                Box::pin(sources::find(tx, id))
            })
            .await
            .map_err(EngineError::from)?;
        let row = found.ok_or(NotReceived::NoSuchSource)?;
        let received_at = self.runtime().now();
        if let Err(refused) = self.verified(&row, headers, body, received_at) {
            if let NotReceived::Unsigned = refused {
                let why = "a delivery was not signed with a live secret of this source";
                self.note_failure(&row, received_at, why).await?;
            }
            return Err(refused);
        }
        if row.paused {
            return Err(NotReceived::Paused);
        }
        let (ws, id) = (row.workspace, row.id);
        match self.keep_signed(&row, received_at, body).await {
            Ok((count, ingested)) => {
                let counts = [count, ingested.kept, ingested.quarantined];
                let counts = counts.map(|of| u64::try_from(of).unwrap_or(u64::MAX));
                let noted = self.db().write(ws, move |tx| {
                    Box::pin(
                        async move { sources::delivered(tx, ws, id, received_at, counts).await },
                    )
                });
                noted.await.map_err(EngineError::from)?;
                Ok(ingested)
            }
            Err(error) => {
                let why = match &error {
                    EngineError::Invalid { expected, .. } => expected.clone(),
                    _ => "the store failed: see the log".to_owned(),
                };
                self.note_failure(&row, received_at, &why).await?;
                Err(error.into())
            }
        }
    }

    /// Whether a live secret of the source signed this.
    fn verified(
        &self,
        row: &SourceRow,
        headers: &[(&str, &str)],
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), NotReceived> {
        let kind = kind_of(row)?;
        let config = config_of(row)?;
        let header = |name: &str| {
            let found = headers.iter().find(|(held, _)| *held == name);
            found.map(|(_, value)| *value)
        };
        let request = Signed {
            header: &header,
            url: config.url.as_deref().unwrap_or_default(),
            body,
        };
        let secrets = self.opened(row)?;
        webhook::verify(scheme(kind), &secrets, request, now).map_err(|why| {
            tracing::info!(source = %row.id, %why, "a delivery was not believed");
            NotReceived::Unsigned
        })
    }

    async fn keep_signed(
        &self,
        row: &SourceRow,
        received_at: Timestamp,
        body: &[u8],
    ) -> Result<(usize, Ingested), EngineError> {
        // As with write keys: what was read under one version is not stored under another.
        loop {
            let hook = self.hook(row).await?;
            let delivery = hook
                .decode(body, received_at)
                .map_err(|error| EngineError::invalid("body", error.to_string()))?;
            let source = Source {
                workspace: row.workspace,
                name: row.name.as_str().into(),
                trust: Trust::Server,
                quota: None,
            };
            let count = delivery.messages.len();
            let kept = self.keep(source, received_at, delivery.messages).await?;
            if let Some(kept) = kept {
                self.metrics().ingested(Trust::Server, kept.ingested);
                return Ok((count, kept.ingested));
            }
        }
    }

    /// The decoder of a source, with the built-in lines that the current catalog has a place for.
    async fn hook(&self, row: &SourceRow) -> Result<Hook, EngineError> {
        let kind = kind_of(row)?;
        let mapping = mapping(kind, &config_of(row)?)?;
        let (engine, workspace) = (self.clone(), row.workspace);
        let version = self
            .db()
            .read(workspace, move |tx| {
                Box::pin(async move { engine.version(tx, workspace).await })
            })
            .await;
        let mapping = match version {
            Ok(version) => {
                let catalog = &version.definitions.catalog;
                mapping.keeping(
                    |path| takes(catalog, catalog.find(path), &row.name),
                    |name| {
                        let event = catalog.event(name).map(|event| event.occurrence);
                        takes(catalog, event, &row.name)
                    },
                )
            }
            // All of it waits in quarantine, for a first version.
            Err(EngineError::NoDefinitions) => mapping,
            Err(error) => return Err(error),
        };
        Ok(Hook { kind, mapping })
    }

    async fn note_failure(
        &self,
        row: &SourceRow,
        at: Timestamp,
        why: &str,
    ) -> Result<(), EngineError> {
        // Whoever knows the address can have this said: not as often as they like.
        let last = row.status.last_error_at;
        if last.is_some_and(|last| at.micros_since(last) < NOTE_EVERY_MICROS) {
            return Ok(());
        }
        let (ws, id, why) = (row.workspace, row.id, why.to_owned());
        let noted = self.db().write(ws, move |tx| {
            Box::pin(async move { sources::failed(tx, ws, id, at, &why).await })
        });
        Ok(noted.await?)
    }

    fn sealed(
        &self,
        owner: (WorkspaceId, SourceId),
        secrets: &[String],
    ) -> Result<Vec<u8>, EngineError> {
        let sealed = self.master_key()?.seal(self.runtime(), owner, secrets);
        sealed.ok_or_else(|| EngineError::invalid("secret", "cannot be sealed: use a shorter one"))
    }

    fn opened(&self, row: &SourceRow) -> Result<Vec<String>, EngineError> {
        let opened = self
            .master_key()?
            .open((row.workspace, row.id), &row.sealed);
        opened.ok_or_else(|| {
            EngineError::Conflict(
                "the secrets of this source were sealed under another master key: bring that one back, or \
                 remove the source and add it again"
                    .to_owned(),
            )
        })
    }
}

const fn scheme(kind: Kind) -> Scheme {
    match kind {
        Kind::Stripe => Scheme::Stripe,
        Kind::HubSpot => Scheme::HubSpot,
        Kind::Chatwoot => Scheme::Chatwoot,
        Kind::Intercom => Scheme::Intercom,
        Kind::Zendesk => Scheme::Zendesk,
        Kind::Http => Scheme::Standard,
    }
}

/// Where the parts of a source go.
fn mapping(kind: Kind, config: &SourceConfig) -> Result<Mapping, EngineError> {
    if kind == Kind::HubSpot && config.url.is_none() {
        let expected =
            "HubSpot signs the address that it calls: write here the one that it was told";
        return Err(EngineError::invalid("url", expected));
    }
    let pairs = |map: &BTreeMap<String, String>| -> Vec<(String, String)> {
        let pairs = map.iter().map(|(from, to)| (from.clone(), to.clone()));
        pairs.collect()
    };
    let (fields, events) = (pairs(&config.fields), pairs(&config.events));
    let fields = fields.iter().map(|(from, to)| (from.as_str(), to.as_str()));
    let events = events.iter().map(|(from, to)| (from.as_str(), to.as_str()));
    let mapping = kind.mapping().with_fields(fields);
    let mapping = mapping.map_err(|(line, error)| {
        EngineError::invalid(format!("fields.{line}"), error.to_string())
    })?;
    Ok(mapping.with_events(events))
}

fn takes(catalog: &Catalog, field: Option<kith_domain::FieldIdx>, source: &str) -> bool {
    let Some(field) = field.and_then(|idx| catalog.get(idx)) else {
        return false;
    };
    let is_listed = field.sources.is_empty() || field.sources.iter().any(|name| **name == *source);
    field.lifecycle != Lifecycle::Draft && is_listed
}

fn check_secret(kind: Kind, secret: &str) -> Result<(), EngineError> {
    if webhook::is_secret(scheme(kind), secret.trim().as_bytes()) {
        return Ok(());
    }
    let expected = "expected the signing secret as the sender shows it, of at least 16 characters";
    Err(EngineError::invalid("secret", expected))
}

fn kind_of(row: &SourceRow) -> Result<Kind, EngineError> {
    let newer =
        || EngineError::Conflict("a newer Kith added this source: upgrade this one".to_owned());
    row.kind.parse().map_err(|()| newer())
}

fn config_of(row: &SourceRow) -> Result<SourceConfig, EngineError> {
    let newer =
        |_| EngineError::Conflict("a newer Kith set this source up: upgrade this one".to_owned());
    SourceConfig::deserialize(&row.config).map_err(newer)
}

fn config_json(config: &SourceConfig) -> Result<Json, EngineError> {
    let unfit = |_| EngineError::invalid("config", "cannot be kept");
    serde_json::to_value(config).map_err(unfit)
}

fn info(row: SourceRow) -> SourceInfo {
    SourceInfo {
        id: row.id,
        name: row.name,
        kind: row.kind,
        path: format!("/v1/hooks/{}", row.id),
        config: row.config,
        state: if row.paused { "paused" } else { "enabled" },
        created_at: row.created_at,
        last_delivery_at: row.status.last_delivery_at,
        last_error_at: row.status.last_error_at,
        last_error: row.status.last_error,
        received: row.status.received,
        kept: row.status.kept,
        refused: row.status.refused,
    }
}
