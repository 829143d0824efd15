//! The index of fields follows the definitions: a field that becomes filterable or searchable is filled in
//! from the roots that are there. Until it is whole, lists look into the rows themselves, and search leaves
//! the field out.
//!
//! Deliveries index a field from the very commit that makes it so, for each is stored under the version that
//! is current then. So the roots can be gone through in small transactions, one batch after the other, and
//! whatever ingest writes meanwhile is indexed already.

use std::collections::BTreeSet;
use std::sync::Arc;

use kith_domain::id::{
    AccountId, CompanyId, ConversationId, PersonId, SiteId, SubscriptionId, WorkspaceId,
};
use kith_domain::{Catalog, Entity, Field, FieldPath, Value};
use kith_policy::predicate::RowPredicate;
use kith_store::field_index::Changed;
use kith_store::lists::{After, Question};
use kith_store::{Tx, definitions, field_index, lists};

use crate::Engine;
use crate::definitions::Version;
use crate::error::EngineError;
use crate::read::Listed;
use crate::words;

/// Roots in one transaction: other writers wait for so long.
const BATCH: u32 = 500;

/// What the index holds of one field of one root.
#[expect(
    missing_debug_implementations,
    reason = "it holds a customer's value: nothing may print it in passing"
)]
pub struct Indexed {
    /// The name under which it does.
    pub name: String,
    /// What; `None` if nothing.
    pub value: Option<Value>,
}

/// The name under which the index holds the words of a field. No field can have it.
pub(crate) fn name_of_words(path: &FieldPath) -> String {
    format!("{path}#words")
}

/// What the index holds of a field that has this value, if it holds anything of the field.
pub fn indexed<'a>(
    field: &'a Field,
    value: Option<&'a Value>,
) -> impl Iterator<Item = Indexed> + 'a {
    let plain = field.filterable.then(|| Indexed {
        name: field.path.to_string(),
        value: value.cloned(),
    });
    let words = field.searchable.then(|| Indexed {
        name: name_of_words(&field.path),
        value: value.map(words::indexed),
    });
    plain.into_iter().chain(words)
}

/// What must be whole: the fields of accounts that callers may filter by, and the words of every field of
/// these entities that search knows.
fn kept(catalog: &Catalog, of: impl Fn(Entity) -> bool) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for field in catalog.fields().iter().filter(|field| of(field.entity)) {
        if field.filterable && field.entity == Entity::Account {
            kept.insert(field.path.to_string());
        }
        if field.searchable {
            kept.insert(name_of_words(&field.path));
        }
    }
    kept
}

/// In the transaction that publishes a catalog: fields that it does not index are whole no longer.
pub(crate) async fn follow(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    catalog: &Catalog,
) -> Result<(), EngineError> {
    let kept = kept(catalog, |_| true);
    let whole = field_index::whole(tx, workspace).await?;
    let dropped: Vec<&str> = whole
        .iter()
        .map(String::as_str)
        .filter(|field| !kept.contains(*field))
        .collect();
    Ok(field_index::drop_whole(tx, workspace, &dropped).await?)
}

impl Engine {
    /// Fills the index in until all that must be whole is. It goes on where one before it ended early, and
    /// ends early itself if another version is published.
    pub(crate) async fn complete_index(&self, workspace: WorkspaceId) -> Result<(), EngineError> {
        let engine = self.clone();
        let version = self
            .db()
            .read(workspace, move |tx| {
                Box::pin(async move {
                    let version = engine.version(tx, workspace).await?;
                    let is_complete = missing(tx, workspace, &version, |_| true).await?.is_empty();
                    Ok::<_, EngineError>((!is_complete).then_some(version))
                })
            })
            .await?;
        let Some(version) = version else {
            return Ok(());
        };
        self.complete::<AccountId>(workspace, &version).await?;
        self.complete::<CompanyId>(workspace, &version).await?;
        self.complete::<ConversationId>(workspace, &version).await?;
        self.complete::<PersonId>(workspace, &version).await?;
        self.complete::<SiteId>(workspace, &version).await?;
        self.complete::<SubscriptionId>(workspace, &version).await
    }

    /// The same for one kind of root.
    async fn complete<Id: Listed>(
        &self,
        workspace: WorkspaceId,
        version: &Arc<Version>,
    ) -> Result<(), EngineError> {
        let mut after = None;
        loop {
            let version = Arc::clone(version);
            let next = self
                .db()
                .write(workspace, move |tx| {
                    Box::pin(fill_in::<Id>(tx, workspace, version, after))
                })
                .await?;
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }
}

/// What must be whole of these entities and is not.
async fn missing(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: &Version,
    of: impl Fn(Entity) -> bool,
) -> Result<BTreeSet<String>, EngineError> {
    let whole = field_index::whole(tx, workspace).await?;
    let mut missing = kept(&version.definitions.catalog, of);
    missing.retain(|name| !whole.contains(name));
    Ok(missing)
}

/// Fills in the roots behind one; where to go on, if there is more to do.
async fn fill_in<Id: Listed>(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: Arc<Version>,
    after: Option<After<Id>>,
) -> Result<Option<After<Id>>, EngineError> {
    if definitions::latest_version(tx, workspace).await? != version.number {
        return Ok(None);
    }
    let missing = missing(tx, workspace, &version, |of| of == Id::ENTITY).await?;
    if missing.is_empty() {
        return Ok(None);
    }
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
    let fields = version.definitions.catalog.fields().iter();
    let fields: Vec<_> = fields.filter(|field| field.entity == Id::ENTITY).collect();
    let mut values: Vec<(Id, Indexed)> = Vec::with_capacity(rows.len() * missing.len());
    for row in &rows {
        for field in &fields {
            let json = row.fields.get(field.path.as_str());
            let value = json.and_then(|json| field.ty.read_canonical(json));
            let of_field = indexed(field, value.as_ref());
            let of_field = of_field.filter(|indexed| missing.contains(&indexed.name));
            values.extend(of_field.map(|indexed| (row.id, indexed)));
        }
    }
    let changed: Vec<_> = values
        .iter()
        .map(|(id, indexed)| Changed {
            id: (*id).into(),
            field: &indexed.name,
            value: indexed.value.as_ref(),
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
