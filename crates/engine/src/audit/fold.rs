//! Folding: committed entries of all streams become leaves of the workspace's one tree, and the log
//! says so in a signed checkpoint. No answer waits for it.

use std::convert::Infallible;
use std::time::Duration;

use kith_auth::tlog::{Checkpoint, Frontier, Hash, LogKey, SignedCheckpoint, leaf_hash};
use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;
use kith_store::audit::AuditSeq;
use kith_store::audit::tree::{self, CheckpointRow, Leaf, Subtree};
use kith_store::{Scope, Tx, workspaces};

use crate::Engine;
use crate::error::EngineError;

/// Entries that become leaves in one transaction: few, for on SQLite the entries of reads wait for it.
const BATCH: usize = 256;
/// How often is looked for entries.
const EVERY: Duration = Duration::from_millis(500);
/// After so many looks, every workspace is looked at, and not only those that this process wrote to.
const SWEEP: u32 = 60;

/// What became of one batch.
enum Folded {
    /// So many are leaves now.
    Leaves(u64),
    /// Another node leads just now.
    OtherLeads,
    /// Another node was faster.
    Overtaken,
}

/// One batch on its way into the tree.
struct Fold {
    workspace: WorkspaceId,
    origin: String,
    key: LogKey,
    at: Timestamp,
    /// How many leaves the tree had when the batch was read.
    size: u64,
    entries: Vec<(AuditSeq, Hash)>,
}

impl Engine {
    /// Folds the workspace's waiting entries into its tree; how many. Those of which another node just
    /// makes leaves are not waited for.
    ///
    /// # Errors
    /// [`EngineError::LogKey`] if there is no key or the log was signed by another one,
    /// [`EngineError::LogBroken`] if the tree is not what was signed: then nothing more is signed.
    pub async fn fold_audit_log(&self, workspace: WorkspaceId) -> Result<u64, EngineError> {
        let mut folded = 0;
        loop {
            let batch = self.db().audit_waiting(workspace, BATCH).await?;
            if batch.entries.is_empty() {
                return Ok(folded);
            }
            let hashed = batch
                .entries
                .into_iter()
                .map(|entry| (entry.place, leaf_hash(&entry.leaf)));
            let fold = Fold {
                workspace,
                origin: self.log_origin(workspace).await?,
                key: self.log_key().await?,
                at: self.runtime().now(),
                size: batch.size,
                entries: hashed.collect(),
            };
            let done = self
                .db()
                .audit_fold(workspace, move |tx| Box::pin(fold.run(tx)))
                .await?;
            match done {
                Folded::Leaves(count) => folded += count,
                Folded::Overtaken => {}
                Folded::OtherLeads => return Ok(folded),
            }
        }
    }

    /// Folds what comes, for as long as it is polled.
    pub async fn keep_audit_log(&self) {
        let mut look = 0_u32;
        loop {
            let everyone = look.is_multiple_of(SWEEP);
            look = look.wrapping_add(1);
            let mut workspaces = self.db().audit_touched();
            if everyone {
                match self.every_workspace().await {
                    Ok(all) => workspaces = all,
                    Err(error) => tracing::warn!(%error, "cannot look for audit entries to fold"),
                }
            }
            self.fold_each(workspaces).await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Folds what this process appended last, before it ends.
    pub async fn fold_audit_logs(&self) {
        self.fold_each(self.db().audit_touched()).await;
    }

    async fn fold_each(&self, workspaces: Vec<WorkspaceId>) {
        for workspace in workspaces {
            if let Err(error) = self.fold_audit_log(workspace).await {
                self.db().audit_unfolded(workspace);
                tracing::error!(%workspace, %error, "the audit log was not folded");
            }
        }
    }

    pub(crate) async fn every_workspace(&self) -> Result<Vec<WorkspaceId>, EngineError> {
        let all = self
            .db()
            .read(Scope::Installation, |tx| Box::pin(workspaces::list(tx)))
            .await?;
        Ok(all.into_iter().map(|workspace| workspace.id).collect())
    }
}

impl Fold {
    async fn run(self, tx: &mut Tx<'_>) -> Result<Folded, EngineError> {
        let ws = self.workspace;
        if !tree::lead(tx, ws).await? {
            return Ok(Folded::OtherLeads);
        }
        let size = tree::size(tx, ws).await?;
        if size != self.size {
            return Ok(Folded::Overtaken);
        }
        let mut frontier = frontier(tx, ws, size).await?;
        self.check(tx, &frontier).await?;
        let mut leaves = Vec::with_capacity(self.entries.len());
        let mut subtrees = Vec::new();
        for (index, (place, hash)) in (size..).zip(self.entries) {
            frontier.push(hash, |level, index, hash| {
                subtrees.push(Subtree { level, index, hash });
            });
            leaves.push(Leaf { index, place, hash });
        }
        tree::add(tx, ws, &leaves, &subtrees).await?;
        let checkpoint = Checkpoint {
            origin: self.origin,
            size: frontier.size(),
            root: frontier.root(),
        };
        let row = CheckpointRow {
            size: checkpoint.size,
            note: checkpoint.sign(&self.key),
            at: self.at,
        };
        tree::set_checkpoint(tx, ws, &row).await?;
        Ok(Folded::Leaves(leaves.len() as u64))
    }

    /// Whether the tree is the one that was signed last. Nothing is signed on top of another one.
    async fn check(&self, tx: &mut Tx<'_>, frontier: &Frontier) -> Result<(), EngineError> {
        let Some(row) = tree::checkpoint(tx, self.workspace).await? else {
            return if frontier.size() == 0 {
                Ok(())
            } else {
                Err(EngineError::LogBroken)
            };
        };
        let signed = SignedCheckpoint::parse(&row.note).map_err(|_| EngineError::LogBroken)?;
        match signed.signed_by(&self.key) {
            Some(true) => {}
            Some(false) => return Err(EngineError::LogBroken),
            None => {
                return Err(EngineError::LogKey(
                    "the log was signed by another key: give all nodes of one store the same \
                     `audit_key_file`, or put the key back"
                        .to_owned(),
                ));
            }
        }
        let Checkpoint { size, root, .. } = signed.checkpoint;
        if size == frontier.size() && root == frontier.root() {
            Ok(())
        } else {
            Err(EngineError::LogBroken)
        }
    }
}

/// The right edge of the tree.
async fn frontier(tx: &mut Tx<'_>, ws: WorkspaceId, size: u64) -> Result<Frontier, EngineError> {
    let mut tails = Vec::new();
    for (level, first, count) in Frontier::tails(size) {
        let hashes = tree::hashes(tx, ws, level, first, first + count).await?;
        if hashes.len() as u64 != count {
            return Err(EngineError::LogBroken);
        }
        tails.push(hashes);
    }
    let mut tails = tails.into_iter();
    Frontier::load(size, |_, _, _| {
        Ok::<_, Infallible>(tails.next().unwrap_or_default())
    })
    .map_err(|never| match never {})
}
