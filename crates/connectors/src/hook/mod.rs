//! Webhooks: what other systems call out when something changes there, and the same records as their APIs
//! list them. Each format has lines that say where its parts go in the catalog, which a source may change.

mod chatwoot;
mod desk;
mod draft;
mod hubspot;
mod intercom;
mod mapping;
mod read;
mod stripe;
mod zendesk;

use kith_domain::Timestamp;
use kith_domain::fact::{Decoder, Delivery, MalformedBody, Message};
use serde_json::Value as Json;
use serde_json::value::RawValue;

pub use mapping::{MAX_LINES, Mapping, MappingError};

use crate::entries::Entries;
use crate::original::{Body, Original, derived_id, fault, parse, readable};
use crate::segment::Route;
use desk::Desk;

/// A system whose webhooks are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Stripe.
    Stripe,
    /// HubSpot.
    HubSpot,
    /// Chatwoot.
    Chatwoot,
    /// Intercom.
    Intercom,
    /// Zendesk.
    Zendesk,
    /// Anything that sends messages of Segment's specification, signed as Standard Webhooks.
    Http,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Stripe,
        Self::HubSpot,
        Self::Chatwoot,
        Self::Intercom,
        Self::Zendesk,
        Self::Http,
    ];

    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::HubSpot => "hubspot",
            Self::Chatwoot => "chatwoot",
            Self::Intercom => "intercom",
            Self::Zendesk => "zendesk",
            Self::Http => "http",
        }
    }

    /// The lines to begin with.
    #[must_use]
    pub fn mapping(self) -> Mapping {
        match self {
            Self::Stripe => Mapping::built_in(stripe::FIELDS, stripe::EVENTS),
            Self::HubSpot => Mapping::built_in(hubspot::FIELDS, &[]),
            Self::Chatwoot | Self::Intercom | Self::Zendesk => Mapping::built_in(desk::FIELDS, &[]),
            Self::Http => Mapping::default(),
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(())
    }
}

/// The decoder of one source.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Whose format it is.
    pub kind: Kind,
    /// Where its parts go.
    pub mapping: Mapping,
}

impl Decoder for Hook {
    fn decode(&self, body: &[u8], received_at: Timestamp) -> Result<Delivery, MalformedBody> {
        let text = readable(body);
        let whole = parse(&text)?;
        if self.kind == Kind::Http {
            let envelope = Entries::split(whole.get()).unwrap_or_default();
            let route = match envelope.has("batch") {
                true => Route::Batch,
                false => Route::Own,
            };
            return route.decode(body, received_at);
        }
        let body = Body {
            bytes: body,
            text: &text,
        };
        let list: Option<Vec<&RawValue>> = serde_json::from_str(whole.get()).ok();
        let records = list.unwrap_or_else(|| vec![whole]);
        let messages = records
            .into_iter()
            .flat_map(|record| self.record(body.original(record), received_at));
        Ok(Delivery {
            write_key: None,
            messages: messages.collect(),
        })
    }
}

impl Hook {
    /// The facts of one record. What becomes none is refused, and waits.
    fn record(&self, record: Original<'_>, received_at: Timestamp) -> Vec<Message> {
        let envelope: &[&str] = match self.kind {
            Kind::Stripe => &stripe::ENVELOPE,
            Kind::HubSpot => &hubspot::ENVELOPE,
            _ => &[],
        };
        let json = serde_json::from_str::<Json>(record.text);
        let Ok(json @ Json::Object(_)) = json else {
            let detail =
                "expected an object whose numbers, characters and nesting are within bounds";
            return vec![record.refuse(envelope, fault("", "not-an-object", detail))];
        };
        let own = Entries::split(record.text).map(|top| record.without(envelope, &top));
        let own = own.unwrap_or_else(|| record.bytes.to_vec());
        let desk = |name| Desk {
            name,
            mapping: &self.mapping,
            received_at,
        };
        let found = match self.kind {
            Kind::Stripe => stripe::read(&self.mapping, &json, &own, received_at),
            Kind::HubSpot => hubspot::read(&self.mapping, &json, &own, received_at),
            Kind::Chatwoot => chatwoot::read(desk("chatwoot"), &json),
            Kind::Intercom => intercom::read(desk("intercom"), &json),
            Kind::Zendesk => zendesk::read(desk("zendesk"), &json),
            Kind::Http => Vec::new(),
        };
        if !found.is_empty() {
            return found;
        }
        let detail = "nothing in this record becomes a fact: do not have it sent here";
        vec![Message {
            identifiers: Vec::new(),
            message_id: Some(derived_id(&own)),
            original: own,
            fact: Err(fault("", "unknown-record", detail)),
        }]
    }
}

#[cfg(test)]
mod tests;
