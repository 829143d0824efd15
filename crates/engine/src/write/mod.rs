//! Writing: what a caller says of accounts, people and events becomes facts, and goes in through the same
//! door as what sources deliver: contract, identity, profiles, feed, quarantine.
//!
//! The policies decide as they do of reads, on the rows that are there, within the transaction that
//! writes. What the caller is told depends only on rows that they may know of (ADR 0006): where the answer
//! would tell whether somebody is there, it says `accepted`, and what was not for this caller to change
//! waits in quarantine.

mod done;
mod item;
mod key;
mod request;

use futures_util::future::BoxFuture;
use kith_domain::fact::Trust;
use kith_domain::id::WorkspaceId;
use kith_domain::{Purpose, Scope};
use kith_store::{StoreError, Tx, identity};

pub use key::IdempotencyKey;
pub use request::{
    EventWrite, Joined, MAX_IDENTIFIERS, MAX_JOINED, RefusedPart, RootWrite, Target, What, Write,
    WriteLine, WriteOutcome, Written,
};

use crate::Engine;
use crate::access::{Caller, Source};
use crate::audit::{Entry, Outcome};
use crate::error::{EngineError, Refused};
use crate::ingest::{Delivery, Ingested, commit};
use crate::read::{Begun, Governed, Receipt, statements};
use done::Done;
use item::{Denial, Fate, Item};
use key::KeyHash;

/// What became of each write, in their order.
type Each = Vec<Result<Governed<Written>, EngineError>>;

/// What a transaction leaves behind.
struct Left {
    each: Each,
    ingested: Ingested,
}

impl Engine {
    /// Writes one thing. Once this returns, it survives a crash. The same write with the same key within a
    /// day is answered as it was, and writes nothing.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses it, [`EngineError::NotFound`] if what it names leads to
    /// nothing in the caller's view; both are audited. [`EngineError::KeyReused`] for another write with a
    /// key that was used.
    pub async fn write(
        &self,
        caller: &Caller,
        action: &'static str,
        write: Write,
        key: Option<&IdempotencyKey>,
    ) -> Result<Governed<Written>, EngineError> {
        let hash_key = self.hash_key(caller.workspace).await?;
        let repeat = key.map(|key| Repeat {
            key: KeyHash::new(&hash_key, caller.credential, key),
            request: key::request(&hash_key, action, &write),
        });
        let message_id = self.message_id();
        let asked = vec![Asked { message_id, write }];
        let mut each = self.write_asked(caller, action, asked, repeat).await?;
        let missing = Err(StoreError::Conflict("a write was not answered").into());
        each.pop().unwrap_or(missing)
    }

    /// Writes many things in one transaction; what became of each, in their order. What cannot be done with
    /// one of them spoils nothing beside it. The same line with the same key within 30 days is no second
    /// write.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses the purpose whatever is written.
    pub async fn write_lines(
        &self,
        caller: &Caller,
        action: &'static str,
        lines: Vec<WriteLine>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Each, EngineError> {
        let hash_key = self.hash_key(caller.workspace).await?;
        let key = key.map(|key| KeyHash::new(&hash_key, caller.credential, key));
        let asked = lines.into_iter().map(|line| Asked {
            message_id: match key {
                Some(key) => key.message_id(line.number),
                None => self.message_id(),
            },
            write: line.write,
        });
        self.write_asked(caller, action, asked.collect(), None)
            .await
    }

    /// The id of a message that nobody sends twice.
    fn message_id(&self) -> String {
        format!("rest:{}", self.runtime().uuid())
    }

    async fn write_asked(
        &self,
        caller: &Caller,
        action: &'static str,
        asked: Vec<Asked>,
        repeat: Option<Repeat>,
    ) -> Result<Each, EngineError> {
        caller.needs(Scope::Write)?;
        let names_any = |asked: &Asked| item::identifiers(&asked.write).next().is_some();
        if asked.iter().any(names_any) {
            self.lookups()
                .admit(caller.credential, self.runtime().now())?;
        }
        let writing = Writing {
            engine: self.clone(),
            workspace: caller.workspace,
            source: Source {
                workspace: caller.workspace,
                name: caller.writes_as.clone(),
                trust: Trust::Server,
                quota: None,
            },
            hash_key: self.hash_key(caller.workspace).await?,
        };
        let caller = caller.clone();
        let left = self
            .db()
            .write(writing.workspace, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move { writing.run(tx, &caller, action, asked, repeat).await })
            })
            .await?;
        let Left { each, ingested } = left.inspect_err(|error| {
            if matches!(error, EngineError::Refused(_)) {
                self.metrics()
                    .decided_change(Purpose::AccountEdit, Outcome::Refused);
            }
        })?;
        self.metrics().ingested(Trust::Server, ingested);
        for answer in &each {
            let outcome = match answer {
                Ok(_) => Outcome::Allowed,
                Err(EngineError::Refused(_)) => Outcome::Refused,
                Err(_) => Outcome::NotFound,
            };
            self.metrics().decided_change(Purpose::AccountEdit, outcome);
        }
        Ok(each)
    }
}

/// One thing to write, under the id of its message.
struct Asked {
    message_id: String,
    write: Write,
}

/// A write that came with a key.
struct Repeat {
    key: KeyHash,
    request: [u8; 32],
}

/// A transaction that writes.
struct Writing {
    engine: Engine,
    workspace: WorkspaceId,
    source: Source,
    hash_key: [u8; 32],
}

impl Writing {
    /// The inner error is committed with its entry; the outer one undoes everything.
    async fn run(
        self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        action: &'static str,
        asked: Vec<Asked>,
        repeat: Option<Repeat>,
    ) -> Result<Result<Left, EngineError>, EngineError> {
        let begun = self
            .engine
            .begin(tx, caller, None, action, Purpose::AccountEdit)
            .await?;
        let Ok(mut begun) = begun else {
            return Err(StoreError::Conflict("a write acts for nobody else").into());
        };
        begun.entry.position = 0;
        // A verdict that is false whatever the row is refused before any look-up.
        if let Some(refusal) = begun.plan.refusal() {
            let (entry, denial) = (begun.entry.clone(), Denial::Refused(refusal));
            return Ok(Err(self.deny(tx, &begun, entry, denial).await?));
        }

        let now = begun.entry.at;
        if let Some(Repeat { key, request }) = &repeat {
            let answered = key.answered(tx, self.workspace, request, now).await?;
            if let Some(answer) = answered {
                return Ok(answer.map(|answer| Left {
                    each: vec![Ok(answer)],
                    ingested: Ingested::default(),
                }));
            }
        }
        let named = asked
            .iter()
            .flat_map(|asked| item::identifiers(&asked.write));
        let named: Vec<_> = named.cloned().collect();
        let known = identity::find_all(tx, self.workspace, &named).await?;
        let mut items = Vec::with_capacity(asked.len());
        for asked in asked {
            items.push(self.decide(tx, &mut begun, &known, asked).await?);
        }
        let left = self.store(tx, &begun, items).await?;
        if let (Some(Repeat { key, request }), Some(Ok(written))) = (repeat, left.each.first()) {
            key.remember(tx, self.workspace, request, written, now)
                .await?;
        }
        Ok(Ok(left))
    }

    /// Stores what may be stored, and answers each.
    async fn store(
        &self,
        tx: &mut Tx<'_>,
        begun: &Begun,
        mut items: Vec<Item>,
    ) -> Result<Left, EngineError> {
        let mut messages = Vec::new();
        let mut first = Vec::with_capacity(items.len());
        for item in &mut items {
            first.push(messages.len());
            messages.append(&mut item.messages);
        }
        let delivery = Delivery {
            source: self.source.clone(),
            hash_key: self.hash_key,
            received_at: begun.entry.at,
            version: Some(begun.version.clone()),
            messages,
        };
        let runtime = self.engine.runtime();
        let committed = commit(tx, runtime.clone(), delivery).await?;
        let committed = committed.ok_or(StoreError::Conflict("another version was published"))?;

        // One entry speaks of all that was done, and one of each thing that was not.
        let mut done = Done::default();
        let mut steps = Vec::with_capacity(items.len());
        for (item, first) in items.into_iter().zip(first) {
            let mut entry = begun.entry.another(runtime);
            entry.lookups = item.lookups(&self.hash_key);
            steps.push(match item.fate {
                Fate::Kept => {
                    done.add(&item, &committed, entry.lookups);
                    Step::Done(item.answer(&committed, first))
                }
                Fate::Withheld => {
                    entry.outcome = Outcome::NotFound;
                    let receipt = Receipt::in_change(tx, entry).await?;
                    let answer = item.answer(&committed, first);
                    Step::Apart(Ok(Governed::of_change(answer, receipt)))
                }
                Fate::Denied(denial) => {
                    Step::Apart(Err(self.deny(tx, begun, entry, denial).await?))
                }
            });
        }
        let receipt = match steps.iter().any(|step| matches!(step, Step::Done(_))) {
            true => Some(Receipt::in_change(tx, done.entry(begun.entry.clone())).await?),
            false => None,
        };
        let each = steps.into_iter().map(|step| match (step, receipt) {
            (Step::Done(answer), Some(receipt)) => Ok(Governed::of_change(answer, receipt)),
            (Step::Done(_), None) => Err(StoreError::Conflict("a write without its entry").into()),
            (Step::Apart(answer), _) => answer,
        });
        Ok(Left {
            each: each.collect(),
            ingested: committed.ingested,
        })
    }

    /// Appends the entry of what is refused; the error that says so.
    async fn deny(
        &self,
        tx: &mut Tx<'_>,
        begun: &Begun,
        mut entry: Entry,
        denial: Denial,
    ) -> Result<EngineError, EngineError> {
        // Absent and invisible must cost the same: this is how that is seen.
        tracing::debug!(
            audit = %entry.id,
            statements = tx.statements(),
            action = entry.action,
            "one snapshot"
        );
        Ok(match denial {
            Denial::NotFound => {
                entry.outcome = Outcome::NotFound;
                let guessed_by = entry
                    .looked_up_by()
                    .map(|credential| (credential, entry.at));
                let audit = Receipt::in_change(tx, entry).await?.audit();
                if let Some((credential, at)) = guessed_by {
                    self.engine.lookups().missed(credential, at);
                }
                EngineError::NotFound { audit }
            }
            Denial::Refused(refusal) => {
                entry.outcome = Outcome::Refused;
                entry.statements = statements(&refusal.reasons);
                let audit = Receipt::in_change(tx, entry).await?.audit();
                EngineError::Refused(Box::new(Refused {
                    audit,
                    definitions_version: begun.version.number,
                    refusal,
                }))
            }
        })
    }
}

/// One write, answered.
enum Step {
    /// It was done: the entry of all that was done speaks of it.
    Done(Written),
    /// It has an entry of its own.
    Apart(Result<Governed<Written>, EngineError>),
}
