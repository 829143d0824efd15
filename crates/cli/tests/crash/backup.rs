//! A backup that is taken while facts are delivered and customers looked at is the store of one
//! instant: whatever was acknowledged before is in it, and its log proves it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kith_testkit::app::client::{person, person_in};
use kith_testkit::{Client, Home, Source, Store};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::server::Server;
use crate::{event, stored, workspace};

/// How many clients deliver at once.
const CLIENTS: usize = 3;
/// Messages in one delivery.
const BATCH: usize = 10;
/// How long the load lasts before the backup and after it.
const LOAD: Duration = Duration::from_millis(300);

macro_rules! on_both {
    ($($name:ident),*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(kith_testkit::Store::Sqlite).await; })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(kith_testkit::Store::Postgres).await; })*
        }
    };
}

on_both! {
    a_backup_under_load_restores_to_a_state_that_the_log_proves,
    what_the_log_does_not_prove_is_told,
    nothing_is_restored_from_what_is_damaged_nor_over_what_is_there,
    a_restore_that_fails_half_way_leaves_nothing,
    what_was_signed_is_held_against_what_is_restored,
    a_store_of_an_older_kith_is_not_upgraded_to_be_backed_up
}

/// What was acknowledged so far.
#[derive(Default)]
struct Acknowledged {
    facts: Mutex<BTreeSet<String>>,
    answers: Mutex<BTreeSet<String>>,
    stop: AtomicBool,
}

impl Acknowledged {
    fn so_far(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        (self.facts.lock().clone(), self.answers.lock().clone())
    }

    async fn deliver(self: Arc<Self>, source: Source, client: usize) {
        let mut batch = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let ids: Vec<String> = (0..BATCH)
                .map(|n| format!("client-{client}-{batch}-{n}"))
                .collect();
            source.deliver(ids.iter().map(|id| event(id))).await;
            self.facts.lock().extend(ids);
            batch += 1;
        }
    }

    async fn look(self: Arc<Self>, client: Client) {
        while !self.stop.load(Ordering::Relaxed) {
            let seen = client.ask("support.view", person("usr_1")).await;
            self.answers.lock().insert(seen.audit_id().to_owned());
        }
    }
}

async fn a_backup_under_load_restores_to_a_state_that_the_log_proves(store: Store) {
    let home = Home::fresh(store).await;
    let cast = workspace(&home).await;
    let server = Server::start(&home, "warn").await;
    let desk = server.desk(&cast);
    desk.source("segment")
        .deliver([
            json!({"type": "group", "userId": "usr_1", "groupId": "acme", "traits": {"plan": "growth", "name": "Acme"}}),
        ])
        .await;
    let known = desk
        .as_member("lea")
        .ask("support.view", person_in("usr_1", "acme"))
        .await
        .expect(200);

    let load = Arc::new(Acknowledged::default());
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(Arc::clone(&load).deliver(desk.source("segment"), client)))
        .collect();
    clients.push(tokio::spawn(Arc::clone(&load).look(desk.as_member("lea"))));
    tokio::time::sleep(LOAD).await;
    let (facts, answers) = load.so_far();
    let place = tempfile::tempdir().unwrap();
    let backup = place.path().join("backup");
    let manifest = kith(&home, &["backup"], &backup).await.expect(0);
    let (later, _) = load.so_far();
    tokio::time::sleep(LOAD).await;
    load.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert!(
        !facts.is_empty() && !answers.is_empty(),
        "it was under load"
    );
    assert!(later.len() > facts.len(), "facts went on coming in");
    let (all, _) = load.so_far();

    let restored = Home::fresh(store).await;
    let said = kith(&restored, &["restore"], &backup).await.expect(0);
    assert_eq!(said["unproven"], json!([]), "{said}");
    assert_eq!(said["workspaces"], 1);
    let number = |value: &Value| value.as_u64().unwrap();
    let ends = manifest["contents"]["streams"].as_array().unwrap();
    let entries: u64 = ends.iter().map(|end| number(&end["entries"])).sum();
    assert_eq!(number(&said["entries"]), entries);

    // What was acknowledged before is there once; nothing is there that nobody delivered.
    let there = stored(&restored).await;
    for fact in &facts {
        assert_eq!(there.get(fact), Some(&1), "`{fact}` was acknowledged");
    }
    let all: BTreeSet<&String> = all.iter().collect();
    assert!(there.keys().all(|fact| all.contains(fact)));
    // So is the entry of each answer that was given before; and no stream has a gap.
    let log = log(&restored).await;
    let ids: BTreeSet<&str> = log
        .iter()
        .map(|entry| entry.leaf["id"].as_str().unwrap())
        .collect();
    assert!(answers.iter().all(|id| ids.contains(id.as_str())));
    assert!(
        log.iter()
            .any(|entry| entry.leaf["action"] == "store.backup")
    );
    let mut streams: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for entry in &log {
        streams.entry(&entry.stream).or_default().insert(entry.seq);
    }
    for (stream, numbers) in &streams {
        let whole: BTreeSet<u64> = (1..=numbers.len() as u64).collect();
        assert_eq!(*numbers, whole, "{stream}");
    }

    // It serves: keys open it, ids are the same, and what was delivered is known.
    let server = Server::start(&restored, "warn").await;
    let desk = server.desk(&cast);
    let again = desk
        .as_member("lea")
        .ask("support.view", person_in("usr_1", "acme"))
        .await
        .expect(200);
    for path in ["person", "account"] {
        assert_eq!(again.json[path]["id"], known.json[path]["id"], "{path}");
    }
    assert_eq!(again.value("account.plan"), "growth");
    let facts: Vec<&String> = facts.iter().collect();
    for ids in facts.chunks(100) {
        let again = ids.iter().map(|id| event(id));
        desk.source("segment").deliver(again).await;
    }
    assert_eq!(stored(&restored).await, there);
}

async fn what_the_log_does_not_prove_is_told(store: Store) {
    let home = Home::fresh(store).await;
    workspace(&home).await;
    let place = tempfile::tempdir().unwrap();
    let unproven = async |name: &str| {
        let backup = place.path().join(name);
        kith(&home, &["backup"], &backup).await.expect(0);
        let restored = Home::fresh(store).await;
        let said = kith(&restored, &["restore"], &backup).await.expect(1);
        let found: Vec<String> = serde_json::from_value(said["unproven"].clone()).unwrap();
        found.join("\n")
    };
    let delete = |which: &str| format!("DELETE FROM audit WHERE {which} RETURNING 'gone'");
    home.column(&delete("stream = 'setup/change' AND seq = 2"))
        .await;
    let found = unproven("a gap").await;
    assert!(
        found.contains("the stream `setup/change` goes up to"),
        "{found}"
    );
    assert!(!found.contains("who published"), "{found}");
    home.column(&delete("action = 'definitions.publish'")).await;
    let found = unproven("a change that nobody made").await;
    assert!(
        found.contains("no entry says who published version 1"),
        "{found}"
    );
    home.column("UPDATE audit SET verdict = 'refused' WHERE seq = 3 AND stream = 'setup/change' RETURNING 'done'")
        .await;
    let found = unproven("an entry that was altered").await;
    assert!(found.contains("its columns and its leaf differ"), "{found}");
}

async fn nothing_is_restored_from_what_is_damaged_nor_over_what_is_there(store: Store) {
    let home = Home::fresh(store).await;
    workspace(&home).await;
    let place = tempfile::tempdir().unwrap();
    let backup = place.path().join("backup");
    let manifest = kith(&home, &["backup"], &backup).await.expect(0);

    let over = kith(&home, &["restore"], &backup).await;
    assert_eq!(over.code, 1);
    assert!(over.err.contains("name "), "{}", over.err);
    let again = kith(&home, &["backup"], &backup).await;
    assert!(
        again.err.contains("the folder is not empty"),
        "{}",
        again.err
    );

    let file = manifest["contents"]["files"][0].as_str().unwrap();
    let path = backup.join(file);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [whole.as_slice(), b"x"].concat()).unwrap();
    let target = Home::fresh(store).await;
    let damaged = kith(&target, &["restore"], &backup).await;
    assert_eq!(damaged.code, 1);
    let expect = format!("`{file}` is not as it was when the backup was taken");
    assert!(damaged.err.contains(&expect), "{}", damaged.err);
    std::fs::write(&path, whole).unwrap();

    let manifest = backup.join("manifest.json");
    std::fs::rename(&manifest, place.path().join("away")).unwrap();
    let unfinished = kith(&target, &["restore"], &backup).await;
    assert_eq!(unfinished.code, 2);
    assert!(
        unfinished.err.contains("is no backup"),
        "{}",
        unfinished.err
    );
    std::fs::rename(place.path().join("away"), &manifest).unwrap();
    // None of these left anything behind.
    kith(&target, &["restore"], &backup).await.expect(0);
}

async fn a_restore_that_fails_half_way_leaves_nothing(store: Store) {
    let home = Home::fresh(store).await;
    workspace(&home).await;
    let place = tempfile::tempdir().unwrap();
    let backup = place.path().join("backup");
    let mut manifest = kith(&home, &["backup"], &backup).await.expect(0);
    // Its last database or table is none, and the hash says that it was so from the start.
    let hashes = manifest["hashes"].as_array_mut().unwrap();
    let last = |file: &&mut Value| {
        let name = file["name"].as_str().unwrap();
        name == "audit.db" || name == "workspace.copy"
    };
    let file = hashes.iter_mut().find(last).unwrap();
    let path = backup.join(file["name"].as_str().unwrap());
    let whole = std::fs::read(&path).unwrap();
    let wrong = b"neither rows nor a database\n";
    std::fs::write(&path, wrong).unwrap();
    file["bytes"] = wrong.len().into();
    file["sha256"] = hex::encode(Sha256::digest(wrong)).into();
    let described = backup.join("manifest.json");
    let good = std::fs::read(&described).unwrap();
    std::fs::write(&described, manifest.to_string()).unwrap();

    let target = Home::fresh(store).await;
    for _ in 0..2 {
        let failed = kith(&target, &["restore"], &backup).await;
        assert_eq!(failed.code, 1, "{}{}", failed.out, failed.err);
        assert!(!failed.err.contains("name an"), "{}", failed.err);
    }
    std::fs::write(&path, whole).unwrap();
    std::fs::write(&described, good).unwrap();
    kith(&target, &["restore"], &backup).await.expect(0);
}

async fn what_was_signed_is_held_against_what_is_restored(store: Store) {
    let home = Home::fresh(store).await;
    workspace(&home).await;
    let checkpoint = ["audit", "checkpoint", "--workspace"];
    kith(&home, &checkpoint, Path::new("acme")).await.expect(0);
    let place = tempfile::tempdir().unwrap();
    let restored = async |name: &str, code: i32| {
        let backup = place.path().join(name);
        kith(&home, &["backup"], &backup).await.expect(0);
        let target = Home::fresh(store).await;
        kith(&target, &["restore"], &backup).await.expect(code)
    };
    let said = restored("whole", 0).await;
    assert!(said["signed"].as_u64().unwrap() > 0, "{said}");
    // What the columns and the leaf agree on, and was not signed.
    let member = "stream = 'setup/change' AND action = 'member.add' AND seq = 1";
    let text = match store {
        Store::Sqlite => {
            "CAST(replace(CAST(leaf AS TEXT), '\"purpose\":\"member.manage\"', '\"purpose\":\"export.run\"') AS BLOB)"
        }
        Store::Postgres => {
            "convert_to(replace(convert_from(leaf, 'UTF8'), '\"purpose\":\"member.manage\"', '\"purpose\":\"export.run\"'), 'UTF8')"
        }
    };
    let forged = format!("UPDATE audit SET leaf = {text} WHERE {member} RETURNING 'done'");
    assert_eq!(home.column(&forged).await.len(), 1);
    let said = restored("forged", 1).await;
    let found = said["unproven"].to_string();
    assert!(
        found.contains("was changed after it became a part of the log"),
        "{found}"
    );
}

async fn a_store_of_an_older_kith_is_not_upgraded_to_be_backed_up(store: Store) {
    let home = Home::fresh(store).await;
    workspace(&home).await;
    match store {
        Store::Sqlite => home.column("PRAGMA user_version = 3").await,
        Store::Postgres => {
            let older = "DELETE FROM schema_version WHERE version > 3 RETURNING 'done'";
            home.column(older).await
        }
    };
    let place = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let refused = kith(&home, &["backup"], &place.path().join("backup")).await;
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(
            refused.err.contains("has schema version 3"),
            "{}",
            refused.err
        );
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_not_made_to_be_backed_up() {
    let home = Home::fresh(Store::Sqlite).await;
    let place = tempfile::tempdir().unwrap();
    let none = kith(&home, &["backup"], &place.path().join("backup")).await;
    assert_eq!(none.code, 2);
    assert!(none.err.contains("there is no store at"), "{}", none.err);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

/// What the binary said, as JSON.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn expect(self, code: i32) -> Value {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs the real binary on a store and a folder.
async fn kith(home: &Home, args: &[&str], folder: &Path) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
    command
        .args(args)
        .arg(folder)
        .arg("--json")
        .env("KITH_STORE_URL", home.setting())
        .env("KITH_LOG", "error");
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An entry as it stands in the store.
#[derive(Default)]
struct LogEntry {
    stream: String,
    seq: u64,
    leaf: Value,
}

/// The whole log, read beside Kith.
async fn log(home: &Home) -> Vec<LogEntry> {
    let mut entries: Vec<LogEntry> = Vec::new();
    for cell in home.cells().await {
        if cell.table != "audit" {
            continue;
        }
        if cell.column == "workspace" {
            entries.push(LogEntry::default());
        }
        let entry = entries.last_mut().unwrap();
        let text = String::from_utf8_lossy(&cell.bytes);
        match cell.column.as_str() {
            "stream" => entry.stream = text.into_owned(),
            "seq" => entry.seq = text.parse().unwrap(),
            "leaf" => entry.leaf = serde_json::from_slice(&cell.bytes).unwrap(),
            _ => {}
        }
    }
    entries
}
