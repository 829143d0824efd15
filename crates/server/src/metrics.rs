//! What is measured of requests, and all that is told at a scrape. Labels are routes of the table and
//! classes of statuses, so there are never more of them than there are in this program.

use std::time::Duration;

use axum::http::StatusCode;
use kith_domain::Timestamp;
use kith_engine::Engine;
use kith_engine::metrics::duration_buckets;
use prometheus_client::encoding::text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::routes::Route;

/// The name and the value of each label.
type Labels = [(&'static str, &'static str); 3];

const MICROS_IN_A_SECOND: f64 = 1_000_000.0;

/// Everything that is measured.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Histogram>,
}

impl Metrics {
    pub(crate) fn new(engine: &Engine, started_at: Timestamp) -> Self {
        let mut registry = Registry::default();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("kith_build", "The running program", Info::new(version));
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds since 1970 are exact in a float for centuries"
        )]
        let started_at = started_at.micros() as f64 / MICROS_IN_A_SECOND;
        registry.register_with_unit(
            "process_start_time",
            "When the server started, since 1970",
            Unit::Seconds,
            ConstGauge::new(started_at),
        );
        let requests = Family::new_with_constructor(histogram as fn() -> Histogram);
        registry.register_with_unit(
            "kith_http_request_duration",
            "Time from a request to its answer, by route and class of status",
            Unit::Seconds,
            requests.clone(),
        );
        engine.register_metrics(&mut registry);
        Self { registry, requests }
    }

    /// A request that was answered; `None` if it matched nothing in the table.
    pub(crate) fn answered(&self, route: Option<&Route>, status: StatusCode, took: Duration) {
        let class = match status.as_u16() {
            ..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        let labels = [
            (
                "method",
                route.map_or("none", |route| route.method.as_str()),
            ),
            ("route", route.map_or("none", |route| route.path)),
            ("status", class),
        ];
        self.requests
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// All of it, as OpenMetrics text.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn histogram() -> Histogram {
    Histogram::new(duration_buckets())
}
