//! Governed search: accounts, people and the other roots by the words of what is shown of them.
//!
//! The index of words knows every value, and through which masks it could be shown; so it gives candidates and
//! nothing more. Each is bound and decided on as in a list, and its words are held against the question again
//! as they are shown to this asker: what a field hides on a row is not there to be found, and what it masks has
//! its masked words only. So what is answered follows from what may be seen.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::collections::BTreeSet;
use std::marker::PhantomData;

use indexmap::IndexMap;
use kith_domain::id::{
    AccountId, CompanyId, ConversationId, PersonId, SiteId, SubscriptionId, WorkspaceId,
};
use kith_domain::{Entity, FieldIdx, FieldPath, Purpose, RootKind, Scope, Timestamp};
use kith_policy::Plan;
use kith_policy::predicate::{Predicate, Sort};
use kith_store::identity::RootId;
use kith_store::search::{self, Searched};
use kith_store::{Tx, field_index};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{Asked, DEFAULT_LIMIT, Kept, List, Listed, MAX_LIMIT, MAX_NAMED, PageRow};
use crate::Engine;
use crate::access::Caller;
use crate::definitions::Version;
use crate::error::EngineError;
use crate::index;
use crate::read::answer::Withheld;
use crate::read::context::{Begun, MemberRef, Miss, Read, statements};
use crate::read::cursor::{self, Seal};
use crate::read::governed::{Governed, Sealed};
use crate::words::{shown, words};

/// The kinds that are searched, in the order in which equal ones are answered.
const KINDS: [RootKind; 6] = [
    RootKind::Account,
    RootKind::Person,
    RootKind::Company,
    RootKind::Subscription,
    RootKind::Conversation,
    RootKind::Site,
];
/// Longest question.
const MAX_QUESTION_BYTES: usize = 512;
/// Most words of a question.
const MAX_WORDS: usize = 8;
/// Most roots of a kind that are decided on.
const MAX_CANDIDATES: u32 = 2_000;

/// What is searched for.
#[derive(Clone)]
pub struct SearchRequest {
    /// Why.
    pub purpose: Purpose,
    /// The member for whom an agent acts; needs the scope `onBehalfOf`.
    pub on_behalf_of: Option<MemberRef>,
    /// One to eight words; each must begin a word of what is found.
    pub question: String,
    /// What may be found; all kinds if none is named.
    pub kinds: BTreeSet<RootKind>,
    /// At most this many, up to 200; 50 if none is named.
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// One page of what was found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided; ages count from here.
    pub decided_at: Timestamp,
    /// What was found, the best first.
    pub items: Vec<FoundItem>,
    /// The fields that were searched. A field that became searchable only now is here once its index is whole.
    pub searched: Vec<FieldPath>,
    /// The searchable fields that are hidden on every row and so were not searched, each with the reason.
    pub withheld: Vec<Withheld>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Something that was found.
#[derive(Serialize)]
pub struct FoundItem {
    /// What it is.
    pub kind: RootKind,
    /// The fields in which words of the question were found.
    pub matched: Vec<FieldPath>,
    /// It as in a list, under the word for what it is.
    #[serde(flatten)]
    pub root: IndexMap<&'static str, PageRow<String>>,
}

/// The place of something found among all that was: words that were found whole before those that were only
/// begun, then those that stand nearer to the beginning of their field, then by kind and id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    begun: u64,
    position: u64,
    kind: u64,
    id: String,
}

/// Something found, with what the audit will say of it.
struct Found {
    place: Place,
    item: FoundItem,
    root: RootId,
    accounts: Vec<AccountId>,
    decided_by: Vec<String>,
    released: BTreeSet<String>,
}

impl Engine {
    /// Finds the accounts, people and other roots that exist for the caller, on which the purpose is allowed,
    /// and in whose shown fields every word of the question begins a word, after the audit entry is committed.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses the purpose whatever the row,
    /// [`EngineError::TooBroad`] if too many would have to be looked at,
    /// [`EngineError::Invalid`] for what is not as it must be, a cursor among it.
    pub async fn search(
        &self,
        caller: &Caller,
        request: SearchRequest,
    ) -> Result<Governed<SearchPage>, EngineError> {
        caller.needs(Scope::Context)?;
        let words = check(&request)?;
        let hash_key = self.hash_key(caller.workspace).await?;
        let (engine, workspace) = (self.clone(), caller.workspace);
        let caller = caller.clone();
        let narrower = "write more of the words, or search fewer kinds";
        let read = self
            .scanned(workspace, "search", narrower, move |tx| {
                Box::pin(async move { engine.found(tx, &caller, &request, &words, hash_key).await })
            })
            .await?;
        self.release(read).await
    }

    async fn found(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        request: &SearchRequest,
        words: &[String],
        hash_key: [u8; 32],
    ) -> Result<Read<SearchPage>, EngineError> {
        let now = self.runtime().now();
        let (on_behalf_of, purpose) = (request.on_behalf_of.as_ref(), request.purpose);
        let begun = self
            .begin(tx, caller, on_behalf_of, "search", purpose)
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
        let kinds = KINDS.into_iter();
        let kinds: Vec<RootKind> = kinds
            .filter(|kind| request.kinds.is_empty() || request.kinds.contains(kind))
            .collect();
        let sort: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        let question = cursor::Question {
            workspace: caller.workspace,
            list: "search",
            actor: &actor,
            purpose,
            filter: &request.question,
            sort: &sort,
        };
        let seal = Seal::new(&hash_key, version.number, &question);
        let after = match &request.cursor {
            Some(cursor) => {
                let place = Place::read(&seal.open_json(cursor)?);
                Some(place.ok_or_else(cursor::broken)?)
            }
            None => None,
        };

        let limit = request.limit.unwrap_or(DEFAULT_LIMIT) as usize;
        let mut search = Search {
            workspace: caller.workspace,
            version: &version,
            plan: &plan,
            words,
            whole: field_index::whole(tx, caller.workspace).await?,
            hash_key: &hash_key,
            now,
            after,
            wanted: limit + 1,
            found: Vec::new(),
            searched: Vec::new(),
            withheld: Vec::new(),
        };
        for kind in &kinds {
            match kind {
                RootKind::Account => search.of::<AccountId>(tx).await?,
                RootKind::Company => search.of::<CompanyId>(tx).await?,
                RootKind::Conversation => search.of::<ConversationId>(tx).await?,
                RootKind::Person => search.of::<PersonId>(tx).await?,
                RootKind::Site => search.of::<SiteId>(tx).await?,
                RootKind::Subscription => search.of::<SubscriptionId>(tx).await?,
            }
        }
        let Search {
            mut found,
            searched,
            withheld,
            ..
        } = search;
        found.sort_by(|a, b| a.place.cmp(&b.place));
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = match found.last().filter(|_| has_more) {
            Some(last) => Some(seal.close_json(self.runtime(), &last.place.write())?),
            None => None,
        };

        let paths: Vec<_> = searched.iter().map(FieldPath::as_str).collect();
        entry.detail = Some(format!(
            "{} found by {} words in {}",
            found.len(),
            words.len(),
            paths.join(", ")
        ));
        let (mut decided_by, mut released) = (BTreeSet::new(), BTreeSet::new());
        let mut named: BTreeSet<AccountId> = BTreeSet::new();
        let mut items = Vec::with_capacity(found.len());
        for found in found {
            match found.root {
                RootId::Account(id) => named.extend([id]),
                RootId::Person(id) => entry.people.push(id),
                _ => entry.roots.push(found.root.to_string()),
            }
            named.extend(found.accounts);
            decided_by.extend(found.decided_by);
            released.extend(found.released);
            items.push(found.item);
        }
        entry.accounts = named.into_iter().collect();
        entry.statements = decided_by.into_iter().collect();
        entry.set_fields(released.into_iter().collect());
        let page = SearchPage {
            purpose,
            definitions_version: version.number,
            decided_at: now,
            items,
            searched,
            withheld,
            next_cursor,
        };
        Ok(Read::Answer(Sealed::new(page, entry)))
    }
}

/// What can be checked without knowing anything; the words of the question.
fn check(request: &SearchRequest) -> Result<Vec<String>, EngineError> {
    let fits = |limit: u32| (1..=MAX_LIMIT).contains(&limit);
    if !request.limit.is_none_or(fits) {
        let expected = format!("expected a number from 1 to {MAX_LIMIT}");
        return Err(EngineError::invalid("limit", expected));
    }
    let is_short = request.question.len() <= MAX_QUESTION_BYTES;
    let words = if is_short {
        words(&request.question)
    } else {
        Vec::new()
    };
    if !(1..=MAX_WORDS).contains(&words.len()) {
        let expected = format!(
            "expected one to {MAX_WORDS} words, letters or digits, in at most {MAX_QUESTION_BYTES} bytes"
        );
        return Err(EngineError::invalid("q", expected));
    }
    Ok(words)
}

/// One search on one snapshot.
struct Search<'a> {
    workspace: WorkspaceId,
    version: &'a Version,
    plan: &'a Plan,
    words: &'a [String],
    /// What the index holds whole.
    whole: BTreeSet<String>,
    hash_key: &'a [u8; 32],
    now: Timestamp,
    after: Option<Place>,
    /// So many of a kind are enough.
    wanted: usize,
    found: Vec<Found>,
    searched: Vec<FieldPath>,
    withheld: Vec<Withheld>,
}

impl Search<'_> {
    /// Searches one kind.
    async fn of<Id: Listed>(&mut self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        let asked = Asked {
            filter: None,
            sorts: Vec::new(),
        };
        let list = List {
            workspace: self.workspace,
            version: self.version,
            plan: self.plan,
            asked: &asked,
            rows: self.plan.rows(Id::ENTITY, None),
            indexed: BTreeSet::new(),
            hash_key: self.hash_key,
            now: self.now,
            of: PhantomData::<Id>,
        };
        let catalog = &self.version.definitions.catalog;
        let is_searchable = |path: &FieldPath| {
            catalog
                .fields()
                .iter()
                .any(|of| of.searchable && of.path == *path)
        };
        let withheld = list.withheld().into_iter();
        self.withheld
            .extend(withheld.filter(|withheld| is_searchable(&withheld.field)));
        let (fields, searched) = self.fields(Id::ENTITY);
        if fields.is_empty() {
            return Ok(());
        }
        let question = search::Question {
            rows: &list.rows,
            now: self.now,
            fields: &searched,
            words: self.words,
        };
        let rows = search::candidates(tx, self.workspace, question, MAX_CANDIDATES + 1).await?;
        if rows.len() as u32 > MAX_CANDIDATES {
            return Err(EngineError::TooBroad(format!(
                "more than {MAX_CANDIDATES} {} have words that begin so: write more of them, or another one",
                Id::PLURAL
            )));
        }
        let mut found = Vec::new();
        for kept in list.keep(tx, rows).await? {
            if let Some((place, matched)) = self.matched(&fields, &kept)
                && self.after.as_ref().is_none_or(|after| place > *after)
            {
                found.push((place, matched, kept));
            }
        }
        found.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        found.truncate(self.wanted);
        let found = found.into_iter().map(|(place, matched, kept)| {
            let mut released = BTreeSet::new();
            let row = list.item(&kept, &mut released);
            let row = PageRow {
                id: row.id.to_string(),
                fields: row.fields,
                accounts: row.accounts,
                withheld: row.withheld,
            };
            let root: RootId = kept.place.id.into();
            Found {
                place,
                item: FoundItem {
                    kind: root.kind(),
                    matched,
                    root: IndexMap::from([(Id::ENTITY.as_str(), row)]),
                },
                root,
                accounts: kept.bound.accounts.into_iter().take(MAX_NAMED).collect(),
                decided_by: statements(kept.decision.verdict.reasons()),
                released,
            }
        });
        self.found.extend(found);
        Ok(())
    }

    /// The fields of a kind that are searched: those that the index holds whole, and that are not hidden on
    /// every row.
    fn fields(&mut self, of: Entity) -> (Vec<(FieldIdx, FieldPath)>, Vec<Searched>) {
        let (mut fields, mut searched) = (Vec::new(), Vec::new());
        let own = self.version.definitions.catalog.iter();
        for (idx, field) in own.filter(|(_, field)| field.entity == of && field.searchable) {
            let name = index::name_of_words(&field.path);
            let shown = match self.plan.sort(of, idx) {
                Ok(Sort::Column { shown, .. }) => shown,
                Ok(Sort::InMemory) => Predicate::Always,
                Ok(Sort::None) | Err(_) => continue,
            };
            if self.whole.contains(&name) {
                self.searched.push(field.path.clone());
                fields.push((idx, field.path.clone()));
                searched.push(Searched { name, shown });
            }
        }
        (fields, searched)
    }

    /// In which fields the words are found as they are shown, and its place by that; `None` if not every word
    /// is.
    fn matched<Id: Listed>(
        &self,
        fields: &[(FieldIdx, FieldPath)],
        kept: &Kept<Id>,
    ) -> Option<(Place, Vec<FieldPath>)> {
        let root: RootId = kept.place.id.into();
        let kind = KINDS.iter().position(|kind| *kind == root.kind())?;
        let mut best: Vec<Option<(bool, usize)>> = vec![None; self.words.len()];
        let mut matched = Vec::new();
        for (idx, path) in fields {
            let Some(value) = kept.bound.own().get(*idx) else {
                continue;
            };
            let shown = shown(value, kept.decision.state(*idx), self.hash_key);
            let mut is_matched = false;
            for (word, best) in self.words.iter().zip(&mut best) {
                let begins = shown.iter().enumerate();
                let begins = begins.filter(|(_, shown)| shown.starts_with(word.as_str()));
                let here = begins.map(|(place, shown)| (shown != word, place)).min();
                is_matched |= here.is_some();
                *best = match (*best, here) {
                    (Some(best), Some(here)) => Some(best.min(here)),
                    (best, here) => best.or(here),
                };
            }
            if is_matched {
                matched.push(path.clone());
            }
        }
        let best: Vec<(bool, usize)> = best.into_iter().collect::<Option<_>>()?;
        let place = Place {
            begun: best.iter().filter(|(is_begun, _)| *is_begun).count() as u64,
            position: best.iter().map(|(_, position)| *position as u64).sum(),
            kind: kind as u64,
            id: kept.place.id.to_string(),
        };
        Some((place, matched))
    }
}

impl Place {
    fn write(&self) -> Json {
        json!([self.begun, self.position, self.kind, self.id])
    }

    fn read(json: &Json) -> Option<Self> {
        let [begun, position, kind, id] = json.as_array()?.as_slice() else {
            return None;
        };
        Some(Self {
            begun: begun.as_u64()?,
            position: position.as_u64()?,
            kind: kind.as_u64()?,
            id: id.as_str()?.to_owned(),
        })
    }
}
