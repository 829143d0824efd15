//! The Segment specification: what `analytics-node`, `segment-analytics-python`, `analytics.js` and
//! the SDKs of RudderStack and Jitsu send.
//!
//! | call | becomes | data |
//! |---|---|---|
//! | `identify` | [`FactKind::Identify`] | `context.traits`, overlaid with `traits` |
//! | `group` | [`FactKind::Group`] | `traits`, which are the account's |
//! | `track` | [`FactKind::Track`] | `properties` |
//! | `page`, `screen` | [`FactKind::Track`] of `page.viewed`, `screen.viewed` | `properties`, with `name` and `category` |
//! | `alias` | [`FactKind::Alias`] | none |
//!
//! The person is `userId`, then `anonymousId`, then the email in `traits` or `context.traits`; that
//! email stays in the data too. An alias's `previousId` counts as an `anonymousId`: that is what
//! clients send there. The account is `groupId` for a `group`, which may come without a person, and
//! `context.groupId`, `groupId` or else `traits.company.id` for the others. Phone numbers are data only: without
//! a country they identify nobody.
//!
//! [`FactKind::Identify`]: kith_domain::fact::FactKind::Identify
//! [`FactKind::Group`]: kith_domain::fact::FactKind::Group
//! [`FactKind::Track`]: kith_domain::fact::FactKind::Track
//! [`FactKind::Alias`]: kith_domain::fact::FactKind::Alias

mod message;
mod places;

use kith_domain::Timestamp;
use kith_domain::fact::{Decoder, Delivery, MalformedBody};
use serde_json::value::RawValue;

use crate::entries::Entries;
use crate::observed::Times;
use crate::original::{Body, MAX_WRITE_KEY_BYTES, events, parse, readable};
use message::ENVELOPE;

/// A call of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Who a person is.
    Identify,
    /// What a person did.
    Track,
    /// Which page a person saw.
    Page,
    /// Which screen a person saw.
    Screen,
    /// Which account a person belongs to.
    Group,
    /// That two identifiers are of one person.
    Alias,
}

impl Call {
    fn of(word: &str) -> Option<Self> {
        match word {
            "identify" => Some(Self::Identify),
            "track" => Some(Self::Track),
            "page" => Some(Self::Page),
            "screen" => Some(Self::Screen),
            "group" => Some(Self::Group),
            "alias" => Some(Self::Alias),
            _ => None,
        }
    }
}

/// An ingest route: one call, or any number of calls that each name their `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// The body is one message.
    One(Call),
    /// The body is one message, which names its `type`, as Jitsu sends it.
    Own,
    /// The body holds messages in `batch`.
    Batch,
}

impl Route {
    /// The route of the last part of `/v1/…`, in its long form and in the browser's short one:
    /// `track`, `t`.
    #[must_use]
    pub fn of_path(last: &str) -> Option<Self> {
        let call = match last {
            "batch" | "b" => return Some(Self::Batch),
            "i" => Call::Identify,
            "t" => Call::Track,
            "p" => Call::Page,
            "s" => Call::Screen,
            "g" => Call::Group,
            "a" => Call::Alias,
            word => Call::of(word)?,
        };
        Some(Self::One(call))
    }
}

impl Decoder for Route {
    fn decode(&self, body: &[u8], received_at: Timestamp) -> Result<Delivery, MalformedBody> {
        let text = readable(body);
        let whole = parse(&text)?;
        let body = Body {
            bytes: body,
            text: &text,
        };
        let envelope = Entries::split(whole.get()).unwrap_or_default();
        let write_key = envelope
            .text("writeKey")
            .filter(|key| key.len() <= MAX_WRITE_KEY_BYTES);
        let sent_at = envelope.text("sentAt").and_then(|at| Timestamp::parse(&at));
        let read = |raw: &RawValue, call| {
            let times = Times {
                received_at,
                sent_at,
            };
            message::read(body.original(raw), call, times)
        };
        let messages = match self {
            Self::One(call) => vec![read(whole, Some(*call))],
            Self::Own => vec![read(whole, None)],
            Self::Batch => match events(&envelope) {
                Ok(events) => events.into_iter().map(|event| read(event, None)).collect(),
                Err(fault) => vec![body.original(whole).refuse(&ENVELOPE, fault)],
            },
        };
        Ok(Delivery {
            write_key,
            messages,
        })
    }
}

/// The answer to `GET /v1/projects/{key}/settings`, which `analytics.js` asks before it sends
/// anything: deliver to the host it was configured with, load no further code, report no metrics.
#[must_use]
pub fn settings(write_key: &str) -> serde_json::Value {
    serde_json::json!({
        "integrations": { "Segment.io": { "apiKey": write_key } },
        "plan": { "track": {}, "identify": {}, "group": {} },
        "edgeFunction": {},
        "analyticsNextEnabled": true,
        "metrics": { "sampleRate": 0 },
        "remotePlugins": [],
    })
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
pub(crate) mod tests;
