//! Who writes next. Without it, the writers of one busy workspace would hold every connection while
//! they wait for the workspace's lock, and nobody could read.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// Writers at most that hold or await a connection, so that readers always find one.
const MAX_WRITERS: usize = 8;

/// Writers of one workspace wait for their turn before they take a connection, in the order in which
/// they came. Other processes are kept out by the lock in the database.
pub(super) struct Turns {
    workspaces: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<()>>>>,
    writers: Arc<Semaphore>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            workspaces: Mutex::default(),
            writers: Arc::new(Semaphore::new(MAX_WRITERS)),
        }
    }

    pub(super) async fn take(&self, workspace: u64) -> Turn {
        let workspace = Arc::clone(self.workspaces.lock().entry(workspace).or_default());
        let turn = workspace.lock_owned().await;
        // Only a semaphore that was closed gives none, and this one never is.
        let permit = Arc::clone(&self.writers).acquire_owned().await.ok();
        Turn {
            _workspace: turn,
            _writer: permit,
        }
    }
}

/// Held for the length of a transaction.
pub(super) struct Turn {
    _workspace: OwnedMutexGuard<()>,
    _writer: Option<OwnedSemaphorePermit>,
}
