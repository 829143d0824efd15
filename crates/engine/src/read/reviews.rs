//! What waits for somebody to decide about identity, for those who may see whom it is about. It tells ids
//! and words of the machine, and no value.

use futures_util::future::BoxFuture;
use kith_domain::id::{NodeId, ReviewId};
use kith_domain::{Purpose, Scope, Timestamp};
use kith_store::Tx;
use kith_store::identity::reviews::{self, ReviewRow, ReviewStatus};
use kith_store::identity::{self, RootId};
use serde::Serialize;

use super::context::{Miss, Read};
use super::governed::{Governed, Sealed};
use super::standing::{Standing, standing};
use crate::Engine;
use crate::access::Caller;
use crate::error::EngineError;

/// Most reviews that one page looks at.
const MAX_LOOKED_AT: u32 = 200;

/// A page of reviews.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reviews {
    /// The oldest first.
    pub items: Vec<ReviewItem>,
    /// Where the next page begins; `None` behind the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<ReviewId>,
}

/// Something that waits.
#[derive(Debug, Serialize)]
pub struct ReviewItem {
    /// Its id.
    pub id: ReviewId,
    /// Why it waits: `limit`, `size`, `rate` or `duplicate`.
    pub kind: &'static str,
    /// `open`, `accepted` or `rejected`.
    pub status: &'static str,
    /// Since when.
    pub at: Timestamp,
    /// Whom it is about.
    pub ids: Vec<String>,
    /// The source whose facts wait.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// How many edges wait.
    pub edges: u64,
    /// How likely a duplicate is, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<u64>,
    /// Why, in words.
    pub reasons: Vec<String>,
}

impl Engine {
    /// Reviews of a status behind an id, about roots in the caller's view alone, after their audit entry is
    /// committed.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses it.
    pub async fn reviews(
        &self,
        caller: &Caller,
        status: ReviewStatus,
        behind: Option<ReviewId>,
    ) -> Result<Governed<Reviews>, EngineError> {
        caller.needs(Scope::Context)?;
        let workspace = caller.workspace;
        let hash_key = self.hash_key(workspace).await?;
        let (engine, caller) = (self.clone(), caller.clone());
        let read = self
            .db()
            .read(workspace, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let behind = behind.unwrap_or(ReviewId::NIL);
                    engine
                        .waiting(tx, &caller, (status, behind), &hash_key)
                        .await
                })
            })
            .await?;
        self.release(read).await
    }

    async fn waiting(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        (status, behind): (ReviewStatus, ReviewId),
        hash_key: &[u8; 32],
    ) -> Result<Read<Reviews>, EngineError> {
        let (workspace, now) = (caller.workspace, self.runtime().now());
        let begun = self
            .begin(tx, caller, None, "reviews.list", Purpose::PersonMerge)
            .await?;
        let mut begun = match begun {
            Ok(begun) => begun,
            Err(miss) => return Ok(Read::Miss(miss)),
        };
        if let Some(refusal) = begun.plan.refusal() {
            let miss = Miss::refused(begun.entry, &begun.version, &refusal);
            return Ok(Read::Miss(miss));
        }
        let rows = reviews::list(tx, workspace, status, behind, MAX_LOOKED_AT).await?;
        let is_last = rows.len() < MAX_LOOKED_AT as usize;
        let next_cursor = rows.last().map(|row| row.id).filter(|_| !is_last);
        let mut items = Vec::new();
        for row in rows {
            let pair: Vec<NodeId> = [Some(row.a), row.b].into_iter().flatten().collect();
            let nodes = identity::nodes(tx, workspace, &pair).await?;
            let mut roots: Vec<RootId> = nodes.iter().filter_map(|node| node.root).collect();
            roots.sort_unstable();
            roots.dedup();
            // Facts may have made the two one since.
            let is_settled = row.b.is_some() && roots.len() < 2 && status == ReviewStatus::Open;
            let mut in_view = !is_settled;
            for root in &roots {
                let seen = standing(tx, &mut begun, *root, hash_key, now).await?;
                in_view &= matches!(seen, Standing::Mine(_));
            }
            if in_view {
                begun
                    .entry
                    .people
                    .extend(roots.iter().filter_map(RootId::person));
                begun
                    .entry
                    .accounts
                    .extend(roots.iter().filter_map(RootId::account));
                items.push(item(row, &roots));
            }
        }
        let entry = begun.entry;
        Ok(Read::Answer(Sealed::new(
            Reviews { items, next_cursor },
            entry,
        )))
    }
}

fn item(row: ReviewRow, roots: &[RootId]) -> ReviewItem {
    ReviewItem {
        id: row.id,
        kind: row.kind.as_str(),
        status: row.status.as_str(),
        at: row.at,
        ids: roots.iter().map(RootId::to_string).collect(),
        source: row.source,
        edges: row.edges,
        score: Some(row.score).filter(|score| *score > 0),
        reasons: row.reasons,
    }
}
