//! What the use cases count for operators. Every label is one of a closed set that is known when Kith
//! is built: no name of a workspace, a source or a field, and nothing of a customer, is ever one.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use kith_domain::fact::Trust;
use kith_domain::{Purpose, Timestamp};
use kith_store::audit::tree::Lag;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::Engine;
use crate::audit::Outcome;
use crate::ingest::Ingested;

/// The name and the value of each label.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Upper bounds of the buckets of a duration: 0.1 ms doubled up to 13 s.
pub fn duration_buckets() -> impl Iterator<Item = f64> {
    exponential_buckets(0.0001, 2.0, 18)
}

/// The counters. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    decisions: Family<Labels<2>, Counter>,
    audit_append: Histogram,
    audit_failures: Counter,
    messages: Family<Labels<2>, Counter>,
    unfolded: Gauge,
    unfolded_age: Gauge<f64, AtomicU64>,
    deliveries: Family<Labels<2>, Counter>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            decisions: Family::default(),
            audit_append: Histogram::new(duration_buckets()),
            audit_failures: Counter::default(),
            messages: Family::default(),
            unfolded: Gauge::default(),
            unfolded_age: Gauge::default(),
            deliveries: Family::default(),
        }
    }

    /// How far the trees of the audit log are behind just now.
    fn unfolded(&self, lag: Lag, now: Timestamp) {
        let entries = i64::try_from(lag.entries).unwrap_or(i64::MAX);
        self.unfolded.set(entries);
        let micros = lag
            .oldest
            .map_or(0, |oldest| now.micros() - oldest.micros());
        let age = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
        self.unfolded_age.set(age.as_secs_f64());
    }

    /// The deliveries of checkpoints to one place, so that there is a 0 before the first.
    pub(crate) fn delivers(&self, place: &'static str) {
        for outcome in ["delivered", "failed"] {
            drop(
                self.deliveries
                    .get_or_create(&[("place", place), ("outcome", outcome)]),
            );
        }
    }

    /// A checkpoint that was delivered, or was not.
    pub(crate) fn delivered(&self, place: &'static str, outcome: bool) {
        let outcome = if outcome { "delivered" } else { "failed" };
        let labels = [("place", place), ("outcome", outcome)];
        self.deliveries.get_or_create(&labels).inc();
    }

    /// A decision whose audit entry is committed.
    pub(crate) fn decided(&self, purpose: Purpose, outcome: Outcome, append: Duration) {
        let labels = [("purpose", purpose.as_str()), ("verdict", outcome.as_str())];
        self.decisions.get_or_create(&labels).inc();
        self.audit_append.observe(append.as_secs_f64());
    }

    /// A decision about a change, whose entry was committed with it.
    pub(crate) fn decided_change(&self, purpose: Purpose, outcome: Outcome) {
        let labels = [("purpose", purpose.as_str()), ("verdict", outcome.as_str())];
        self.decisions.get_or_create(&labels).inc();
    }

    /// An audit entry that could not be committed.
    pub(crate) fn not_audited(&self) {
        self.audit_failures.inc();
    }

    /// A delivery that is durable.
    pub(crate) fn ingested(&self, trust: Trust, ingested: Ingested) {
        for (outcome, number) in [
            ("kept", ingested.kept),
            ("duplicate", ingested.duplicates),
            ("quarantined", ingested.quarantined),
            ("suppressed", ingested.suppressed),
        ] {
            let labels = [("key", trust.as_str()), ("outcome", outcome)];
            let counter = self.messages.get_or_create(&labels);
            counter.inc_by(number as u64);
        }
    }
}

impl Engine {
    /// Looks how far the audit log's trees are behind, for the next scrape to tell.
    pub async fn measure_audit_log(&self) {
        match self.db().audit_lag_of_all().await {
            Ok(lag) => self.metrics().unfolded(lag, self.runtime().now()),
            Err(error) => tracing::warn!(%error, "cannot look how far the audit log is folded"),
        }
    }

    /// Adds all that the use cases count to what is told at a scrape.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let Metrics {
            decisions,
            audit_append,
            audit_failures,
            messages,
            unfolded,
            unfolded_age,
            deliveries,
        } = self.metrics().clone();
        registry.register(
            "kith_decisions",
            "Audited decisions about reads, by purpose and verdict",
            decisions,
        );
        registry.register_with_unit(
            "kith_audit_append_duration",
            "Time from an audit entry to its commit, which the answer waits for",
            Unit::Seconds,
            audit_append,
        );
        registry.register(
            "kith_audit_failures",
            "Audit entries that could not be committed, so that no data left",
            audit_failures,
        );
        registry.register(
            "kith_ingest_messages",
            "Messages of sources, by the kind of their key; one with a part in quarantine may count as kept too",
            messages,
        );
        registry.register(
            "kith_audit_unfolded_entries",
            "Entries that are committed and not yet leaves of the audit log's tree",
            unfolded,
        );
        registry.register_with_unit(
            "kith_audit_unfolded_age",
            "Age of the oldest entry that is not yet a leaf; 0 if there is none",
            Unit::Seconds,
            unfolded_age,
        );
        registry.register(
            "kith_audit_checkpoint_deliveries",
            "Checkpoints handed to a place outside, by the kind of place and what came of it",
            deliveries,
        );
        registry.register_collector(Box::new(Seen(self.clone())));
    }
}

/// What is looked up at each scrape, so that nothing is counted twice.
#[derive(Debug)]
struct Seen(Engine);

impl Collector for Seen {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let depths = self.0.db().depths();
        let help = "Writes and audit entries that wait for their commit";
        let mut queues =
            encoder.encode_descriptor("kith_queue_depth", help, None, MetricType::Gauge)?;
        for (queue, depth) in [("writes", depths.writes), ("audit", depths.audit)] {
            let gauge = ConstGauge::new(i64::try_from(depth).unwrap_or(i64::MAX));
            gauge.encode(queues.encode_family(&[("queue", queue)])?)?;
        }
        let (hits, misses) = self.0.0.plans.hits_and_misses();
        let help = "Plans that requests asked for, by whether they were in the cache";
        let mut plans = encoder.encode_descriptor("kith_plans", help, None, MetricType::Counter)?;
        for (cache, number) in [("hit", hits), ("miss", misses)] {
            ConstCounter::new(number).encode(plans.encode_family(&[("cache", cache)])?)?;
        }
        Ok(())
    }
}
