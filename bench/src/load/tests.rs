//! The generator against a small server of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::runtime::Runtime;

use super::http::{HttpError, parse};
use super::*;

/// A server on a port of its own, until the runtime goes away.
fn serve(router: Router) -> (Runtime, SocketAddr) {
    let runtime = Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let server = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(listener, router).await });
    (runtime, server)
}

fn load(server: SocketAddr, pace: Pace) -> Load {
    let (warm_up, duration) = (Duration::from_millis(100), Duration::from_millis(400));
    Load {
        server,
        connections: 4,
        pace,
        warm_up,
        duration,
    }
}

#[test]
fn at_a_fixed_rate_every_request_that_is_due_is_sent_and_measured_once() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let echo = post(move |body: String| async move {
        counter.fetch_add(1, Ordering::Relaxed);
        body
    });
    let (_runtime, server) = serve(Router::new().route("/echo", echo));

    let outcome = load(server, Pace::PerSecond(500.0))
        .run(|index| request("POST", "/echo", &[], index.to_string().as_bytes()))
        .unwrap();

    assert_eq!(outcome.requests(), 200, "400 ms at 500 a second");
    assert_eq!(
        seen.load(Ordering::Relaxed),
        250,
        "and 100 ms of warm-up before"
    );
    assert!(outcome.latency(50.0) <= outcome.latency(99.0));
    assert!(outcome.late(50.0) <= outcome.latency(50.0));
}

#[test]
fn a_stall_is_paid_for_by_every_request_that_was_due_meanwhile() {
    let asked = Arc::new(AtomicUsize::new(0));
    let stalls_once = get(move || async move {
        if asked.fetch_add(1, Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    let (_runtime, server) = serve(Router::new().route("/", stalls_once));

    let once = Load {
        connections: 1,
        warm_up: Duration::ZERO,
        ..load(server, Pace::PerSecond(100.0))
    };
    let outcome = once.run(|_| request("GET", "/", &[], b"")).unwrap();

    // 40 requests are due in 400 ms; those of the first 200 ms wait 100 ms and more. A generator
    // that counts from when it sends would have seen one.
    assert_eq!(outcome.requests(), 40);
    assert!(
        outcome.latency(50.0) >= Duration::from_millis(95),
        "{:?}",
        outcome.latency(50.0)
    );
}

#[test]
fn at_full_speed_each_connection_is_kept_and_used() {
    let (_runtime, server) = serve(Router::new().route("/", get(|| async { "hello" })));
    let outcome = load(server, Pace::Max)
        .run(|_| request("GET", "/", &[], b""))
        .unwrap();
    assert!(outcome.requests() >= 4, "{}", outcome.requests());
    assert!(outcome.rate() > 0.0);
}

#[test]
fn an_answer_without_success_ends_the_run_and_says_which() {
    let refuse = get(|| async { (StatusCode::CONFLICT, "not you") });
    let (_runtime, server) = serve(Router::new().route("/", refuse));
    let error = load(server, Pace::Max)
        .run(|_| request("GET", "/", &[], b""))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("answer 409 to request"), "{error}");
    assert!(error.ends_with("not you"), "{error}");
}

#[test]
fn a_head_is_read_when_it_is_complete() {
    let check = |text: &str, expect: Option<(u16, usize)>| {
        let head = parse(text.as_bytes()).unwrap();
        assert_eq!(
            head.as_ref().map(|head| (head.status, head.body_bytes)),
            expect,
            "{text:?}"
        );
        if let Some(head) = head {
            assert_eq!(text.get(head.bytes..).unwrap(), "body");
        }
    };
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        Some((200, 4)),
    );
    check("HTTP/1.1 204 No Content\r\n\r\nbody", Some((204, 0)));
    check("HTTP/1.1 200 OK\r\ncontent-le", None);
    assert!(matches!(
        parse(b"HTTP/1.1 200 OK\r\n\r\n"),
        Err(HttpError::Length)
    ));
    assert!(matches!(parse(b"hello\r\n\r\n"), Err(HttpError::Parse(_))));
}
