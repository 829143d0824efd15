//! One message: from its bytes to a fact, or to the reason why there is none.

use kith_domain::fact::{self, Fact, FactKind, Fault, Message};
use kith_domain::{Identifier, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::entries::{Entries, scalar};
use super::observed::Times;
use super::places::Places;
use super::{Call, MAX_EVENT_BYTES, MAX_EVENT_NAME_BYTES, MAX_MESSAGE_ID_BYTES};

/// A message as it was sent, and as text of the same length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Original<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
}

/// What a client writes into a message for its delivery alone: when it sent it, which a retry says
/// anew, and its key, which is no one's to keep.
const ENVELOPE: [&str; 2] = ["sentAt", "writeKey"];

/// The id of a message that has no usable one: the same for the same bytes, so that a retry is one
/// fact.
fn derived_id(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl Original<'_> {
    /// Refuses bytes in which no message can be told apart.
    pub(super) fn refuse(self, fault: Fault) -> Message {
        let original = match Entries::split(self.text) {
            Some(top) => self.without_envelope(&top),
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
    fn without_envelope(self, top: &Entries<'_>) -> Vec<u8> {
        if !ENVELOPE.iter().any(|key| top.has(key)) {
            return self.bytes.to_vec();
        }
        let own = top
            .iter()
            .filter(|(key, _)| !ENVELOPE.contains(&&**key))
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

    /// Reads one message. The call is its route's; in a batch it is the message's own `type`.
    pub(super) fn read(self, call: Option<Call>, times: Times) -> Message {
        let Some(top) = Entries::split(self.text) else {
            return self.refuse(fault(
                "",
                "not-an-object",
                "expected an object with readable keys",
            ));
        };
        let places = Places::of(&top);
        let message_id = message_id(&top);
        let original = self.without_envelope(&top);
        let fact = self.check_bytes().and_then(|()| {
            let call = call.map_or_else(|| own_call(&top), Ok)?;
            let id = message_id.clone()?.unwrap_or_else(|| derived_id(&original));
            read_fact(&top, &places, call, id, times)
        });
        let message_id = message_id.ok().flatten();
        Message {
            identifiers: places.identifiers(),
            message_id: Some(message_id.unwrap_or_else(|| derived_id(&original))),
            original,
            fact,
        }
    }

    fn check_bytes(self) -> Result<(), Fault> {
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

pub(super) fn fault(
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

fn own_call(top: &Entries<'_>) -> Result<Call, Fault> {
    let word = top.text("type");
    word.and_then(|word| Call::of(&word)).ok_or_else(|| {
        let detail = "expected `identify`, `track`, `page`, `screen`, `group` or `alias`";
        fault("type", "unknown-type", detail)
    })
}

/// The message's own id; `None` if it has none.
fn message_id(top: &Entries<'_>) -> Result<Option<String>, Fault> {
    let Some(raw) = top.get("messageId") else {
        return Ok(None);
    };
    let id =
        scalar(raw).filter(|id| id.len() <= MAX_MESSAGE_ID_BYTES && !id.contains(char::is_control));
    match id {
        Some(id) if id.trim().is_empty() => Ok(None),
        Some(id) => Ok(Some(id)),
        None => {
            let detail = format!("expected text of at most {MAX_MESSAGE_ID_BYTES} bytes");
            Err(fault("messageId", "malformed-message-id", detail))
        }
    }
}

fn read_fact(
    top: &Entries<'_>,
    places: &Places<'_>,
    call: Call,
    message_id: String,
    times: Times,
) -> Result<Fact, Fault> {
    let kind = match call {
        Call::Identify => FactKind::Identify,
        Call::Group => FactKind::Group,
        Call::Alias => FactKind::Alias,
        Call::Track => FactKind::Track {
            event: event_name(top)?,
        },
        Call::Page => FactKind::Track {
            event: "page.viewed".into(),
        },
        Call::Screen => FactKind::Track {
            event: "screen.viewed".into(),
        },
    };
    let mut faults = Vec::new();
    let person = places.person(call, &mut faults)?;
    let account = places.account(call, &mut faults)?;
    let mut data = Map::new();
    match call {
        Call::Identify => {
            let inherited = places
                .context_traits
                .iter()
                .filter(|(key, _)| !places.traits.has(key));
            read_values("context.traits", inherited, &mut data, &mut faults);
            read_values("traits", places.traits.iter(), &mut data, &mut faults);
        }
        Call::Group => read_values("traits", places.traits.iter(), &mut data, &mut faults),
        Call::Track | Call::Page | Call::Screen => {
            let properties = section(top, "properties", "properties", &mut faults);
            read_values("properties", properties.iter(), &mut data, &mut faults);
        }
        Call::Alias => {}
    }
    if matches!(call, Call::Page | Call::Screen) {
        for key in ["name", "category"] {
            if let Some(text) = top.text(key).filter(|_| !data.contains_key(key)) {
                data.insert(key.into(), text.into());
            }
        }
    }
    if call == Call::Identify {
        drop_account_name(&mut data, account.as_ref());
        // What is refused as an identifier is refused as a trait too.
        if faults
            .iter()
            .any(|fault| fault.path.ends_with("traits.email"))
        {
            data.remove("email");
        }
    }
    Ok(Fact {
        message_id,
        kind,
        person,
        account: account.into_iter().collect(),
        subject: Vec::new(),
        relations: Vec::new(),
        data,
        observed_at: observed_at(top, times, &mut faults),
        faults,
    })
}

fn event_name(top: &Entries<'_>) -> Result<String, Fault> {
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
pub(super) fn section<'a>(
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
fn read_values<'v, 'a: 'v>(
    path: &str,
    entries: impl Iterator<Item = &'v super::entries::Entry<'a>>,
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

/// `traits.company.id` named the account and is no trait; the rest of `company` stays.
fn drop_account_name(data: &mut Map<String, Json>, account: Option<&Identifier>) {
    let Some(company) = data.get_mut("company").and_then(Json::as_object_mut) else {
        return;
    };
    let named = match company.get("id") {
        Some(Json::String(id)) => Some(id.trim().to_owned()),
        Some(Json::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    if named.is_some() && named.as_deref() == account.map(Identifier::value) {
        company.shift_remove("id");
        if company.is_empty() {
            data.shift_remove("company");
        }
    }
}

fn observed_at(top: &Entries<'_>, times: Times, faults: &mut Vec<Fault>) -> Timestamp {
    let own_sent_at = top.text("sentAt").and_then(|at| Timestamp::parse(&at));
    let times = Times {
        sent_at: own_sent_at.or(times.sent_at),
        ..times
    };
    for key in ["originalTimestamp", "timestamp"] {
        if top.get(key).is_none() {
            continue;
        }
        let claimed = top.text(key).and_then(|at| Timestamp::parse(&at));
        if let Some(at) = claimed.and_then(|at| times.observed(at)) {
            return at;
        }
        let detail = "expected a time since the year 2000, such as `2026-01-31T12:00:00Z`; took the time of receipt";
        faults.push(fault(key, "malformed-time", detail));
        break;
    }
    times.received_at
}
