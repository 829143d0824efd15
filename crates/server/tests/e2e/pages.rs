//! The pages for people, used by keyboard in a real browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kith_testkit::app::client::person_in;
use kith_testkit::{Store, TestApp};
use serde_json::{Value, json};

/// What nobody who asks `/explain` may read there: it gives states and reasons.
const VALUES: [&str; 5] = [
    "7345.50",
    "Umbrella Example",
    "ada@acme.example",
    "Ada Example",
    "prefers calls",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_is_explained_to_whoever_has_a_keyboard_and_eyes_of_any_kind() {
    let app = TestApp::start(Store::Sqlite).await;
    let messages = [
        json!({"type": "group", "userId": "usr_1", "groupId": "acme", "traits": {
            "name": "Umbrella Example", "plan": "growth", "region": "eu",
            "privateRevenue": "7345.50", "enterpriseNotes": "prefers calls on Tuesdays"}}),
        json!({"type": "identify", "userId": "usr_1",
               "traits": {"email": "ada@acme.example", "name": "Ada Example"},
               "context": {"groupId": "acme"}}),
    ];
    app.source("segment").deliver(messages).await;
    // They are there: a leader reads them where values are given.
    let told = app
        .as_member("lea")
        .ask("support.view", person_in("usr_1", "acme"))
        .await
        .expect(200);
    assert!(told.text.contains("7345.50") && told.text.contains("Ada Example"));

    let key = |name: &str| app.as_member(name).key().to_owned();
    let about = |who: &str, purpose: &str, account: &str| {
        json!({"key": key(who), "purpose": purpose, "account": format!("groupId:{account}"),
               "person": "userId:usr_1"})
    };
    let mut draft = about("drafter", "ai.draft", "acme");
    draft["onBehalfOf"] = json!("sam");
    draft["identityToken"] = json!(app.jwt("usr_1"));
    // Every kind of answer in each view would only take time: one view shows what is like the others.
    let views = json!([["light", 1], ["dark", 1], ["light", 2], ["dark", 2]]);
    let one = json!([["light", 1]]);
    let questions = json!([
        {"name": "allowed", "views": views, "fields": about("sam", "support.view", "acme")},
        {"name": "draft", "views": one, "fields": draft},
        {"name": "refused", "views": views, "fields": about("ned", "support.view", "acme")},
        {"name": "not-found", "views": one, "fields": about("sam", "support.view", "nowhere")},
        {"name": "no-key", "views": one,
         "fields": {"key": "kith_member_wrong", "account": "groupId:acme"}},
    ]);
    let asked = json!({"url": app.url(), "questions": questions});
    let seen = browse("explain", asked);
    let seen = seen.as_array().unwrap();
    assert_eq!(seen.len(), 4 + 1 + 4 + 1 + 1);
    for page in seen {
        is_fit_for_everyone(page);
        keeps_to_itself(page, app.url(), &key("sam"));
        answers(page);
    }
    let grounds = |scheme| seen.iter().filter(move |page| page["scheme"] == scheme);
    let light = &grounds("light").next().unwrap()["full"]["ground"];
    assert!(grounds("light").all(|page| page["full"]["ground"] == *light));
    assert!(grounds("dark").all(|page| page["full"]["ground"] != *light));
}

fn place(page: &Value) -> String {
    format!("{} {} {}", page["name"], page["scheme"], page["zoom"])
}

/// Nothing for axe to find, nothing to scroll sideways, and a focus that can be seen at every stop.
fn is_fit_for_everyone(page: &Value) {
    let place = place(page);
    for moment in ["empty", "full"] {
        assert_eq!(page[moment]["violations"], json!([]), "{place}, {moment}");
        assert_eq!(page[moment]["overflow"], 0, "{place}, {moment}");
    }
    let stops = page["stops"].as_array().unwrap();
    for stop in stops {
        assert_eq!(stop["outlined"], true, "{place}: {stop}");
    }
    let names: Vec<_> = stops
        .iter()
        .map(|stop| stop["name"].as_str().unwrap())
        .collect();
    let order = ["key", "account", "person", "purpose", "field", "Explain"];
    let found: Vec<_> = names.iter().filter(|name| order.contains(name)).collect();
    assert_eq!(found, order.iter().collect::<Vec<_>>(), "{place}");
}

/// All that it loads is its own; it keeps nothing, and no value is in it.
fn keeps_to_itself(page: &Value, url: &str, key: &str) {
    let place = place(page);
    let policy = page["policy"].as_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{policy}"
    );
    // A status that says no is an answer, of which browsers write a line to the console.
    for complaint in page["complaints"].as_array().unwrap() {
        let text = complaint.as_str().unwrap();
        assert!(
            text.contains("the server responded with a status of"),
            "{place}: {text}"
        );
    }
    for request in page["requests"].as_array().unwrap() {
        let request = request.as_str().unwrap();
        assert!(
            request.starts_with(&format!("{url}/")),
            "{place}: {request}"
        );
    }
    let kept = &page["kept"];
    assert_eq!(kept["address"], format!("{url}/explain"), "{place}");
    assert_eq!(
        (&kept["storage"], &kept["cookies"]),
        (&json!(0), &json!(0)),
        "{place}"
    );
    for text in [&kept["html"], &kept["bodies"]] {
        let text = text.as_str().unwrap();
        assert!(!text.contains(key), "{place} shows the key");
        for value in VALUES {
            assert!(!text.contains(value), "{place} shows `{value}`");
        }
    }
}

/// What a person reads.
fn answers(page: &Value) {
    let place = place(page);
    let answer = &page["answer"];
    let (heading, text) = (&answer["heading"], answer["text"].as_str().unwrap());
    assert_eq!(
        answer["title"],
        format!("{} · Kith", heading.as_str().unwrap())
    );
    let says = |words: &str| assert!(text.contains(words), "{place}: {words}\n{text}");
    let states = &answer["states"];
    match page["name"].as_str().unwrap() {
        "allowed" => {
            assert_eq!(heading, "support.view is allowed");
            assert_eq!(states["account.plan"], "visible", "{place}");
            assert_eq!(states["account.privateRevenue"], "hidden", "{place}");
            says("above support's ceiling");
            says("Audit entry aud_");
            let chosen = page["chosen"]["states"].as_array().unwrap();
            assert_eq!(page["chosen"]["state"], "hidden", "{place}");
            assert!(!chosen.is_empty() && chosen.iter().all(|state| state == "hidden"));
        }
        "draft" => {
            assert_eq!(heading, "ai.draft is allowed");
            assert_eq!(states["account.privateRevenue"], "hidden", "{place}");
            let masked = states["person.email"].as_str().unwrap();
            assert!(
                masked.starts_with("masked") || masked == "hidden",
                "{masked}"
            );
        }
        "refused" => {
            assert_eq!(heading, "support.view is refused");
            assert_eq!(states, &json!({}), "{place}");
            says("does not hold");
            says("needs");
        }
        "not-found" => {
            assert_eq!(heading, "No such customer in your view");
            assert_eq!(states, &json!({}), "{place}");
        }
        _ => {
            assert_eq!(heading, "No valid credential");
            says("Check the key");
        }
    }
}

/// Has a page used by its program; what was seen.
pub(crate) fn browse(page: &str, mut asked: Value) -> Value {
    use std::io::Write as _;

    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join(page);
    std::fs::create_dir_all(&screenshots).unwrap();
    asked["screenshots"] = json!(screenshots);
    let driver = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/browser")
        .join(format!("{page}.mjs"));
    let mut child = Command::new("node")
        .arg(driver)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(asked.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}
