//! `kith serve`: ports, signals, logs.

use std::net::TcpListener;

use crate::home::{Home, Running};

/// Starts a server on a free port, and gives its URL.
pub(crate) fn start(home: &Home) -> (Running, String) {
    let mut running = home.start("serve");
    let lines = running.lines_until(|line| line.starts_with("Kith listens on "));
    let url = lines.last().unwrap().trim_start_matches("Kith listens on ");
    let url = url.split_once(". ").unwrap().0.to_owned();
    (running, url)
}

#[tokio::test]
async fn a_signal_ends_it_in_good_order() {
    for signal in ["TERM", "INT"] {
        let home = Home::new()
            .with("KITH_LISTEN", "127.0.0.1:0")
            .with("KITH_LOG_FORMAT", "json");
        let (running, url) = start(&home);
        let ready = reqwest::get(format!("{url}/readyz")).await.unwrap();
        assert_eq!(ready.status(), 200);
        let said = running.end(signal);
        assert_eq!(said.code, 0, "{}", said.err);
        let logs: Vec<serde_json::Value> = said
            .err
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let messages: Vec<_> = logs
            .iter()
            .map(|log| log["message"].as_str().unwrap())
            .collect();
        assert_eq!(messages.first(), Some(&"serving"), "{}", said.err);
        assert_eq!(messages.last(), Some(&"stopped"), "{}", said.err);
        let request = logs.iter().find(|log| log["message"] == "request").unwrap();
        assert_eq!(request["route"], "/readyz");
    }
}

#[test]
fn a_taken_port_is_told_before_anything_is_done() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::new().with("KITH_LISTEN", &address);
    for command in ["serve", "demo"] {
        let err = home.fails(1, command);
        let expect = format!("cannot listen on `{address}`: the port is taken: stop the program");
        assert!(err.contains(&expect), "{err}");
    }
    assert_eq!(home.json("workspaces list"), serde_json::json!([]));
}

#[test]
fn an_address_beyond_this_machine_is_warned_of() {
    let home = Home::new().with("KITH_LISTEN", "0.0.0.0:0");
    let (running, url) = start(&home);
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let said = running.end("TERM");
    assert!(said.err.contains("it speaks no TLS"), "{}", said.err);
}

/// Where the server says that its metrics are, after its API refused to tell them.
async fn metrics_of(setting: &str) -> (String, String) {
    let home = Home::new()
        .with("KITH_LISTEN", "127.0.0.1:0")
        .with("KITH_METRICS_LISTEN", setting)
        .with("KITH_LOG_FORMAT", "json");
    let (running, url) = start(&home);
    let api = reqwest::get(format!("{url}/metrics")).await.unwrap();
    assert_eq!(api.status(), 404, "a caller does not reach them");
    let port: u16 = url.rsplit(':').next().unwrap().parse().unwrap();
    let above = format!("http://127.0.0.1:{}/metrics", port.wrapping_add(1));
    if setting == "auto" {
        let scraped = reqwest::get(&above).await.unwrap().text().await.unwrap();
        assert!(scraped.ends_with("# EOF\n"), "{scraped}");
    }
    let said = running.end("TERM");
    let serving: serde_json::Value =
        serde_json::from_str(said.err.lines().next().unwrap()).unwrap();
    (serving["metrics"].as_str().unwrap().to_owned(), above)
}

#[tokio::test]
async fn metrics_stand_at_an_address_of_their_own() {
    let (beside, above) = metrics_of("auto").await;
    assert_eq!(beside, above);
    let (off, _) = metrics_of("off").await;
    assert_eq!(off, "off");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::new()
        .with("KITH_LISTEN", "127.0.0.1:0")
        .with("KITH_METRICS_LISTEN", &address);
    let err = home.fails(1, "serve");
    assert!(err.contains("with `KITH_METRICS_LISTEN` or"), "{err}");
}
