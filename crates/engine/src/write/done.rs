//! What a transaction did, for its audit entry.

use std::collections::BTreeSet;

use kith_domain::id::{AccountId, PersonId};

use kith_store::identity::RootId;

use super::item::Item;
use crate::audit::{Entry, LookupHash};
use crate::ingest::Committed;

/// What a transaction did.
#[derive(Default)]
pub(super) struct Done {
    accounts: BTreeSet<AccountId>,
    people: BTreeSet<PersonId>,
    others: BTreeSet<RootId>,
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
            let has_column = root.account().is_some() || root.person().is_some();
            self.others.extend(Some(root).filter(|_| !has_column));
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
        if !self.others.is_empty() {
            let others: Vec<String> = self.others.iter().map(RootId::to_string).collect();
            entry.detail = Some(others.join(" "));
        }
        entry.lookups = self.lookups;
        entry.statements = self.statements.into_iter().collect();
        entry.set_fields(self.fields.into_iter().collect());
        entry
    }
}
