//! PostHog's capture protocol: what `posthog-python`, `posthog-node` and `posthog-js` send to `/batch/`,
//! `/capture/`, `/e/` and `/i/v0/e/`.
//!
//! | event | becomes | data |
//! |---|---|---|
//! | `$identify`, `$set` | [`FactKind::Identify`] | `$set`, and each name in `$unset` as `null` |
//! | `$groupidentify` | [`FactKind::Group`] | `$group_set`, which is the account's |
//! | `$create_alias`, `$merge_dangerously` | [`FactKind::Alias`] | none |
//! | `$pageview`, `$screen` | [`FactKind::Track`] of `page.viewed`, `screen.viewed` | `properties`, with `path`, or `name` |
//! | any other | [`FactKind::Track`]; with `$set` or `$unset`, [`FactKind::Identify`] too | `properties` |
//!
//! Properties whose names begin with `$` are the client's own and are read only where they are named
//! here. `$set_once` is refused: of several values the first would have to stand, and facts arrive in
//! any order.
//!
//! PostHog has one kind of id, and an alias between two of them has no direction. So each id is an
//! `anonymousId`, and the id of someone who is known is a `userId` as well, of the same person: an alias
//! of two browsers joins them, and one of two known users does not. Someone is not known whose events say
//! so: by `$is_identified: false`, by `$process_person_profile: false`, or by the id of their device.
//!
//! The account is the group of the first of the types [`ACCOUNT_GROUPS`] that an event names.
//!
//! [`FactKind::Identify`]: kith_domain::fact::FactKind::Identify
//! [`FactKind::Group`]: kith_domain::fact::FactKind::Group
//! [`FactKind::Track`]: kith_domain::fact::FactKind::Track
//! [`FactKind::Alias`]: kith_domain::fact::FactKind::Alias

mod event;

use kith_domain::Timestamp;
use kith_domain::fact::{Decoder, Delivery, MalformedBody};
use serde_json::value::RawValue;

use crate::entries::Entries;
use crate::observed::Times;
use crate::original::{Body, MAX_WRITE_KEY_BYTES, events, parse, readable};

/// The group types that are accounts, the first of them first.
pub const ACCOUNT_GROUPS: [&str; 4] = ["account", "workspace", "organization", "company"];

/// What stands in an event for its delivery alone.
const ENVELOPE: [&str; 3] = ["api_key", "sent_at", "token"];

/// Reads a body of any of the routes: one event, a list of events, or a batch of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture;

impl Decoder for Capture {
    fn decode(&self, body: &[u8], received_at: Timestamp) -> Result<Delivery, MalformedBody> {
        let text = readable(body);
        let whole = parse(&text)?;
        let body = Body {
            bytes: body,
            text: &text,
        };
        let list: Option<Vec<&RawValue>> = serde_json::from_str(whole.get()).ok();
        let envelope = Entries::split(whole.get()).unwrap_or_default();
        let found = match list {
            Some(list) => Ok(list),
            None if envelope.has("batch") => events(&envelope),
            None => Ok(vec![whole]),
        };
        let found = match found {
            Ok(found) => found,
            Err(fault) => {
                return Ok(Delivery {
                    write_key: key(&envelope),
                    messages: vec![body.original(whole).refuse(&ENVELOPE, fault)],
                });
            }
        };
        let write_key = key(&envelope).or_else(|| {
            let first = Entries::split(found.first()?.get())?;
            let properties = first
                .get("properties")
                .and_then(|of| Entries::split(of.get()));
            key(&first).or_else(|| key(&properties?))
        });
        let times = Times {
            received_at,
            sent_at: envelope
                .text("sent_at")
                .and_then(|at| Timestamp::parse(&at)),
        };
        let messages = found
            .into_iter()
            .flat_map(|raw| event::read(body.original(raw), times));
        Ok(Delivery {
            write_key,
            messages: messages.collect(),
        })
    }
}

/// The project's key, wherever clients put it.
fn key(within: &Entries<'_>) -> Option<String> {
    let found = within.text("api_key").or_else(|| within.text("token"));
    found.filter(|key| key.len() <= MAX_WRITE_KEY_BYTES)
}

#[cfg(test)]
mod tests;
