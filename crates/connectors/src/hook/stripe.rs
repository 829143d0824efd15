//! Stripe's webhooks. What an event says was true when it was made, so that one which arrives late
//! overwrites nothing newer.
//!
//! | event | becomes |
//! |---|---|
//! | `customer.created`, `.updated` | fields of the account |
//! | `customer.deleted` | the deletion of what was said of the account |
//! | `customer.subscription.*` | fields of the subscription and of its account, and which account it is of |
//! | `invoice.paid`, `.payment_failed`, `.payment_action_required` | something that happened in the account |
//! | `checkout.session.completed` | the same |
//!
//! Beside what stands in an object as it came (`customer.metadata.tier`), lines may name what is brought into
//! the catalog's forms: `subscription.{status, plan, billingInterval, seats, amount, trialEndsAt, renewsAt,
//! cancelsAt, startedAt}`, `invoice.{amountDue, amountPaid, paymentState}`, `checkout.{amount}`.

use kith_domain::fact::{FactKind, Message};
use kith_domain::{IdentifierType, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::draft::Draft;
use super::mapping::{Mapping, Seen, at};
use super::read::{camel, int, money, observed, seconds, stamp, text};
use crate::original::fault;

/// The lines and names to begin with.
pub(super) const FIELDS: &[(&str, &str)] = &[
    ("customer.name", "account.name"),
    ("customer.metadata.groupId", "groupId"),
    ("subscription.metadata.groupId", "groupId"),
    ("subscription.status", "subscription.status"),
    ("subscription.plan", "subscription.plan"),
    (
        "subscription.billingInterval",
        "subscription.billingInterval",
    ),
    ("subscription.seats", "subscription.seats"),
    ("subscription.amount", "subscription.amount"),
    ("subscription.trialEndsAt", "subscription.trialEndsAt"),
    ("subscription.renewsAt", "subscription.renewsAt"),
    ("subscription.cancelsAt", "subscription.cancelsAt"),
    ("subscription.startedAt", "subscription.startedAt"),
    ("subscription.status", "account.subscriptionStatus"),
    ("subscription.plan", "account.plan"),
    ("subscription.billingInterval", "account.billingInterval"),
    ("subscription.seats", "account.seatsPurchased"),
    ("subscription.trialEndsAt", "account.trialEndsAt"),
    ("subscription.renewsAt", "account.renewalDate"),
    ("invoice.paymentState", "account.paymentState"),
    ("invoice.amountDue", "event.invoice.failed.amount"),
    ("invoice.amountPaid", "event.invoice.paid.amount"),
    ("checkout.amount", "event.checkout.completed.amount"),
];
pub(super) const EVENTS: &[(&str, &str)] = &[
    ("invoice.paid", "invoice.paid"),
    ("invoice.payment_failed", "invoice.failed"),
    ("invoice.payment_action_required", "invoice.action.required"),
    ("checkout.session.completed", "checkout.completed"),
    ("customer.subscription.paused", "subscription.paused"),
    ("customer.subscription.deleted", "subscription.canceled"),
    ("customer.subscription.trial_will_end", "trial.ending"),
];

/// What differs when the same event is delivered again.
pub(super) const ENVELOPE: [&str; 1] = ["pending_webhooks"];

pub(super) fn read(
    mapping: &Mapping,
    event: &Json,
    original: &[u8],
    received_at: Timestamp,
) -> Vec<Message> {
    let id = text(event, "id").filter(|id| id.len() <= crate::original::MAX_MESSAGE_ID_BYTES);
    let id = id.unwrap_or_else(|| crate::original::derived_id(original));
    let created = int(event, "created").and_then(seconds);
    let mut draft = Draft::new(id, original.to_vec(), observed(created, received_at));
    let kind = text(event, "type").unwrap_or_default();
    let Some(object) = at(event, "data.object") else {
        let detail = "expected an event with its object in `data.object`";
        return vec![draft.refused(fault("data.object", "missing-object", detail))];
    };
    let own = text(object, "id");
    let customer = text(object, "customer").or_else(|| text(object, "customer.id"));
    let customer = if kind.starts_with("customer.") && !kind.starts_with("customer.subscription.") {
        own.clone()
    } else {
        customer
    };
    draft.name(
        IdentifierType::StripeCustomer,
        "data.object.customer",
        customer.as_deref(),
    );
    let (object_name, said) = match kind.as_str() {
        "customer.deleted" => return draft.record(FactKind::Delete),
        "customer.created" | "customer.updated" => ("customer", Map::new()),
        "customer.subscription.created"
        | "customer.subscription.updated"
        | "customer.subscription.deleted"
        | "customer.subscription.paused"
        | "customer.subscription.resumed"
        | "customer.subscription.trial_will_end" => {
            draft.name(
                IdentifierType::SubscriptionId,
                "data.object.id",
                own.as_deref(),
            );
            ("subscription", subscription(object))
        }
        "invoice.paid" | "invoice.payment_failed" | "invoice.payment_action_required" => {
            ("invoice", invoice(object, &kind))
        }
        "checkout.session.completed" => ("checkout", checkout(object)),
        _ => {
            let detail = "events of this type become nothing: do not have them sent here";
            return vec![draft.refused(fault("type", "unknown-type", detail))];
        }
    };
    let seen = Seen {
        object: object_name,
        said,
        raw: object,
    };
    draft.facts(mapping, &seen, Some(&kind))
}

fn subscription(object: &Json) -> Map<String, Json> {
    let items = at(object, "items.data").and_then(Json::as_array);
    let items = items.map(Vec::as_slice).unwrap_or_default();
    let first = items.first().unwrap_or(&Json::Null);
    let plan = ["price.lookup_key", "price.nickname", "plan.nickname"];
    let plan =
        text(object, "metadata.plan").or_else(|| plan.iter().find_map(|path| text(first, path)));
    let seats: i64 = items.iter().filter_map(|item| int(item, "quantity")).sum();
    // Since 2025 the period is each item's own.
    let ends = int(object, "current_period_end").or_else(|| int(first, "current_period_end"));
    let date = |path| stamp(int(object, path).and_then(seconds));
    let mut said = Map::new();
    let mut say = |key: &str, json: Json| said.insert(key.to_owned(), json);
    if let Some(status) = text(object, "status") {
        say("status", camel(&status).into());
    }
    if let Some(plan) = plan {
        say("plan", plan.into());
    }
    if let Some(interval) = text(first, "price.recurring.interval") {
        say("billingInterval", interval.into());
    }
    if !items.is_empty() {
        say("seats", seats.into());
    }
    let amount = items.iter().try_fold(0_i64, |sum, item| {
        let each =
            int(item, "price.unit_amount")?.checked_mul(int(item, "quantity").unwrap_or(1))?;
        sum.checked_add(each)
    });
    if let (Some(amount), Some(currency), false) =
        (amount, text(object, "currency"), items.is_empty())
    {
        say("amount", money(amount, &currency));
    }
    say("trialEndsAt", date("trial_end"));
    say("cancelsAt", date("cancel_at"));
    say("startedAt", date("start_date"));
    say("renewsAt", stamp(ends.and_then(seconds)));
    said
}

fn invoice(object: &Json, kind: &str) -> Map<String, Json> {
    let mut said = Map::new();
    let currency = text(object, "currency").unwrap_or_default();
    for (key, path) in [("amountDue", "amount_due"), ("amountPaid", "amount_paid")] {
        if let Some(amount) = int(object, path) {
            said.insert(key.to_owned(), money(amount, &currency));
        }
    }
    let state = match kind {
        "invoice.paid" => "ok",
        "invoice.payment_failed" => "failed",
        _ => "late",
    };
    said.insert("paymentState".to_owned(), json!(state));
    said
}

fn checkout(object: &Json) -> Map<String, Json> {
    let mut said = Map::new();
    if let (Some(amount), Some(currency)) = (int(object, "amount_total"), text(object, "currency"))
    {
        said.insert("amount".to_owned(), money(amount, &currency));
    }
    said
}
