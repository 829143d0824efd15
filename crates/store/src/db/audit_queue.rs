//! PostgreSQL's audit log of reads: one task that commits entries in groups.

use std::sync::Arc;

use deadpool_postgres::Pool;
use tokio::sync::{mpsc, oneshot};

use super::postgres::{run, set_scope};
use super::{Scope, Shared};
use crate::audit::{self, AuditRow, AuditSeq};
use crate::{Cause, StoreError};

/// Entries that wait at most; more callers wait for a place.
const MAX_QUEUED: usize = 1_024;
/// Entries in one commit at most.
const MAX_GROUP: usize = 256;

/// The way to the task, which ends when the last of these is gone.
pub(super) struct AuditQueue {
    jobs: mpsc::Sender<Job>,
}

struct Job {
    entry: AuditRow,
    answer: oneshot::Sender<Result<AuditSeq, StoreError>>,
}

impl AuditQueue {
    pub(super) fn start(pool: Pool, shared: Arc<Shared>) -> Self {
        let (jobs, queue) = mpsc::channel(MAX_QUEUED);
        tokio::spawn(drain(pool, shared, queue));
        Self { jobs }
    }

    pub(super) async fn append(&self, entry: AuditRow) -> Result<AuditSeq, StoreError> {
        // What is refused for itself must not take its group along.
        audit::check(&entry)?;
        let (answer, receiver) = oneshot::channel();
        let stopped = || StoreError::Unavailable(Cause::new("the audit writer has stopped"));
        self.jobs
            .send(Job { entry, answer })
            .await
            .map_err(|_| stopped())?;
        receiver.await.unwrap_or_else(|_| Err(stopped()))
    }
}

async fn drain(pool: Pool, shared: Arc<Shared>, mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    while queue.recv_many(&mut jobs, MAX_GROUP).await > 0 {
        let (entries, answers): (Vec<_>, Vec<_>) =
            jobs.drain(..).map(|job| (job.entry, job.answer)).unzip();
        let committed = commit(&pool, &shared, entries).await;
        answer(answers, committed);
    }
}

/// Commits a group. A stream has one writer at a time, also if two processes go by the same name, so
/// its numbers have no gaps.
async fn commit(
    pool: &Pool,
    shared: &Arc<Shared>,
    entries: Vec<AuditRow>,
) -> Result<Vec<AuditSeq>, StoreError> {
    let stream = &shared.streams.read;
    // The stream's name has no characters but letters, digits, `-` and `/`.
    let begin = format!(
        "BEGIN; {}; SELECT pg_advisory_xact_lock(1, hashtext('{stream}'))",
        set_scope(Scope::Installation)
    );
    run(pool, shared, Scope::Installation, begin, |tx| {
        Box::pin(async move { audit::append_group(tx, stream, &entries).await })
    })
    .await
}

fn answer(
    answers: Vec<oneshot::Sender<Result<AuditSeq, StoreError>>>,
    committed: Result<Vec<AuditSeq>, StoreError>,
) {
    // Nobody listens any more where the caller went away.
    match committed {
        Ok(places) => {
            for (answer, place) in answers.into_iter().zip(places) {
                let _ = answer.send(Ok(place));
            }
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}
