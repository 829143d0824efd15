//! The page of one account, used by keyboard in a real browser, without any script.

use kith_testkit::app::client::person_in;
use kith_testkit::{Store, TestApp};
use serde_json::{Value, json};

use crate::pages::browse;

/// What only lea may see.
const PRIVATE: &str = "7345.50";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_open_to_whoever_has_a_keyboard_and_eyes_of_any_kind() {
    let app = TestApp::start(Store::Sqlite).await;
    let messages = [
        json!({"type": "group", "userId": "usr_1", "groupId": "acme", "traits": {
            "name": "Umbrella Example", "plan": "growth", "region": "eu", "privateRevenue": PRIVATE}}),
        json!({"type": "identify", "userId": "usr_1",
               "traits": {"email": "ada@acme.example", "name": "Ada Example", "role": "Billing owner"},
               "context": {"groupId": "acme"}}),
        json!({"type": "track", "userId": "usr_1", "event": "Checkout Failed",
               "context": {"groupId": "acme"}, "properties": {"code": "card_declined"}}),
    ];
    app.source("segment").deliver(messages).await;
    let lea = app.as_member("lea");
    let told = lea.ask("support.view", person_in("usr_1", "acme")).await;
    let id = |entity: &str| told.json[entity]["id"].as_str().unwrap().to_owned();
    let path = format!("/accounts/{}", id("account"));
    let of_person = format!("{path}?person={}", id("person"));
    let key = |name: &str| app.as_member(name).key().to_owned();
    let views = json!([
        ["light", 1],
        ["dark", 1],
        ["light", 2],
        ["dark", 2],
        ["light", 4]
    ]);
    let one = json!([["light", 1]]);
    let visits = json!([
        {"name": "lea", "path": of_person, "views": views, "fields": {"key": key("lea")},
         "then": {"viewAs": "support"}},
        {"name": "sam", "path": of_person, "views": one,
         "fields": {"key": key("sam"), "identityToken": app.jwt("usr_1")}},
        {"name": "people", "path": path, "views": one, "fields": {"key": key("lea")}},
        {"name": "refused", "path": path, "views": views, "fields": {"key": key("ned")}},
        {"name": "no-key", "path": path, "views": one, "fields": {"key": "kith_member_wrong"}},
    ]);
    let seen = browse("account", json!({"url": app.url(), "visits": visits}));
    let seen = seen.as_array().unwrap();
    assert_eq!(seen.len(), 5 + 1 + 1 + 5 + 1);
    for visit in seen {
        is_fit_for_everyone(visit);
        keeps_to_itself(visit, app.url(), &key("lea"));
        shows(visit);
    }
    let grounds = |scheme| seen.iter().filter(move |visit| visit["scheme"] == scheme);
    let light = &grounds("light").next().unwrap()["first"]["ground"];
    assert!(grounds("light").all(|visit| visit["first"]["ground"] == *light));
    assert!(grounds("dark").all(|visit| visit["first"]["ground"] != *light));
}

fn place(visit: &Value) -> String {
    format!("{} {} {}", visit["name"], visit["scheme"], visit["zoom"])
}

/// The pages of a visit, in order.
fn pages(visit: &Value) -> impl Iterator<Item = &Value> {
    let pages = ["form", "first", "second"].map(|page| &visit[page]);
    pages.into_iter().filter(|page| !page.is_null())
}

/// Nothing for axe to find, nothing to scroll sideways, and a focus that can be seen at every stop.
fn is_fit_for_everyone(visit: &Value) {
    let place = place(visit);
    for page in pages(visit) {
        assert_eq!(page["violations"], json!([]), "{place}: {}", page["title"]);
        assert_eq!(page["overflow"], 0, "{place}: {}", page["title"]);
        let heading = page["heading"].as_str().unwrap();
        let title = page["title"].as_str().unwrap();
        let is_form = heading == "Open an account";
        assert!(
            is_form || title == format!("{heading} · Kith"),
            "{place}: {title}"
        );
    }
    for stop in visit["stops"].as_array().unwrap() {
        assert_eq!(stop["outlined"], true, "{place}: {stop}");
    }
}

/// It has no script and loads nothing that is not its own; the key is in no answer and kept nowhere.
fn keeps_to_itself(visit: &Value, url: &str, key: &str) {
    let place = place(visit);
    assert!(pages(visit).all(|page| page["scripts"] == 0), "{place}");
    for complaint in visit["complaints"].as_array().unwrap() {
        let text = complaint.as_str().unwrap();
        let is_status = text.contains("the server responded with a status of");
        assert!(is_status, "{place}: {text}");
    }
    for request in visit["requests"].as_array().unwrap() {
        let request = request.as_str().unwrap();
        assert!(
            request.starts_with(&format!("{url}/")),
            "{place}: {request}"
        );
        assert!(!request.contains("kith_"), "{place}: {request}");
    }
    let kept = &visit["kept"];
    assert_eq!(
        (&kept["storage"], &kept["cookies"]),
        (&json!(0), &json!(0)),
        "{place}"
    );
    let bodies = kept["bodies"].as_str().unwrap();
    assert!(
        bodies.contains("<!DOCTYPE html>") && !bodies.contains(key),
        "{place}"
    );
    let lines = visit["printed"]["text"].as_str().unwrap();
    let is_whole = !visit["first"]["checks"].as_array().unwrap().is_empty();
    assert_eq!(
        visit["printed"]["form"], false,
        "{place}: forms are not printed"
    );
    assert_eq!(lines.contains("Seen by"), is_whole, "{place}: {lines}");
}

/// What a person reads.
fn shows(visit: &Value) {
    let place = place(visit);
    let first = &visit["first"];
    let text = |page: &Value| page["text"].as_str().unwrap().to_owned();
    let has = |page: &Value, words: &str| {
        let text = text(page);
        assert!(text.contains(words), "{place}: no `{words}` in\\n{text}");
    };
    let lacks = |page: &Value, words: &str| {
        assert!(!text(page).contains(words), "{place}: `{words}`");
    };
    let check = |page: &Value, class: &str, words: &str| {
        let checks = page["checks"].as_array().unwrap();
        assert!(
            checks.contains(&json!([class, words])),
            "{place}: {checks:?}"
        );
    };
    match visit["name"].as_str().unwrap() {
        "lea" => {
            assert_eq!(first["heading"], "Umbrella Example");
            for words in [
                PRIVATE,
                "Ada Example",
                "Checkout failed",
                "Growth",
                "segment",
            ] {
                has(first, words);
            }
            check(first, "no", "Private revenue visible");
            check(first, "no", "Signed identity not proven");
            let second = &visit["second"];
            has(second, "Ada Example");
            lacks(second, PRIVATE);
            check(second, "yes", "Private revenue hidden");
            check(second, "open", "AI context");
        }
        "sam" => {
            lacks(first, PRIVATE);
            check(first, "yes", "Signed identity verified");
            check(first, "yes", "Private revenue hidden");
            check(first, "yes", "AI context allowed");
        }
        "people" => {
            has(first, "People");
            check(first, "open", "Signed identity");
        }
        "refused" => {
            assert_eq!(first["heading"], "support.view is refused");
            lacks(first, "Umbrella");
            has(first, "does not hold");
        }
        _ => {
            has(first, "No valid credential");
            has(first, "Check the key");
        }
    }
}
