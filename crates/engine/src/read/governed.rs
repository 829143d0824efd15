//! The one way out. Rows that were read under a plan are [`Sealed`]; committing their audit entry
//! mints a [`Receipt`]; only the two together make a [`Governed`] value, and only that can be
//! serialised to an answer.

use kith_domain::Purpose;
use kith_domain::id::AuditId;
use kith_store::audit::append_in;
use kith_store::idempotency::Answered;
use kith_store::{StoreError, Tx};
use serde::{Serialize, Serializer};

use crate::audit::{Entry, Journal, Outcome};
use crate::error::EngineError;

/// An answer in its governed form whose audit entry is not yet committed. There is no way to look
/// inside, and it does not serialise.
pub(crate) struct Sealed<T> {
    answer: T,
    entry: Entry,
}

/// Proof that one audit entry is committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receipt {
    audit: AuditId,
}

/// A customer's data in the form that a plan allows, with the receipt of its audit entry.
pub struct Governed<T> {
    answer: T,
    receipt: Receipt,
}

impl<T> Sealed<T> {
    pub(crate) const fn new(answer: T, entry: Entry) -> Self {
        Self { answer, entry }
    }

    /// The entry that is to be committed.
    pub(crate) const fn audit(&self) -> AuditId {
        self.entry.id
    }

    /// For which purpose it is, and what became of it.
    pub(super) const fn decided(&self) -> (Purpose, Outcome) {
        (self.entry.purpose, self.entry.outcome)
    }

    /// Commits the entry, and with it opens the seal.
    pub(crate) async fn release(self, journal: &Journal) -> Result<Governed<T>, EngineError> {
        let receipt = Receipt::commit(journal, self.entry).await?;
        Ok(Governed {
            answer: self.answer,
            receipt,
        })
    }
}

impl Receipt {
    /// Commits an entry. Where nothing leaves but a refusal, the receipt is all there is.
    pub(crate) async fn commit(journal: &Journal, entry: Entry) -> Result<Self, EngineError> {
        let audit = entry.id;
        journal.append(entry).await?;
        Ok(Self { audit })
    }

    /// Appends the entry of a change in the change's own transaction: nothing leaves that before both
    /// are committed.
    pub(crate) async fn in_change(tx: &mut Tx<'_>, entry: Entry) -> Result<Self, StoreError> {
        let audit = entry.id;
        append_in(tx, &entry.freeze()?).await?;
        Ok(Self { audit })
    }

    /// Of an entry that was committed with a change before, for whoever asks for the same change again.
    pub(crate) const fn of_before(answered: &Answered) -> Self {
        Self {
            audit: answered.audit,
        }
    }

    pub(crate) const fn audit(&self) -> AuditId {
        self.audit
    }
}

impl<T> Governed<T> {
    /// What a change answers, under the receipt of its entry.
    pub(crate) const fn of_change(answer: T, receipt: Receipt) -> Self {
        Self { answer, receipt }
    }

    /// The audit entry under which this leaves.
    #[must_use]
    pub const fn audit(&self) -> AuditId {
        self.receipt.audit()
    }

    /// The governed form, to show it elsewhere than in JSON: the terminal, a page.
    #[must_use]
    pub const fn answer(&self) -> &T {
        &self.answer
    }
}

impl<T: Serialize> Serialize for Governed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer<'a, T> {
            audit_id: AuditId,
            #[serde(flatten)]
            answer: &'a T,
        }
        Answer {
            audit_id: self.audit(),
            answer: &self.answer,
        }
        .serialize(serializer)
    }
}

/// Says nothing of the answer: it is a customer's.
impl<T> std::fmt::Debug for Governed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Governed")
            .field("audit", &self.audit())
            .finish_non_exhaustive()
    }
}
