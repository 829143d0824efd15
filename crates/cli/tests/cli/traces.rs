//! OpenTelemetry: a collector that was asked for gets a span for each request, and nothing of a customer.

use std::net::TcpListener;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::home::Home;
use crate::serve::start;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// A collector, and what it is sent.
async fn collector() -> (String, UnboundedReceiver<Bytes>) {
    async fn take(State(taken): State<UnboundedSender<Bytes>>, body: Bytes) {
        taken.send(body).unwrap();
    }
    let (sender, taken) = unbounded_channel();
    let router = Router::new()
        .route("/v1/traces", post(take))
        .with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    (url, taken)
}

fn home() -> Home {
    Home::new()
        .with("KITH_LISTEN", "127.0.0.1:0")
        .with("KITH_LOG_FORMAT", "json")
        .with("KITH_LOG", "warn,kith=trace")
}

/// What a span says, by name.
fn attributes(span: &Span) -> Vec<(String, String)> {
    let mut found: Vec<_> = span
        .attributes
        .iter()
        .map(|one| {
            let value = match one.value.clone().unwrap().value.unwrap() {
                Value::StringValue(text) => text,
                Value::IntValue(number) => number.to_string(),
                other => panic!("{other:?}"),
            };
            (one.key.clone(), value)
        })
        .collect();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_route_and_status_and_nothing_of_the_customer() {
    let (url_of_collector, mut taken) = collector().await;
    let home = home().with(ENDPOINT, &url_of_collector);
    let (running, url) = start(&home);
    let client = reqwest::Client::new();
    let ready = client.get(format!("{url}/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    let account = format!("{url}/v1/accounts/acc_ada-example?asOf=ada-example-query");
    let request = client.get(account).bearer_auth("kith_ada-example-key");
    assert_eq!(request.send().await.unwrap().status(), 401);
    let method = reqwest::Method::from_bytes(b"ADA-EXAMPLE").unwrap();
    let request = client.request(method, format!("{url}/ada-example-path"));
    assert_eq!(request.send().await.unwrap().status(), 404);

    let said = tokio::task::spawn_blocking(|| running.end("TERM"))
        .await
        .unwrap();
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!said.err.contains("http.route"), "{}", said.err);

    let mut spans = Vec::new();
    while let Ok(body) = taken.try_recv() {
        let text = String::from_utf8_lossy(&body).to_lowercase();
        assert!(!text.contains("ada-example"), "{text}");
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        for resource in request.resource_spans {
            let named = format!("{:?}", resource.resource.unwrap().attributes);
            assert!(named.contains("\"kith\""), "{named}");
            spans.extend(resource.scope_spans.into_iter().flat_map(|of| of.spans));
        }
    }
    let found: Vec<_> = spans
        .iter()
        .map(|span| (span.name.as_str(), attributes(span)))
        .collect();
    let expected = [
        ("GET", "/readyz", "200"),
        ("GET", "/v1/accounts/{id}", "401"),
        ("_OTHER", "-", "404"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((name, attributes), (method, route, status)) in found.iter().zip(expected) {
        assert_eq!(*name, format!("{method} {route}"));
        let expected = [
            ("http.request.method", method),
            ("http.response.status_code", status),
            ("http.route", route),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(attributes, &expected);
    }
    for span in &spans {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        assert!(span.events.is_empty(), "{span:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_collector_costs_one_warning() {
    // Nobody listens there once this is dropped.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let home = home().with(ENDPOINT, &format!("http://{address}"));
    let home = home.with("KITH_LOG", "warn");
    let (running, url) = start(&home);
    let client = reqwest::Client::new();
    // More than one batch of them.
    for _ in 0..1500 {
        let alive = client.get(format!("{url}/healthz")).send().await.unwrap();
        assert_eq!(alive.status(), 200);
    }
    let said = tokio::task::spawn_blocking(|| running.end("TERM"))
        .await
        .unwrap();
    assert_eq!(said.code, 0, "{}", said.err);
    let warnings = said.err.matches("takes no spans").count();
    assert_eq!(warnings, 1, "{}", said.err);
}

#[test]
fn a_collector_over_tls_is_refused_without_repeating_it() {
    for wrong in ["https://ada-example:4318", "ada-example", "http://"] {
        let err = home().with(ENDPOINT, wrong).fails(2, "serve");
        assert!(
            err.contains("`OTEL_EXPORTER_OTLP_ENDPOINT`: expected a collector"),
            "{err}"
        );
        assert!(!err.contains("ada-example"), "{err}");
    }
}
