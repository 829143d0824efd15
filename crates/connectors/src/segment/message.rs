//! One message: from its bytes to a fact, or to the reason why there is none.

use kith_domain::fact::{Fact, FactKind, Fault, Message};
use kith_domain::{Identifier, Timestamp};
use serde_json::{Map, Value as Json};

use super::Call;
use super::places::Places;
use crate::entries::Entries;
use crate::observed::{self, Times};
use crate::original::{Original, derived_id, event_name, fault, message_id, read_values, section};

/// What a client writes into a message for its delivery alone: when it sent it, which a retry says
/// anew, and its key, which is no one's to keep.
pub(super) const ENVELOPE: [&str; 2] = ["sentAt", "writeKey"];

/// Reads one message. The call is its route's; in a batch it is the message's own `type`.
pub(super) fn read(original: Original<'_>, call: Option<Call>, times: Times) -> Message {
    let Some(top) = Entries::split(original.text) else {
        let detail = "expected an object with readable keys";
        return original.refuse(&ENVELOPE, fault("", "not-an-object", detail));
    };
    let places = Places::of(&top);
    let message_id = message_id(&top, "messageId");
    let own = original.without(&ENVELOPE, &top);
    let fact = original.check_bytes().and_then(|()| {
        let call = call.map_or_else(|| own_call(&top), Ok)?;
        let id = message_id.clone()?.unwrap_or_else(|| derived_id(&own));
        read_fact(&top, &places, call, id, times)
    });
    let message_id = message_id.ok().flatten();
    Message {
        identifiers: places.identifiers(),
        message_id: Some(message_id.unwrap_or_else(|| derived_id(&own))),
        original: own,
        fact,
    }
}

fn own_call(top: &Entries<'_>) -> Result<Call, Fault> {
    let word = top.text("type");
    word.and_then(|word| Call::of(&word)).ok_or_else(|| {
        let detail = "expected `identify`, `track`, `page`, `screen`, `group` or `alias`";
        fault("type", "unknown-type", detail)
    })
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
    observed::at(top, &["originalTimestamp", "timestamp"], times, faults)
}
