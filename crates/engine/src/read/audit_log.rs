//! Reading the audit log, under `audit.view`: its entries by what they say, and its tree as others check
//! it. Who may read it reads all of it. Each look is itself an entry.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kith_auth::tlog::{
    self, Checkpoint, Hash, SignedCheckpoint, TileKind, TilePath, WIDTH, bundle_entry, entries_at,
};
use kith_domain::id::{AuditId, WorkspaceId};
use kith_domain::{Purpose, Scope, Timestamp};
use kith_policy::{Subject, Verdict};
use kith_store::audit::tree;
use kith_store::audit::{AuditFilter, AuditSeq};
use serde::Serialize;
use serde_json::json;

use super::context::{Begun, Miss, Read, statements};
use super::cursor::{self, Seal};
use super::governed::{Governed, Sealed};
use crate::Engine;
use crate::access::Caller;
use crate::audit::{AuditItem, AuditQuery, Entry, Outcome};
use crate::error::EngineError;

/// Most entries of one page.
const MAX_LIMIT: u32 = 200;
/// Around the time in an entry's id: how far its `at` may be from it, in microseconds.
const NEAR: i64 = 10_000_000;

/// One page of entries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditPage {
    /// The entries, the newest first.
    pub items: Vec<AuditItem>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// That an entry is in the log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InclusionProof {
    /// Which leaf, from 0.
    pub index: u64,
    /// Of a tree of so many leaves.
    pub size: u64,
    /// The leaf's hash, in base64.
    pub leaf_hash: String,
    /// The tree's root, in base64.
    pub root_hash: String,
    /// The hashes beside the way up, the lowest first, in base64.
    pub hashes: Vec<String>,
    /// The signed checkpoint of just this tree, if it is the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// That the log of then is the beginning of the log of later.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsistencyProof {
    /// So many leaves there were.
    pub from: u64,
    /// The root of then, in base64.
    pub from_root_hash: String,
    /// So many leaves there are.
    pub to: u64,
    /// The root of later, in base64.
    pub to_root_hash: String,
    /// The proof, in base64.
    pub hashes: Vec<String>,
    /// The signed checkpoint of the later tree, if it is the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// Which leaf a proof is asked for.
#[derive(Debug, Clone, Copy)]
pub enum LeafRef {
    /// By its place in the tree.
    Index(u64),
    /// By its entry.
    Entry(AuditId),
}

/// The newest checkpoint, as it stands.
struct Newest {
    note: String,
    checkpoint: Checkpoint,
}

impl Engine {
    /// Entries to which all that is asked applies, the newest first, after the look is an entry itself.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses `audit.view`, [`EngineError::Invalid`] for a limit
    /// or a cursor that is not as it must be.
    pub async fn list_audit(
        &self,
        caller: &Caller,
        query: AuditQuery,
        cursor: Option<&str>,
    ) -> Result<Governed<AuditPage>, EngineError> {
        if !(1..=MAX_LIMIT).contains(&query.limit) {
            return Err(EngineError::invalid(
                "limit",
                format!("expected 1 to {MAX_LIMIT}"),
            ));
        }
        let workspace = caller.workspace;
        let hash_key = self.hash_key(workspace).await?;
        let actor = caller.alone();
        let question = cursor::Question {
            workspace,
            list: "audit.list",
            actor: &actor,
            purpose: Purpose::AuditView,
            filter: &format!("{query:?}"),
            sort: &["audit".to_owned()],
        };
        // Entries are what they are under whatever definitions, so the cursor is bound to none.
        let seal = Seal::new(&hash_key, 0, &question);
        let before = cursor.map(|cursor| seal.open_json(cursor)).transpose()?;
        let before = before.map(|end| {
            let at = end.get("at")?.as_i64()?;
            let id = end.get("id")?.as_str()?.parse().ok()?;
            Some((Timestamp::from_micros(at), id))
        });
        let before = match before {
            Some(None) => return Err(cursor::broken()),
            other => other.flatten(),
        };
        let entry = match self.may_read_log(caller, "audit.search").await? {
            Ok(entry) => entry,
            Err(miss) => return self.release(Read::Miss(miss)).await,
        };
        let limit = query.limit;
        let filter = AuditFilter {
            before,
            limit: limit + 1,
            ..AuditFilter::from(query)
        };
        let mut found = self.db().audit_search(workspace, &filter).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next_cursor = match found.last().filter(|_| more) {
            None => None,
            Some(last) => {
                let end = json!({ "at": last.row.at.micros(), "id": last.row.id });
                Some(seal.close_json(self.runtime(), &end)?)
            }
        };
        let page = AuditPage {
            items: found.into_iter().map(AuditItem::from).collect(),
            next_cursor,
        };
        Sealed::new(page, entry).release(self.journal()).await
    }

    /// The newest checkpoint: a signed note.
    ///
    /// # Errors
    /// [`EngineError::Refused`], and [`EngineError::NotInLog`] before the first was signed.
    pub async fn log_checkpoint(&self, caller: &Caller) -> Result<Governed<String>, EngineError> {
        let entry = match self.may_read_log(caller, "audit.checkpoint").await? {
            Ok(entry) => entry,
            Err(miss) => return self.release(Read::Miss(miss)).await,
        };
        let Some(newest) = self.newest(caller.workspace).await? else {
            return self.not_in_log(entry, "no entry was folded yet").await;
        };
        Sealed::new(newest.note, entry)
            .release(self.journal())
            .await
    }

    /// A tile, by what stands behind `tile/` in its address.
    ///
    /// # Errors
    /// [`EngineError::Refused`], and [`EngineError::NotInLog`] if there is no such tile.
    pub async fn log_tile(
        &self,
        caller: &Caller,
        path: &str,
    ) -> Result<Governed<Vec<u8>>, EngineError> {
        let entry = match self.may_read_log(caller, "audit.tile").await? {
            Ok(entry) => entry,
            Err(miss) => return self.release(Read::Miss(miss)).await,
        };
        let size = self.signed_size(caller.workspace).await?;
        let tile = TilePath::parse(path)
            .filter(|tile| tile.needs().is_some_and(|needs| needs <= size))
            .and_then(|tile| Some((tile.kind, tile.range()?)));
        let Some((kind, (from, to))) = tile else {
            let why = "expected a tile of the newest checkpoint's tree, such as `0/000` or `entries/000.p/7`";
            return self.not_in_log(entry, why).await;
        };
        let bytes = match kind {
            TileKind::Hashes(level) => self
                .hashes(caller.workspace, level, from, to)
                .await?
                .concat(),
            TileKind::Entries => self.bundle(caller.workspace, from, to).await?,
        };
        Sealed::new(bytes, entry).release(self.journal()).await
    }

    /// The proof that an entry is in the tree of `size` leaves, or of as many as the newest checkpoint
    /// speaks of.
    ///
    /// # Errors
    /// [`EngineError::Refused`], and [`EngineError::NotInLog`] if there is no such leaf or tree.
    pub async fn prove_inclusion(
        &self,
        caller: &Caller,
        leaf: LeafRef,
        size: Option<u64>,
    ) -> Result<Governed<InclusionProof>, EngineError> {
        let ws = caller.workspace;
        let entry = match self.may_read_log(caller, "audit.proof").await? {
            Ok(entry) => entry,
            Err(miss) => return self.release(Read::Miss(miss)).await,
        };
        let newest = self.newest(ws).await?;
        let signed = newest.as_ref().map_or(0, |newest| newest.checkpoint.size);
        let size = size.unwrap_or(signed);
        let index = match leaf {
            LeafRef::Index(index) => Some(index),
            LeafRef::Entry(id) => self.index_of(ws, id).await?,
        };
        let Some(index) = index.filter(|index| *index < size && size <= signed) else {
            let why = "expected an entry of the newest checkpoint's tree: an entry is in it within a second";
            return self.not_in_log(entry, why).await;
        };
        let proof = InclusionProof {
            index,
            size,
            leaf_hash: base64(&self.hashes(ws, 0, index, index + 1).await?),
            root_hash: base64(&self.path(ws, Path::Root(size)).await?),
            hashes: each_base64(&self.path(ws, Path::Inclusion(index, size)).await?),
            checkpoint: newest
                .filter(|newest| newest.checkpoint.size == size)
                .map(|newest| newest.note),
        };
        Sealed::new(proof, entry).release(self.journal()).await
    }

    /// The proof that the tree of `from` leaves is the beginning of that of `to` leaves, or of as many as
    /// the newest checkpoint speaks of.
    ///
    /// # Errors
    /// [`EngineError::Refused`], and [`EngineError::NotInLog`] if there are no such trees.
    pub async fn prove_consistency(
        &self,
        caller: &Caller,
        from: u64,
        to: Option<u64>,
    ) -> Result<Governed<ConsistencyProof>, EngineError> {
        let ws = caller.workspace;
        let entry = match self.may_read_log(caller, "audit.proof").await? {
            Ok(entry) => entry,
            Err(miss) => return self.release(Read::Miss(miss)).await,
        };
        let newest = self.newest(ws).await?;
        let signed = newest.as_ref().map_or(0, |newest| newest.checkpoint.size);
        let to = to.unwrap_or(signed);
        if from == 0 || from > to || to > signed {
            let why = "expected two sizes of the tree, the smaller one first, from 1 up to the newest checkpoint's";
            return self.not_in_log(entry, why).await;
        }
        let proof = ConsistencyProof {
            from,
            from_root_hash: base64(&self.path(ws, Path::Root(from)).await?),
            to,
            to_root_hash: base64(&self.path(ws, Path::Root(to)).await?),
            hashes: each_base64(&self.path(ws, Path::Consistency(from, to)).await?),
            checkpoint: newest
                .filter(|newest| newest.checkpoint.size == to)
                .map(|newest| newest.note),
        };
        Sealed::new(proof, entry).release(self.journal()).await
    }

    /// The entry in the making of a look into the log, or why the policy refuses it.
    async fn may_read_log(
        &self,
        caller: &Caller,
        action: &'static str,
    ) -> Result<Result<Entry, Miss>, EngineError> {
        caller.needs(Scope::Context)?;
        let now = self.runtime().now();
        self.db()
            .read(caller.workspace, |tx| {
                Box::pin(async move {
                    let begun = self.begin(tx, caller, None, action, Purpose::AuditView);
                    let Begun {
                        version,
                        plan,
                        mut entry,
                        ..
                    } = match begun.await? {
                        Ok(begun) => begun,
                        Err(miss) => return Ok(Err(miss)),
                    };
                    // It is about no customer, so what asks for one is unknown, and grants nothing.
                    Ok(match plan.decide(&Subject::default(), now).verdict {
                        Verdict::Refused(refusal) => Err(Miss::refused(entry, &version, &refusal)),
                        Verdict::Allowed { reasons } => {
                            entry.statements = statements(&reasons);
                            Ok(entry)
                        }
                    })
                })
            })
            .await
    }

    /// That nothing of the kind is there, after it was said in the log.
    async fn not_in_log<T>(&self, mut entry: Entry, why: &str) -> Result<T, EngineError> {
        entry.outcome = Outcome::NotFound;
        self.journal().append(entry).await?;
        Err(EngineError::NotInLog(why.to_owned()))
    }

    async fn newest(&self, ws: WorkspaceId) -> Result<Option<Newest>, EngineError> {
        let row = self
            .db()
            .audit_tree(ws, move |tx| Box::pin(tree::checkpoint(tx, ws)))
            .await?;
        let Some(row) = row else { return Ok(None) };
        let signed = SignedCheckpoint::parse(&row.note).map_err(|_| EngineError::LogBroken)?;
        Ok(Some(Newest {
            note: row.note,
            checkpoint: signed.checkpoint,
        }))
    }

    async fn signed_size(&self, ws: WorkspaceId) -> Result<u64, EngineError> {
        let newest = self.newest(ws).await?;
        Ok(newest.map_or(0, |newest| newest.checkpoint.size))
    }

    async fn hashes(
        &self,
        ws: WorkspaceId,
        level: u8,
        from: u64,
        to: u64,
    ) -> Result<Vec<Hash>, EngineError> {
        let found = self
            .db()
            .audit_tree(ws, move |tx| {
                Box::pin(tree::hashes(tx, ws, level, from, to))
            })
            .await?;
        if found.len() as u64 == to - from {
            Ok(found)
        } else {
            Err(EngineError::LogBroken)
        }
    }

    /// Entries as a bundle holds them.
    async fn bundle(&self, ws: WorkspaceId, from: u64, to: u64) -> Result<Vec<u8>, EngineError> {
        let count = u32::try_from(to - from).unwrap_or(0);
        let leaves = self
            .db()
            .audit_tree(ws, move |tx| Box::pin(tree::leaves(tx, ws, from, count)))
            .await?;
        let places: Vec<AuditSeq> = leaves.into_iter().map(|leaf| leaf.place).collect();
        let found = self.db().audit_entries(ws, places.clone()).await?;
        let found: HashMap<_, _> = found
            .into_iter()
            .map(|entry| ((entry.place.stream, entry.place.seq), entry.row.leaf))
            .collect();
        let mut bundle = Vec::new();
        for place in places {
            let leaf = found.get(&(place.stream, place.seq));
            leaf.and_then(|leaf| bundle_entry(&mut bundle, leaf))
                .ok_or(EngineError::LogBroken)?;
        }
        Ok(bundle)
    }

    /// Which leaf an entry is. Its id holds the time near which it is looked for.
    async fn index_of(&self, ws: WorkspaceId, id: AuditId) -> Result<Option<u64>, EngineError> {
        let Some(time) = id.uuid().get_timestamp() else {
            return Ok(None);
        };
        let (seconds, nanos) = time.to_unix();
        let at = i64::try_from(seconds)
            .unwrap_or(0)
            .saturating_mul(1_000_000)
            .saturating_add(i64::from(nanos / 1_000));
        let filter = AuditFilter {
            id: Some(id),
            since: Some(Timestamp::from_micros(at.saturating_sub(NEAR))),
            until: Some(Timestamp::from_micros(at.saturating_add(NEAR))),
            limit: 1,
            ..AuditFilter::default()
        };
        let Some(entry) = self.db().audit_search(ws, &filter).await?.pop() else {
            return Ok(None);
        };
        let place = entry.place;
        Ok(self
            .db()
            .audit_tree(ws, move |tx| {
                Box::pin(async move { tree::index_of(tx, ws, &place).await })
            })
            .await?)
    }

    /// Hashes that are made of others: first which tiles they are made of, then from those.
    async fn path(&self, ws: WorkspaceId, path: Path) -> Result<Vec<Hash>, EngineError> {
        let mut wanted = BTreeSet::new();
        let Ok(_) = path.hashes(&mut |level, n| {
            wanted.insert((level, n / WIDTH));
            Ok::<_, Infallible>([0; 32])
        });
        let size = path.size();
        let mut known: HashMap<(u8, u64), Vec<Hash>> = HashMap::new();
        for (level, tile) in wanted {
            let from = tile * WIDTH;
            let to = entries_at(level, size).min(from + WIDTH);
            known.insert((level, tile), self.hashes(ws, level, from, to).await?);
        }
        path.hashes(&mut |level, n| {
            let tile = known.get(&(level, n / WIDTH));
            let place = usize::try_from(n % WIDTH).unwrap_or(usize::MAX);
            tile.and_then(|tile| tile.get(place).copied())
                .ok_or(EngineError::LogBroken)
        })
    }
}

/// What is to be made of the tree's hashes.
#[derive(Clone, Copy)]
enum Path {
    Root(u64),
    Inclusion(u64, u64),
    Consistency(u64, u64),
}

impl Path {
    /// In a tree of how many leaves.
    const fn size(self) -> u64 {
        match self {
            Self::Root(size) | Self::Inclusion(_, size) | Self::Consistency(_, size) => size,
        }
    }

    fn hashes<E>(
        self,
        hash_at: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
    ) -> Result<Vec<Hash>, E> {
        match self {
            Self::Root(size) => Ok(vec![tlog::range_hash(0, size, hash_at)?]),
            Self::Inclusion(index, size) => tlog::inclusion(index, size, hash_at),
            Self::Consistency(from, to) => tlog::consistency(from, to, hash_at),
        }
    }
}

fn base64(hashes: &[Hash]) -> String {
    STANDARD.encode(hashes.concat())
}

fn each_base64(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}
