//! The lives are the same for everyone who tells them, and they are what the demo promises.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::*;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-24T12:00:00Z").unwrap()
}

fn all(script: &Script, now: Timestamp) -> Vec<Sent> {
    tell(script, now).unwrap_or_else(|_| panic!("the script has all that it names"))
}

fn script() -> Script {
    read().unwrap_or_else(|_| panic!("the script reads"))
}

fn hash(sent: &[Sent]) -> String {
    let mut hash = Sha256::new();
    for Sent {
        source,
        at,
        message,
        ..
    } in sent
    {
        hash.update(format!("{source} {at} {message}\n"));
    }
    hex::encode(hash.finalize())
}

/// How many there are of what stands at a place of the messages.
fn distinct(sent: &[Sent], place: &str) -> usize {
    let texts = sent
        .iter()
        .filter_map(|one| one.message.pointer(place)?.as_str());
    texts.collect::<BTreeSet<_>>().len()
}

#[test]
fn the_same_seed_and_now_tell_the_same_lives() {
    let told = hash(&all(&script(), now()));
    insta::assert_snapshot!(told, @"512dc9e4f9196b8bba2150bd819dc21b23d2aaa7fb5f14c3f679fe6116911d11");
    let mut other = script();
    other.seed += 1;
    assert_ne!(hash(&all(&other, now())), told);
    assert_ne!(hash(&all(&script(), now().plus_micros(days(1.0)))), told);
}

#[test]
fn there_are_as_many_as_it_takes_beside_the_cast_whatever_the_seed() {
    for seed in [2481, 1, u64::MAX] {
        let mut script = script();
        script.seed = seed;
        let sent = all(&script, now());
        assert_eq!(distinct(&sent, "/groupId"), 60 - 8);
        assert_eq!(distinct(&sent, "/userId"), 400 - 14);
        assert_eq!(distinct(&sent, "/traits/email"), 400 - 14);
        assert_eq!(distinct(&sent, "/messageId"), sent.len());
        assert_eq!(distinct(&sent, "/traits/businessUnit"), 3);
        assert_eq!(distinct(&sent, "/traits/region"), 2);
        assert_eq!(distinct(&sent, "/site"), 3);
        assert_eq!(distinct(&sent, "/account"), 60 - 8);
        assert!(distinct(&sent, "/conversation") > 200);
    }
}

#[test]
fn lives_are_two_years_long_and_end_now() {
    let sent = all(&script(), now());
    assert!(sent.is_sorted_by_key(|one| one.at));
    let first = now().micros_since(sent.first().unwrap().at);
    assert!((days(650.0)..days(731.0)).contains(&first));
    let last = now().micros_since(sent.last().unwrap().at);
    assert!((0..days(1.0)).contains(&last), "{last}");
    let mut months = BTreeMap::new();
    for one in &sent {
        *months
            .entry(now().micros_since(one.at) / days(30.0))
            .or_insert(0) += 1;
    }
    assert!(
        (0..24).all(|month| months.get(&month).is_some_and(|count| *count > 10)),
        "{months:?}"
    );
}

#[test]
fn everything_that_the_script_names_happens_and_nothing_else() {
    let script = script();
    let sent = all(&script, now());
    let happened = sent.iter().filter_map(|one| one.message["event"].as_str());
    let happened: BTreeSet<_> = happened.collect();
    let named: BTreeSet<_> = script.event.keys().map(String::as_str).collect();
    assert_eq!(happened, named);
}

#[test]
fn conversations_end_but_for_those_that_are_open() {
    let script = script();
    let sent = all(&script, now());
    let keys = |of: fn(&Sent) -> bool| -> BTreeSet<&str> {
        let sent = sent.iter().filter(|one| of(one));
        sent.filter_map(|one| one.message["conversation"].as_str())
            .collect()
    };
    let solved = keys(|one| one.message["fields"]["status"] == "solved");
    let open = keys(|_| true).len() - solved.len();
    let said = sent
        .iter()
        .filter_map(|one| one.message.pointer("/traits/openConversations"));
    let said: i64 = said.filter_map(Json::as_i64).sum();
    assert_eq!(open as i64, said);
    for topic in script.topic.values() {
        let is_told = |one: &Sent| one.message["fields"]["body"] == *topic.says[0];
        assert!(sent.iter().any(is_told), "{}", topic.says[0]);
    }
}
