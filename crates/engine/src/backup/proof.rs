//! Whether an audit log proves a state: every entry reads as it was frozen, no number is missing, no
//! entry speaks of more than there is, and every version of the definitions has the entry of who
//! published it.

use std::collections::{BTreeMap, BTreeSet};

use kith_domain::id::WorkspaceId;
use kith_store::audit::{AuditEntry, AuditFilter};
use kith_store::backup::{Contents, StreamEnd};
use kith_store::{Db, StoreError, definitions};
use serde_json::Value as Json;

/// Entries read at once.
const PAGE: u32 = 1_000;
/// The action of an entry about a new version.
const PUBLISH: &str = "definitions.publish";

/// What was read, and what it does not prove.
#[derive(Debug, Default)]
pub(super) struct Proof {
    pub(super) entries: u64,
    /// How many were held against what was signed.
    pub(super) signed: u64,
    pub(super) unproven: Vec<String>,
    ends: Vec<StreamEnd>,
}

/// How far the state of a workspace goes.
struct State {
    position: i64,
    version: u64,
}

impl Proof {
    /// Reads the whole log of a workspace.
    pub(super) async fn of_workspace(
        &mut self,
        db: &Db,
        workspace: WorkspaceId,
    ) -> Result<(), StoreError> {
        let state = db
            .read(workspace, move |tx| {
                Box::pin(async move {
                    Ok::<_, StoreError>(State {
                        position: tx.position().await?,
                        version: definitions::latest_version(tx, workspace).await?,
                    })
                })
            })
            .await?;
        let mut streams: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        let mut published = BTreeSet::new();
        let mut filter = AuditFilter {
            limit: PAGE,
            ..AuditFilter::default()
        };
        loop {
            let page = db.audit_search(workspace, &filter).await?;
            let Some(last) = page.last() else { break };
            filter.before = Some((last.row.at, last.row.id));
            for entry in &page {
                self.entries += 1;
                self.of_entry(workspace, entry, &state);
                let (newest, number) = streams.entry(entry.place.stream.to_string()).or_default();
                *newest = entry.place.seq.max(*newest);
                *number += 1;
                if entry.row.action == PUBLISH {
                    published.insert(entry.row.definitions_version);
                }
            }
        }
        for (stream, (last, entries)) in streams {
            if last != entries {
                self.unproven.push(format!(
                    "workspace {workspace}: the stream `{stream}` goes up to {last} and has {entries} entries"
                ));
            }
            self.ends.push(StreamEnd {
                workspace: workspace.0,
                stream,
                last,
                entries,
            });
        }
        let missing = (1..=state.version).find(|version| !published.contains(version));
        if let Some(version) = missing {
            self.unproven.push(format!(
                "workspace {workspace}: no entry says who published version {version} of the definitions"
            ));
        }
        Ok(())
    }

    fn of_entry(&mut self, workspace: WorkspaceId, entry: &AuditEntry, state: &State) {
        let row = &entry.row;
        let leaf: Json = serde_json::from_slice(&row.leaf).unwrap_or_default();
        let says = |key: &str, value: &Json| leaf.get(key) == Some(value);
        let as_frozen = says("id", &row.id.to_string().into())
            && says("at", &row.at.micros().into())
            && says("workspace", &workspace.0.into())
            && says("action", &row.action.as_str().into())
            && says("outcome", &row.verdict.as_str().into());
        if !as_frozen {
            self.unproven
                .push(format!("entry {}: its columns and its leaf differ", row.id));
        }
        if row.position > state.position || row.definitions_version > state.version {
            self.unproven.push(format!(
                "entry {}: it speaks of a later state than there is",
                row.id
            ));
        }
    }

    /// Holds what was read against what the backup says of itself.
    pub(super) fn against(&mut self, contents: &Contents, workspaces: usize) {
        if workspaces != contents.workspaces.len() {
            self.unproven.push(format!(
                "the backup has {} workspaces and the store {workspaces}",
                contents.workspaces.len()
            ));
        }
        self.ends.sort();
        let mut expected = contents.streams.clone();
        expected.sort();
        if self.ends != expected {
            self.unproven.push(
                "the streams of the log do not end where they ended in the backup".to_owned(),
            );
        }
    }
}
