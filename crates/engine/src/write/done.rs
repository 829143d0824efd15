//! What a transaction did, for its audit entry.

use std::collections::BTreeSet;

use kith_domain::id::{AccountId, PersonId};

use super::item::Item;
use crate::audit::{Entry, LookupHash};
use crate::ingest::Committed;

/// What a transaction did.
#[derive(Default)]
pub(super) struct Done {
    accounts: BTreeSet<AccountId>,
    people: BTreeSet<PersonId>,
    fields: BTreeSet<String>,
    statements: BTreeSet<String>,
    lookups: Vec<LookupHash>,
}

impl Done {
    /// One thing more.
    pub(super) fn add(&mut self, item: &Item, committed: &Committed, lookups: Vec<LookupHash>) {
        for root in item.roots(committed) {
            self.accounts.extend(root.account());
            self.people.extend(root.person());
        }
        self.fields.extend(item.fields.iter().cloned());
        self.statements.extend(item.statements.iter().cloned());
        self.lookups.extend(lookups);
    }

    /// The entry that says so.
    pub(super) fn entry(self, mut entry: Entry) -> Entry {
        // What is about one can be found by it.
        if self.accounts.len() <= 1 && self.people.len() <= 1 {
            entry.account = self.accounts.first().copied();
            entry.person = self.people.first().copied();
        } else {
            entry.accounts = self.accounts.into_iter().collect();
            entry.people = self.people.into_iter().collect();
        }
        entry.lookups = self.lookups;
        entry.statements = self.statements.into_iter().collect();
        entry.set_fields(self.fields.into_iter().collect());
        entry
    }
}
