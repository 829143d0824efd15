//! Subject access: all that is held of a person, for the person. Whoever has the store itself asks for it:
//! no policy hides anything here, and the audit log says that it was done and which fields left.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use futures_util::future::BoxFuture;
use kith_domain::id::{PersonId, WorkspaceId};
use kith_domain::{Catalog, Identifier, Purpose, Timestamp};
use kith_store::erasure;
use kith_store::facts::ObservationRow;
use kith_store::identity::{self, NodeRow};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::Engine;
use crate::audit::{AuditActor, Entry, lookup_hash};
use crate::error::EngineError;
use crate::read::{Governed, Sealed};

/// All that is held of a person.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectFile {
    /// The person.
    pub id: PersonId,
    /// When this was read.
    pub at: Timestamp,
    /// What leads to the person.
    pub identifiers: Vec<Identified>,
    /// Every value that a source said, the ones that others outrank too.
    pub values: Vec<Said>,
    /// What happened.
    pub events: Vec<Happened>,
    /// What was said in conversations.
    pub messages: Vec<Written>,
    /// What sources delivered and the catalog did not take, as it came.
    pub refused: Vec<Refused>,
}

/// An identifier.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identified {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its text.
    pub value: String,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

/// A value that a source said.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// The field.
    pub field: String,
    /// The value; `null` deleted it.
    pub value: Json,
    /// Who said so.
    pub source: String,
    /// When it was so.
    pub observed_at: Timestamp,
    /// When it was received.
    pub received_at: Timestamp,
}

/// An event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Happened {
    /// Its catalogued name.
    pub event: String,
    /// When.
    pub at: Timestamp,
    /// Its properties by full path.
    pub properties: Map<String, Json>,
    /// Who said so.
    pub source: String,
}

/// A message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// When.
    pub at: Timestamp,
    /// `person`, `member`, `agent` or `system`.
    pub author: &'static str,
    /// Whether it is a note, which the other side did not read.
    pub is_note: bool,
    /// What was said, and more, by full path.
    pub properties: Map<String, Json>,
}

/// A message that was refused.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// When it was received.
    pub received_at: Timestamp,
    /// Who delivered it.
    pub source: String,
    /// Why it was refused.
    pub code: String,
    /// The message as it came.
    pub original: String,
}

impl Engine {
    /// All that is held of a person, after its audit entry is committed; `None` if there is nobody.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn subject_file(
        &self,
        workspace: WorkspaceId,
        person: PersonId,
    ) -> Result<Option<Governed<SubjectFile>>, EngineError> {
        let engine = self.clone();
        let hash_key = self.hash_key(workspace).await?;
        let sealed = self
            .db()
            .read(
                workspace,
                move |tx| -> BoxFuture<'_, Result<_, EngineError>> {
                    Box::pin(async move {
                        let root = identity::resolve(tx, workspace, person.into()).await?;
                        let person = root.person().unwrap_or(person);
                        let held = erasure::held(tx, workspace, person).await?;
                        if held.nodes.is_empty() {
                            return Ok(None);
                        }
                        let version = match engine.version(tx, workspace).await {
                            Ok(version) => Some(version),
                            Err(EngineError::NoDefinitions) => None,
                            Err(error) => return Err(error),
                        };
                        let nothing = Catalog::default();
                        let catalog = version
                            .as_ref()
                            .map_or(&nothing, |version| &version.definitions.catalog);
                        let mut entry = Entry::new(
                            engine.runtime(),
                            workspace,
                            AuditActor::operator(),
                            "people.export",
                            Purpose::ExportRun,
                        );
                        entry.person = Some(person);
                        entry.position = tx.position().await?;
                        let named = held.nodes.iter().filter_map(identifier);
                        entry.lookups = named.map(|of| lookup_hash(&hash_key, &of)).collect();
                        if let Some(version) = &version {
                            entry.definitions_version = version.number;
                            entry.definitions_hash.clone_from(&version.hash);
                        }
                        let file = SubjectFile::of(catalog, person, entry.at, held);
                        entry.set_fields(file.fields());
                        Ok(Some(Sealed::new(file, entry)))
                    })
                },
            )
            .await?;
        match sealed {
            Some(sealed) => sealed.release(self.journal()).await.map(Some),
            None => Ok(None),
        }
    }
}

fn identifier(node: &NodeRow) -> Option<Identifier> {
    Identifier::new(node.kind, &node.value).ok()
}

impl SubjectFile {
    fn of(catalog: &Catalog, id: PersonId, at: Timestamp, held: erasure::Held) -> Self {
        let nodes = held.nodes.into_iter().chain(held.conversations);
        let said = |row: ObservationRow| Said {
            value: readable(catalog, &row.field, row.value.unwrap_or_default()),
            field: row.field,
            source: row.source,
            observed_at: row.observed_at,
            received_at: row.received_at,
        };
        Self {
            id,
            at,
            identifiers: nodes
                .map(|node| Identified {
                    kind: node.kind.as_str(),
                    value: node.value,
                    first_seen: node.first_seen,
                })
                .collect(),
            values: held.observations.into_iter().map(said).collect(),
            events: held
                .events
                .into_iter()
                .map(|event| Happened {
                    event: event.name,
                    at: event.at,
                    properties: all_readable(catalog, event.properties),
                    source: event.source,
                })
                .collect(),
            messages: held
                .messages
                .into_iter()
                .map(|message| Written {
                    at: message.at,
                    author: message.author.as_str(),
                    is_note: message.is_note,
                    properties: all_readable(catalog, message.properties),
                })
                .collect(),
            refused: held
                .refused
                .into_iter()
                .map(|refused| Refused {
                    received_at: refused.received_at,
                    source: refused.source,
                    code: refused.code,
                    original: String::from_utf8_lossy(&refused.original).into_owned(),
                })
                .collect(),
        }
    }

    /// The paths of all that is in it.
    fn fields(&self) -> Vec<String> {
        let of_events = self.events.iter().flat_map(|event| event.properties.keys());
        let of_messages = self.messages.iter();
        let of_messages = of_messages.flat_map(|message| message.properties.keys());
        let values = self.values.iter().map(|said| &said.field);
        let all = values.chain(of_events).chain(of_messages).cloned();
        let mut fields: Vec<String> = all.collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }
}

/// A value as answers have it; as it is stored, if its field is no longer catalogued.
fn readable(catalog: &Catalog, field: &str, stored: Json) -> Json {
    let found = catalog.find(field).and_then(|idx| catalog.get(idx));
    let value = found.and_then(|field| field.ty.read_canonical(&stored));
    value.map_or(stored, |value| value.to_answer())
}

fn all_readable(catalog: &Catalog, properties: Map<String, Json>) -> Map<String, Json> {
    let each = properties.into_iter().map(|(field, stored)| {
        let value = readable(catalog, &field, stored);
        (field, value)
    });
    each.collect()
}
