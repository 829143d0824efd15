//! Traces for OpenTelemetry, where an operator asks for them: one span for each request, with its route, its
//! method and its status, and nothing of whom it was about.
//!
//! Spans of one target alone leave, so that a log line or a field of some other part of the code never does.
//! They go as OTLP in plain HTTP to a collector, which takes them further over TLS. They wait in a bounded
//! queue, and what a collector does not take is lost: nothing else waits for it.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// Where the collector is: OpenTelemetry's own variable. Without it nothing of this is started.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// What the process is called, unless the operator calls it otherwise.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const HTTP_PORT: u16 = 80;
/// A collector's answer is short.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Longest that an answer is waited for; less than the end of the process waits for the last spans.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How long a collector that takes nothing is not spoken of again.
const WARN_EVERY: Duration = Duration::from_secs(5 * 60);

/// Spans on their way to a collector.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// What was asked for; `None` if nothing was.
    ///
    /// # Errors
    /// What is wrong with the collector's address.
    pub(crate) fn asked_for(handle: &Handle) -> Result<Option<Self>, String> {
        let endpoint = match std::env::var_os(ENDPOINT) {
            Some(endpoint) if !endpoint.is_empty() => endpoint,
            _ => return Ok(None),
        };
        let wrong = || {
            format!(
                "`{ENDPOINT}`: expected a collector that speaks plain HTTP, such as `http://127.0.0.1:4318`"
            )
        };
        let endpoint = endpoint.to_str().map(|text| text.trim_end_matches('/'));
        let endpoint = endpoint.filter(|text| is_plain_http(text));
        let endpoint = endpoint.ok_or_else(wrong)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(PlainHttp {
                handle: handle.clone(),
                warned: Mutex::new(None),
            })
            // A span is not worth holding up those that come after it.
            .with_retry_policy(RetryPolicy::default().with_max_retries(0))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .build()
            .map_err(|_| wrong())?;
        let mut resource = Resource::builder();
        if std::env::var_os(SERVICE_NAME).is_none() {
            resource = resource.with_service_name("kith");
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter);
        Ok(Some(Self(provider.build())))
    }

    /// What takes the requests' spans, and no others.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("kith"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|of| {
                of.is_span() && of.target() == kith_server::REQUEST_SPANS
            }))
    }

    /// Sends what is left. To be called outside of the runtime, which must still be there.
    pub(crate) fn end(&self) {
        // That the collector did not take them is warned of where they are sent.
        let _ = self.0.shutdown();
    }
}

fn is_plain_http(endpoint: &str) -> bool {
    let uri: Option<Uri> = endpoint.parse().ok();
    uri.is_some_and(|uri| {
        let host = uri.authority().filter(|host| !host.as_str().contains('@'));
        uri.scheme_str() == Some("http") && host.is_some() && uri.query().is_none()
    })
}

/// HTTP as a collector speaks it. The exporter has a thread of its own; connections live where all others do.
#[derive(Debug)]
struct PlainHttp {
    handle: Handle,
    warned: Mutex<Option<Instant>>,
}

#[async_trait::async_trait]
impl HttpClient for PlainHttp {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self
            .handle
            .spawn(async { tokio::time::timeout(TIMEOUT, send(request)).await? });
        let answer = sent.await.map_err(HttpError::from).flatten();
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.warn(&answer.status()),
            Err(error) => self.warn(error),
        }
        answer
    }
}

impl PlainHttp {
    fn warn(&self, why: &dyn std::fmt::Display) {
        let mut warned = self.warned.lock();
        if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            *warned = Some(Instant::now());
            tracing::warn!(
                %why,
                "the collector at `{ENDPOINT}` takes no spans: they are lost, and nothing else is"
            );
        }
    }
}

async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().ok_or("no host")?.clone();
    let named = HeaderValue::from_str(authority.as_str())?;
    parts.headers.insert(HOST, named);
    // A server wants the path alone.
    let path = parts.uri.path_and_query().cloned();
    parts.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    let host = authority.host().trim_matches(['[', ']']);
    let port = authority.port_u16().unwrap_or(HTTP_PORT);
    let stream = TcpStream::connect((host, port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::from_parts(parts, Full::new(body));
    let (answer, ()) = tokio::join!(
        async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?;
            // Without it the connection ends.
            drop(sender);
            Ok(Response::from_parts(head, body.to_bytes()))
        },
        async {
            // How it ended, the answer tells.
            let _ = connection.await;
        }
    );
    answer
}
