//! A message as it was sent: its own bytes, whatever part of it can be read, and the reason why a part
//! cannot.

use std::borrow::Cow;

use kith_domain::fact::{self, Fault, MalformedBody, Message};
use kith_domain::{Identifier, IdentifierType};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use crate::entries::{Entries, Entry, is_null, scalar};

/// Largest event, in bytes; what is larger goes to quarantine.
pub(crate) const MAX_EVENT_BYTES: usize = 32 * 1024;
/// Most events in one batch. Segment's specification says 2,500, which clients exceed; a body of 4 MiB
/// holds fewer real events than this.
pub(crate) const MAX_BATCH_EVENTS: usize = 50_000;
/// Longest event name, in bytes.
pub(crate) const MAX_EVENT_NAME_BYTES: usize = 256;
/// Longest id of a message, in bytes.
pub(crate) const MAX_MESSAGE_ID_BYTES: usize = 100;
/// Longest write key that is looked at, in bytes.
pub(crate) const MAX_WRITE_KEY_BYTES: usize = 256;

/// A body and its readable text, byte for byte in the same places.
pub(crate) struct Body<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) text: &'a str,
}

impl<'a> Body<'a> {
    /// The bytes that a part of the text was read from.
    pub(crate) fn original(&self, part: &'a RawValue) -> Original<'a> {
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
pub(crate) fn readable(body: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => body
            .utf8_chunks()
            .map(|chunk| format!("{}{}", chunk.valid(), "?".repeat(chunk.invalid().len())))
            .collect::<String>()
            .into(),
    }
}

/// The body as JSON, values untouched: a syntax error names a place and never a value.
pub(crate) fn parse(text: &str) -> Result<&RawValue, MalformedBody> {
    serde_json::from_str(text).map_err(|error| MalformedBody {
        detail: format!("the body is not JSON: {error}"),
    })
}

/// The events of a batch. A batch without any that can be told apart is refused as one message, so
/// that it is kept: a 400 would make its client drop it.
pub(crate) fn events<'a>(envelope: &Entries<'a>) -> Result<Vec<&'a RawValue>, Fault> {
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

/// A message as it was sent, and as text of the same length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Original<'a> {
    pub(crate) text: &'a str,
    pub(crate) bytes: &'a [u8],
}

/// The id of a message that has no usable one: the same for the same bytes, so that a retry is one
/// fact.
pub(crate) fn derived_id(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl Original<'_> {
    /// Refuses bytes in which no message can be told apart.
    pub(crate) fn refuse(self, envelope: &[&str], fault: Fault) -> Message {
        let original = match Entries::split(self.text) {
            Some(top) => self.without(envelope, &top),
            None => self.bytes.to_vec(),
        };
        Message {
            identifiers: Vec::new(),
            message_id: Some(derived_id(&original)),
            original,
            fact: Err(fault),
        }
    }

    /// The message's own bytes: all of them, unless a part of the envelope stands among them.
    pub(crate) fn without(self, envelope: &[&str], top: &Entries<'_>) -> Vec<u8> {
        if !envelope.iter().any(|key| top.has(key)) {
            return self.bytes.to_vec();
        }
        let own = top
            .iter()
            .filter(|(key, _)| !envelope.contains(&&**key))
            .map(|(key, raw)| {
                [
                    Json::from(&**key).to_string().as_bytes(),
                    b":",
                    self.part(raw),
                ]
                .concat()
            });
        let own: Vec<Vec<u8>> = own.collect();
        [b"{".as_slice(), &own.join(&b','), b"}"].concat()
    }

    /// The bytes that a value of the text was read from.
    fn part(&self, raw: &RawValue) -> &[u8] {
        let text = raw.get();
        let start = text.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        let end = start.wrapping_add(text.len());
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Refuses what is too large, or is not all text.
    pub(crate) fn check_bytes(self) -> Result<(), Fault> {
        if self.bytes.len() > MAX_EVENT_BYTES {
            let detail = format!("an event has at most {MAX_EVENT_BYTES} bytes: send less with it");
            return Err(fault("", "event-too-large", detail));
        }
        match std::str::from_utf8(self.bytes) {
            Ok(_) => Ok(()),
            Err(_) => Err(fault("", "not-utf-8", "expected text in UTF-8")),
        }
    }
}

pub(crate) fn fault(
    path: impl Into<String>,
    code: &'static str,
    detail: impl Into<String>,
) -> Fault {
    Fault {
        path: path.into(),
        code,
        detail: detail.into(),
    }
}

/// The message's own id under a key; `None` if it has none.
pub(crate) fn message_id(top: &Entries<'_>, key: &'static str) -> Result<Option<String>, Fault> {
    let Some(raw) = top.get(key) else {
        return Ok(None);
    };
    let id =
        scalar(raw).filter(|id| id.len() <= MAX_MESSAGE_ID_BYTES && !id.contains(char::is_control));
    match id {
        Some(id) if id.trim().is_empty() => Ok(None),
        Some(id) => Ok(Some(id)),
        None => {
            let detail = format!("expected text of at most {MAX_MESSAGE_ID_BYTES} bytes");
            Err(fault(key, "malformed-message-id", detail))
        }
    }
}

/// The name of what happened, under `event`.
pub(crate) fn event_name(top: &Entries<'_>) -> Result<String, Fault> {
    let usable = |name: &String| {
        let name = name.trim();
        !name.is_empty() && name.len() <= MAX_EVENT_NAME_BYTES && !name.contains(char::is_control)
    };
    top.text("event")
        .filter(usable)
        .map(|name| name.trim().to_owned())
        .ok_or_else(|| {
            let detail =
                format!("expected the event's name, text of at most {MAX_EVENT_NAME_BYTES} bytes");
            fault("event", "malformed-event-name", detail)
        })
}

/// The entries of an object within the message; none, with a fault, if it is something else.
pub(crate) fn section<'a>(
    within: &Entries<'a>,
    key: &str,
    path: &str,
    faults: &mut Vec<Fault>,
) -> Entries<'a> {
    let Some(raw) = within.get(key) else {
        return Entries::default();
    };
    Entries::split(raw.get()).unwrap_or_else(|| {
        faults.push(fault(
            path,
            "wrong-type",
            "expected an object with readable keys",
        ));
        Entries::default()
    })
}

/// Reads values one by one, so that one that cannot be read does not hide the others.
pub(crate) fn read_values<'v, 'a: 'v>(
    path: &str,
    entries: impl Iterator<Item = &'v Entry<'a>>,
    data: &mut Map<String, Json>,
    faults: &mut Vec<Fault>,
) {
    for (key, raw) in entries {
        match serde_json::from_str::<Json>(raw.get()) {
            Ok(value) => {
                data.insert(key.to_string(), value);
            }
            // Only what the syntax allows and no program can hold: numbers beyond every range,
            // halves of surrogate pairs, nesting without end.
            Err(_) => {
                let detail =
                    "expected a value whose numbers, characters and nesting are within bounds";
                faults.push(fault(fact::path(path, key), "unreadable-value", detail));
            }
        }
    }
}

/// The identifier that stands in a place, if something does.
pub(crate) fn identifier(
    path: &str,
    kind: IdentifierType,
    raw: Option<&RawValue>,
) -> Result<Option<Identifier>, Fault> {
    let Some(raw) = raw else {
        return Ok(None);
    };
    let Some(text) = scalar(raw) else {
        return Err(fault(
            path,
            "malformed-identifier",
            "expected text or a whole number",
        ));
    };
    Identifier::new(kind, &text).map(Some).map_err(|error| {
        let code = match error {
            error if error.is_junk() => "junk-identifier",
            _ => "malformed-identifier",
        };
        fault(path, code, error.to_string())
    })
}
