//! What was acknowledged survives: the writer's death, and that of the database server.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kith_domain::id::AuditId;
use kith_store::audit::{AuditFilter, AuditRow, FieldSet};
use kith_store::{Db, feed};
use kith_testkit::Cluster;

use crate::transactions::change;
use crate::{Store, at, promises, read, uuid, write};

promises! { what_was_acknowledged_survives_the_death_of_the_writer }

const CHILD: &str = "KITH_TEST_CRASH_URL";

/// Not a promise by itself: with the variable set, the writer that the promise above kills.
#[tokio::test]
async fn writer_to_be_killed() {
    let Ok(url) = std::env::var(CHILD) else {
        return;
    };
    let db = Db::open(&url.parse().unwrap(), "node-a").await.unwrap();
    let ws = kith_domain::id::WorkspaceId(1);
    for number in 1.. {
        let seq = write!(db, ws, |tx| feed::append_many(tx, ws, &[change(number)])).unwrap();
        db.audit_append(entry(ws, number)).await.unwrap();
        println!("acknowledged {seq}");
    }
}

fn entry(ws: kith_domain::id::WorkspaceId, number: u128) -> AuditRow {
    AuditRow {
        workspace: ws,
        id: AuditId::from_uuid(uuid(number)),
        at: at(1),
        leaf: vec![1],
        actor: "mem_1".into(),
        credential: "key_1".into(),
        on_behalf_of: None,
        purpose: kith_domain::Purpose::SupportView,
        action: "context.read".into(),
        verdict: "allowed".into(),
        account: None,
        person: None,
        lookup_hash: None,
        fields: FieldSet {
            hash: [0; 32],
            names: vec![],
        },
        statements: vec![],
        definitions_version: 1,
        definitions_hash: String::new(),
        position: 0,
    }
}

async fn what_was_acknowledged_survives_the_death_of_the_writer(store: Store) {
    let url = match &store.place {
        crate::Place::Folder(folder) => {
            format!("sqlite:{}", folder.path().join("kith-data").display())
        }
        crate::Place::Database(database) => database.url().to_owned(),
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::writer_to_be_killed", "--nocapture"])
        .env(CHILD, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<i64>().ok())
        .find(|seq| *seq >= 40)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let db = store.again().await;
    let ws = store.ws;
    let kept = read!(db, ws, |tx| tx.position()).unwrap();
    assert!(kept >= acknowledged, "{kept} of {acknowledged}");
    let filter = AuditFilter {
        limit: 10_000,
        ..AuditFilter::default()
    };
    let entries = db.audit_search(ws, &filter).await.unwrap();
    assert!(entries.len() as i64 >= acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_crash_of_postgres() {
    let cluster = Cluster::private().await.unwrap();
    let store = Store::in_cluster(&cluster).await;
    let (db, ws) = (store.db.clone(), store.ws);
    let acknowledged = Arc::new(AtomicI64::new(0));
    let last = Arc::clone(&acknowledged);
    let writing = tokio::spawn(async move {
        loop {
            match write!(db, ws, |tx| feed::append_many(tx, ws, &[change(1)])) {
                Ok(seq) => last.store(seq, Ordering::SeqCst),
                Err(error) => return error,
            }
        }
    });
    while acknowledged.load(Ordering::SeqCst) < 40 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cluster.crash().await.unwrap();
    let error = writing.await.unwrap();
    assert!(error.is_transient(), "{error:?}");

    // The same store works again as soon as the server has recovered.
    let mut kept = read!(store.db, ws, |tx| tx.position());
    for _ in 0..200 {
        if kept.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        kept = read!(store.db, ws, |tx| tx.position());
    }
    let kept = kept.unwrap();
    assert!(kept >= acknowledged.load(Ordering::SeqCst));
    let next = write!(store.db, ws, |tx| feed::append_many(tx, ws, &[change(1)])).unwrap();
    assert_eq!(next, kept + 1);
    store.db.audit_append(entry(ws, 1)).await.unwrap();
}
