//! An account in a few words: what its governed fields say at a glance. A field that is withheld or
//! masked says nothing here.

use indexmap::IndexMap;
use kith_domain::Timestamp;
use kith_domain::time::MICROS_PER_SECOND;
use kith_engine::FieldAnswer;
use serde_json::Value as Json;

use super::words::phrase;

/// Fields by key, as an answer has them.
pub(super) type Fields = IndexMap<String, FieldAnswer>;

/// A few words, and whether they are a reason to look closer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chip {
    pub(super) text: String,
    pub(super) is_risk: bool,
}

/// The text of a field that is visible and has one.
pub(super) fn text<'f>(fields: &'f Fields, key: &str) -> Option<&'f str> {
    let field = fields.get(key)?;
    field.value.as_str().filter(|_| field.state == "visible")
}

/// What there is to say.
pub(super) fn chips(account: &Fields, role: Option<&Fields>, now: Timestamp) -> Vec<Chip> {
    let chip = |text: String, is_risk| Chip { text, is_risk };
    let trial = trial_day(account, now).map(|day| chip(format!("Trial day {day}"), false));
    let role = role.and_then(|role| text(role, "name"));
    let role = role.map(|name| chip(name.to_owned(), false));
    let checkout = text(account, "lastCheckoutError").map(|_| chip("Checkout risk".into(), true));
    let payment = text(account, "paymentState").filter(|state| *state != "ok");
    let payment = payment.map(|state| chip(format!("Payment {state}"), true));
    let sla = text(account, "slaTier").map(|tier| chip(format!("{} support", phrase(tier)), false));
    [trial, role, checkout, payment, sla]
        .into_iter()
        .flatten()
        .collect()
}

/// The plan, with what is special about it: `Growth trial`.
pub(super) fn plan(account: &Fields) -> Option<String> {
    let plan = phrase(text(account, "plan")?);
    Some(match text(account, "subscriptionStatus") {
        Some("trialing") => format!("{plan} trial"),
        Some("active") | None => plan,
        Some(status) => format!("{plan}, {}", phrase(status).to_lowercase()),
    })
}

/// The day of a trial that goes on; the day it was opened is the first.
fn trial_day(account: &Fields, now: Timestamp) -> Option<i64> {
    const DAY_MICROS: i64 = 24 * 60 * 60 * MICROS_PER_SECOND;
    text(account, "subscriptionStatus").filter(|status| *status == "trialing")?;
    let opened = Timestamp::parse(text(account, "signupAt")?)?;
    Some(now.micros_since(opened).max(0) / DAY_MICROS + 1)
}

/// The value of a field in words, if it is there at all.
pub(super) fn shown(fields: &Fields, key: &str) -> Option<Json> {
    let value = &fields.get(key)?.value;
    (!value.is_null()).then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(given: &[(&str, &'static str, &str)]) -> Fields {
        let field = |(key, state, value): &(&str, &'static str, &str)| {
            let field = FieldAnswer {
                state,
                mask: None,
                value: (*value).into(),
                owner: "RevOps".into(),
                origin: None,
            };
            ((*key).to_owned(), field)
        };
        given.iter().map(field).collect()
    }

    fn texts(account: &Fields, role: Option<&Fields>) -> Vec<(String, bool)> {
        let now = Timestamp::parse("2026-11-24T12:00:00Z").unwrap();
        let all = chips(account, role, now).into_iter();
        all.map(|chip| (chip.text, chip.is_risk)).collect()
    }

    #[test]
    fn a_trial_at_risk_is_seen_at_a_glance() {
        let account = fields(&[
            ("plan", "visible", "growth"),
            ("subscriptionStatus", "visible", "trialing"),
            ("signupAt", "visible", "2026-11-19T08:00:00Z"),
            ("lastCheckoutError", "visible", "card_declined"),
            ("paymentState", "visible", "ok"),
        ]);
        let role = fields(&[("name", "visible", "Billing owner")]);
        let expect = [
            ("Trial day 6", false),
            ("Billing owner", false),
            ("Checkout risk", true),
        ];
        let expect = expect.map(|(text, is_risk)| (text.to_owned(), is_risk));
        assert_eq!(texts(&account, Some(&role)), expect);
        assert_eq!(plan(&account).unwrap(), "Growth trial");
    }

    #[test]
    fn what_is_masked_or_withheld_says_nothing() {
        let account = fields(&[
            ("plan", "masked", "g•••"),
            ("subscriptionStatus", "visible", "trialing"),
            ("signupAt", "masked", "2026"),
            ("lastCheckoutError", "masked", "•••"),
        ]);
        assert_eq!(texts(&account, None), []);
        assert_eq!(plan(&account), None);
    }
}
