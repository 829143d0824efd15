//! `kith demo`: what the README's first command shows.

use std::path::Path;

use kith_domain::Timestamp;
use kith_domain::time::MICROS_PER_SECOND;
use serde_json::Value as Json;

use crate::home::{Home, masked};

/// What a customer's `privateRevenue` is in the demo.
const PRIVATE: &str = "4800.00";

#[test]
fn it_shows_one_customer_as_three_see_them() {
    let home = Home::new();
    let out = home.ok("demo --once");
    insta::assert_snapshot!(masked(&out));
}

#[test]
fn running_it_again_is_harmless() {
    let home = Home::new();
    let first = home.json("demo --once");
    let second = home.json("demo --once");
    let total = first["messages"]["kept"].as_u64().unwrap();
    assert_eq!(first["messages"]["duplicates"], 0);
    assert_eq!(second["messages"]["duplicates"].as_u64(), Some(total));
    assert_eq!(second["messages"]["kept"], 0);
    for (one, other) in views(&first).zip(views(&second)) {
        let ids = |view: &Json| [view["account"]["id"].clone(), view["person"]["id"].clone()];
        assert_eq!(ids(one), ids(other));
        assert_eq!(one["definitionsVersion"], other["definitionsVersion"]);
        let journey = |view: &Json| view["journey"].as_array().unwrap().len();
        assert_eq!(journey(one), journey(other));
    }
    assert_eq!(home.json("members list").as_array().unwrap().len(), 5);
    let live = |key: &Json| key.get("revokedAt").is_none();
    let keys = home.json("keys list");
    assert!(
        !keys.as_array().unwrap().iter().any(live),
        "nobody was told these keys"
    );
}

#[test]
fn it_holds_sixty_accounts_and_four_hundred_people_of_whom_one_field_was_refused() {
    let home = Home::new();
    let demo = home.json("demo --once");
    assert_eq!(demo["messages"]["quarantined"], 1, "{}", demo["messages"]);
    let store = rusqlite::Connection::open(home.path().join("kith-data/kith.db")).unwrap();
    let count = |of: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {of}");
        store.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count("account"), 60);
    assert_eq!(count("person"), 400);
    assert_eq!(
        count("quarantine WHERE source = 'web'"),
        1,
        "a browser claimed a role"
    );
    let months = "(SELECT DISTINCT at / 2592000000000 FROM event)";
    assert!(count(months) >= 24, "two years of events");
    for unit in ["automation", "messaging", "payments"] {
        for region in ["eu", "us"] {
            let held = format!(
                "account WHERE fields ->> '$.\"account.businessUnit\"' = '{unit}' \
                 AND fields ->> '$.\"account.region\"' = '{region}'"
            );
            assert!(count(&held) >= 8, "{unit} in {region}: {}", count(&held));
        }
    }
}

#[test]
fn its_customer_is_on_the_sixth_day_of_a_trial_that_is_at_risk() {
    let home = Home::new();
    let demo = home.json("demo --once");
    let sam = views(&demo).next().unwrap();
    let value = |path: &str| sam.pointer(path).map(|field| &field["value"]);
    for (path, expect) in [
        ("/account/name", "Acme"),
        ("/account/plan", "growth"),
        ("/account/subscriptionStatus", "trialing"),
        ("/account/lifecycle", "activationRisk"),
        ("/account/lastCheckoutError", "card_declined"),
        ("/person/userId", "usr_2481"),
        ("/role/name", "Billing owner"),
    ] {
        assert_eq!(value(path).unwrap(), expect, "{path}");
    }
    let at = |json: &Json| Timestamp::parse(json.as_str().unwrap()).unwrap();
    let age = at(&sam["decidedAt"]).micros_since(at(value("/account/signupAt").unwrap()));
    assert_eq!(age / (86_400 * MICROS_PER_SECOND) + 1, 6, "trial day");
}

fn views(demo: &Json) -> impl Iterator<Item = &Json> {
    let views = demo["views"].as_array().unwrap();
    views.iter().map(|view| &view["context"])
}

#[test]
fn what_is_hidden_is_nowhere_in_the_output() {
    let home = Home::new();
    let json = home.json("demo --once");
    let [sam, lea, draft] = &views(&json).collect::<Vec<_>>()[..] else {
        panic!("three views");
    };
    assert_eq!(lea["account"]["privateRevenue"]["value"]["amount"], PRIVATE);
    for view in [sam, draft] {
        let text = view.to_string();
        for secret in [PRIVATE, "4800", "18000", "Sister of", "DE000000000", "4242"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
    assert!(!draft.to_string().contains("maya@"), "masked in a draft");
    assert!(!json["refusals"].to_string().contains(PRIVATE));

    let out = home.ok("demo --once");
    let header = out.lines().find(|line| line.starts_with("FIELD")).unwrap();
    let column = |name: &str| header[..header.find(name).unwrap()].chars().count();
    let rows: Vec<_> = out.lines().filter(|line| line.contains(PRIVATE)).collect();
    let [row] = rows[..] else {
        panic!("in one row alone: {rows:?}");
    };
    let at = row[..row.find(PRIVATE).unwrap()].chars().count();
    assert_eq!(at, column("lea"), "in the leader's column alone");
    for word in [
        "kith_member_",
        "kith_agent_",
        "kith_write_",
        "kith_public_",
        "eyJ",
    ] {
        assert!(!out.contains(word), "a secret is printed");
    }
}

#[test]
fn it_fits_narrow_terminals_and_has_no_colour_where_nothing_shows_it() {
    for columns in [80, 100, 140] {
        let home = Home::new().with("COLUMNS", &columns.to_string());
        let out = home.ok("demo --once");
        let table = out.lines().skip_while(|line| !line.starts_with("FIELD"));
        let table = table.take_while(|line| !line.is_empty());
        for line in table {
            assert!(line.chars().count() <= columns, "{line}");
        }
        assert!(!out.contains('\u{1b}'));
    }
}

/// A request, as a curl command has it.
struct Curl {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn curls(lines: &[String]) -> Vec<Curl> {
    let curls = lines.iter().filter(|line| line.starts_with("curl "));
    curls
        .map(|line| {
            let url = line
                .split_whitespace()
                .find(|word| word.starts_with("http"));
            let quoted: Vec<_> = line.split('\'').skip(1).step_by(2).collect();
            let (body, headers) = quoted.split_last().unwrap();
            let headers = headers.iter().map(|header| {
                let (name, value) = header.split_once(": ").unwrap();
                (name.to_owned(), value.to_owned())
            });
            Curl {
                url: url.unwrap().to_owned(),
                headers: headers.collect(),
                body: (*body).to_owned(),
            }
        })
        .collect()
}

#[tokio::test]
async fn what_it_invites_to_paste_works() {
    let home = Home::new().with("KITH_LISTEN", "127.0.0.1:0");
    let mut running = home.start("demo");
    let lines = running.lines_until(|line| line.starts_with("curl ") && line.contains("/v1/track"));
    let client = reqwest::Client::new();
    let ask = async |curl: &Curl| {
        let mut request = client.post(&curl.url).body(curl.body.clone());
        for (name, value) in &curl.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", curl.url);
        serde_json::from_slice::<Json>(&answer.bytes().await.unwrap()).unwrap()
    };
    let curls = curls(&lines);
    let [sam, lea, draft, event] = &curls[..] else {
        panic!("four commands");
    };
    let before = ask(sam).await;
    assert!(before["account"].get("privateRevenue").is_none());
    assert!(ask(lea).await["account"].get("privateRevenue").is_some());
    assert_eq!(ask(draft).await["signedIdentity"]["verified"], true);
    ask(event).await;
    let after = ask(sam).await;
    let journey = |answer: &Json| answer["journey"].as_array().unwrap().len();
    assert_eq!(journey(&after), journey(&before) + 1);

    // The account's page, with the key and the token that are printed beside its address.
    let printed = |name: &str| {
        let line = lines.iter().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}"))
            .trim()
            .to_owned()
    };
    let page = lines.iter().find(|line| line.contains("/accounts/acc_"));
    let page = page.unwrap();
    assert_eq!(client.get(page).send().await.unwrap().status(), 200);
    let (key, token) = (printed("sam's key"), printed("identity token"));
    let form = reqwest::Url::parse_with_params(
        "http://form/",
        [("key", key.as_str()), ("identityToken", token.as_str())],
    );
    let sent = client
        .post(page)
        .header("sec-fetch-site", "same-origin")
        .body(form.unwrap().query().unwrap().to_owned());
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let html = answer.text().await.unwrap();
    for words in [
        "<h1>Acme</h1>",
        "Trial day 6",
        "Billing owner",
        "Checkout risk",
        "usr_2481",
        "Growth trial",
        "Activation risk",
        "Signed identity verified",
        "Private revenue hidden",
        "AI context allowed",
    ] {
        assert!(html.contains(words), "`{words}` in {html}");
    }
    assert!(!html.contains(PRIVATE) && !html.contains(&key));

    // A run that ends at once leaves the keys of the one that serves alone.
    home.ok("demo --once");
    ask(sam).await;
    assert_eq!(running.end("INT").code, 0);
}

/// The draft lies over the definitions: what is not in it stays as it is.
#[test]
fn its_draft_moves_conversations_and_shows_nobody_more() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    let home = Home::new();
    for (folder, sources) in [
        ("old", &["definitions"][..]),
        ("new", &["definitions", "draft"]),
    ] {
        for source in sources {
            copy(&demo.join(source), &home.path().join(folder));
        }
    }
    let said = home.ok("policy diff old new");
    insta::assert_snapshot!(said);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
