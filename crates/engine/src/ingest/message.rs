//! The contract of messages: what is written in a conversation is catalogued as an event is, under a name
//! of its own, and what the catalog does not have waits in quarantine.

use kith_domain::catalog::Field;
use kith_domain::fact::{BODY, Fact, Fault, MAX_MESSAGE_BYTES, MESSAGE, NOTE};
use kith_domain::{Catalog, FieldType, RootKind, Value};
use serde_json::Value as Json;

use super::contract::{Checked, Deliverer, admitted, held, value};

/// Holds a message, or a note, against the catalog.
pub(super) fn check(
    catalog: &Catalog,
    deliverer: Deliverer<'_>,
    fact: &Fact,
    is_note: bool,
    checked: &mut Checked,
) {
    let mut refuse = |path: &str, code, detail: String| {
        checked.faults.push(Fault {
            path: path.to_owned(),
            code,
            detail,
        });
    };
    let kind = |of: &kith_domain::Identifier| of.kind().root_kind();
    if fact.subject.first().map(kind) != Some(RootKind::Conversation) {
        let detail = "a message names the conversation that it stands in, by its `conversationId`";
        return refuse("subject", "no-conversation", detail.to_owned());
    }
    let name = if is_note { NOTE } else { MESSAGE };
    let found = catalog
        .event(name)
        .and_then(|event| Some((event, catalog.get(event.occurrence)?)));
    let Some((event, occurrence)) = found else {
        let detail = format!(
            "the catalog has no `{name}`: add it to `events.toml` and replay, or stop sending it"
        );
        return refuse("", "unknown-event", detail);
    };
    if let Err((code, detail)) = admitted(occurrence, deliverer) {
        return refuse("", code, detail);
    }
    let before = checked.faults.len();
    let properties = held(catalog, deliverer, event, &fact.data, checked, written);
    // Half a message says something else than all of it.
    let is_cut = |fault: &Fault| fault.code == TOO_LONG;
    if !checked.faults.iter().skip(before).any(is_cut) {
        checked.event = Some((event.name.to_string(), properties));
    }
}

/// Why a message is refused whole.
const TOO_LONG: &str = "message-too-long";

/// A property of a message. What was written may be longer than other texts.
fn written(
    field: &Field,
    deliverer: Deliverer<'_>,
    json: &Json,
) -> Result<Json, (&'static str, String)> {
    let is_body = [MESSAGE, NOTE].map(|name| format!("event.{name}.{BODY}"));
    let is_body =
        is_body.iter().any(|path| path == field.path.as_str()) && field.ty == FieldType::String;
    let text = json.as_str().filter(|text| is_body && !text.contains('\0'));
    let Some(text) = text else {
        return value(field, deliverer, json);
    };
    admitted(field, deliverer)?;
    if text.len() > MAX_MESSAGE_BYTES {
        let detail = format!("a message has at most {MAX_MESSAGE_BYTES} bytes: send it in parts");
        return Err((TOO_LONG, detail));
    }
    Ok(Value::String(text.into()).to_canonical())
}
