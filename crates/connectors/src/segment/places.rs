//! Where identifiers stand in a message, and whom they name.

use kith_domain::fact::Fault;
use kith_domain::{Identifier, IdentifierType};
use serde_json::value::RawValue;

use super::Call;
use crate::entries::Entries;
use crate::original::{fault, identifier, section};

/// One place: its path, the type of identifier, and what stands there.
type Place<'a> = (&'static str, IdentifierType, Option<&'a RawValue>);

/// The places of one message.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) traits: Entries<'a>,
    pub(super) context_traits: Entries<'a>,
    /// Of sections that are no objects.
    faults: Vec<Fault>,
    user_id: Place<'a>,
    anonymous_id: Place<'a>,
    previous_id: Place<'a>,
    group_id: Place<'a>,
    context_group_id: Place<'a>,
    company_id: Place<'a>,
    context_company_id: Place<'a>,
    email: Place<'a>,
    context_email: Place<'a>,
}

impl<'a> Places<'a> {
    pub(super) fn of(top: &Entries<'a>) -> Self {
        use IdentifierType::{AnonymousId, Email, GroupId, UserId};
        let mut faults = Vec::new();
        let context = section(top, "context", "context", &mut faults);
        let context_traits = section(&context, "traits", "context.traits", &mut faults);
        let traits = section(top, "traits", "traits", &mut faults);
        // Not everyone's `company` is an object with an id: where it is none, it names no account.
        let company_id = |traits: &Entries<'a>| {
            Entries::split(traits.get("company")?.get()).and_then(|company| company.get("id"))
        };
        Self {
            user_id: ("userId", UserId, top.get("userId")),
            anonymous_id: ("anonymousId", AnonymousId, top.get("anonymousId")),
            previous_id: ("previousId", AnonymousId, top.get("previousId")),
            group_id: ("groupId", GroupId, top.get("groupId")),
            context_group_id: ("context.groupId", GroupId, context.get("groupId")),
            company_id: ("traits.company.id", GroupId, company_id(&traits)),
            context_company_id: (
                "context.traits.company.id",
                GroupId,
                company_id(&context_traits),
            ),
            email: ("traits.email", Email, traits.get("email")),
            context_email: ("context.traits.email", Email, context_traits.get("email")),
            traits,
            context_traits,
            faults,
        }
    }

    /// Every identifier in the message, whoever it names, so that erasure finds a refused one.
    pub(super) fn identifiers(&self) -> Vec<Identifier> {
        let places = [
            self.user_id,
            self.anonymous_id,
            self.previous_id,
            self.email,
            self.context_email,
            self.group_id,
            self.context_group_id,
            self.company_id,
            self.context_company_id,
        ];
        let mut found: Vec<_> = places
            .into_iter()
            .filter_map(|place| read(place).ok()?)
            .collect();
        found.sort_by_key(|identifier: &Identifier| {
            identifier.kind().root_kind() != kith_domain::RootKind::Person
        });
        let mut unique = Vec::with_capacity(found.len());
        for identifier in found {
            if !unique.contains(&identifier) {
                unique.push(identifier);
            }
        }
        unique
    }

    /// The person's identifiers, the strongest first.
    ///
    /// # Errors
    /// If the call needs a person and none is left: the first reason why.
    pub(super) fn person(
        &self,
        call: Call,
        faults: &mut Vec<Fault>,
    ) -> Result<Vec<Identifier>, Fault> {
        faults.extend(self.faults.iter().cloned());
        let already = faults.len();
        let user_id = keep(self.user_id, faults);
        let anonymous_id = keep(self.anonymous_id, faults);
        // A group's own traits are the account's.
        let email = match call {
            Call::Identify if self.traits.has("email") => self.email,
            _ => self.context_email,
        };
        let email = keep(email, faults);
        let previous_id = match call {
            Call::Alias => keep(self.previous_id, faults),
            _ => None,
        };
        let missing = |path: &str, detail: &str| {
            let junk = faults
                .get(already..)
                .unwrap_or_default()
                .iter()
                .find(|fault| path.is_empty() || fault.path == path);
            junk.cloned()
                .unwrap_or_else(|| fault(path, "missing-identifier", detail))
        };
        if call == Call::Alias {
            if user_id.is_none() {
                return Err(missing(
                    "userId",
                    "an alias needs the `userId` that it leads to",
                ));
            }
            if previous_id.is_none() {
                return Err(missing(
                    "previousId",
                    "an alias needs the `previousId` that it comes from",
                ));
            }
        }
        let mut person: Vec<_> = [user_id, anonymous_id, email]
            .into_iter()
            .flatten()
            .collect();
        person.extend(previous_id.filter(|previous| !person.contains(previous)));
        if person.is_empty() && call != Call::Group {
            return Err(missing(
                "",
                "expected a `userId`, an `anonymousId` or an email",
            ));
        }
        Ok(person)
    }

    /// The account's identifier. There is at most one: an account has one key in its product.
    ///
    /// # Errors
    /// If a `group` names none.
    pub(super) fn account(
        &self,
        call: Call,
        faults: &mut Vec<Fault>,
    ) -> Result<Option<Identifier>, Fault> {
        if call == Call::Group {
            let named = read(self.group_id)?;
            let detail = "a group needs the `groupId` of its account";
            return named
                .map(Some)
                .ok_or_else(|| fault("groupId", "missing-identifier", detail));
        }
        let inherited = match call {
            Call::Identify if self.traits.has("company") => self.company_id,
            _ => self.context_company_id,
        };
        Ok(keep(self.context_group_id, faults)
            .or_else(|| keep(self.group_id, faults))
            .or_else(|| keep(inherited, faults)))
    }
}

fn keep(place: Place<'_>, faults: &mut Vec<Fault>) -> Option<Identifier> {
    read(place).unwrap_or_else(|fault| {
        faults.push(fault);
        None
    })
}

fn read((path, kind, raw): Place<'_>) -> Result<Option<Identifier>, Fault> {
    identifier(path, kind, raw)
}
