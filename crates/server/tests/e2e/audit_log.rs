//! The audit log as a tree that anyone can check.

use kith_engine::{AuditActor, AuditQuery, Engine};
use kith_testkit::app::client::account;
use kith_testkit::{Folder, Store, TestApp};
use reqwest::Method;
use serde_json::json;

use crate::clients::{driver, installed};

crate::promises! {
    nodes_that_write_and_fold_at_once_make_one_log,
    the_log_is_found_by_what_it_says,
    a_client_of_another_maker_checks_the_log,
}

async fn look(engine: Engine, app: kith_domain::id::WorkspaceId) {
    let query = AuditQuery {
        limit: 1,
        ..AuditQuery::default()
    };
    engine
        .audit_search(app, AuditActor::operator(), query)
        .await
        .unwrap();
}

async fn nodes_that_write_and_fold_at_once_make_one_log(store: Store) {
    let app = TestApp::start(store).await;
    let ws = app.id();
    // On SQLite there is one process; two handles of it stand for its threads.
    let second = match store {
        Store::Sqlite => app.engine().clone(),
        Store::Postgres => Engine::open(app.home().url(), "second", app.runtime().clone())
            .await
            .unwrap(),
    };
    let mut tasks = Vec::new();
    for engine in [app.engine().clone(), second.clone()] {
        for _ in 0..4 {
            let (writer, folder) = (engine.clone(), engine.clone());
            tasks.push(tokio::spawn(async move {
                for _ in 0..40 {
                    look(writer.clone(), ws).await;
                }
            }));
            tasks.push(tokio::spawn(async move {
                for _ in 0..20 {
                    folder.fold_audit_log(ws).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    second.fold_audit_log(ws).await.unwrap();
    let kept = app.engine().audit_checkpoint(ws).await.unwrap().unwrap();
    look(app.engine().clone(), ws).await;
    app.engine().fold_audit_log(ws).await.unwrap();
    for engine in [app.engine(), &second] {
        let report = engine
            .verify_audit_log(ws, AuditActor::operator(), Some(&kept.checkpoint))
            .await
            .unwrap();
        assert_eq!(report.faults, []);
        assert!(report.size > 320, "{report:?}");
        assert_eq!(report.kept, Some(kept.size));
    }
    let count = "SELECT count(*) FROM audit_tree t WHERE 1 = (SELECT count(*) FROM audit_tree o
        WHERE o.workspace = t.workspace AND o.stream = t.stream AND o.seq = t.seq)";
    if store == Store::Postgres {
        let streams = "SELECT DISTINCT stream FROM audit_tree ORDER BY 1";
        assert!(
            app.home()
                .column(streams)
                .await
                .contains(&"second/read".to_owned())
        );
        let one = app.home().column(count).await;
        let all = app.home().column("SELECT count(*) FROM audit_tree").await;
        assert_eq!(one, all, "each entry is one leaf");
    }
}

/// A workspace whose leader Lea may read the log.
async fn with_an_auditor(store: Store) -> TestApp {
    let auditing = "allow audit.view\nwhen user.role == \"leadership\"\n";
    let folder = Folder::standard().with("policies/audit.kith", auditing);
    TestApp::with_definitions(store, folder).await
}

async fn the_log_is_found_by_what_it_says(store: Store) {
    let app = with_an_auditor(store).await;
    app.source("product")
        .deliver([
            json!({"type": "group", "userId": "usr_1", "groupId": "acme",
                         "traits": {"plan": "growth", "region": "eu", "name": "Acme"}}),
        ])
        .await;
    let (sam, lea) = (app.as_member("sam"), app.as_member("lea"));
    let mut about = String::new();
    for _ in 0..3 {
        app.clock.advance_seconds(60);
        let seen = sam.ask("support.view", account("acme")).await.expect(200);
        assert_eq!(seen.value("account.name"), "Acme");
        about = seen.json["account"]["id"].as_str().unwrap().to_owned();
    }
    let missed = sam
        .ask("support.view", account("never-was"))
        .await
        .expect(404);

    let find = async |query: &str| {
        let path = format!("/v1/audit?{query}");
        let answer = lea.send(Method::GET, &path, "").await.expect(200);
        let items = answer.json["items"].as_array().unwrap().clone();
        (items, answer.json["nextCursor"].clone())
    };
    let reads = "purpose=support.view&outcome=allowed&field=account.plan";
    let (found, _) = find(reads).await;
    assert_eq!(found.len(), 3);
    let actor = found[0]["actor"].as_str().unwrap().to_owned();
    assert!(actor.starts_with("member:mem_"), "{actor}");
    let (found, _) = find(&format!("subject={about}&actor={actor}")).await;
    assert_eq!(found.len(), 3);
    let (found, _) = find("outcome=notFound").await;
    assert_eq!(found[0]["id"], missed.audit_id());
    let newest = found[0]["at"].as_str().unwrap().to_owned();
    let (found, _) = find(&format!("{reads}&until={newest}")).await;
    assert_eq!(found.len(), 2, "the third is of that very time");
    let (found, _) = find(&format!("{reads}&since={newest}")).await;
    assert_eq!(found.len(), 1);

    // Page by page, and only by whom the cursor was given to, for the same question.
    let (first, cursor) = find(&format!("{reads}&limit=2")).await;
    let cursor = cursor.as_str().unwrap();
    let (second, end) = find(&format!("{reads}&limit=2&cursor={cursor}")).await;
    assert_eq!((first.len(), second.len(), end.is_null()), (2, 1, true));
    let other = format!("/v1/audit?limit=2&cursor={cursor}");
    lea.send(Method::GET, &other, "").await.expect(400);
    lea.send(Method::GET, "/v1/audit?limit=201", "")
        .await
        .expect(400);

    // Who may not, may not, and that is an entry; and so is each look.
    let refused = sam.send(Method::GET, "/v1/audit", "").await.expect(403);
    let (found, _) = find("purpose=audit.view&outcome=refused").await;
    assert_eq!(found[0]["id"], refused.audit_id());
    let (found, _) = find("purpose=audit.view&outcome=allowed&limit=200").await;
    assert_eq!(found.len(), 8, "the looks that were allowed so far");
    for path in [
        "checkpoint",
        "tile/0/000",
        "inclusion?index=0",
        "consistency?from=1",
    ] {
        let path = format!("/v1/audit/log/{path}");
        sam.send(Method::GET, &path, "").await.expect(403);
        app.anonymous()
            .send(Method::GET, &path, "")
            .await
            .expect(401);
    }
}

async fn a_client_of_another_maker_checks_the_log(store: Store) {
    let app = with_an_auditor(store).await;
    let ws = app.id();
    let lea = app.as_member("lea");
    let get = async |path: &str| {
        let path = format!("/v1/audit/log/{path}");
        lea.send(Method::GET, &path, "").await
    };
    assert_eq!(get("checkpoint").await.expect(404).problem(), "not-in-log");
    app.engine().fold_audit_log(ws).await.unwrap();
    let kept = get("checkpoint").await.expect(200).text;
    // More than a full tile, so that there is a level above.
    for _ in 0..300 {
        look(app.engine().clone(), ws).await;
    }
    app.engine().fold_audit_log(ws).await.unwrap();
    let newest = app.engine().audit_checkpoint(ws).await.unwrap().unwrap();
    assert!(newest.size > 300);

    let name = format!("kept-{store:?}-{}", std::process::id());
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, &kept).unwrap();
    let output = std::process::Command::new(installed("KITH_TEST_PYTHON"))
        .arg(driver("python/check_log.py"))
        .args([app.url(), lea.key(), &newest.verifier])
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["size"], newest.size);
    let actions = said["actions"].as_array().unwrap();
    for action in ["member.add", "audit.search", "audit.checkpoint"] {
        assert!(actions.contains(&json!(action)), "{said}");
    }

    // An entry is proven by its id, once it is folded.
    let fresh = get("checkpoint").await.expect(200);
    let looked = lea.send(Method::GET, "/v1/audit", "").await.expect(200);
    let path = format!("inclusion?entry={}", looked.audit_id());
    get(&path).await.expect(404);
    app.engine().fold_audit_log(ws).await.unwrap();
    let proof = get(&path).await.expect(200).json;
    assert!(proof["index"].as_u64().unwrap() >= newest.size);
    assert_ne!(proof["checkpoint"].as_str().unwrap(), fresh.text);
    for nothing in [
        "tile/0/999",
        "tile/0/000.p/0",
        "tile/9/000",
        "tile/entries/001",
        "tile/x",
        "inclusion?index=99999",
        "inclusion?index=3&size=3",
        "consistency?from=0",
        "consistency?from=9&to=8",
        "consistency?from=1&to=99999",
        "inclusion?entry=aud_00000000000000000000000000",
    ] {
        get(nothing).await.expect(404);
    }
    for nonsense in [
        "inclusion",
        "inclusion?index=1&entry=x",
        "consistency?from=-1",
    ] {
        get(nonsense).await.expect(400);
    }
}
