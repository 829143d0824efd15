//! `kith doctor`: each finding is provoked, told with what to do, and gone once that is done.

use std::collections::BTreeMap;

use kith_testkit::{Home as Place, Store};
use serde_json::json;

use crate::admin::{DEFINITIONS, deliver};
use crate::home::Home;
use crate::serve;

#[tokio::test]
async fn what_is_wrong_with_sqlite_is_told() {
    findings(Store::Sqlite).await;
}

#[tokio::test]
async fn what_is_wrong_with_postgresql_is_told() {
    findings(Store::Postgres).await;
}

/// The exit code, and each check's state and what it says.
type Looked = (i32, BTreeMap<String, (String, String)>);

fn look(home: &Home) -> Looked {
    let said = home.run("doctor --json");
    let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let checks = told["checks"].as_array().unwrap().iter().map(|check| {
        let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
        let is_ok = text("state") == "ok";
        assert_eq!(text("next").is_empty(), is_ok, "what to do: {check}");
        (text("check"), (text("state"), text("found")))
    });
    (said.code, checks.collect())
}

/// One check has this state and says this; every other one that is not about the machine is well.
#[track_caller]
fn expect((code, mut checks): Looked, check: &str, state: &str, words: &str) {
    let (found, said) = checks.remove(check).unwrap();
    assert!(
        found == state && said.contains(words),
        "{check}: {found}: {said}"
    );
    assert_eq!(code, i32::from(state == "problem"), "{said}");
    // How much room this machine has is its own affair.
    checks.remove("disk");
    for (check, (state, said)) in checks {
        assert_eq!(state, "ok", "{check}: {said}");
    }
}

async fn findings(store: Store) {
    let place = Place::fresh(store).await;
    let home = Home::new()
        .with("KITH_STORE_URL", &place.setting())
        .with("KITH_LISTEN", "127.0.0.1:0")
        .with("KITH_AUDIT_KEY_FILE", "key")
        .with("COLUMNS", "500");
    expect(look(&home), "store", "problem", "there is none");
    expect(look(&home), "store", "problem", "there is none");

    home.ok("workspaces create acme");
    home.ok("members add sam --role support");
    expect(look(&home), "definitions", "problem", "none are published");
    for (path, text) in DEFINITIONS {
        home.write(path, text);
    }
    home.ok("definitions load defs");
    home.ok("keys create --member sam");
    expect(look(&home), "definitions", "ok", "version 1");

    let source = home.json("keys create --source product");
    let (server, url) = serve::start(&home);
    let wrong = json!({"type": "identify", "userId": "usr_1", "messageId": "m-1", "traits": {"uncatalogued": 1}});
    deliver(&url, source["key"].as_str().unwrap(), json!([wrong])).await;
    assert_eq!(server.end("TERM").code, 0);
    expect(look(&home), "quarantine", "warning", "1 refused and kept");
    place
        .column("UPDATE quarantine SET status = 'dropped' RETURNING 'done'")
        .await;
    home.ok("audit checkpoint");
    expect(look(&home), "audit log", "ok", "as they were signed");
    expect(look(&home), "audit key", "ok", "this user's alone");

    // The key.
    let path = |name: &str| home.path().join(name);
    std::fs::rename(path("key"), path("away")).unwrap();
    std::fs::create_dir(path("key")).unwrap();
    let (code, checks) = look(&home);
    assert_eq!(code, 1);
    for check in ["audit key", "audit log"] {
        assert_eq!(checks[check].0, "problem", "{checks:?}");
        assert!(checks[check].1.contains("cannot be read"), "{checks:?}");
    }
    std::fs::remove_dir(path("key")).unwrap();
    std::fs::rename(path("away"), path("key")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let allow = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path("key"), mode).unwrap();
        };
        allow(0o644);
        expect(
            look(&home),
            "audit key",
            "problem",
            "other users of this machine can read",
        );
        allow(0o600);
    }

    // The log.
    let change = |what: &str| {
        format!("UPDATE audit SET {what} WHERE stream = 'cli/change' AND seq = 2 RETURNING 'done'")
    };
    place.column(&change("verdict = 'refused'")).await;
    expect(
        look(&home),
        "audit log",
        "problem",
        "is found by another `verdict`",
    );
    place.column(&change("verdict = 'allowed'")).await;
    home.write("kept", &home.ok("audit checkpoint"));
    home.write(
        "of-another-log",
        &home.ok("audit checkpoint").replace("kith/", "kith/0"),
    );
    let kept = |file: &str| {
        let said = home.run_with("KITH_AUDIT_CHECKPOINT_FILE", file, "doctor");
        (said.code, said.out)
    };
    assert_eq!(kept("kept").0, 0);
    let (code, told) = kept("of-another-log");
    assert!(
        code == 0 && told.contains("no checkpoint of it was kept"),
        "{told}"
    );
    let later = "at = at + 3600000000";
    place.column(&change(later)).await;
    let (code, checks) = look(&home);
    assert!(code == 1 && checks["clock"].0 == "problem", "{checks:?}");
    place.column(&change("at = at - 3600000000")).await;

    // Entries that nothing folds: they are two minutes old.
    home.ok("members add kim");
    let age = "UPDATE audit SET at = at - 120000000 WHERE action = 'member.add' AND seq > 2 RETURNING 'done'";
    assert_eq!(place.column(age).await.len(), 1);
    expect(
        look(&home),
        "folding",
        "warning",
        "1 entry is not in the log's tree",
    );
    place
        .column(&age.replace("- 120000000", "+ 120000000"))
        .await;
    home.ok("audit checkpoint");

    // A key of old.
    let age = "UPDATE key SET created_at = created_at - 3456000000000 RETURNING 'done'";
    assert_eq!(place.column(age).await.len(), 2);
    expect(
        look(&home),
        "keys",
        "warning",
        "1 key of 30 days and more never used",
    );

    // Where others can reach it.
    let open = home.run_with("KITH_LISTEN", "0.0.0.0:7600", "doctor");
    assert_eq!(open.code, 0, "{}", open.out);
    assert!(open.out.contains("let nothing else reach"), "{}", open.out);

    // Of an older Kith: nothing is upgraded.
    match store {
        Store::Sqlite => place.column("PRAGMA user_version = 3").await,
        Store::Postgres => {
            let older = "DELETE FROM schema_version WHERE version > 3 RETURNING 'done'";
            place.column(older).await
        }
    };
    for _ in 0..2 {
        expect(
            look(&home),
            "store",
            "warning",
            "schema version 3 of an older Kith",
        );
    }
}

#[test]
fn a_store_that_cannot_be_reached_is_a_problem() {
    let home = Home::new();
    home.write("file", "not a folder");
    for url in [
        "sqlite:./file/data",
        "postgres://kith:hunter2@127.0.0.1:1/kith",
    ] {
        let home = Home::new().with("KITH_STORE_URL", url);
        home.write("file", "not a folder");
        let (code, checks) = look(&home);
        assert_eq!(
            (code, checks["store"].0.as_str()),
            (1, "problem"),
            "{checks:?}"
        );
        let shown = home.run("doctor");
        assert!(!shown.out.contains("hunter2") && !shown.err.contains("hunter2"));
    }
}
