//! Lists of accounts, people and the other roots under row and field policy: filtered, sorted and counted by
//! what the asker may see and nothing else.
//!
//! The database finds the rows, the evaluator decides on each of them again before it leaves, and what it
//! does not keep never does, whatever the database said.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

mod one;
mod root;
mod search;

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::time::Duration;

use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use kith_domain::diagnostic::nearest;
use kith_domain::id::{AccountId, WorkspaceId};
use kith_domain::{Entity, FieldIdx, FieldType, Purpose, Scope, Timestamp};
use kith_policy::predicate::{RowPredicate, Sort};
use kith_policy::{Decision, GovernedFilter, NotVisible, Plan, State, Subject};
use kith_store::identity::RootId;
use kith_store::lists::{self, After, Key, OrderBy, Question};
use kith_store::profiles::Profile;
use kith_store::{StoreError, Tx, field_index};
use serde::Serialize;

use self::root::{Asker, Bound, Surroundings};
use super::answer::{FieldAnswer, Governor, IdAnswer, Withheld};
use super::context::{Begun, MemberRef, Miss, Read, statements};
use super::cursor::{self, Seal};
use super::governed::{Governed, Sealed};
use super::mistakes;
use super::subject::typed;
use crate::Engine;
use crate::access::Caller;
use crate::audit::Outcome;
use crate::definitions::Version;
use crate::error::EngineError;

pub use self::one::{RootAnswer, RootRequest};
pub use self::root::Listed;
pub use self::search::{FoundItem, SearchPage, SearchRequest};

/// Most rows of one page.
const MAX_LIMIT: u32 = 200;
/// Rows of a page that names no number.
const DEFAULT_LIMIT: u32 = 50;
/// Longest filter.
const MAX_FILTER_BYTES: usize = 4 * 1024;
/// Most fields to sort by.
const MAX_SORT: usize = 4;
/// Most rows that are decided in memory where the database cannot decide.
const MAX_CANDIDATES: u32 = 10_000;
/// Rows that are looked at first to fill a page that must be decided in memory; each further look is for
/// twice as many.
const FIRST_LOOK: u32 = 256;
/// Most accounts of a row that are named.
const MAX_NAMED: usize = 20;
/// How long the database may look.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which rows are asked for.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// Why.
    pub purpose: Purpose,
    /// The member for whom an agent acts; needs the scope `onBehalfOf`.
    pub on_behalf_of: Option<MemberRef>,
    /// A condition of the policy language over the row's own fields, what is bound with it, `user.*` and
    /// `now`.
    pub filter: Option<String>,
    /// By what the page is ordered, then by id. Absent comes last.
    pub sort: Vec<SortField>,
    /// At most this many rows, up to 200; 50 if none is named.
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before.
    pub cursor: Option<String>,
    /// Whether all of them are to be counted.
    pub count: bool,
}

/// One field to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortField {
    /// Its full path.
    pub field: String,
    /// Whether the greatest come first.
    pub descending: bool,
}

/// One page of accounts, people or other roots.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<Id> {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided; ages count from here.
    pub decided_at: Timestamp,
    /// The rows, in order.
    pub items: Vec<PageRow<Id>>,
    /// The fields that are hidden on every row, each with the reason.
    pub withheld: Vec<Withheld>,
    /// How many rows there are on all pages, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One row of a page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageRow<Id> {
    /// Its id.
    pub id: Id,
    /// Visible and masked fields by key.
    #[serde(flatten)]
    pub fields: IndexMap<String, FieldAnswer>,
    /// The accounts in view that it belongs to, the first ones if there are many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<IdAnswer<AccountId>>,
    /// The fields that are hidden on this row and not on every other, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
}

impl Engine {
    /// Lists the accounts, people or other roots that exist for the caller, on which the purpose is allowed, and which the
    /// filter keeps, after the audit entry of the page is committed. Refusals are audited too.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses the purpose whatever the row,
    /// [`EngineError::NotVisible`] if a filter or sort names a field that is hidden on every row,
    /// [`EngineError::TooBroad`] if too many rows would have to be looked at,
    /// [`EngineError::Invalid`] for what is not as it must be, a cursor among it.
    pub async fn list<Id: Listed>(
        &self,
        caller: &Caller,
        request: ListRequest,
    ) -> Result<Governed<Page<Id>>, EngineError> {
        caller.needs(Scope::Context)?;
        check(&request)?;
        let hash_key = self.hash_key(caller.workspace).await?;
        let (engine, workspace) = (self.clone(), caller.workspace);
        let caller = caller.clone();
        let read = self
            .db()
            .scan(workspace, PATIENCE, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let read = engine.page(tx, &caller, &request, hash_key).await?;
                    read.tell_cost(tx, Id::ACTION);
                    Ok::<_, EngineError>(read)
                })
            })
            .await
            .map_err(|error| match error {
                EngineError::Store(StoreError::TooSlow) => EngineError::TooBroad(format!(
                    "it took longer than {} seconds: narrow the filter, by a filterable field best",
                    PATIENCE.as_secs()
                )),
                other => other,
            })?;
        self.release(read).await
    }

    async fn page<Id: Listed>(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        request: &ListRequest,
        hash_key: [u8; 32],
    ) -> Result<Read<Page<Id>>, EngineError> {
        let now = self.runtime().now();
        let (on_behalf_of, purpose) = (request.on_behalf_of.as_ref(), request.purpose);
        let begun = self
            .begin(tx, caller, on_behalf_of, Id::ACTION, purpose)
            .await?;
        let Begun {
            version,
            actor,
            plan,
            mut entry,
        } = match begun {
            Ok(begun) => begun,
            Err(miss) => return Ok(Read::Miss(miss)),
        };
        // A verdict that is false whatever the row is refused before any row is read.
        if let Some(refusal) = plan.refusal() {
            return Ok(Read::Miss(Miss::refused(entry, &version, &refusal)));
        }
        let asked = match asked(&version, &plan, Id::ENTITY, Id::PLURAL, request)? {
            Ok(asked) => asked,
            Err(field) => {
                entry.outcome = Outcome::Refused;
                entry.detail = Some(format!("not visible: {}", field.field));
                return Ok(Read::Miss(Miss::NotVisible(entry, version.number, field)));
            }
        };
        let sort: Vec<_> = asked.sorts.iter().map(Sorted::written).collect();
        let question = cursor::Question {
            workspace: caller.workspace,
            list: Id::ACTION,
            actor: &actor,
            purpose,
            filter: request.filter.as_deref().unwrap_or_default(),
            sort: &sort,
        };
        let seal = Seal::new(&hash_key, version.number, &question);
        let after = match &request.cursor {
            Some(cursor) => Some(seal.open(cursor)?),
            None => None,
        };

        let list = List {
            workspace: caller.workspace,
            version: &version,
            plan: &plan,
            asked: &asked,
            rows: plan.rows(Id::ENTITY, asked.filter.as_ref()),
            indexed: field_index::whole(tx, caller.workspace).await?,
            hash_key: &hash_key,
            now,
            of: PhantomData::<Id>,
        };
        let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
        let mut kept = list.page(tx, after.as_ref(), limit).await?;
        let count = match request.count {
            true => Some(list.count(tx).await?),
            false => None,
        };
        let has_more = kept.len() > limit as usize;
        kept.truncate(limit as usize);
        let next_cursor = match kept.last().filter(|_| has_more) {
            Some(last) => Some(seal.close(self.runtime(), &last.place)?),
            None => None,
        };

        entry.detail = Some(list.detail(kept.len(), &sort, count.is_some()));
        let mut named_accounts = BTreeSet::new();
        for row in &kept {
            match row.place.id.into() {
                RootId::Account(id) => entry.accounts.push(id),
                RootId::Person(id) => entry.people.push(id),
                _ => entry.roots.push(row.place.id.to_string()),
            }
            let named = row.bound.accounts.iter().take(MAX_NAMED);
            let new = named.filter(|id| named_accounts.insert(**id));
            entry.accounts.extend(new);
        }
        let mut decided_by = BTreeSet::new();
        let mut released = BTreeSet::new();
        let mut items = Vec::with_capacity(kept.len());
        for row in kept {
            decided_by.extend(statements(row.decision.verdict.reasons()));
            items.push(list.item(&row, &mut released));
        }
        entry.statements = decided_by.into_iter().collect();
        entry.set_fields(released.into_iter().collect());
        let page = Page {
            purpose,
            definitions_version: version.number,
            decided_at: now,
            items,
            withheld: list.withheld(),
            count,
            next_cursor,
        };
        Ok(Read::Answer(Sealed::new(page, entry)))
    }
}

/// What can be checked without knowing anything.
fn check(request: &ListRequest) -> Result<(), EngineError> {
    let fits = |limit: u32| (1..=MAX_LIMIT).contains(&limit);
    if !request.limit.is_none_or(fits) {
        let expected = format!("expected a number from 1 to {MAX_LIMIT}");
        return Err(EngineError::invalid("limit", expected));
    }
    let filter = request.filter.as_deref().unwrap_or_default();
    if filter.len() > MAX_FILTER_BYTES {
        let expected = format!("expected at most {MAX_FILTER_BYTES} bytes");
        return Err(EngineError::invalid("filter", expected));
    }
    if request.sort.len() > MAX_SORT {
        let expected = format!("expected at most {MAX_SORT} fields");
        return Err(EngineError::invalid("sort", expected));
    }
    Ok(())
}

/// The question under its plan.
struct Asked {
    filter: Option<GovernedFilter>,
    sorts: Vec<Sorted>,
}

/// One field to sort by, under the plan.
struct Sorted {
    field: FieldIdx,
    path: String,
    descending: bool,
    how: Sort,
}

impl Sorted {
    fn written(&self) -> String {
        let minus = if self.descending { "-" } else { "" };
        format!("{minus}{}", self.path)
    }
}

/// Reads filter and sort, and holds them against the plan; the field that is hidden, if one is.
fn asked(
    version: &Version,
    plan: &Plan,
    of: Entity,
    plural: &str,
    request: &ListRequest,
) -> Result<Result<Asked, NotVisible>, EngineError> {
    let filter = match &request.filter {
        None => None,
        Some(text) => Some(version.policies.filter(text).map_err(|found| {
            let catalog = &version.definitions.catalog;
            EngineError::invalid("filter", mistakes::describe(&found, text, catalog))
        })?),
    };
    let filter = match filter.map(|filter| plan.govern(&filter)).transpose() {
        Ok(filter) => filter,
        Err(field) => return Ok(Err(field)),
    };
    let mut sorts = Vec::with_capacity(request.sort.len());
    for by in &request.sort {
        let field = sortable(version, of, plural, &by.field)?;
        let how = match plan.sort(of, field) {
            Ok(how) => how,
            Err(field) => return Ok(Err(field)),
        };
        sorts.push(Sorted {
            field,
            path: by.field.clone(),
            descending: by.descending,
            how,
        });
    }
    Ok(Ok(Asked { filter, sorts }))
}

/// A field of these rows that has an order.
fn sortable(
    version: &Version,
    of: Entity,
    plural: &str,
    path: &str,
) -> Result<FieldIdx, EngineError> {
    let catalog = &version.definitions.catalog;
    let fields = catalog.fields().iter();
    let own = fields.filter(|field| field.entity == of);
    let mut known = own.map(|field| field.path.as_str());
    let refuse = |expected: String| Err(EngineError::invalid("sort", expected));
    let found = catalog
        .find(path)
        .filter(|_| known.clone().any(|of| of == path));
    let Some(idx) = found else {
        return match nearest(path, known.by_ref()) {
            Some(close) => refuse(format!(
                "{plural} have no such field; did you mean `{close}`?"
            )),
            None => refuse(format!(
                "expected fields of {plural}: `{of}.` and the field's key"
            )),
        };
    };
    match catalog.get(idx).map(|field| &field.ty) {
        Some(FieldType::Strings) => refuse(format!("`{path}` is a list, which has no order")),
        _ => Ok(idx),
    }
}

/// One list on one snapshot.
struct List<'a, Id> {
    workspace: WorkspaceId,
    version: &'a Version,
    plan: &'a Plan,
    asked: &'a Asked,
    rows: RowPredicate,
    /// The fields that the index holds whole.
    indexed: BTreeSet<String>,
    hash_key: &'a [u8; 32],
    now: Timestamp,
    of: PhantomData<Id>,
}

/// A row that belongs to the list.
struct Kept<Id> {
    /// Its id, and what it is ordered by.
    place: After<Id>,
    bound: Bound,
    profile: Profile<Id>,
    decision: Decision,
}

impl<Id: Listed> List<'_, Id> {
    fn question(&self) -> Question<'_> {
        Question {
            rows: &self.rows,
            now: self.now,
            indexed: &self.indexed,
        }
    }

    /// The first rows behind a place, and one more if there is one.
    async fn page(
        &self,
        tx: &mut Tx<'_>,
        after: Option<&After<Id>>,
        limit: u32,
    ) -> Result<Vec<Kept<Id>>, EngineError> {
        let wanted = limit as usize + 1;
        let in_memory = |sorted: &Sorted| sorted.how == Sort::InMemory;
        if self.asked.sorts.iter().any(in_memory) {
            let rows = self.candidates(tx).await?;
            let mut kept = self.keep(tx, rows).await?;
            kept.sort_by(|a, b| self.compare(&a.place, &b.place));
            let behind =
                |row: &Kept<Id>| after.is_none_or(|after| self.compare(&row.place, after).is_gt());
            kept.retain(behind);
            kept.truncate(wanted);
            return Ok(kept);
        }
        let by: Vec<OrderBy> = self.asked.sorts.iter().filter_map(order_by).collect();
        if by.is_empty() && !self.rows.is_exact {
            return self.look(tx, after.map(|after| after.id), wanted).await;
        }
        // Fields of which nothing is shown have a key that orders nothing.
        let after = after.map(|after| After {
            id: after.id,
            keys: std::iter::zip(&after.keys, &self.asked.sorts)
                .filter(|(_, sorted)| sorted.how != Sort::None)
                .map(|(key, _)| key.clone())
                .collect(),
        });
        let most = if self.rows.is_exact {
            limit + 1
        } else {
            MAX_CANDIDATES + 1
        };
        let (question, after) = (self.question(), after.as_ref());
        let rows = lists::list(tx, self.workspace, question, &by, after, most).await?;
        let is_cut_off = !self.rows.is_exact && rows.len() as u32 == most;
        let mut kept = self.keep(tx, rows).await?;
        if is_cut_off && kept.len() < wanted {
            return Err(too_broad());
        }
        kept.truncate(wanted);
        Ok(kept)
    }

    /// The first rows behind one, by their ids, where the database keeps too many: looks at a few, then at
    /// more, until the page is full.
    async fn look(
        &self,
        tx: &mut Tx<'_>,
        mut after: Option<Id>,
        wanted: usize,
    ) -> Result<Vec<Kept<Id>>, EngineError> {
        let mut kept = Vec::with_capacity(wanted);
        let (mut looked_at, mut most) = (0, FIRST_LOOK);
        while looked_at < MAX_CANDIDATES {
            let behind = after.map(|id| After {
                keys: Vec::new(),
                id,
            });
            let question = self.question();
            let rows =
                lists::list(tx, self.workspace, question, &[], behind.as_ref(), most).await?;
            let is_last = (rows.len() as u32) < most;
            after = rows.last().map(|row| row.id);
            looked_at += most;
            kept.append(&mut self.keep(tx, rows).await?);
            if is_last || kept.len() >= wanted {
                kept.truncate(wanted);
                return Ok(kept);
            }
            most = (most * 2).min(MAX_CANDIDATES - looked_at);
        }
        Err(too_broad())
    }

    async fn count(&self, tx: &mut Tx<'_>) -> Result<u64, EngineError> {
        if self.rows.is_exact {
            return Ok(lists::count::<Id>(tx, self.workspace, self.question()).await?);
        }
        let rows = self.candidates(tx).await?;
        Ok(self.keep(tx, rows).await?.len() as u64)
    }

    /// Every row that the database does not exclude.
    async fn candidates(&self, tx: &mut Tx<'_>) -> Result<Vec<Profile<Id>>, EngineError> {
        let (question, most) = (self.question(), MAX_CANDIDATES + 1);
        let rows = lists::list(tx, self.workspace, question, &[], None, most).await?;
        if rows.len() as u32 == most {
            return Err(too_broad());
        }
        Ok(rows)
    }

    /// Decides on rows, and keeps what belongs to the list.
    async fn keep(
        &self,
        tx: &mut Tx<'_>,
        rows: Vec<Profile<Id>>,
    ) -> Result<Vec<Kept<Id>>, EngineError> {
        let catalog = &self.version.definitions.catalog;
        let asker = Asker {
            workspace: self.workspace,
            catalog,
            plan: self.plan,
            now: self.now,
        };
        let surroundings = if self.asks_around() {
            let ids: Vec<Id> = rows.iter().map(|row| row.id).collect();
            Surroundings::read(tx, asker, &ids).await?
        } else {
            Surroundings::none()
        };
        let filter = self.asked.filter.as_ref();
        let mut kept = Vec::with_capacity(rows.len());
        for profile in rows {
            let row = typed(catalog, &profile.fields);
            let bound = surroundings.bind(asker, profile.id, row);
            let decided = |bound: &Bound| {
                let subject = bound.subject();
                let decision = self.plan.decide(&subject, self.now);
                let keeps = self
                    .plan
                    .keeps(filter, &decision, &subject, self.now, self.hash_key);
                keeps.then_some(decision)
            };
            let Some((bound, decision)) =
                bound.and_then(|bound| decided(&bound).map(|decision| (bound, decision)))
            else {
                if self.rows.is_exact {
                    tracing::error!(
                        id = %profile.id,
                        "the database listed a row that the policy does not: left out"
                    );
                }
                continue;
            };
            let subject = bound.subject();
            let keys = self.asked.sorts.iter().map(|sorted| {
                let shown = decision.shown(sorted.field, &subject, self.hash_key);
                shown.as_ref().and_then(Key::of)
            });
            let place = After {
                keys: keys.collect(),
                id: profile.id,
            };
            kept.push(Kept {
                place,
                bound,
                profile,
                decision,
            });
        }
        Ok(kept)
    }

    /// Whether anything that is asked or decided reads what is bound with a row. What belongs to accounts
    /// is always shown with those in view.
    fn asks_around(&self) -> bool {
        let near = [Entity::Company, Entity::Site, Entity::Subscription];
        let catalog = &self.version.definitions.catalog;
        let filter = self.asked.filter.as_ref();
        let mut of_filter = filter
            .into_iter()
            .flat_map(|filter| filter.fields())
            .filter_map(|field| Some(catalog.get(field)?.entity));
        Id::ENTITY != Entity::Account
            || near.iter().any(|of| self.plan.reads(*of))
            || of_filter.any(|of| near.contains(&of))
    }

    /// The order of the page: absent comes last whichever way.
    fn compare(&self, a: &After<Id>, b: &After<Id>) -> std::cmp::Ordering {
        let pairs = std::iter::zip(&a.keys, &b.keys);
        let keys = std::iter::zip(pairs, &self.asked.sorts).map(|((a, b), sorted)| match (a, b) {
            (Some(a), Some(b)) if sorted.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        });
        keys.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
            .then_with(|| a.id.cmp(&b.id))
    }

    fn governor<'d>(&'d self, decision: &'d Decision) -> Governor<'d> {
        Governor {
            catalog: &self.version.definitions.catalog,
            decision,
            hash_key: self.hash_key,
            now: self.now,
            released: Vec::new(),
        }
    }

    /// A row in its governed form; the names of what leaves are added to `released`.
    fn item(&self, kept: &Kept<Id>, released: &mut BTreeSet<String>) -> PageRow<Id> {
        let mut governor = self.governor(&kept.decision);
        let fields = governor.fields(Id::ENTITY, kept.bound.own(), &kept.profile.provenance);
        let withheld = governor.withheld_of(&[Id::ENTITY], |field| !self.hides(field));
        released.extend(governor.released);
        let accounts = kept.bound.accounts.iter().take(MAX_NAMED);
        PageRow {
            id: kept.place.id,
            fields,
            accounts: accounts.map(|id| IdAnswer { id: *id }).collect(),
            withheld,
        }
    }

    /// The fields that are hidden on every row.
    fn withheld(&self) -> Vec<Withheld> {
        // What does not depend on the row is the same without one.
        let decision = self.plan.decide(&Subject::default(), self.now);
        if !decision.exists {
            return Vec::new();
        }
        let governor = self.governor(&decision);
        governor.withheld_of(&[Id::ENTITY], |field| self.hides(field))
    }

    /// Whether a field is hidden on every row.
    fn hides(&self, field: FieldIdx) -> bool {
        self.plan.constant_state(field) == Some(State::Hidden)
    }

    /// What was asked, in names and numbers, for the audit.
    fn detail(&self, rows: usize, sort: &[String], is_counted: bool) -> String {
        let catalog = &self.version.definitions.catalog;
        let mut detail = format!("{rows} {}", Id::PLURAL);
        if let Some(filter) = &self.asked.filter {
            let fields = filter.fields().filter_map(|field| catalog.get(field));
            let paths: Vec<_> = fields.map(|field| field.path.as_str()).collect();
            detail.push_str("; filtered by ");
            detail.push_str(&paths.join(", "));
        }
        if !sort.is_empty() {
            detail.push_str("; sorted by ");
            detail.push_str(&sort.join(", "));
        }
        if is_counted {
            detail.push_str("; counted");
        }
        detail
    }
}

fn order_by(sorted: &Sorted) -> Option<OrderBy> {
    match &sorted.how {
        Sort::Column { column, shown } => Some(OrderBy {
            column: column.clone(),
            shown: shown.clone(),
            descending: sorted.descending,
        }),
        Sort::None | Sort::InMemory => None,
    }
}

fn too_broad() -> EngineError {
    EngineError::TooBroad(format!(
        "this list goes by masked values, or by what stands around its rows, and more than \
         {MAX_CANDIDATES} of them would have to be looked at: narrow the filter by a field of the rows \
         themselves that is visible to you"
    ))
}
