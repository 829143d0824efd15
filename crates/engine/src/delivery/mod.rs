//! Delivery of the audit log's checkpoints to places outside the store, for as long as a server runs: what
//! was kept there holds the log against whoever can change the store and sign it anew.
//!
//! Each place has a courier of its own. What one place does not take is told in the log and in the
//! metrics, tried again later, and holds up nothing else.

mod file;
mod post;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use kith_domain::id::WorkspaceId;
use kith_store::audit::tree;
use parking_lot::Mutex;

pub use post::PostUrl;

use crate::Engine;
use crate::error::EngineError;
use file::NotesFile;

/// First wait after a place did not take a checkpoint, doubled with every further time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest of these waits.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Longest that the end of a server waits for the last delivery.
const LAST_TIMEOUT: Duration = Duration::from_secs(5);

/// Where checkpoints go, and how often.
#[derive(Debug, Clone)]
pub struct Places {
    /// A file to which each is appended.
    pub file: Option<PathBuf>,
    /// An address that each is posted to.
    pub url: Option<PostUrl>,
    /// How long to wait between two looks for new ones.
    pub every: Duration,
}

/// Why a place did not take a checkpoint. Says nothing of an address, which may hold a secret.
#[derive(Debug, thiserror::Error)]
enum Untaken {
    #[error("the file cannot be written: {0}")]
    File(std::io::ErrorKind),
    #[error("{0}")]
    Post(&'static str),
    #[error("the address answered with status {0}")]
    Status(u16),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The couriers of all places.
#[derive(Debug)]
pub struct Couriers {
    engine: Engine,
    every: Duration,
    couriers: Vec<Courier>,
}

/// Who goes to one place.
#[derive(Debug)]
struct Courier {
    place: Place,
    /// The size of the newest checkpoint that the place has, by the log's name.
    delivered: Mutex<HashMap<String, u64>>,
}

#[derive(Debug)]
enum Place {
    File(NotesFile),
    Post(PostUrl),
}

impl Place {
    const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Post(_) => "url",
        }
    }

    async fn take(&self, note: String) -> Result<(), Untaken> {
        match self {
            Self::File(file) => file.append(note).await,
            Self::Post(url) => url.post(note).await,
        }
    }
}

impl Engine {
    /// Couriers to these places. The file is made if it is not there.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if the file cannot be written, or holds anything but checkpoints.
    pub fn couriers(&self, places: &Places) -> Result<Couriers, EngineError> {
        let mut couriers = Vec::new();
        if let Some(path) = &places.file {
            let (file, has) = NotesFile::open(path)?;
            couriers.push((Place::File(file), has));
        }
        let url = places.url.clone().map(Place::Post);
        couriers.extend(url.map(|url| (url, HashMap::new())));
        for (place, _) in &couriers {
            self.metrics().delivers(place.kind());
        }
        let couriers = couriers.into_iter().map(|(place, has)| Courier {
            place,
            delivered: Mutex::new(has),
        });
        Ok(Couriers {
            engine: self.clone(),
            every: places.every,
            couriers: couriers.collect(),
        })
    }
}

impl Couriers {
    /// Delivers what is new, for as long as it is polled.
    pub async fn run(&self) {
        join_all(self.couriers.iter().map(|courier| self.keep(courier))).await;
        // Without a place there is nothing to do, and still no end.
        std::future::pending::<()>().await;
    }

    /// Delivers what is new once more, before the server ends.
    pub async fn last(&self) {
        let rounds = self.couriers.iter().map(|courier| async {
            let round = tokio::time::timeout(LAST_TIMEOUT, self.round(courier)).await;
            let round = round.unwrap_or(Err(Untaken::Post("there was no answer in time")));
            self.tell(courier, &round);
        });
        join_all(rounds).await;
    }

    async fn keep(&self, courier: &Courier) {
        let mut wait = FIRST_WAIT;
        loop {
            let round = self.round(courier).await;
            self.tell(courier, &round);
            if round.is_ok() {
                wait = FIRST_WAIT;
                tokio::time::sleep(self.every).await;
            } else {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }

    fn tell(&self, courier: &Courier, round: &Result<(), Untaken>) {
        if let Err(error) = round {
            let place = courier.place.kind();
            self.engine.metrics().delivered(place, false);
            tracing::warn!(place, %error, "the audit log's checkpoint was not delivered");
        }
    }

    /// Takes the newest checkpoint of each log to a place that does not have it.
    async fn round(&self, courier: &Courier) -> Result<(), Untaken> {
        for workspace in self.engine.every_workspace().await? {
            let Some((origin, size, note)) = self.engine.newest_note(workspace).await? else {
                continue;
            };
            let has = courier.delivered.lock().get(&origin).copied();
            if has.is_some_and(|has| has >= size) {
                continue;
            }
            courier.place.take(note).await?;
            courier.delivered.lock().insert(origin, size);
            self.engine.metrics().delivered(courier.place.kind(), true);
        }
        Ok(())
    }
}

impl Engine {
    /// The log's name, how many entries its newest checkpoint speaks of, and the note.
    async fn newest_note(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Option<(String, u64, String)>, EngineError> {
        let row = self
            .db()
            .audit_tree(workspace, move |tx| {
                Box::pin(tree::checkpoint(tx, workspace))
            })
            .await?;
        let Some(row) = row else { return Ok(None) };
        let origin = self.log_origin(workspace).await?;
        Ok(Some((origin, row.size, row.note)))
    }
}
