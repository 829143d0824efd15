//! Reads that may look at many rows: off the threads that serve requests, few at a time, and
//! interrupted when they take too long or nobody waits for them any more.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rusqlite::InterruptHandle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::sqlite::Sqlite;
use super::{Scope, Tx};
use crate::StoreError;

/// Scans at a time. Others wait, and their waiting counts.
const MAX_SCANS: usize = 4;
/// How often a scan that is over time is interrupted again: between two statements nothing hears it.
const REPEAT: Duration = Duration::from_millis(20);

pub(super) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_SCANS))
}

/// How to stop what runs on a connection, for as long as the scan has it.
#[derive(Default)]
pub(super) struct Interrupt(Mutex<Option<InterruptHandle>>);

impl Interrupt {
    pub(super) fn arm(&self, handle: InterruptHandle) {
        *self.0.lock() = Some(handle);
    }

    /// From now on the connection is for others.
    pub(super) fn disarm(&self) {
        *self.0.lock() = None;
    }

    fn fire(&self) {
        // Under the lock, so that nobody else has the connection yet.
        if let Some(handle) = &*self.0.lock() {
            handle.interrupt();
        }
    }
}

/// Interrupts when the caller goes away.
struct Caller(Arc<Interrupt>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.fire();
    }
}

pub(super) async fn sqlite<T, E, F>(
    sqlite: &Arc<Sqlite>,
    places: &Arc<Semaphore>,
    scope: Scope,
    patience: Duration,
    work: F,
) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let place = timeout(patience, Arc::clone(places).acquire_owned()).await;
    let Ok(Ok(place)) = place else {
        return Err(StoreError::TooSlow.into());
    };
    let sqlite = Arc::clone(sqlite);
    let interrupt = Arc::new(Interrupt::default());
    let caller = Caller(Arc::clone(&interrupt));
    let mut scan = tokio::task::spawn_blocking(move || {
        // Held until the connection is free, also if the caller went away.
        let _place = place;
        sqlite.read_interruptibly(scope, &interrupt, work)
    });
    let mut wait = patience;
    loop {
        match timeout(wait, &mut scan).await {
            Ok(ended) => return ended.unwrap_or_else(|_| Err(StoreError::Panicked.into())),
            Err(_) => caller.0.fire(),
        }
        wait = REPEAT;
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
