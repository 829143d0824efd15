//! Setting up a workspace from nothing, with the real binary beside a running server, on both stores.

use std::thread;

use kith_testkit::Cluster;
use serde_json::{Value as Json, json};

use crate::home::{Home, Said, masked};
use crate::serve;

pub(crate) const DEFINITIONS: [(&str, &str); 4] = [
    (
        "defs/workspace.toml",
        "edition = 2026\n\n[lookups]\nuserId = [\"support.view\", \"ai.draft\"]\ngroupId = [\"support.view\", \"ai.draft\"]\n",
    ),
    (
        "defs/fields/account.toml",
        r#"[plan]
type = "string"
owner = "RevOps"
description = "The plan."
sensitivity = "internal"
safe_for = ["support", "ai"]

[privateRevenue]
type = "decimal"
currency = "EUR"
owner = "RevOps"
description = "Never to be told."
sensitivity = "restricted"
safe_for = ["support"]
"#,
    ),
    (
        "defs/fields/person.toml",
        r#"[email]
type = "string"
identifier = "email"
owner = "Platform"
description = "Where they sign in."
sensitivity = "confidential"
safe_for = ["support"]
mask = "email"
"#,
    ),
    (
        "defs/policies/support.kith",
        "allow support.view\nwhen user.role == \"support\"\n\nmask person.email with email\n",
    ),
];

/// Delivers one event batch to a server.
pub(crate) async fn deliver(url: &str, key: &str, events: Json) {
    let sent = reqwest::Client::new()
        .post(format!("{url}/v1/batch"))
        .basic_auth(key, Some(""))
        .json(&json!({ "batch": events }))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
}

/// The whole life of a workspace, told by what the commands print.
async fn flow(home: &Home) -> String {
    let mut story = String::new();
    let mut tell = |line: &str| {
        let Said { code, out, err } = home.run(line);
        let told = format!("$ kith {line}\n{out}{err}[{code}]\n\n");
        story.push_str(&masked(&told));
    };
    for (path, text) in DEFINITIONS {
        home.write(path, text);
    }
    tell("keys list");
    tell("workspaces create acme");
    tell("workspaces create acme");
    tell("members add sam --role support --region eu");
    tell("members add ivo --role sales");
    tell("agents add drafter --kind ai");
    tell("members list");
    tell("keys create --member nobody");

    let key = |line: &str| home.json(line)["key"].as_str().unwrap().to_owned();
    let sam = key("keys create --member sam");
    let ivo = key("keys create --member ivo");
    let product = key("keys create --source product --label shop");
    // Before there are definitions, nothing can be decided.
    tell(&format!("context --key {sam} --person userId:usr_1"));
    tell("definitions load defs --message first");
    tell("definitions load defs");

    let (server, url) = serve::start(home);
    deliver(
        &url,
        &product,
        json!([
            {"type": "group", "messageId": "1", "groupId": "ws_1", "traits": {"plan": "growth", "privateRevenue": 4711}},
            {"type": "identify", "messageId": "2", "userId": "usr_1", "traits": {"email": "ada@acme.example"}, "context": {"groupId": "ws_1"}},
        ]),
    )
    .await;
    tell(&format!("context --key {sam} --person userId:usr_1"));
    tell(&format!("policy explain --key {sam} --person userId:usr_1"));
    tell(&format!("context --key {sam} --person userId:usr_2"));
    tell(&format!("context --key {ivo} --person userId:usr_1"));
    tell(&format!(
        "policy explain --key {ivo} --person userId:usr_1 account.plan"
    ));
    let refused = home.fails(
        3,
        &format!("context --key {ivo} --person userId:usr_1 --json"),
    );
    let refused: Json = serde_json::from_str(&refused).unwrap();
    assert!(refused["auditId"].as_str().unwrap().starts_with("aud_"));
    assert_eq!(refused["reasons"][0]["code"], "not-met");

    // A key that is revoked beside a running server is refused by it at once.
    let sam_key = home.json("keys list")[0]["id"].as_str().unwrap().to_owned();
    tell(&format!("keys revoke {sam_key}"));
    tell(&format!("keys revoke {sam_key}"));
    tell(&format!("context --key {sam} --person userId:usr_1"));
    let ask = json!({ "purpose": "support.view", "subject": { "person": { "type": "userId", "value": "usr_1" } } });
    let asked = reqwest::Client::new().post(format!("{url}/v1/context"));
    let asked = asked.bearer_auth(&sam).json(&ask).send().await.unwrap();
    assert_eq!(asked.status(), 401);

    tell("secrets add --method rs256");
    home.write("secret.txt", "0123456789abcdef0123456789abcdef0123\n");
    tell("secrets add --method hs256 --kid k1 --file secret.txt");
    let secret = home.json("secrets list")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    tell(&format!("secrets revoke {secret}"));
    tell("secrets list");
    tell("keys list");
    tell("audit search --actor sam");
    tell("audit search --outcome refused");
    tell("audit search --field person.email:email");
    tell("audit search --actor nobody");
    tell("audit search --since yesterday");
    tell("audit search");
    assert_eq!(server.end("TERM").code, 0);
    story
}

#[tokio::test]
async fn a_workspace_from_nothing_to_its_audit() {
    let home = Home::new().with("KITH_LISTEN", "127.0.0.1:0");
    let story = flow(&home).await;
    assert!(!story.contains("4711"), "a hidden value was printed");
    assert!(!story.contains("ada@"), "a masked value was printed");
    insta::assert_snapshot!("story", story);
}

#[tokio::test]
async fn the_same_on_postgresql() {
    let database = Cluster::shared().await.unwrap().database().await.unwrap();
    let home = Home::new()
        .with("KITH_LISTEN", "127.0.0.1:0")
        .with("KITH_STORE_URL", database.url());
    let story = flow(&home).await;
    insta::assert_snapshot!("story", story);
}

#[test]
fn which_workspace_must_be_clear() {
    let home = Home::new();
    home.ok("workspaces create one");
    home.ok("members add sam");
    home.ok("workspaces create two");
    let err = home.fails(2, "members list");
    assert!(
        err.contains("which workspace? name one with `--workspace`: `one`, `two`"),
        "{err}"
    );
    assert_eq!(home.json("members list -w one")[0]["name"], "sam");
    assert_eq!(home.json("members list --workspace two"), json!([]));
    let err = home.fails(2, "members list -w three");
    assert!(
        err.contains("no workspace has that name: known are `one`, `two`"),
        "{err}"
    );
}

#[test]
fn commands_that_run_at_once_do_not_get_in_each_others_way() {
    let home = Home::new().with("KITH_LISTEN", "127.0.0.1:0");
    home.ok("workspaces create acme");
    let (server, _) = serve::start(&home);
    thread::scope(|scope| {
        for number in 0..6 {
            let home = &home;
            scope.spawn(move || home.ok(&format!("members add m{number} --role support")));
        }
    });
    let entries = home.json("audit search --actor operator");
    let mut places: Vec<_> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["stream"].as_str().unwrap(),
                entry["seq"].as_i64().unwrap(),
            )
        })
        .collect();
    places.sort_unstable();
    let expect: Vec<_> = (1..=6).map(|seq| ("cli/change", seq)).collect();
    assert_eq!(places, expect);
    assert_eq!(server.end("TERM").code, 0);
}
