//! From the table of routes to a running server: limits, logs, a graceful end.

use std::future::Future;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{self, CorsLayer};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Span;
use tracing::field::Empty;

use crate::App;
use crate::problem::Problem;
use crate::quota;
use crate::routes::{Door, ROUTES, Route, RoutePurpose};

/// Largest body, after decompression. Clients send up to this much in one batch.
pub(crate) const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Longest that a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a browser need not ask again whether it may deliver.
const PREFLIGHT_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest that the end waits for requests under way.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The target of the spans that are made for traces, one for each request, and of nothing else.
pub const REQUEST_SPANS: &str = "kith::request";

/// The router of the API, built from [`ROUTES`] alone.
pub fn router(app: App) -> Router {
    build(app, Door::Api)
}

/// The router of what operators alone may reach, built from [`ROUTES`] alone.
pub fn operators_router(app: App) -> Router {
    build(app, Door::Operators)
}

fn build(app: App, door: Door) -> Router {
    let routes = |for_clients: bool| {
        let of_door = ROUTES.iter().filter(move |route| {
            route.door == door && (route.purpose == RoutePurpose::Ingest) == for_clients
        });
        let router = of_door.fold(Router::new(), |router, route| {
            router.route(route.path, (route.handler)())
        });
        router.method_not_allowed_fallback(no_such_method)
    };
    routes(false)
        .merge(routes(true).layer(open_to_browsers()))
        .fallback(move || no_such_route(door))
        .layer(map_response(hang_up_on_what_is_too_large))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            REQUEST_TIMEOUT,
        ))
        .layer(CatchPanicLayer::custom(|_| fault().into_response()))
        .layer(from_fn(quota::tell))
        .layer(from_fn_with_state(app.clone(), measure))
        .with_state(app)
}

/// Client libraries deliver from pages of any origin. They show a write key and no cookie, and nothing that
/// is answered to them is worth reading.
fn open_to_browsers() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(cors::Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(cors::AllowHeaders::mirror_request())
        .max_age(PREFLIGHT_AGE)
}

/// Serves until `stop` is ready, then lets the requests under way end.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let server = axum::serve(listener, router(app)).with_graceful_shutdown(async move {
        stop.await;
        tracing::info!("stopping: finishing the requests under way");
        let _ = stopping.send(());
    });
    let too_long = async {
        if stopped.await.is_ok() {
            tokio::time::sleep(DRAIN_TIMEOUT).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = too_long => {
            tracing::warn!("some requests took too long to finish and were cut off");
            Ok(())
        }
    }
}

/// What is left of a body that is too large is not read, so its connection is of no more use: a
/// client that is told so does not send its next request there.
async fn hang_up_on_what_is_too_large(mut response: Response) -> Response {
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Serves what operators alone may reach, for as long as this is polled.
///
/// # Errors
/// If the listener fails.
pub async fn serve_operators(listener: TcpListener, app: App) -> std::io::Result<()> {
    axum::serve(listener, operators_router(app)).await
}

/// One line and one observation per request: the route's pattern, never the path itself, which could
/// hold an identifier.
async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = span(&method, route.as_ref());
    let response = next.run(request).await;
    answered(&span, response.status());
    let known = route.as_ref().and_then(|path| of_table(path, &method));
    app.metrics
        .answered(known, response.status(), started.elapsed());
    tracing::info!(
        method = method.as_str(),
        route = route.as_ref().map_or("-", MatchedPath::as_str),
        status = response.status().as_u16(),
        micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}

/// A request as traces have it. No part of it is of the caller's making: a path holds identifiers, and
/// even a method could be any word. It is never entered, so that no log line becomes a part of it.
fn span(method: &Method, route: Option<&MatchedPath>) -> Span {
    let method = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "_OTHER",
    };
    let route = route.map_or("-", MatchedPath::as_str);
    tracing::trace_span!(
        target: REQUEST_SPANS,
        parent: None,
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    )
}

fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// The route of the table that a request matched, if its method is one of the route's.
fn of_table(path: &MatchedPath, method: &Method) -> Option<&'static Route> {
    ROUTES
        .iter()
        .find(|route| route.path == path.as_str() && route.method.as_str() == method.as_str())
}

async fn no_such_route(door: Door) -> Problem {
    let here = ROUTES.iter().filter(|route| route.door == door);
    let mut known: Vec<&str> = Vec::new();
    for route in here {
        if !known.contains(&route.path) {
            known.push(route.path);
        }
    }
    Problem::new(
        "urn:kith:problem:no-such-route",
        StatusCode::NOT_FOUND,
        "there is nothing at this path",
    )
    .with_detail(format!("known are {}", known.join(", ")))
}

async fn no_such_method(path: MatchedPath) -> Problem {
    let methods: Vec<_> = ROUTES
        .iter()
        .filter(|route| route.path == path.as_str())
        .map(|route| route.method.as_str())
        .collect();
    Problem::new(
        "urn:kith:problem:no-such-method",
        StatusCode::METHOD_NOT_ALLOWED,
        "the path takes another method",
    )
    .with_detail(format!("use {}", methods.join(" or ")))
}

fn fault() -> Problem {
    Problem::new(
        "urn:kith:problem:fault",
        StatusCode::INTERNAL_SERVER_ERROR,
        "a fault in Kith",
    )
    .with_detail("nothing was answered; the log has the cause")
}
