//! Holding the log against what was signed: every entry, every hash, and a checkpoint that was kept
//! elsewhere.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use kith_auth::tlog::{Frontier, Hash, LogKey, SignedCheckpoint, leaf_hash};
use kith_domain::Purpose;
use kith_domain::id::WorkspaceId;
use kith_store::audit::tree::{self, Leaf};
use kith_store::audit::{AuditEntry, AuditRow, AuditSeq};
use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::fault::{LogFault, entry};
use super::{AuditActor, Entry, LEAF_VERSION};
use crate::Engine;
use crate::error::EngineError;

/// Leaves that are looked at together.
const PAGE: u32 = 1_000;
/// Most faults that are told one by one.
const MAX_FAULTS: usize = 100;

/// How a log stands against what was signed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogReport {
    /// The log's name.
    pub origin: String,
    /// What checkpoints are checked with; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifier: Option<String>,
    /// How many entries are in the tree.
    pub size: u64,
    /// Entries that are not in the tree yet.
    pub waiting: u64,
    /// Of how many entries the kept checkpoint speaks; of several, the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
    /// Everything that is not as it was signed, up to a hundred.
    pub faults: Vec<LogFault>,
    /// The credentials that entries of the tree name.
    #[serde(skip)]
    pub credentials: HashSet<String>,
}

impl LogReport {
    /// Whether nothing was folded yet, so that there is nothing to hold anything against.
    #[must_use]
    pub const fn is_unfolded(&self) -> bool {
        self.size == 0 && self.verifier.is_none()
    }
}

impl Engine {
    /// Holds the whole log against what was signed, as [`Engine::check_audit_log`] does. Looking is itself
    /// an entry.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if the kept text is no checkpoint, or if the store fails.
    pub async fn verify_audit_log(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        kept: Option<&str>,
    ) -> Result<LogReport, EngineError> {
        let report = self.check_audit_log(workspace, kept).await?;
        let entry = Entry::new(
            self.runtime(),
            workspace,
            by,
            "audit.verify",
            Purpose::AuditView,
        );
        self.journal().append(entry).await?;
        Ok(report)
    }

    /// Recomputes the whole log and holds it against its newest checkpoint, and against those that were
    /// kept elsewhere: `kept` is one signed note or several, and those of other logs among them are let
    /// be. Writes nothing, and is for whoever has the machine.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if the kept text is no checkpoint, or if the store fails.
    pub async fn check_audit_log(
        &self,
        workspace: WorkspaceId,
        kept: Option<&str>,
    ) -> Result<LogReport, EngineError> {
        let kept = kept.map(SignedCheckpoint::parse_all).transpose();
        let kept = kept.map_err(|error| EngineError::invalid("checkpoint", error.to_string()))?;
        let key = self.known_log_key().await?;
        let origin = self.log_origin(workspace).await?;
        let (size, own) = self
            .db()
            .audit_tree(workspace, move |tx| {
                Box::pin(async move {
                    let size = tree::size(tx, workspace).await?;
                    Ok::<_, EngineError>((size, tree::checkpoint(tx, workspace).await?))
                })
            })
            .await?;
        let mut walk = Walk::default();
        let mut signed = 0;
        if let Some(row) = &own {
            match SignedCheckpoint::parse(&row.note) {
                Err(_) => walk.fault(LogFault::Forged),
                Ok(note) => {
                    match key.as_ref().and_then(|key| note.signed_by(key)) {
                        Some(true) if note.checkpoint.origin == origin => {}
                        Some(_) => walk.fault(LogFault::Forged),
                        None => walk.fault(LogFault::OtherKey),
                    }
                    signed = note.checkpoint.size;
                    walk.meets(&note, false);
                }
            }
        }
        if size > signed {
            walk.fault(LogFault::Unsigned {
                leaves: size,
                signed,
            });
        }
        let kept_size = walk.keep(&kept.unwrap_or_default(), &origin, key.as_ref());

        walk.compare_roots();
        while walk.frontier.size() < size {
            if !self.walk_page(workspace, &mut walk).await? {
                break;
            }
        }
        walk.finish(signed, kept_size);
        let newest = self.db().audit_streams(workspace).await?;
        let waiting = newest.iter().map(|(stream, newest)| {
            let folded = walk.streams.get(stream).copied().unwrap_or(0);
            u64::try_from(newest - folded).unwrap_or(0)
        });
        let waiting = waiting.sum();
        let verifier = own.and(key).map(|key| key.verifier(&origin));
        Ok(LogReport {
            origin,
            verifier,
            size: walk.frontier.size(),
            waiting,
            kept: kept_size,
            faults: walk.faults,
            credentials: walk.credentials,
        })
    }

    /// Looks at the next leaves. False if there are none.
    async fn walk_page(&self, ws: WorkspaceId, walk: &mut Walk) -> Result<bool, EngineError> {
        let from = walk.frontier.size();
        let leaves = self
            .db()
            .audit_tree(ws, move |tx| Box::pin(tree::leaves(tx, ws, from, PAGE)))
            .await?;
        let places = leaves.iter().map(|leaf| leaf.place.clone()).collect();
        let entries = self.db().audit_entries(ws, places).await?;
        let mut entries: HashMap<_, _> = entries
            .into_iter()
            .map(|AuditEntry { place, row }| ((place.stream, place.seq), row))
            .collect();
        let mut settled = Vec::new();
        for leaf in &leaves {
            if leaf.index != walk.frontier.size() {
                // What stood between is gone from the tree itself.
                walk.missing.push((walk.frontier.size(), "the tree".into()));
                return Ok(false);
            }
            let row = entries.remove(&(Arc::clone(&leaf.place.stream), leaf.place.seq));
            walk.leaf(leaf, row.as_ref());
            walk.frontier
                .push(leaf.hash, |level, n, hash| settled.push((level, n, hash)));
            walk.compare_roots();
        }
        for (level, n, hash) in settled {
            let stored = self
                .db()
                .audit_tree(ws, move |tx| {
                    Box::pin(tree::hashes(tx, ws, level, n, n + 1))
                })
                .await?;
            if stored != [hash] {
                walk.fault(LogFault::WrongHash { level, index: n });
            }
        }
        Ok(!leaves.is_empty())
    }
}

/// The log so far.
#[derive(Default)]
struct Walk {
    frontier: Frontier,
    /// The newest number of each stream.
    streams: HashMap<Arc<str>, i64>,
    /// Numbers that a stream leapt over.
    leapt: HashSet<(Arc<str>, i64)>,
    /// Leaves whose entry has other bytes: the index, the entry, the leaf's hash, the hash of its bytes.
    changed: Vec<(u64, String, Hash, Hash)>,
    /// Leaves whose entry is gone.
    missing: Vec<(u64, String)>,
    /// The roots of checkpoints that are yet to be met, by their size, and whether they were kept.
    roots: BTreeMap<u64, Vec<(Hash, bool)>>,
    /// What entries name.
    credentials: HashSet<String>,
    faults: Vec<LogFault>,
}

impl Walk {
    fn fault(&mut self, fault: LogFault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    fn leaf(&mut self, leaf: &Leaf, row: Option<&AuditRow>) {
        let Leaf { index, place, hash } = leaf;
        self.in_order(*index, place);
        let Some(row) = row else {
            self.missing.push((*index, entry(place)));
            return;
        };
        if !self.credentials.contains(&row.credential) {
            self.credentials.insert(row.credential.clone());
        }
        let found = leaf_hash(&row.leaf);
        if found != *hash {
            self.changed.push((*index, entry(place), *hash, found));
        } else if let Some(column) = mislabelled(row) {
            self.fault(LogFault::Relabelled {
                index: *index,
                entry: entry(place),
                column,
            });
        }
    }

    /// A stream's entries became leaves in the order of their numbers.
    fn in_order(&mut self, index: u64, place: &AuditSeq) {
        let newest = self.streams.entry(Arc::clone(&place.stream)).or_default();
        if place.seq <= *newest {
            self.leapt.remove(&(Arc::clone(&place.stream), place.seq));
            self.fault(LogFault::Reordered {
                index,
                entry: entry(place),
            });
            return;
        }
        let leapt = (*newest + 1..place.seq).take(MAX_FAULTS);
        let stream = &place.stream;
        self.leapt
            .extend(leapt.map(|seq| (Arc::clone(stream), seq)));
        *newest = place.seq;
    }

    /// A checkpoint that the walk will come by.
    fn meets(&mut self, note: &SignedCheckpoint, kept: bool) {
        let known = self.roots.entry(note.checkpoint.size).or_default();
        known.push((note.checkpoint.root, kept));
    }

    /// What was kept elsewhere; of how many entries the newest speaks.
    fn keep(
        &mut self,
        notes: &[SignedCheckpoint],
        origin: &str,
        key: Option<&LogKey>,
    ) -> Option<u64> {
        let ours = |note: &&SignedCheckpoint| note.checkpoint.origin == origin;
        let mut newest = None;
        for note in notes.iter().filter(ours) {
            match key.and_then(|key| note.signed_by(key)) {
                Some(true) => {}
                Some(false) => self.fault(LogFault::KeptForged),
                None => self.fault(LogFault::KeptByOtherKey),
            }
            newest = newest.max(Some(note.checkpoint.size));
            self.meets(note, true);
        }
        if let (None, Some(other)) = (newest, notes.first()) {
            let origin = other.checkpoint.origin.clone();
            self.fault(LogFault::KeptOfOtherLog { origin });
        }
        newest
    }

    /// Compares with the checkpoints that speak of as many entries as were looked at.
    fn compare_roots(&mut self) {
        let size = self.frontier.size();
        let Some(known) = self.roots.remove(&size) else {
            return;
        };
        let root = self.frontier.root();
        for (_, kept) in known.into_iter().filter(|(known, _)| *known != root) {
            self.fault(if kept {
                LogFault::Rewritten { kept: size }
            } else {
                LogFault::WrongRoot { size }
            });
        }
    }

    /// What only shows at the end.
    fn finish(&mut self, signed: u64, kept: Option<u64>) {
        let size = self.frontier.size();
        let mut told = Vec::new();
        let lost = self.missing.len() as u64;
        let tail = lost > 0
            && self
                .missing
                .iter()
                .zip(size - lost.min(size)..)
                .all(|((index, _), expect)| *index == expect);
        if tail {
            told.push(LogFault::Truncated {
                entries: lost + signed.saturating_sub(size),
                left: size - lost.min(size),
            });
        } else {
            let missing = self.missing.drain(..);
            told.extend(missing.map(|(index, entry)| LogFault::Missing { index, entry }));
            if signed > size {
                told.push(LogFault::Truncated {
                    entries: signed - size,
                    left: size,
                });
            }
        }
        if let Some(kept) = kept.filter(|kept| *kept > size) {
            told.push(LogFault::Behind { kept, size });
        }
        let stood: HashSet<Hash> = self.changed.iter().map(|(_, _, hash, _)| *hash).collect();
        for (index, entry, _, found) in self.changed.drain(..) {
            told.push(if stood.contains(&found) {
                LogFault::Reordered { index, entry }
            } else {
                LogFault::Changed { index, entry }
            });
        }
        let mut leapt: Vec<_> = self.leapt.drain().collect();
        leapt.sort_unstable();
        told.extend(leapt.into_iter().map(|(stream, seq)| {
            let entry = entry(&AuditSeq { stream, seq });
            LogFault::NeverFolded { entry }
        }));
        told.append(&mut self.faults);
        told.truncate(MAX_FAULTS);
        self.faults = told;
    }
}

/// The first column beside an entry that says something else than the entry's own bytes.
fn mislabelled(row: &AuditRow) -> Option<&'static str> {
    let leaf: Json = serde_json::from_slice(&row.leaf).ok()?;
    if leaf.get("v")?.as_u64()? != u64::from(LEAF_VERSION) {
        return None;
    }
    let text = |pointer: &str| {
        let found = leaf.pointer(pointer).and_then(Json::as_str);
        found.unwrap_or_default().to_owned()
    };
    let number = |pointer: &str| leaf.pointer(pointer).and_then(Json::as_i64);
    let shown = |id: Option<String>| id.unwrap_or_default();
    let (kind, id) = (text("/actor/kind"), text("/actor/id"));
    let actor = if id.is_empty() {
        kind
    } else {
        format!("{kind}:{id}")
    };
    let statements = row.statements.iter().map(|id| Json::from(id.as_str()));
    let statements: Vec<_> = statements.collect();
    let named = leaf.get("statements").and_then(Json::as_array);
    let names: Hash = Sha256::digest(row.fields.names.join("\n").as_bytes()).into();
    let version = i64::try_from(row.definitions_version).ok();
    let columns = [
        ("id", text("/id") == row.id.to_string()),
        ("at", number("/at") == Some(row.at.micros())),
        ("actor", actor == row.actor),
        ("credential", text("/actor/credential") == row.credential),
        (
            "on_behalf_of",
            text("/actor/onBehalfOf") == shown(row.on_behalf_of.clone()),
        ),
        ("purpose", text("/purpose") == row.purpose.as_str()),
        ("action", text("/action") == row.action),
        ("verdict", text("/outcome") == row.verdict),
        (
            "account",
            text("/account") == shown(row.account.map(|id| id.to_string())),
        ),
        (
            "person",
            text("/person") == shown(row.person.map(|id| id.to_string())),
        ),
        (
            "lookup_hash",
            text("/lookups/0") == shown(row.lookup_hash.map(hex::encode)),
        ),
        ("field_set", text("/fields") == hex::encode(row.fields.hash)),
        ("names", names == row.fields.hash),
        (
            "statements",
            named.map_or(&[][..], Vec::as_slice) == statements.as_slice(),
        ),
        (
            "definitions_version",
            number("/definitionsVersion") == version,
        ),
        (
            "definitions_hash",
            text("/definitionsHash") == row.definitions_hash,
        ),
        ("position", number("/position") == Some(row.position)),
    ];
    columns
        .into_iter()
        .find(|(_, same)| !same)
        .map(|(column, _)| column)
}
