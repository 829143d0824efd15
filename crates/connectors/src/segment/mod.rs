//! The Segment specification: what `analytics-node`, `segment-analytics-python`, `analytics.js` and
//! the SDKs of RudderStack send.
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
//! `context.groupId` or else `traits.company.id` for the others. Phone numbers are data only: without
//! a country they identify nobody.
//!
//! [`FactKind::Identify`]: kith_domain::fact::FactKind::Identify
//! [`FactKind::Group`]: kith_domain::fact::FactKind::Group
//! [`FactKind::Track`]: kith_domain::fact::FactKind::Track
//! [`FactKind::Alias`]: kith_domain::fact::FactKind::Alias

mod entries;
mod message;
mod observed;
mod places;

use std::borrow::Cow;

use kith_domain::Timestamp;
use kith_domain::fact::{Decoder, Delivery, Fault, MalformedBody};
use serde_json::value::RawValue;

use entries::{Entries, is_null};
use message::Original;

/// Largest event, in bytes; what is larger goes to quarantine.
pub const MAX_EVENT_BYTES: usize = 32 * 1024;
/// Most events in one batch. The specification says 2,500, which clients exceed; a body of 4 MiB
/// holds fewer real events than this.
pub const MAX_BATCH_EVENTS: usize = 50_000;
/// Longest event name, in bytes.
pub const MAX_EVENT_NAME_BYTES: usize = 256;
/// Longest `messageId`, in bytes.
pub const MAX_MESSAGE_ID_BYTES: usize = 100;
/// Longest write key that is looked at, in bytes.
const MAX_WRITE_KEY_BYTES: usize = 256;

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

/// An ingest route: one call, or a batch of calls that each name their `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// The body is one message.
    One(Call),
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
        // Read as JSON first, values untouched: a syntax error names a place and never a value.
        let whole: &RawValue = serde_json::from_str(&text).map_err(|error| MalformedBody {
            detail: format!("the body is not JSON: {error}"),
        })?;
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
            let original = body.original(raw);
            original.read(
                call,
                observed::Times {
                    received_at,
                    sent_at,
                },
            )
        };
        let messages = match self {
            Self::One(call) => vec![read(whole, Some(*call))],
            Self::Batch => match events(&envelope) {
                Ok(events) => events.into_iter().map(|event| read(event, None)).collect(),
                Err(fault) => vec![body.original(whole).refuse(fault)],
            },
        };
        Ok(Delivery {
            write_key,
            messages,
        })
    }
}

/// The events of a batch. A batch without any that can be told apart is refused as one message, so
/// that it is kept: a 400 would make its client drop it.
fn events<'a>(envelope: &Entries<'a>) -> Result<Vec<&'a RawValue>, Fault> {
    let refuse = |code, detail: &str| Fault {
        path: "batch".into(),
        code,
        detail: detail.into(),
    };
    let mut events: Vec<&RawValue> = Vec::new();
    let mut found = false;
    // A key may occur twice; what came under the first is no less sent.
    for batch in envelope.all("batch").filter(|raw| !is_null(raw)) {
        let mut more: Vec<&RawValue> = serde_json::from_str(batch.get())
            .map_err(|_| refuse("wrong-type", "expected a list of events in `batch`"))?;
        events.append(&mut more);
        found = true;
    }
    if !found {
        return Err(refuse(
            "missing-batch",
            "expected a list of events in `batch`",
        ));
    }
    if events.len() > MAX_BATCH_EVENTS {
        let detail = format!("more than {MAX_BATCH_EVENTS} events in one batch: send several");
        return Err(refuse("too-many-events", &detail));
    }
    Ok(events)
}

/// A body and its readable text, byte for byte in the same places.
struct Body<'a> {
    bytes: &'a [u8],
    text: &'a str,
}

impl<'a> Body<'a> {
    /// The bytes that a part of the text was read from.
    fn original(&self, part: &'a RawValue) -> Original<'a> {
        let text = part.get();
        let start = text.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        let end = start.wrapping_add(text.len());
        Original {
            text,
            bytes: self.bytes.get(start..end).unwrap_or(text.as_bytes()),
        }
    }
}

/// The body as text of the same length: each byte that is not UTF-8 becomes `?`, so that one bad
/// event does not take its whole batch along. The event itself is refused.
fn readable(body: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => body
            .utf8_chunks()
            .map(|chunk| format!("{}{}", chunk.valid(), "?".repeat(chunk.invalid().len())))
            .collect::<String>()
            .into(),
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
mod tests;
