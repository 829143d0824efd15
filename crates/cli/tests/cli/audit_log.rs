//! The audit log against those who change it: each attack is caught, in words of its own.

use std::path::{Path, PathBuf};

use kith_testkit::Cluster;
use rusqlite::Connection;

use crate::home::Home;
use crate::serve;

/// A workspace with entries of both kinds, folded, and the checkpoint that was kept: `kept` in the home.
fn with_a_log(home: &Home) {
    home.ok("workspaces create acme");
    for name in ["ada", "ben", "cem", "dan"] {
        home.ok(&format!("members add {name} --role support"));
    }
    for _ in 0..3 {
        home.ok("audit search");
    }
    let checkpoint = home.ok("audit checkpoint");
    home.write("kept", &checkpoint);
    home.ok("members add eve");
    home.ok("audit search");
    home.ok("audit checkpoint");
}

fn data(home: &Home) -> PathBuf {
    home.path().join("kith-data")
}

/// Runs statements on a file of the store.
fn attack(home: &Home, file: &str, sql: &str) {
    let connection = Connection::open(data(home).join(file)).unwrap();
    connection.execute_batch(sql).unwrap();
}

/// Puts another store in place of the home's, file by file.
fn restore(home: &Home, from: &Path) {
    std::fs::remove_dir_all(data(home)).unwrap();
    copy(from, &data(home));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Verifies against the kept checkpoint: exit code 4, and these words.
fn caught(home: &Home, words: &str) {
    let wide = home.run_with("COLUMNS", "500", "audit verify --checkpoint kept");
    assert_eq!(wide.code, 4, "{words}: {}{}", wide.out, wide.err);
    assert!(wide.err.contains(words), "{words}: {}", wide.err);
}

const SWAP: &str = "CREATE TEMP TABLE two AS SELECT seq, leaf FROM audit
      WHERE stream = 'cli/change' AND seq IN (2, 3);
    UPDATE audit SET leaf = (SELECT leaf FROM two WHERE two.seq = 5 - audit.seq)
      WHERE stream = 'cli/change' AND seq IN (2, 3);";
/// What whoever holds the key does to sign a log anew.
const UNFOLD: &str =
    "DELETE FROM audit_tree; DELETE FROM audit_subtree; DELETE FROM audit_checkpoint;";

#[test]
fn every_attack_is_caught_in_its_own_words() {
    let home = Home::new();
    with_a_log(&home);
    let said = home.ok("audit verify --checkpoint kept");
    assert!(said.contains("the log holds: "), "{said}");
    let whole = home.path().join("whole");
    copy(&data(&home), &whole);

    let attacks = [
        (
            "kith.db",
            "UPDATE audit SET leaf = CAST(replace(CAST(leaf AS TEXT), 'member.add', 'member.end')
               AS BLOB) WHERE stream = 'cli/change' AND seq = 2",
            "entry 1 (cli/change 2) was changed after it became a part of the log",
        ),
        (
            "audit.db",
            "DELETE FROM audit WHERE stream = 'cli/read' AND seq > 3",
            "the log was truncated: the last 1 of its entries are gone",
        ),
        (
            "audit.db",
            "DELETE FROM audit_tree WHERE idx > 3",
            "the log was truncated: the last ",
        ),
        (
            "kith.db",
            "DELETE FROM audit WHERE stream = 'cli/change' AND seq = 3",
            "entry 2 (cli/change 3) is missing",
        ),
        (
            "kith.db",
            SWAP,
            "entries were reordered: cli/change 2 stands at 1",
        ),
        (
            "kith.db",
            "UPDATE audit SET actor = 'member:someone' WHERE stream = 'cli/change' AND seq = 2",
            "is found by another `actor` than it has",
        ),
        (
            "audit.db",
            "UPDATE audit_checkpoint SET note = replace(note, char(10) || size || char(10),
               char(10) || (size - 1) || char(10))",
            "the log's checkpoint was changed after it was signed",
        ),
        (
            "audit.db",
            "UPDATE audit_tree SET leaf_hash = zeroblob(32) WHERE idx = 2",
            "do not make the root hash",
        ),
    ];
    for (file, sql, words) in attacks {
        attack(&home, file, sql);
        caught(&home, words);
        restore(&home, &whole);
    }
    home.ok("audit verify --checkpoint kept");
}

#[test]
fn a_log_that_is_signed_anew_does_not_hold_against_a_kept_checkpoint() {
    let home = Home::new();
    with_a_log(&home);
    let whole = home.path().join("whole");
    copy(&data(&home), &whole);

    // With another key in place of the log's: nothing more is signed, and it shows.
    std::fs::write(data(&home).join("audit.key"), "11".repeat(32)).unwrap();
    caught(&home, "the log's checkpoint was signed by another key");
    home.ok("audit search");
    let refused = home.fails(1, "audit checkpoint");
    assert!(refused.contains("signed by another key"), "{refused}");
    // Signed anew from the first entry on, it holds by itself, and not against what was kept.
    attack(&home, "audit.db", UNFOLD);
    home.ok("audit checkpoint");
    home.ok("audit verify");
    caught(&home, "the log was signed anew");
    restore(&home, &whole);

    // By the holder of the key, without an entry that shall be forgotten.
    attack(
        &home,
        "kith.db",
        "DELETE FROM audit WHERE stream = 'cli/change' AND seq = 2",
    );
    attack(&home, "audit.db", UNFOLD);
    home.ok("audit checkpoint");
    caught(&home, "the log was rewritten");
    caught(&home, "cli/change 2 was removed before");
    restore(&home, &whole);

    // Cut back to an older copy, which holds by itself.
    let newest = home.ok("audit checkpoint");
    let older = home.path().join("older");
    copy(&data(&home), &older);
    home.ok("members add fay");
    home.write("kept", &home.ok("audit checkpoint"));
    restore(&home, &older);
    assert_eq!(home.ok("audit checkpoint"), newest);
    home.ok("audit verify");
    caught(&home, "the kept checkpoint is ahead of the log");
}

#[test]
fn a_kept_file_that_is_none_is_told_from_a_log_that_is_wrong() {
    let home = Home::new().with("KITH_WORKSPACE", "acme");
    home.ok("workspaces create acme");
    let said = home.fails(1, "audit verify");
    assert!(said.contains("not folded yet"), "{said}");
    // That look was the first entry.
    home.write("kept", &home.ok("audit checkpoint"));
    home.ok("workspaces create other");
    home.ok("members add ada -w other");
    let kept = std::fs::read_to_string(home.path().join("kept")).unwrap();
    home.write("kept", &kept.replacen('\n', "\n1", 1));
    caught(&home, "the kept checkpoint was changed after it was signed");
    home.write("kept", "no note");
    let said = home.fails(2, "audit verify --checkpoint kept");
    assert!(said.contains("not a signed checkpoint"), "{said}");
    home.fails(2, "audit verify --checkpoint nowhere");
    let other = home.ok("audit checkpoint -w other");
    home.write("kept", &other);
    caught(&home, "the kept checkpoint is of another log");
    let verifier = home.ok("audit checkpoint --verifier");
    assert!(verifier.starts_with("kith/"), "{verifier}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = std::fs::metadata(data(&home).join("audit.key")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn the_same_attacks_on_postgresql() {
    let database = Cluster::shared().await.unwrap().database().await.unwrap();
    let home = Home::new().with("KITH_STORE_URL", database.url());
    with_a_log(&home);
    home.ok("audit verify --checkpoint kept");
    let client = database.cluster().superuser(database.name()).await.unwrap();
    let swap = "UPDATE audit a SET leaf = b.leaf FROM audit b
        WHERE a.stream = 'cli/change' AND b.stream = 'cli/change' AND a.seq IN (2, 3)
          AND b.seq = 5 - a.seq";
    for (sql, words, undo) in [
        (
            "UPDATE audit SET leaf = set_byte(leaf, 40, 255 - get_byte(leaf, 40))
             WHERE stream = 'cli/change' AND seq = 2",
            "entry 1 (cli/change 2) was changed",
            "UPDATE audit SET leaf = set_byte(leaf, 40, 255 - get_byte(leaf, 40))
             WHERE stream = 'cli/change' AND seq = 2",
        ),
        (
            swap,
            "entries were reordered: cli/change 2 stands at 1",
            swap,
        ),
        (
            "UPDATE audit_key SET seed = sha256(seed)",
            "the log's checkpoint was signed by another key",
            "UPDATE audit_checkpoint SET size = size",
        ),
        (
            "DELETE FROM audit_tree; DELETE FROM audit_checkpoint",
            "the kept checkpoint is ahead of the log",
            "SELECT 1",
        ),
    ] {
        client.batch_execute(sql).await.unwrap();
        caught(&home, words);
        client.batch_execute(undo).await.unwrap();
    }
    // Signed anew with the key that was put there.
    home.ok("audit checkpoint");
    home.ok("audit verify");
    caught(&home, "the log was signed anew");
}

#[test]
fn a_server_that_is_killed_leaves_a_log_that_holds() {
    let home = Home::new().with("KITH_LISTEN", "127.0.0.1:0");
    home.ok("workspaces create acme");
    home.ok("members add first");
    home.write("kept", &home.ok("audit checkpoint"));
    for round in 0..3 {
        let (server, _) = serve::start(&home);
        for member in 0..4 {
            home.ok(&format!("members add m-{round}-{member}"));
        }
        server.end("KILL");
        home.ok("audit verify --checkpoint kept");
        home.write("kept", &home.ok("audit checkpoint"));
        home.ok("audit verify --checkpoint kept");
    }
    // A server that ends in peace leaves nothing unfolded of its own, and folds what others left.
    let (server, _) = serve::start(&home);
    home.ok("members add last");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let report = home.json("audit verify");
        if report["size"].as_i64().unwrap() > 13 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{report}");
    }
    assert_eq!(server.end("TERM").code, 0);
}
