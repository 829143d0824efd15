//! What each system calls out, as its documentation shows it with people made up, and what it becomes.

use kith_domain::fact::{Decoder, Fact, FactKind, Message};
use kith_domain::{Identifier, Timestamp};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{Hook, Kind, MappingError};

fn received_at() -> Timestamp {
    Timestamp::parse("2026-11-24T12:00:00Z").unwrap()
}

fn hook(kind: Kind) -> Hook {
    Hook {
        kind,
        mapping: kind.mapping(),
    }
}

fn read(hook: &Hook, body: &Json) -> Vec<Message> {
    let delivery = hook.decode(body.to_string().as_bytes(), received_at());
    delivery.unwrap().messages
}

fn names(group: &[Identifier]) -> Vec<String> {
    let name = |of: &Identifier| format!("{}:{}", of.kind(), of.value());
    group.iter().map(name).collect()
}

/// One line for each fact: who, what, when.
fn show(message: &Message) -> String {
    let Fact {
        message_id,
        kind,
        person,
        account,
        subject,
        relations,
        data,
        observed_at,
        faults,
    } = match &message.fact {
        Ok(fact) => fact,
        Err(fault) => return format!("refused: {} at `{}`", fault.code, fault.path),
    };
    let kind = match kind {
        FactKind::Write { entity, .. } => format!("{entity}"),
        FactKind::Track { event } => format!("happened: {event}"),
        FactKind::Message { author, is_note } => {
            format!(
                "{} by {}",
                if *is_note { "note" } else { "message" },
                author.as_str()
            )
        }
        other => other.as_str().to_owned(),
    };
    let who = [names(subject), names(account), names(person)]
        .concat()
        .join(" = ");
    let to: Vec<String> = relations
        .iter()
        .map(|of| {
            format!(
                " {} -> {}",
                of.relation.as_str(),
                names(of.to.as_slice()).concat()
            )
        })
        .collect();
    let faults: Vec<&str> = faults.iter().map(|fault| fault.code).collect();
    let data = Json::from(data.clone());
    format!(
        "{message_id} | {kind} | {who}{} | {data} | {observed_at:?} {}",
        to.concat(),
        faults.join(" ")
    )
}

fn shown(kind: Kind, body: &Json) -> String {
    let lines: Vec<String> = read(&hook(kind), body).iter().map(show).collect();
    lines.join("\n")
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "reads as the literal that it is"
)]
fn stripe(kind: &str, object: Json) -> Json {
    json!({"id": "evt_1", "object": "event", "type": kind, "created": 1_795_521_540, "livemode": true,
        "pending_webhooks": 1, "data": {"object": object}})
}

fn subscription() -> Json {
    json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "past_due", "currency": "eur",
        "cancel_at": null, "trial_end": 1_795_600_000, "start_date": 1_790_000_000,
        "metadata": {"tier": "gold", "groupId": "acme"},
        "items": {"data": [{"quantity": 5, "current_period_end": 1_798_000_000,
            "price": {"lookup_key": "growth", "unit_amount": 4900, "recurring": {"interval": "month"}}}]}})
}

#[test]
fn what_stripe_says_becomes_facts() {
    let invoice = json!({"id": "in_1", "customer": "cus_1", "currency": "jpy", "amount_due": 48000, "amount_paid": 0});
    let events = [
        stripe(
            "customer.updated",
            json!({"id": "cus_1", "name": "Acme Example", "metadata": {"groupId": "acme"}}),
        ),
        stripe("customer.deleted", json!({"id": "cus_1", "deleted": true})),
        stripe("customer.subscription.updated", subscription()),
        stripe("customer.subscription.deleted", subscription()),
        stripe("invoice.payment_failed", invoice),
        stripe(
            "checkout.session.completed",
            json!({"id": "cs_1", "customer": "cus_1", "amount_total": 24950, "currency": "eur"}),
        ),
        stripe(
            "charge.succeeded",
            json!({"id": "ch_1", "customer": "cus_1"}),
        ),
        json!({"id": "evt_1", "type": "customer.updated"}),
    ];
    let all: Vec<String> = events
        .iter()
        .map(|event| shown(Kind::Stripe, event))
        .collect();
    insta::assert_snapshot!("stripe", all.join("\n\n"));
}

#[test]
fn the_same_event_delivered_again_is_the_same_message() {
    let event = stripe("customer.subscription.updated", subscription());
    let mut again = event.clone();
    again["pending_webhooks"] = json!(0);
    assert_eq!(
        read(&hook(Kind::Stripe), &event),
        read(&hook(Kind::Stripe), &again)
    );
    let change = json!([{"eventId": 1, "subscriptionId": 2, "objectId": 3, "occurredAt": 4, "attemptNumber": 0,
        "subscriptionType": "contact.propertyChange", "propertyName": "email", "propertyValue": "ada@acme.example"}]);
    let mut again = change.clone();
    again[0]["attemptNumber"] = json!(3);
    assert_eq!(
        read(&hook(Kind::HubSpot), &change),
        read(&hook(Kind::HubSpot), &again)
    );
}

#[test]
fn what_hubspot_says_becomes_facts() {
    let change = |kind: &str, more: Json| {
        let mut change = json!({"eventId": 1, "subscriptionId": 2, "portalId": 33, "occurredAt": 1_795_521_540_000_i64,
            "subscriptionType": kind, "attemptNumber": 0, "objectId": 123});
        change
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        change
    };
    let changes = json!([
        change("contact.creation", json!({})),
        change(
            "contact.propertyChange",
            json!({"propertyName": "email", "propertyValue": "ada@acme.example"})
        ),
        change(
            "contact.propertyChange",
            json!({"propertyName": "phone", "propertyValue": ""})
        ),
        change(
            "company.propertyChange",
            json!({"propertyName": "domain", "propertyValue": "acme.example"})
        ),
        change(
            "contact.merge",
            json!({"primaryObjectId": 123, "mergedObjectIds": [122, 123]})
        ),
        change("contact.privacyDeletion", json!({})),
        change("company.deletion", json!({})),
        change("deal.creation", json!({})),
        7,
    ]);
    insta::assert_snapshot!("hubspot", shown(Kind::HubSpot, &changes));
}

#[test]
fn what_is_said_in_chatwoot_becomes_facts() {
    let conversation = json!({"id": 42, "status": "open", "priority": "high", "labels": ["billing"],
        "channel": "Channel::WebWidget", "created_at": 1_795_521_000, "first_reply_created_at": 0, "last_activity_at": 1_795_521_500,
        "meta": {"sender": {"id": 7, "name": "Ada Example", "email": "ada@acme.example", "identifier": "usr_1"},
                 "assignee": {"name": "sam"}}});
    let message = json!({"event": "message_created", "id": 900, "content": "<p>Checkout fails &amp; fails</p>", "message_type": "incoming",
        "private": false, "created_at": "2026-11-24T11:58:00Z", "sender": {"id": 7, "name": "Ada Example", "email": "ada@acme.example"},
        "conversation": conversation});
    let mut imported = conversation.clone();
    imported["messages"] = json!([
        {"id": 901, "content": "Looking", "message_type": 1, "created_at": 1_795_521_400, "sender": {"id": 1, "type": "user"}},
        {"id": 902, "content": "ask finance", "message_type": 1, "private": true, "created_at": 1_795_521_410, "sender": {"id": 1}},
        {"id": 903, "content": "sam self-assigned", "message_type": 2, "created_at": 1_795_521_420},
        {"id": 904, "content": null, "message_type": 0, "created_at": 1_795_521_430},
    ]);
    let survey = json!({"event": "message_updated", "id": 905, "content_type": "input_csat", "conversation": conversation,
        "content_attributes": {"submitted_values": {"csat_survey_response": {"rating": 5, "feedback_message": "quick"}}}});
    let bodies = [
        message,
        imported,
        survey,
        json!({"event": "webwidget_triggered", "id": 1}),
    ];
    let all: Vec<String> = bodies
        .iter()
        .map(|body| shown(Kind::Chatwoot, body))
        .collect();
    insta::assert_snapshot!("chatwoot", all.join("\n\n"));
}

#[test]
fn what_is_said_in_intercom_becomes_facts() {
    let item = json!({"type": "conversation", "id": "215", "created_at": 1_795_521_000, "updated_at": 1_795_521_500,
        "state": "closed", "priority": "not_priority", "admin_assignee_id": 814,
        "source": {"type": "conversation", "id": "403", "subject": "Checkout", "body": "<p>It fails</p>",
            "author": {"type": "user", "id": "c-7", "name": "Ada Example", "email": "ada@acme.example"}},
        "contacts": {"contacts": [{"type": "contact", "id": "c-7", "external_id": "usr_1"}]},
        "tags": {"tags": [{"id": "1", "name": "billing"}]},
        "statistics": {"first_admin_reply_at": 1_795_521_100, "last_close_at": 1_795_521_480, "count_reopens": 1},
        "conversation_rating": {"rating": 4, "remark": "fine"},
        "conversation_parts": {"conversation_parts": [
            {"id": "70", "part_type": "comment", "body": "<p>Which card?<br>Thanks</p>", "created_at": 1_795_521_100, "author": {"type": "admin", "id": "814", "email": "sam@kith.example"}},
            {"id": "71", "part_type": "note", "body": "<p>vip</p>", "created_at": 1_795_521_101, "author": {"type": "admin", "id": "814"}},
            {"id": "72", "part_type": "close", "body": null, "created_at": 1_795_521_480, "author": {"type": "admin", "id": "814"}},
            {"id": "73", "part_type": "comment", "body": "I am Fin", "created_at": 1_795_521_102, "author": {"type": "bot", "id": "1"}}]}});
    let told = json!({"type": "notification_event", "id": "notif_1", "topic": "conversation.admin.closed", "data": {"item": item}});
    let all = [
        shown(Kind::Intercom, &told),
        shown(
            Kind::Intercom,
            &json!({"topic": "ping", "data": {"item": {"type": "ping"}}}),
        ),
    ];
    insta::assert_snapshot!("intercom", all.join("\n\n"));
    // What the API gives is told alike.
    let imported = json!({"type": "conversation.list", "conversations": [item]});
    assert_eq!(
        shown(Kind::Intercom, &imported),
        shown(Kind::Intercom, &item)
    );
}

#[test]
fn what_is_said_in_zendesk_becomes_facts() {
    let event = json!({"type": "zen:event-type:ticket.comment_added", "id": "e-1", "time": "2026-11-24T11:59:00Z", "account_id": 1,
        "subject": "zen:ticket:35",
        "detail": {"id": "35", "status": "OPEN", "priority": "URGENT", "subject": "Checkout", "requester_id": "8", "tags": ["billing"],
            "created_at": "2026-11-24T11:00:00Z", "via": {"channel": "web"}},
        "event": {"comment": {"id": "1001", "body": "It fails", "is_public": true, "author": {"id": "8", "is_staff": false}}}});
    let exported = json!({
        "tickets": [{"id": 36, "status": "solved", "priority": "normal", "subject": "Seats", "requester_id": 8, "updated_at": "2026-11-24T11:30:00Z",
            "created_at": "2026-11-20T11:00:00Z", "tags": [], "satisfaction_rating": {"score": "good", "comment": "quick"}}],
        "users": [{"id": 8, "name": "Ada Example", "email": "ada@acme.example", "external_id": "usr_1", "role": "end-user"}],
        "metric_sets": [{"ticket_id": 36, "reopens": 2, "solved_at": "2026-11-21T11:00:00Z"}],
        "after_cursor": "x", "end_of_stream": true});
    let comments = json!({"ticket_id": 36, "users": [{"id": 8, "email": "ada@acme.example", "role": "end-user"}, {"id": 9, "role": "agent"}], "comments": [
        {"id": 1, "author_id": 8, "body": "More seats please", "public": true, "created_at": "2026-11-20T11:00:00Z"},
        {"id": 2, "author_id": 9, "body": "no discount", "public": false, "created_at": "2026-11-20T11:01:00Z"}]});
    let all: Vec<String> = [event, exported, comments]
        .iter()
        .map(|body| shown(Kind::Zendesk, body))
        .collect();
    insta::assert_snapshot!("zendesk", all.join("\n\n"));
}

#[test]
fn what_was_written_is_read_again_from_what_is_kept_of_it() {
    for (kind, body) in [
        (
            Kind::Chatwoot,
            json!({"id": 42, "messages": [{"id": 901, "content": "Hello", "message_type": 0, "created_at": 1_795_521_400, "sender": {"id": 7}}]}),
        ),
        (
            Kind::Intercom,
            json!({"type": "conversation", "id": "215", "conversation_parts": {"conversation_parts": [
            {"id": "70", "part_type": "comment", "body": "Hello", "created_at": 1_795_521_100, "author": {"type": "user", "id": "c-7"}}]}}),
        ),
        (
            Kind::Zendesk,
            json!({"ticket_id": "36", "users": [], "comments": [{"id": 1, "author": {"id": 8, "is_staff": false}, "body": "Hello"}]}),
        ),
    ] {
        let first = read(&hook(kind), &body);
        assert_eq!(first.len(), 1, "{kind:?}");
        let kept = hook(kind)
            .decode(&first[0].original, received_at())
            .unwrap();
        assert_eq!(kept.messages, first, "{kind:?}");
    }
}

#[test]
fn a_source_says_where_its_parts_go() {
    let with = |own: &[(&str, &str)]| Hook {
        kind: Kind::Stripe,
        mapping: Kind::Stripe
            .mapping()
            .with_fields(own.iter().copied())
            .unwrap(),
    };
    let event = stripe("customer.subscription.updated", subscription());
    let lines = |hook: &Hook| {
        read(hook, &event)
            .iter()
            .map(show)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let own = lines(&with(&[
        ("subscription.metadata.tier", "account.slaTier"),
        ("subscription.status", "account.lifecycle"),
        ("subscription.plan", ""),
        ("subscription.metadata.groupId", "siteKey"),
    ]));
    assert!(
        own.contains("\"slaTier\":\"gold\"") && own.contains("\"lifecycle\":\"pastDue\""),
        "{own}"
    );
    assert!(
        !own.contains("\"status\"") && !own.contains("\"plan\""),
        "{own}"
    );
    assert!(!own.contains("groupId:acme"), "{own}");
    // A field of what the record does not name is a fault, and no silence.
    let nobody = lines(&with(&[("subscription.metadata.tier", "person.name")]));
    assert!(nobody.contains("unnamed-root"), "{nobody}");
    let check = |from: &str, to: &str, expect| {
        let made = Kind::Stripe.mapping().with_fields([(from, to)]);
        assert_eq!(made.unwrap_err(), (from.to_owned(), expect));
    };
    check("tier", "account.plan", MappingError::Origin);
    check("subscription.tier", "planet.plan", MappingError::Target);
    check("subscription.tier", "plan", MappingError::Target);
    // What nobody asked for is left out where the catalog has no place for it.
    let mapping = Kind::Stripe
        .mapping()
        .with_fields([("subscription.seats", "account.seats")])
        .unwrap();
    let hook = Hook {
        kind: Kind::Stripe,
        mapping: mapping.keeping(|path| path == "subscription.status", |_| false),
    };
    let kept = lines(&hook);
    assert!(
        kept.contains("\"status\":\"pastDue\"") && kept.contains("\"seats\":5"),
        "{kept}"
    );
    assert!(
        !kept.contains("renewsAt") && !kept.contains("billingInterval"),
        "{kept}"
    );
}

#[test]
fn what_no_parser_can_read_is_malformed_and_what_says_nothing_waits() {
    for kind in Kind::ALL {
        assert!(hook(kind).decode(b"{\"id\": ", received_at()).is_err());
        for body in [
            json!({}),
            json!(7),
            json!([[]]),
            json!({"id": null, "type": [], "data": {"object": []}}),
        ] {
            let found = read(&hook(kind), &body);
            assert!(!found.is_empty(), "{kind:?} {body}");
            for message in found {
                assert!(
                    message.fact.is_err() && message.message_id.is_some(),
                    "{kind:?} {body}"
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_within_a_real_body_make_it_panic(kind in prop::sample::select(Kind::ALL.to_vec()), at in 0..600_usize, bytes in prop::collection::vec(any::<u8>(), 1..4)) {
        let mut body = stripe("customer.subscription.updated", subscription()).to_string().into_bytes();
        let at = at.min(body.len());
        let end = (at + bytes.len()).min(body.len());
        body.splice(at..end, bytes);
        if let Ok(delivery) = hook(kind).decode(&body, received_at()) {
            for message in delivery.messages {
                prop_assert!(!message.original.is_empty());
            }
        }
    }
}
