//! Lists of accounts under row and field policy: filtered, sorted and counted by what the asker may see
//! and nothing else.
//!
//! The database finds the rows, the evaluator decides on each of them again before it leaves, and what it
//! does not keep never does, whatever the database said.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use kith_domain::diagnostic::nearest;
use kith_domain::id::{AccountId, WorkspaceId};
use kith_domain::{Entity, FieldIdx, FieldType, Purpose, Scope, Timestamp};
use kith_policy::predicate::{RowPredicate, Sort};
use kith_policy::{Decision, GovernedFilter, NotVisible, Plan, Row, State, Subject};
use kith_store::accounts::{self, After, Key, OrderBy, Question};
use kith_store::profiles::Profile;
use kith_store::{StoreError, Tx, field_index};
use serde::Serialize;

use super::answer::{FieldAnswer, Governor, Withheld};
use super::around::Around;
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

/// Most accounts of one page.
const MAX_LIMIT: u32 = 200;
/// Accounts of a page that names no number.
const DEFAULT_LIMIT: u32 = 50;
/// Longest filter.
const MAX_FILTER_BYTES: usize = 4 * 1024;
/// Most fields to sort by.
const MAX_SORT: usize = 4;
/// Most rows that are decided in memory where the database cannot decide.
const MAX_CANDIDATES: u32 = 10_000;
/// How long the database may look.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which accounts are asked for.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// Why.
    pub purpose: Purpose,
    /// The member for whom an agent acts; needs the scope `onBehalfOf`.
    pub on_behalf_of: Option<MemberRef>,
    /// A condition of the policy language over `account.*`, what stands around it, `user.*` and `now`.
    pub filter: Option<String>,
    /// By what the page is ordered, then by id. Absent comes last.
    pub sort: Vec<SortField>,
    /// At most this many accounts, up to 200; 50 if none is named.
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

/// One page of accounts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountPage {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided; ages count from here.
    pub decided_at: Timestamp,
    /// The accounts, in order.
    pub items: Vec<AccountRow>,
    /// The fields that are hidden on every account, each with the reason.
    pub withheld: Vec<Withheld>,
    /// How many accounts there are on all pages, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One account of a page.
#[derive(Serialize)]
pub struct AccountRow {
    /// The account's id.
    pub id: AccountId,
    /// Visible and masked fields by key.
    #[serde(flatten)]
    pub fields: IndexMap<String, FieldAnswer>,
    /// The fields that are hidden on this account and not on every other, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
}

impl Engine {
    /// Lists the accounts that exist for the caller, on which the purpose is allowed, and which the
    /// filter keeps, after the audit entry of the page is committed. Refusals are audited too.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses the purpose whatever the account,
    /// [`EngineError::NotVisible`] if a filter or sort names a field that is hidden on every account,
    /// [`EngineError::TooBroad`] if too many accounts would have to be looked at,
    /// [`EngineError::Invalid`] for what is not as it must be, a cursor among it.
    pub async fn list_accounts(
        &self,
        caller: &Caller,
        request: ListRequest,
    ) -> Result<Governed<AccountPage>, EngineError> {
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
                    read.tell_cost(tx, ACTION);
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

    async fn page(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        request: &ListRequest,
        hash_key: [u8; 32],
    ) -> Result<Read<AccountPage>, EngineError> {
        let now = self.runtime().now();
        let (on_behalf_of, purpose) = (request.on_behalf_of.as_ref(), request.purpose);
        let begun = self
            .begin(tx, caller, on_behalf_of, ACTION, purpose)
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
        let asked = match asked(&version, &plan, request)? {
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

        let mut list = List {
            workspace: caller.workspace,
            version: &version,
            plan: &plan,
            asked: &asked,
            rows: plan.rows(Entity::Account, asked.filter.as_ref()),
            indexed: field_index::whole(tx, caller.workspace).await?,
            hash_key: &hash_key,
            now,
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
        entry.accounts = kept.iter().map(|row| row.place.id).collect();
        let mut decided_by = BTreeSet::new();
        let mut released = BTreeSet::new();
        let mut items = Vec::with_capacity(kept.len());
        for row in kept {
            decided_by.extend(statements(row.decision.verdict.reasons()));
            items.push(list.item(&row, &mut released));
        }
        entry.statements = decided_by.into_iter().collect();
        entry.set_fields(released.into_iter().collect());
        let page = AccountPage {
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

/// What the audit calls it.
const ACTION: &str = "accounts.list";

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
        let field = sortable(version, &by.field)?;
        let how = match plan.sort(Entity::Account, field) {
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

/// A field of accounts that has an order.
fn sortable(version: &Version, path: &str) -> Result<FieldIdx, EngineError> {
    let catalog = &version.definitions.catalog;
    let fields = catalog.fields().iter();
    let of_accounts = fields.filter(|field| field.entity == Entity::Account);
    let mut known = of_accounts.map(|field| field.path.as_str());
    let refuse = |expected: String| Err(EngineError::invalid("sort", expected));
    let found = catalog
        .find(path)
        .filter(|_| known.clone().any(|of| of == path));
    let Some(idx) = found else {
        return match nearest(path, known.by_ref()) {
            Some(close) => refuse(format!(
                "accounts have no such field; did you mean `{close}`?"
            )),
            None => refuse("expected fields of accounts, such as `account.plan`".to_owned()),
        };
    };
    match catalog.get(idx).map(|field| &field.ty) {
        Some(FieldType::Strings) => refuse(format!("`{path}` is a list, which has no order")),
        _ => Ok(idx),
    }
}

/// One list on one snapshot.
struct List<'a> {
    workspace: WorkspaceId,
    version: &'a Version,
    plan: &'a Plan,
    asked: &'a Asked,
    rows: RowPredicate,
    /// The fields that the index holds whole.
    indexed: BTreeSet<String>,
    hash_key: &'a [u8; 32],
    now: Timestamp,
}

/// An account that belongs to the list.
struct Kept {
    /// Its id, and what it is ordered by.
    place: After,
    row: Row,
    profile: Profile<AccountId>,
    decision: Decision,
}

impl List<'_> {
    fn question(&self) -> Question<'_> {
        Question {
            rows: &self.rows,
            now: self.now,
            indexed: &self.indexed,
        }
    }

    /// The first rows behind a place, and one more if there is one.
    async fn page(
        &mut self,
        tx: &mut Tx<'_>,
        after: Option<&After>,
        limit: u32,
    ) -> Result<Vec<Kept>, EngineError> {
        let wanted = limit as usize + 1;
        let in_memory = |sorted: &Sorted| sorted.how == Sort::InMemory;
        if self.asked.sorts.iter().any(in_memory) {
            let rows = self.candidates(tx).await?;
            let mut kept = self.keep(tx, rows).await?;
            kept.sort_by(|a, b| self.compare(&a.place, &b.place));
            let behind =
                |row: &Kept| after.is_none_or(|after| self.compare(&row.place, after).is_gt());
            kept.retain(behind);
            kept.truncate(wanted);
            return Ok(kept);
        }
        let by: Vec<OrderBy> = self.asked.sorts.iter().filter_map(order_by).collect();
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
        let rows = accounts::list(tx, self.workspace, question, &by, after, most).await?;
        let is_cut_off = !self.rows.is_exact && rows.len() as u32 == most;
        let mut kept = self.keep(tx, rows).await?;
        if is_cut_off && kept.len() < wanted {
            return Err(too_broad());
        }
        kept.truncate(wanted);
        Ok(kept)
    }

    async fn count(&mut self, tx: &mut Tx<'_>) -> Result<u64, EngineError> {
        if self.rows.is_exact {
            return Ok(accounts::count(tx, self.workspace, self.question()).await?);
        }
        let rows = self.candidates(tx).await?;
        Ok(self.keep(tx, rows).await?.len() as u64)
    }

    /// Every row that the database does not exclude.
    async fn candidates(&self, tx: &mut Tx<'_>) -> Result<Vec<Profile<AccountId>>, EngineError> {
        let (question, most) = (self.question(), MAX_CANDIDATES + 1);
        let rows = accounts::list(tx, self.workspace, question, &[], None, most).await?;
        if rows.len() as u32 == most {
            return Err(too_broad());
        }
        Ok(rows)
    }

    /// Decides on rows, and keeps what belongs to the list.
    async fn keep(
        &self,
        tx: &mut Tx<'_>,
        rows: Vec<Profile<AccountId>>,
    ) -> Result<Vec<Kept>, EngineError> {
        let around = self.around(tx, &rows).await?;
        let catalog = &self.version.definitions.catalog;
        let filter = self.asked.filter.as_ref();
        let mut kept = Vec::with_capacity(rows.len());
        for profile in rows {
            let row = typed(catalog, &profile.fields);
            let mut subject = Subject {
                account: Some(&row),
                ..Subject::default()
            };
            let neighbours = around.of(profile.id, &subject, self.plan, self.now);
            neighbours.bind(&mut subject);
            let decision = self.plan.decide(&subject, self.now);
            let plan = self.plan;
            if !plan.keeps(filter, &decision, &subject, self.now, self.hash_key) {
                if self.rows.is_exact {
                    tracing::error!(
                        account = %profile.id,
                        "the database listed an account that the policy does not: left out"
                    );
                }
                continue;
            }
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
                row,
                profile,
                decision,
            });
        }
        Ok(kept)
    }

    /// What stands around these accounts, if anything that is asked or decided reads it.
    async fn around(
        &self,
        tx: &mut Tx<'_>,
        rows: &[Profile<AccountId>],
    ) -> Result<Around, EngineError> {
        let catalog = &self.version.definitions.catalog;
        let of_filter: Vec<Entity> = match &self.asked.filter {
            None => Vec::new(),
            Some(filter) => filter
                .fields()
                .filter_map(|field| Some(catalog.get(field)?.entity))
                .collect(),
        };
        let mut near = [Entity::Company, Entity::Site, Entity::Subscription].into_iter();
        if !near.any(|of| self.plan.reads(of) || of_filter.contains(&of)) {
            return Ok(Around::default());
        }
        let accounts: Vec<AccountId> = rows.iter().map(|row| row.id).collect();
        Ok(Around::read(tx, self.workspace, catalog, &accounts).await?)
    }

    /// The order of the page: absent comes last whichever way.
    fn compare(&self, a: &After, b: &After) -> std::cmp::Ordering {
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

    /// An account in its governed form; the names of what leaves are added to `released`.
    fn item(&self, kept: &Kept, released: &mut BTreeSet<String>) -> AccountRow {
        let mut governor = self.governor(&kept.decision);
        let fields = governor.fields(Entity::Account, &kept.row, &kept.profile.provenance);
        let mut withheld = governor.withheld(&[Entity::Account]);
        withheld.retain(|hidden| !self.hides(hidden));
        released.extend(governor.released);
        AccountRow {
            id: kept.place.id,
            fields,
            withheld,
        }
    }

    /// The fields that are hidden on every account.
    fn withheld(&self) -> Vec<Withheld> {
        // What does not depend on the row is the same without one.
        let decision = self.plan.decide(&Subject::default(), self.now);
        if !decision.exists {
            return Vec::new();
        }
        let mut withheld = self.governor(&decision).withheld(&[Entity::Account]);
        withheld.retain(|hidden| self.hides(hidden));
        withheld
    }

    fn hides(&self, withheld: &Withheld) -> bool {
        let catalog = &self.version.definitions.catalog;
        let field = catalog.find(withheld.field.as_str());
        field.and_then(|field| self.plan.constant_state(field)) == Some(State::Hidden)
    }

    /// What was asked, in names and numbers, for the audit.
    fn detail(&self, accounts: usize, sort: &[String], is_counted: bool) -> String {
        let catalog = &self.version.definitions.catalog;
        let mut detail = format!("{accounts} accounts");
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
        "this list goes by masked values, or by what stands around accounts, and more than \
         {MAX_CANDIDATES} of them would have to be looked at: narrow the filter by a field of accounts that \
         is visible to you"
    ))
}
