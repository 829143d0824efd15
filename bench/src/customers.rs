//! Made-up customers: what five systems say about accounts and people of the demo's catalog. All of
//! it follows from numbers, so that every run sends the same.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::{SystemTime, SystemTimeError, UNIX_EPOCH};

use serde_json::{Value as Json, json};

/// The sources of the demo's catalog that have secret keys.
pub(crate) const SOURCES: [&str; 5] = ["product", "billing", "crm", "support", "scoring"];
/// When everything begins: 2026-01-01.
const BEGIN_SECONDS: u64 = 1_767_225_600;
const DAY_SECONDS: u64 = 86_400;
/// The steady traffic spreads over this much time, long past in each run.
const DAYS: u64 = 30;

/// So many accounts, and people who are spread over them evenly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Customers {
    pub(crate) accounts: u64,
    pub(crate) people: u64,
}

/// One delivery: the source, and the body of `POST /v1/batch`.
pub(crate) type Delivery = (&'static str, Vec<u8>);

impl Customers {
    /// What each system knows of every account and person, in batches.
    pub(crate) fn profiles(self, batch: usize) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for source in SOURCES {
            let accounts = (0..self.accounts).map(|account| about_account(source, account));
            let people = (0..self.people).filter(|_| source == "product");
            let people = people.map(|person| self.about_person(person));
            let messages: Vec<Json> = accounts.chain(people).collect();
            deliveries.extend(messages.chunks(batch).map(|batch| {
                let body = json!({ "batch": batch }).to_string();
                (source, body.into_bytes())
            }));
        }
        deliveries
    }

    /// The usual traffic of the product, in batches that never repeat: of 20 messages 17 are `track`,
    /// 2 `identify` and 1 `group`, each of about 500 bytes.
    pub(crate) fn traffic(self, run: &str, index: u64, batch: u64) -> Vec<u8> {
        let mut body = String::with_capacity(600 * 100);
        body.push_str("{\"batch\":[");
        for number in index * batch..(index + 1) * batch {
            if number > index * batch {
                body.push(',');
            }
            self.message(&mut body, run, number);
        }
        body.push_str("]}");
        body.into_bytes()
    }

    fn message(self, out: &mut String, run: &str, number: u64) {
        let dice = scatter(number);
        let person = dice % self.people;
        let account = self.account_of(person);
        let at = BEGIN_SECONDS + (number * 7) % (DAYS * DAY_SECONDS);
        let at = timestamp(at);
        // Ids of real libraries are random, which is what makes telling duplicates costly.
        let id = format!("{run}-{:016x}-{:016x}", dice, scatter(dice));
        let library = "\"library\":{\"name\":\"@segment/analytics-node\",\"version\":\"3.1.0\"}";
        let head = format!(
            "{{\"timestamp\":\"{at}\",\"integrations\":{{}},\"messageId\":\"{id}\",\"userId\":\"usr_{person}\","
        );
        let tail = format!(
            "\"context\":{{\"groupId\":\"ws_{account}\",{library}}},\"_metadata\":{{\"nodeVersion\":\"v20.20.2\",\"jsRuntime\":\"node\"}}}}"
        );
        let middle = match number % 20 {
            0..17 => {
                // Some come from a browser of theirs that the product knows.
                let browser = match dice >> 32 & 3 {
                    0 => format!("\"anonymousId\":\"anon-{person}-{}\",", dice >> 34 & 1),
                    _ => String::new(),
                };
                let (event, properties) = event(dice >> 40);
                format!(
                    "\"type\":\"track\",{browser}\"event\":\"{event}\",\"properties\":{properties},"
                )
            }
            17 | 18 => {
                let zone = [
                    "Europe/Berlin",
                    "Europe/Oslo",
                    "America/Chicago",
                    "Asia/Tokyo",
                ];
                let zone = zone.get((dice >> 40 & 3) as usize).unwrap_or(&"UTC");
                let traits = format!(
                    "{{\"name\":\"Person {person}\",\"email\":\"person{person}@example.com\",\"role\":\"Member\",\"locale\":\"en-GB\",\"timezone\":\"{zone}\",\"mfaEnabled\":true}}"
                );
                format!("\"type\":\"identify\",\"traits\":{traits},")
            }
            _ => {
                let active = dice >> 40 & 31;
                format!(
                    "\"type\":\"group\",\"groupId\":\"ws_{account}\",\"traits\":{{\"name\":\"Account {account}\",\"seatsActive\":{active},\"apiCalls30d\":{},\"lastSeenAt\":\"{at}\"}},",
                    dice >> 44 & 0xffff
                )
            }
        };
        let _ = write!(out, "{head}{middle}{tail}");
    }

    fn about_person(self, person: u64) -> Json {
        let account = self.account_of(person);
        let role = ["Member", "Billing owner", "Administrator"];
        json!({
            "type": "identify",
            "messageId": format!("person-{person}"),
            "timestamp": timestamp(BEGIN_SECONDS),
            "userId": format!("usr_{person}"),
            "traits": {
                "name": format!("Person {person}"),
                "email": format!("person{person}@example.com"),
                "phone": format!("+49 30 555{person:05}"),
                "role": role.get((person % 3) as usize),
                "title": "Head of Operations",
                "locale": "en-GB",
                "timezone": "Europe/Berlin",
                "mfaEnabled": person.is_multiple_of(2),
            },
            "context": { "groupId": format!("ws_{account}") },
        })
    }

    fn account_of(self, person: u64) -> u64 {
        person % self.accounts
    }
}

/// A name for traffic that no store has seen, though it was kept from other runs.
pub(crate) fn fresh_run(what: &str) -> Result<String, SystemTimeError> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(format!("{what}-{}", since.as_micros()))
}

/// The people of a range, as `{"type": "userId", "value": …}` names them.
pub(crate) fn user_ids(people: Range<u64>) -> Vec<String> {
    people.map(|person| format!("usr_{person}")).collect()
}

fn about_account(source: &str, account: u64) -> Json {
    let traits = match source {
        "product" => json!({
            "name": format!("Account {account}"),
            "createdAt": timestamp(BEGIN_SECONDS),
            "ssoEnabled": account.is_multiple_of(2),
            "region": "eu",
            "plan": "growth",
            "seatsActive": account % 40,
            "lastSeenAt": timestamp(BEGIN_SECONDS),
            "onboardingMilestone": "firstWorkflow",
            "integrationsConnected": ["slack", "github"],
            "apiCalls30d": account * 100,
            "apiErrorRate": 0.4,
        }),
        "billing" => json!({
            "plan": "growth",
            "subscriptionStatus": "active",
            "billingInterval": "month",
            "seatsPurchased": 50,
            "paymentState": "ok",
            "failedInvoices": account % 3,
            "privateRevenue": 12_500 + account,
            "discountPct": 12.5,
            "taxId": format!("DE{account:09}"),
            "cardLast4": "4242",
        }),
        "crm" => json!({
            "segment": "midMarket",
            "region": "eu",
            "csm": "rae",
            "renewalDate": timestamp(BEGIN_SECONDS + 365 * DAY_SECONDS),
            "contractValue": 36_000 + account,
            "churnReason": "missing single sign-on",
            "enterpriseNotes": "prefers calls on Tuesdays",
        }),
        "support" => json!({
            "csat90d": 92.5,
            "openConversations": account % 4,
            "slaTier": "priority",
            "sentiment": "neutral",
        }),
        _ => json!({ "healthScore": 74, "activationRisk": "low", "paymentRisk": "low" }),
    };
    json!({
        "type": "group",
        "messageId": format!("account-{account}"),
        "timestamp": timestamp(BEGIN_SECONDS),
        "groupId": format!("ws_{account}"),
        "traits": traits,
    })
}

fn event(dice: u64) -> (&'static str, &'static str) {
    match dice % 6 {
        0 => ("Logged In", "{\"method\":\"sso\"}"),
        1 => ("Checkout Started", "{\"plan\":\"growth\",\"amount\":249.5}"),
        2 => (
            "Checkout Failed",
            "{\"code\":\"card_declined\",\"reason\":\"insufficient funds\",\"amount\":249.5}",
        ),
        3 => ("Integration Connected", "{\"name\":\"slack\"}"),
        4 => ("Member Invited", "{\"role\":\"Member\"}"),
        _ => ("Onboarding Completed", "{\"days\":4}"),
    }
}

/// Seconds since 1970 as text.
fn timestamp(seconds: u64) -> String {
    let micros = i64::try_from(seconds * 1_000_000).unwrap_or_default();
    kith_domain::Timestamp::from_micros(micros).to_string()
}

/// A number that has nothing to do with its neighbours' (splitmix64).
pub(crate) const fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMERS: Customers = Customers {
        accounts: 10,
        people: 50,
    };

    #[test]
    fn traffic_has_the_mix_and_the_size_that_the_budget_speaks_of() {
        let body = CUSTOMERS.traffic("run", 3, 100);
        let json: Json = serde_json::from_slice(&body).unwrap();
        let batch = json["batch"].as_array().unwrap();
        let count = |word| {
            batch
                .iter()
                .filter(|message| message["type"] == word)
                .count()
        };
        assert_eq!(
            (count("track"), count("identify"), count("group")),
            (85, 10, 5)
        );
        let bytes = body.len() / batch.len();
        assert!((350..550).contains(&bytes), "{bytes} bytes a message");
    }

    #[test]
    fn no_message_id_comes_twice_in_a_run() {
        let mut ids = std::collections::HashSet::new();
        for index in 0..20 {
            let json: Json = serde_json::from_slice(&CUSTOMERS.traffic("run", index, 100)).unwrap();
            for message in json["batch"].as_array().unwrap() {
                assert!(ids.insert(message["messageId"].as_str().unwrap().to_owned()));
            }
        }
    }

    #[test]
    fn every_person_and_account_is_told_of() {
        let messages: usize = CUSTOMERS
            .profiles(7)
            .iter()
            .map(|(_, body)| {
                let json: Json = serde_json::from_slice(body).unwrap();
                json["batch"].as_array().unwrap().len()
            })
            .sum();
        assert_eq!(messages, SOURCES.len() * 10 + 50);
    }
}
