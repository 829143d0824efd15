//! Checkpoints that a server delivers outside: they hold the log against those who change it later.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::home::Home;
use crate::serve;

const PATIENCE: Duration = Duration::from_secs(60);

/// A home whose servers look for new checkpoints every second.
fn home() -> Home {
    Home::new()
        .with("KITH_LISTEN", "127.0.0.1:0")
        .with("KITH_AUDIT_CHECKPOINT_EVERY", "1s")
}

fn read(home: &Home, file: &str) -> String {
    std::fs::read_to_string(home.path().join(file)).unwrap_or_default()
}

/// How many entries each note of a file speaks of.
fn sizes(notes: &str) -> Vec<u64> {
    let lines: Vec<_> = notes.lines().collect();
    let origins = lines.iter().enumerate();
    let origins = origins.filter(|(_, line)| line.starts_with("kith/"));
    origins
        .map(|(at, _)| lines[at + 1].parse().unwrap())
        .collect()
}

fn wait_for<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < until, "it did not come about");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_file_outside_holds_the_log() {
    let home = home()
        .with("KITH_AUDIT_CHECKPOINT_FILE", "kept")
        .with("COLUMNS", "500");
    for workspace in ["acme", "other"] {
        home.ok(&format!("workspaces create {workspace}"));
        home.ok(&format!("members add ada -w {workspace}"));
    }
    let (server, _) = serve::start(&home);
    wait_for(|| (sizes(&read(&home, "kept")).len() >= 2).then_some(()));
    home.ok("members add ben -w acme");
    home.ok("audit checkpoint -w acme");
    let notes = wait_for(|| Some(read(&home, "kept")).filter(|notes| sizes(notes).len() >= 3));
    home.ok("members add cem -w acme");
    home.ok("audit checkpoint -w acme");
    // What was not delivered in time is delivered at the end.
    assert_eq!(server.end("TERM").code, 0);
    let all = read(&home, "kept");
    assert!(all.starts_with(&notes), "what is written stays as it is");
    for workspace in ["acme", "other"] {
        let report = home.json(&format!("audit verify -w {workspace} --checkpoint kept"));
        let newest = if workspace == "acme" { 3 } else { 1 };
        assert!(report["kept"].as_u64().unwrap() >= newest, "{report}");
    }

    // A server that starts again has nothing new to say but what was looked at meanwhile.
    let (server, _) = serve::start(&home);
    wait_for(|| (sizes(&read(&home, "kept")).len() >= sizes(&all).len() + 2).then_some(()));
    assert_eq!(server.end("TERM").code, 0);
    let (server, _) = serve::start(&home);
    std::thread::sleep(Duration::from_millis(1500));
    let all = read(&home, "kept");
    assert_eq!(server.end("TERM").code, 0);
    let before = sizes(&all).len();
    assert_eq!(
        sizes(&read(&home, "kept")).len(),
        before,
        "nothing came twice"
    );

    // Whoever has the store and its key removes an entry and signs a shorter log.
    let connect = |file: &str| Connection::open(home.path().join("kith-data").join(file)).unwrap();
    let forget = "DELETE FROM audit WHERE workspace = 1 AND stream = 'cli/change' AND seq = 2";
    connect("kith.db").execute_batch(forget).unwrap();
    let unfold = "DELETE FROM audit_tree; DELETE FROM audit_subtree; DELETE FROM audit_checkpoint;";
    connect("audit.db").execute_batch(unfold).unwrap();
    home.ok("audit checkpoint -w acme");
    let said = home.run("audit verify -w acme --checkpoint kept");
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("the log was rewritten: its first"),
        "{}",
        said.err
    );
    // A note of the log as it is now does not make up for the older ones.
    let now = home.ok("audit checkpoint -w acme");
    home.write("both", &format!("{all}{now}"));
    let said = home.run("audit verify -w acme --checkpoint both");
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("the log was rewritten: its first"),
        "{}",
        said.err
    );
}

#[test]
fn a_file_that_is_something_else_is_not_written() {
    let home = home().with("KITH_AUDIT_CHECKPOINT_FILE", "notes");
    home.write("notes", "buy milk\n");
    let said = home.fails(2, "serve");
    assert!(
        said.contains("holds something else than checkpoints"),
        "{said}"
    );
    assert_eq!(read(&home, "notes"), "buy milk\n");
    let home = home.with("KITH_AUDIT_CHECKPOINT_FILE", "nowhere/notes");
    let said = home.fails(2, "serve");
    assert!(said.contains("cannot be read and written"), "{said}");
    let home = home.with("KITH_AUDIT_CHECKPOINT_URL", "https://example.com/");
    let said = home.fails(2, "serve");
    assert!(
        said.contains("expected an address of this machine"),
        "{said}"
    );
}

/// Reads one request, and answers it with a status.
fn answer(stream: &mut TcpStream, status: &str) -> String {
    let mut request = String::new();
    let body = loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "half a request: {request}");
        request.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase();
            let length = length.split("content-length: ").nth(1).unwrap();
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            if body.len() == length {
                assert!(
                    head.starts_with("POST /kept?token=hunter2 HTTP/1.1\r\n"),
                    "{head}"
                );
                break body.to_owned();
            }
        }
    };
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").unwrap();
    body
}

#[test]
fn an_address_is_posted_to_until_it_takes_the_note() {
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://{}/kept?token=hunter2",
        outside.local_addr().unwrap()
    );
    let home = home().with("KITH_AUDIT_CHECKPOINT_URL", &url);
    home.ok("workspaces create acme");
    home.ok("members add ada");
    let (server, _) = serve::start(&home);
    let mut notes = Vec::new();
    for status in ["503 Not Now", "302 Elsewhere", "204 Taken"] {
        let (mut stream, _) = outside.accept().unwrap();
        notes.push(answer(&mut stream, status));
    }
    let ended = server.end("TERM");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended.err.contains("answered with status 503"),
        "{}",
        ended.err
    );
    assert!(!ended.err.contains("hunter2"), "{}", ended.err);
    home.write("kept", notes.last().unwrap());
    home.ok("audit verify --checkpoint kept");
}

#[tokio::test]
async fn an_address_where_nobody_is_holds_up_nothing() {
    let home = home().with("KITH_AUDIT_CHECKPOINT_URL", "http://127.0.0.1:1/kept");
    home.ok("workspaces create acme");
    home.ok("members add ada");
    let (server, url) = serve::start(&home);
    let ready = reqwest::get(format!("{url}/readyz")).await.unwrap();
    assert_eq!(ready.status(), 200);
    let port: u16 = url.rsplit(':').next().unwrap().parse().unwrap();
    let metrics = format!("http://127.0.0.1:{}/metrics", port.wrapping_add(1));
    let until = Instant::now() + PATIENCE;
    loop {
        let told = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
        let failed = "kith_audit_checkpoint_deliveries_total{place=\"url\",outcome=\"failed\"} ";
        let failed = told.split(failed).nth(1).unwrap();
        if !failed.starts_with("0\n") {
            break;
        }
        assert!(Instant::now() < until, "{told}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = server.end("TERM");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended.err.contains("nobody listens at the address"),
        "{}",
        ended.err
    );
}
