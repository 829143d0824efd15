//! Suggests duplicates: people whose texts say nearly the same are put up for review, and nobody is merged by
//! it. A pair that was up before, whatever became of it, is not put up again.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use kith_domain::id::{PersonId, ReviewId, WorkspaceId};
use kith_domain::{Entity, FieldType, Purpose, Timestamp};
use kith_policy::predicate::RowPredicate;
use kith_store::identity::reviews::{self, ReviewKind, ReviewRow, ReviewStatus};
use kith_store::identity::{self, RootId};
use kith_store::lists::{self, After, Question};
use kith_store::{StoreError, Tx};
use serde::Serialize;

use super::decide::strongest;
use super::similar::{Likely, Record, likely};
use crate::Engine;
use crate::audit::{AuditActor, Entry};
use crate::error::EngineError;
use crate::read::Receipt;

/// Most people that are compared in one run.
const MAX_PEOPLE: usize = 100_000;
/// People read at once.
const BATCH: u32 = 1_000;

/// What was found: how many, and never whom.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suggested {
    /// People that were compared.
    pub people: usize,
    /// Pairs that are likely one.
    pub likely: usize,
    /// Those of them that wait for a review from now on.
    pub new: usize,
    /// Whether there are more people than are compared in one run.
    pub is_partial: bool,
}

impl Engine {
    /// Compares the people of a workspace, and puts up for review who are likely one.
    ///
    /// # Errors
    /// If the store fails, or nothing is catalogued.
    pub async fn suggest_duplicates(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Suggested, EngineError> {
        let (mut people, mut records, mut after) = (Vec::new(), Vec::new(), None);
        let is_partial = loop {
            let engine = self.clone();
            let page = self
                .db()
                .read(
                    workspace,
                    move |tx| -> BoxFuture<'_, Result<_, EngineError>> {
                        Box::pin(async move { engine.people_behind(tx, workspace, after).await })
                    },
                )
                .await?;
            let is_last = page.len() < BATCH as usize;
            after = page.last().map(|(id, _)| After {
                keys: Vec::new(),
                id: *id,
            });
            for (id, record) in page {
                people.push(id);
                records.push(record);
            }
            if is_last || people.len() >= MAX_PEOPLE {
                break !is_last;
            }
        };
        let compared = tokio::task::spawn_blocking(move || likely(&records));
        let found = compared.await.map_err(|_| StoreError::Panicked)?;
        let (compared, pairs) = (people.len(), found.len());
        let runtime = self.runtime().clone();
        let new = self
            .db()
            .write(
                workspace,
                move |tx| -> BoxFuture<'_, Result<_, StoreError>> {
                    Box::pin(async move {
                        let by = AuditActor::operator();
                        let purpose = Purpose::PersonMerge;
                        let mut entry =
                            Entry::new(&runtime, workspace, by, "people.suggest", purpose);
                        let mut waiting = Vec::with_capacity(found.len());
                        for pair in found {
                            let id = ReviewId::from_uuid(runtime.uuid());
                            waiting.extend(
                                review(tx, workspace, &people, pair, (id, entry.at)).await?,
                            );
                        }
                        let new = reviews::open_pairs(tx, workspace, &waiting).await?;
                        entry.detail = Some(format!("{new} pairs wait for a review"));
                        Receipt::in_change(tx, entry).await?;
                        Ok(new)
                    })
                },
            )
            .await?;
        Ok(Suggested {
            people: compared,
            likely: pairs,
            new,
            is_partial,
        })
    }

    /// The people behind one, with their texts.
    async fn people_behind(
        &self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        after: Option<After<PersonId>>,
    ) -> Result<Vec<(PersonId, Record)>, EngineError> {
        let version = self.version(tx, workspace).await?;
        let everything = RowPredicate {
            all: Vec::new(),
            is_exact: true,
        };
        let question = Question {
            rows: &everything,
            now: Timestamp::from_micros(0),
            indexed: &BTreeSet::new(),
        };
        let rows = lists::list(tx, workspace, question, &[], after.as_ref(), BATCH).await?;
        let fields = version.definitions.catalog.fields().iter();
        let texts = fields.filter(|field| {
            field.entity == Entity::Person && matches!(field.ty, FieldType::String)
        });
        let paths: Vec<&str> = texts.map(|field| field.path.as_str()).collect();
        let people = rows.into_iter().map(|row| {
            let mut record = Record::default();
            for path in &paths {
                if let Some(text) = row.fields.get(*path).and_then(|value| value.as_str()) {
                    record.add(path, text);
                }
            }
            (row.id, record)
        });
        Ok(people.collect())
    }
}

/// The review of a pair, by the strongest identifier of each; none if one of them is gone by now.
async fn review(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    people: &[PersonId],
    pair: Likely,
    (id, at): (ReviewId, Timestamp),
) -> Result<Option<ReviewRow>, StoreError> {
    let mut ends = Vec::with_capacity(2);
    for place in [pair.a, pair.b] {
        let Some(person) = people.get(place) else {
            return Ok(None);
        };
        let nodes = identity::nodes_of_root(tx, workspace, RootId::Person(*person)).await?;
        ends.extend(strongest(&nodes));
    }
    ends.sort_unstable();
    let [a, b] = ends.as_slice() else {
        return Ok(None);
    };
    Ok(Some(ReviewRow {
        id,
        kind: ReviewKind::Duplicate,
        a: *a,
        b: Some(*b),
        source: String::new(),
        edges: 0,
        score: pair.score,
        reasons: pair.alike,
        at,
        status: ReviewStatus::Open,
    }))
}
