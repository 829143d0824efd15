//! The one writer of a SQLite file: a thread that drains its queue into groups. Each job has a
//! savepoint of its own, the group has one commit, and nobody hears of success before it.

use std::thread;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::sqlite::DatabaseFile;
use super::tx::Connection;
use super::{Scope, Tx, run_at_once};
use crate::StoreError;
use crate::error::Cause;

/// Jobs that wait at most; more callers wait for a place.
const MAX_QUEUED: usize = 1_024;
/// Jobs in one commit at most, so that the first does not wait for ever.
const MAX_GROUP: usize = 256;

/// Runs in the transaction, or is told why there is none.
type Job = Box<dyn FnOnce(Result<&mut Tx<'static>, StoreError>) -> Done + Send>;

/// What became of a job, before the commit.
struct Done {
    keep: bool,
    answer: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

/// The handle to a writer thread; it ends when the last handle is gone.
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(super) fn start(
        name: &str,
        file: DatabaseFile,
        tx: Tx<'static>,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(MAX_QUEUED);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&file, tx, queue))
            .map_err(|_| StoreError::Unavailable(Cause::new("no thread for the writer")))?;
        Ok(Self { jobs })
    }

    pub(super) async fn submit<T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |tx| {
            let result = tx.map_err(E::from).and_then(|tx| run_job(tx, scope, work));
            Done {
                keep: result.is_ok(),
                answer: Box::new(move |committed| {
                    let result =
                        result.and_then(|value| committed.map(|()| value).map_err(E::from));
                    // Nobody listens any more if the caller went away.
                    let _ = sender.send(result);
                }),
            }
        });
        self.jobs.send(job).await.map_err(|_| stopped())?;
        receiver.await.unwrap_or_else(|_| Err(stopped().into()))
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable(Cause::new("the writer has stopped"))
}

fn run_job<T, E, F>(tx: &mut Tx<'static>, scope: Scope, work: F) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<T, E>>,
    E: From<StoreError>,
{
    tx.restart(scope);
    let result = run_at_once(|| work(tx));
    match tx.failure() {
        Some(failure) => result.and(Err(failure.into())),
        None => result,
    }
}

fn run(file: &DatabaseFile, mut tx: Tx<'static>, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = queue.blocking_recv() {
        run_group(file, &mut tx, first, &mut queue);
    }
}

fn run_group(
    file: &DatabaseFile,
    tx: &mut Tx<'static>,
    first: Job,
    queue: &mut mpsc::Receiver<Job>,
) {
    let begun = file
        .check_in_place()
        .and_then(|()| execute(tx, "BEGIN IMMEDIATE"));
    if let Err(error) = begun {
        let refused = first(Err(error));
        return (refused.answer)(Ok(()));
    }
    let mut group = Vec::new();
    let mut next = Some(first);
    let mut broken = None;
    while let Some(job) = next {
        match run_in_savepoint(tx, job) {
            Ok(done) => group.push(done),
            Err((done, error)) => {
                group.push(done);
                broken = Some(error);
                break;
            }
        }
        next = if group.len() < MAX_GROUP {
            queue.try_recv().ok()
        } else {
            None
        };
    }
    let committed = match broken {
        Some(error) => Err(error),
        None => execute(tx, "COMMIT"),
    };
    if committed.is_err() && !is_over(tx) {
        // The commit failed before anything became durable; what else could fail is over already.
        let _ = execute(tx, "ROLLBACK");
    }
    for done in group {
        (done.answer)(committed.clone());
    }
}

/// Runs a job so that its failure is its own. An error means that the group's transaction is lost:
/// SQLite rolls all of it back when, say, the disk is full.
fn run_in_savepoint(tx: &mut Tx<'static>, job: Job) -> Result<Done, (Done, StoreError)> {
    if let Err(error) = execute(tx, "SAVEPOINT job") {
        return Err((job(Err(error.clone())), error));
    }
    let done = job(Ok(tx));
    let settled = if is_over(tx) {
        Err(StoreError::Unavailable(Cause::new(
            "the database rolled back the transaction, as it does when the disk is full",
        )))
    } else if done.keep {
        execute(tx, "RELEASE job")
    } else {
        execute(tx, "ROLLBACK TO job").and_then(|()| execute(tx, "RELEASE job"))
    };
    match settled {
        Ok(()) => Ok(done),
        Err(error) => Err((done, error)),
    }
}

fn is_over(tx: &Tx<'_>) -> bool {
    match &tx.connection {
        Connection::Sqlite(connection) => connection.is_autocommit(),
        Connection::Postgres(_) => false,
    }
}

fn execute(tx: &Tx<'_>, sql: &str) -> Result<(), StoreError> {
    if let Connection::Sqlite(connection) = &tx.connection {
        connection.prepare_cached(sql)?.execute(())?;
    }
    Ok(())
}
