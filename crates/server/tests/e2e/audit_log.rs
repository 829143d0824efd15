//! The audit log as a tree that anyone can check.

use kith_engine::{AuditActor, AuditQuery, Engine};
use kith_testkit::{Store, TestApp};

crate::promises! { nodes_that_write_and_fold_at_once_make_one_log }

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
