//! What an operator wants to know of a workspace: read without an entry of the log, for it holds counts and
//! times, and nothing of a customer.

use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;
use kith_store::audit::AuditFilter;
use kith_store::quarantine::{self, Status};

use crate::Engine;
use crate::error::EngineError;

/// How a workspace stands.
#[derive(Debug)]
pub struct Health {
    /// The version of the definitions in force, or why nothing can be decided.
    pub definitions: Result<u64, EngineError>,
    /// Messages that wait in quarantine.
    pub in_quarantine: u64,
    /// Entries of the log that are not yet in its tree.
    pub unfolded: u64,
    /// When the oldest of those was made.
    pub oldest_unfolded: Option<Timestamp>,
    /// When the log's newest entry was made.
    pub newest_entry: Option<Timestamp>,
}

impl Engine {
    /// How a workspace stands just now.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn health(&self, workspace: WorkspaceId) -> Result<Health, EngineError> {
        let engine = self.clone();
        let definitions = self
            .db()
            .read(workspace, move |tx| {
                Box::pin(async move { engine.version(tx, workspace).await })
            })
            .await;
        let in_quarantine = self
            .db()
            .read(workspace, move |tx| {
                Box::pin(quarantine::count(tx, workspace, Status::Open))
            })
            .await?;
        let lag = self.db().audit_lag(workspace).await?;
        let newest = AuditFilter {
            limit: 1,
            ..AuditFilter::default()
        };
        let newest = self.db().audit_search(workspace, &newest).await?;
        Ok(Health {
            definitions: definitions.map(|version| version.number),
            in_quarantine,
            unfolded: lag.entries,
            oldest_unfolded: lag.oldest,
            newest_entry: newest.first().map(|entry| entry.row.at),
        })
    }
}
