//! The index of filterable fields follows the definitions: a field that becomes filterable is filled in
//! from the accounts that are there. Until it is whole, lists look into the rows themselves.
//!
//! Deliveries index a field from the very commit that makes it filterable, for each is stored under the
//! version that is current then. So the accounts can be gone through in small transactions, one batch
//! after the other, and whatever ingest writes meanwhile is indexed already.

use std::collections::BTreeSet;
use std::sync::Arc;

use kith_domain::id::{AccountId, WorkspaceId};
use kith_domain::{Catalog, Entity};
use kith_policy::predicate::RowPredicate;
use kith_store::field_index::Changed;
use kith_store::lists::{After, Question};
use kith_store::{Tx, definitions, field_index, lists};

use crate::Engine;
use crate::definitions::Version;
use crate::error::EngineError;

/// Accounts in one transaction: other writers wait for so long.
const BATCH: u32 = 500;

/// The fields of accounts that callers may filter by, through the index.
fn filterable(catalog: &Catalog) -> BTreeSet<&str> {
    catalog
        .fields()
        .iter()
        .filter(|field| field.filterable && field.entity == Entity::Account)
        .map(|field| field.path.as_str())
        .collect()
}

/// In the transaction that publishes a catalog: fields that it does not index are whole no longer.
pub(crate) async fn follow(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    catalog: &Catalog,
) -> Result<(), EngineError> {
    let kept = filterable(catalog);
    let whole = field_index::whole(tx, workspace).await?;
    let dropped: Vec<&str> = whole
        .iter()
        .map(String::as_str)
        .filter(|field| !kept.contains(field))
        .collect();
    Ok(field_index::drop_whole(tx, workspace, &dropped).await?)
}

impl Engine {
    /// Fills the index in until every filterable field is whole. It goes on where one before it ended
    /// early, and ends early itself if another version is published.
    pub(crate) async fn complete_index(&self, workspace: WorkspaceId) -> Result<(), EngineError> {
        let engine = self.clone();
        let version = self
            .db()
            .read(workspace, move |tx| {
                Box::pin(async move {
                    let version = engine.version(tx, workspace).await?;
                    let is_complete = missing(tx, workspace, &version).await?.is_empty();
                    Ok::<_, EngineError>((!is_complete).then_some(version))
                })
            })
            .await?;
        let Some(version) = version else {
            return Ok(());
        };
        let mut after = None;
        loop {
            let version = Arc::clone(&version);
            let next = self
                .db()
                .write(workspace, move |tx| {
                    Box::pin(fill_in(tx, workspace, version, after))
                })
                .await?;
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }
}

/// The filterable fields that are not whole.
async fn missing(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: &Version,
) -> Result<Vec<String>, EngineError> {
    let whole = field_index::whole(tx, workspace).await?;
    let fields = filterable(&version.definitions.catalog);
    let missing = fields.into_iter().filter(|field| !whole.contains(*field));
    Ok(missing.map(str::to_owned).collect())
}

/// Fills in the accounts behind one; where to go on, if there is more to do.
async fn fill_in(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: Arc<Version>,
    after: Option<After<AccountId>>,
) -> Result<Option<After<AccountId>>, EngineError> {
    if definitions::latest_version(tx, workspace).await? != version.number {
        return Ok(None);
    }
    let missing = missing(tx, workspace, &version).await?;
    let catalog = &version.definitions.catalog;
    let everything = RowPredicate {
        all: Vec::new(),
        is_exact: true,
    };
    let question = Question {
        rows: &everything,
        now: kith_domain::Timestamp::from_micros(0),
        indexed: &BTreeSet::new(),
    };
    let rows = lists::list(tx, workspace, question, &[], after.as_ref(), BATCH).await?;
    let mut values = Vec::with_capacity(rows.len() * missing.len());
    for row in &rows {
        for path in &missing {
            let field = catalog.find(path).and_then(|idx| catalog.get(idx));
            let value = field
                .zip(row.fields.get(path))
                .and_then(|(field, json)| field.ty.read_canonical(json));
            values.push((row.id, path.as_str(), value));
        }
    }
    let changed: Vec<_> = values
        .iter()
        .map(|(id, field, value)| Changed {
            id: (*id).into(),
            field,
            value: value.as_ref(),
        })
        .collect();
    field_index::replace(tx, workspace, &changed).await?;
    let last = rows.last().map(|row| row.id);
    match last.filter(|_| rows.len() == BATCH as usize) {
        Some(id) => Ok(Some(After {
            keys: Vec::new(),
            id,
        })),
        None => {
            let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
            field_index::add_whole(tx, workspace, &missing).await?;
            Ok(None)
        }
    }
}
