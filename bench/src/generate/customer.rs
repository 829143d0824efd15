//! One account with its people and what happened in it. All of it follows from the seed and the number.

use kith_domain::id::{AccountId, EventId, NodeId, PersonId};
use kith_domain::{Decimal, Timestamp, Value};

use super::dice::Dice;
use super::values::Values;
use super::{PLAN, Size};
use crate::kith::REGION;

/// People of an account.
pub(crate) const PEOPLE: u64 = 3;
/// Events of an account.
pub(crate) const EVENTS: u64 = 10;
/// The first account signed up on 2023-01-01, the last three years later.
const BEGIN_SECONDS: u64 = 1_672_531_200;
const YEAR_SECONDS: u64 = 365 * 86_400;
const SPAN_SECONDS: u64 = 3 * YEAR_SECONDS;
/// Events are of the last two of these years.
const EVENTS_BEGIN_SECONDS: u64 = BEGIN_SECONDS + YEAR_SECONDS;
/// As many ids of a kind has an account at most.
const SLOTS: u64 = 16;

const WORDS: [&str; 16] = [
    "Amber", "Birch", "Cobalt", "Delta", "Ember", "Fjord", "Garnet", "Harbour", "Indigo",
    "Juniper", "Krill", "Larch", "Meadow", "Nickel", "Opal", "Pine",
];
const MANAGERS: [&str; 8] = ["rae", "ian", "mo", "kim", "lou", "max", "noa", "sol"];
const LOCALES: [&str; 4] = ["en-GB", "de-DE", "en-US", "nb-NO"];
const ROLES: [&str; PEOPLE as usize] = ["Billing owner", "Administrator", "Member"];

/// An account, its people and its events.
pub(super) struct Customer {
    pub(super) account: Account,
    pub(super) people: Vec<Person>,
    pub(super) events: Vec<Event>,
}

pub(super) struct Account {
    pub(super) id: AccountId,
    pub(super) node: NodeId,
    pub(super) key: String,
    pub(super) at: Timestamp,
    pub(super) values: Values,
}

/// A person, and what they are in the account.
pub(super) struct Person {
    pub(super) id: PersonId,
    pub(super) user_node: NodeId,
    pub(super) user_id: String,
    pub(super) email_node: NodeId,
    pub(super) email: String,
    pub(super) at: Timestamp,
    pub(super) values: Values,
    pub(super) role: Values,
}

pub(super) struct Event {
    pub(super) id: EventId,
    /// Whose, by their place among the people.
    pub(super) person: usize,
    pub(super) at: Timestamp,
    pub(super) name: &'static str,
    pub(super) properties: Vec<(&'static str, Value)>,
}

impl Size {
    /// The customer with a number. Later ones signed up later, and their ids come later.
    pub(super) fn customer(self, number: u64) -> Customer {
        let mut dice = Dice::of(self.seed, number);
        let seconds = BEGIN_SECONDS + number * SPAN_SECONDS / self.accounts.max(1);
        let account = account(number, seconds, &mut dice);
        let (mut people, mut events) = (Vec::new(), Vec::new());
        if self.is_whole {
            people.extend((0..PEOPLE).map(|place| {
                let of_all = number + place * self.accounts;
                person(number * SLOTS + place, of_all, place, seconds, &mut dice)
            }));
            events.extend((0..EVENTS).map(|place| {
                let from = seconds.max(EVENTS_BEGIN_SECONDS);
                let span = (BEGIN_SECONDS + SPAN_SECONDS).saturating_sub(from);
                let at = from + dice.below(span);
                event(number * SLOTS + place, at, &mut dice)
            }));
        }
        Customer {
            account,
            people,
            events,
        }
    }

    /// People whose accounts the member sees, by their `userId`, picked from all over the workspace.
    pub(crate) fn people_in_view(self, count: usize) -> Vec<String> {
        let mut dice = Dice::of(!self.seed, self.accounts);
        let mut found = Vec::with_capacity(count);
        while found.len() < count {
            let number = dice.below(self.accounts);
            let place = dice.below(PEOPLE);
            let account = self.customer_alone(number);
            if account.values.get("account.region") == Some(&Value::String(REGION.into())) {
                found.push(user_id(number + place * self.accounts));
            }
        }
        found
    }

    fn customer_alone(self, number: u64) -> Account {
        let alone = Self {
            is_whole: false,
            ..self
        };
        alone.customer(number).account
    }
}

/// As the clients of `customers` name accounts.
pub(super) fn account_key(number: u64) -> String {
    format!("ws_{number}")
}

fn user_id(number: u64) -> String {
    format!("usr_{number}")
}

fn timestamp(seconds: u64) -> Timestamp {
    Timestamp::from_micros(seconds.cast_signed() * 1_000_000)
}

fn account(number: u64, seconds: u64, dice: &mut Dice) -> Account {
    let at = timestamp(seconds);
    let id = AccountId::from_uuid(dice.uuid(number, seconds));
    let node = NodeId::from_uuid(dice.uuid(number * SLOTS, seconds));
    let key = account_key(number);
    let mut values = Values::new();
    values.text("product", "account.workspaceId", &key);
    let words = [dice.one_of(&WORDS), dice.one_of(&WORDS)];
    let name = format!("{} {number}", words.join(" "));
    values.text("product", "account.name", &name);
    values.put("product", "account.signupAt", Value::Timestamp(at));
    let (plan, seats, price) = match dice.percent() {
        ..60 => ("starter", 1 + dice.below(10), 9),
        60..90 => (PLAN, 5 + dice.below(100), 19),
        _ => ("enterprise", 50 + dice.below(1_000), 39),
    };
    let is_known = dice.percent() < 97;
    if is_known {
        values.text("billing", "account.plan", plan);
        let seats = seats.cast_signed();
        values.put("billing", "account.seatsPurchased", Value::Int(seats));
    }
    match dice.percent() {
        ..50 => values.text("crm", "account.region", REGION),
        50..95 => values.text("crm", "account.region", "us"),
        _ => {}
    }
    match dice.percent() {
        ..80 => values.text("billing", "account.paymentState", "ok"),
        80..90 => values.text("billing", "account.paymentState", "late"),
        90..93 => values.text("billing", "account.paymentState", "failed"),
        _ => {}
    }
    if dice.percent() < 80 {
        let segment = match seats {
            ..20 => "smb",
            20..200 => "midMarket",
            _ => "enterprise",
        };
        values.text("crm", "account.segment", segment);
        values.text("crm", "account.csm", dice.one_of(&MANAGERS));
    }
    if is_known && dice.percent() < 90 {
        let revenue = euros((seats * price * 12).cast_signed());
        values.put("billing", "account.privateRevenue", revenue);
    }
    let calls = dice.below(100_000).cast_signed();
    values.put("product", "account.apiCalls30d", Value::Int(calls));
    Account {
        id,
        node,
        key,
        at,
        values,
    }
}

fn person(slot: u64, number: u64, place: u64, seconds: u64, dice: &mut Dice) -> Person {
    let user_id = user_id(number);
    let email = format!("person{number}@example.com");
    let mut values = Values::new();
    values.text("product", "person.userId", &user_id);
    values.text("product", "person.name", &format!("Person {number}"));
    values.text("product", "person.email", &email);
    values.text("product", "person.locale", dice.one_of(&LOCALES));
    let second_factor = Value::Bool(dice.percent() < 40);
    values.put("product", "person.mfaEnabled", second_factor);
    let mut role = Values::new();
    let name = ROLES.get(place as usize).copied().unwrap_or_default();
    role.text("product", "role.name", name);
    let node =
        |of: u64, dice: &mut Dice| NodeId::from_uuid(dice.uuid(slot + 1 + of * PEOPLE, seconds));
    Person {
        id: PersonId::from_uuid(dice.uuid(slot, seconds)),
        user_node: node(0, dice),
        user_id,
        email_node: node(1, dice),
        email,
        at: timestamp(seconds),
        values,
        role,
    }
}

fn event(slot: u64, seconds: u64, dice: &mut Dice) -> Event {
    let text = |text: &str| Value::String(text.into());
    let amount = |dice: &mut Dice| euros(dice.below(1_000).cast_signed());
    let (name, properties) = match dice.below(6) {
        0 => ("login", vec![("event.login.method", text("sso"))]),
        1 => (
            "checkout.started",
            vec![
                ("event.checkout.started.plan", text(PLAN)),
                ("event.checkout.started.amount", amount(dice)),
            ],
        ),
        2 => (
            "checkout.failed",
            vec![
                ("event.checkout.failed.code", text("card_declined")),
                ("event.checkout.failed.reason", text("insufficient funds")),
                ("event.checkout.failed.amount", amount(dice)),
            ],
        ),
        3 => (
            "integration.connected",
            vec![("event.integration.connected.name", text("slack"))],
        ),
        4 => (
            "member.invited",
            vec![("event.member.invited.role", text("Member"))],
        ),
        _ => (
            "onboarding.completed",
            vec![("event.onboarding.completed.days", Value::Int(4))],
        ),
    };
    Event {
        id: EventId::from_uuid(dice.uuid(slot, seconds)),
        person: dice.below(PEOPLE) as usize,
        at: timestamp(seconds),
        name,
        properties,
    }
}

fn euros(euros: i64) -> Value {
    Value::Decimal(Decimal {
        micros: euros * 1_000_000,
        currency: "EUR".parse().ok(),
    })
}
