//! Counters of the request path: one set for each core, added up when they are read.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use client_auth::Reason;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::counter::Counter as SharedCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::connection::client::Outcome;
use crate::connection::recheck::Withdrawal;
use crate::cores::core::Shared;
use crate::http::refusal::Refusal;
use crate::tls::tickets::Resumption;

/// The metrics of the request path. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cores: Vec<Arc<CoreMetrics>>,
    shared: Shared,
    log_dropped: Counter,
    handshake_failures: Family<[(&'static str, &'static str); 1], SharedCounter>,
    client_refusals: Family<[(&'static str, &'static str); 1], SharedCounter>,
}

/// A number that goes up. Only its own core writes it.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Seconds, in buckets.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    counts: [Counter; LATENCY_MICROS.len() + 1],
    micros: Counter,
}

impl Latency {
    pub(crate) fn observe(&self, elapsed: Duration) {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_MICROS.iter().position(|&bound| micros <= bound);
        if let Some(count) = self.counts.get(bucket.unwrap_or(LATENCY_MICROS.len())) {
            count.add(1);
        }
        self.micros.add(micros);
    }
}

/// The counters of one core.
#[derive(Debug, Default)]
pub(crate) struct CoreMetrics {
    pub(crate) accepted: Counter,
    pub(crate) refused_connections: Counter,
    pub(crate) reset_floods: Counter,
    /// Header fields that rules set and that would have been too large.
    pub(crate) fields_left_out: Counter,
    pub(crate) accept_errors: Counter,
    pub(crate) handshakes: Counter,
    pub(crate) panics: Counter,
    /// By class of the status: 1xx to 5xx.
    pub(crate) responses: [Counter; 5],
    /// By what came of the ticket that a client presented.
    resumptions: [Counter; Resumption::ALL.len()],
    /// By the reason of a reply that the gateway made itself.
    refusals: Refusals,
    pub(crate) upstream_connects: Counter,
    pub(crate) upstream_connect_errors: Counter,
    pub(crate) upstream_reuses: Counter,
    pub(crate) upstream_latency: Latency,
    /// From knowing that a connection may not go on to its end.
    pub(crate) cut_latency: Latency,
    withdrawals: [Counter; Withdrawal::ALL.len()],
    /// By how the verification of a client went.
    vetted: [Counter; Outcome::LABELS.len()],
    handshake_failures: Family<[(&'static str, &'static str); 1], SharedCounter>,
    client_refusals: Family<[(&'static str, &'static str); 1], SharedCounter>,
}

/// One counter for each reason.
#[derive(Debug)]
struct Refusals([Counter; Refusal::COUNT]);

impl Default for Refusals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl CoreMetrics {
    pub(crate) fn handshake_failed(&self, reason: &'static str) {
        self.handshake_failures
            .get_or_create(&[("reason", reason)])
            .inc();
    }

    pub(crate) fn client_refused(&self, reason: Reason) {
        self.client_refusals
            .get_or_create(&[("reason", reason.label())])
            .inc();
    }

    pub(crate) fn resumption(&self, came_of_it: Resumption) {
        let place = Resumption::ALL.iter().position(|&one| one == came_of_it);
        if let Some(count) = place.and_then(|place| self.resumptions.get(place)) {
            count.add(1);
        }
    }

    /// A handshake with a client that was asked for a certificate is over, and the client was looked at.
    pub(crate) fn vetted(&self, outcome: Outcome) {
        if let Some(count) = self.vetted.get(outcome.index()) {
            count.add(1);
        }
    }

    /// A connection may not go on.
    pub(crate) fn withdrew(&self, cause: Withdrawal) {
        if let Some(count) = self.withdrawals.get(cause.index()) {
            count.add(1);
        }
    }

    pub(crate) fn responded(&self, status: u16) {
        let class = usize::from(status / 100).wrapping_sub(1);
        if let Some(count) = self.responses.get(class) {
            count.add(1);
        }
    }

    pub(crate) fn refused(&self, refusal: Refusal) {
        if let Some(count) = self.refusals.0.get(refusal.index()) {
            count.add(1);
        }
    }
}

impl Metrics {
    pub(crate) fn new(cores: NonZeroUsize) -> Self {
        let handshake_failures = Family::default();
        let client_refusals = Family::default();
        let core = || {
            Arc::new(CoreMetrics {
                handshake_failures: handshake_failures.clone(),
                client_refusals: client_refusals.clone(),
                ..CoreMetrics::default()
            })
        };
        Self(Arc::new(Inner {
            cores: std::iter::repeat_with(core).take(cores.get()).collect(),
            shared: Shared::default(),
            log_dropped: Counter::default(),
            handshake_failures,
            client_refusals,
        }))
    }

    /// Registers all metrics of the request path.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "tls_handshake_failures",
            "TLS handshakes with clients that failed, by reason",
            self.0.handshake_failures.clone(),
        );
        registry.register(
            "client_refusals",
            "Clients that were not let in for their certificate, by alert or by status, by reason",
            self.0.client_refusals.clone(),
        );
        registry.register_collector(Box::new(self.clone()));
    }

    pub(crate) fn core(&self, number: usize) -> Arc<CoreMetrics> {
        self.0.cores.get(number).cloned().unwrap_or_default()
    }

    pub(crate) fn shared(&self) -> Shared {
        self.0.shared.clone()
    }

    /// Counts access log lines that were dropped because the writer was behind.
    pub(crate) fn dropped_lines(&self, lines: u64) {
        self.0.log_dropped.add(lines);
    }

    fn sum(&self, which: impl Fn(&CoreMetrics) -> u64) -> u64 {
        self.0.cores.iter().map(|core| which(core)).sum()
    }
}

impl Metrics {
    fn encode_latency(
        &self,
        mut metric: MetricEncoder<'_>,
        which: impl Fn(&CoreMetrics) -> &Latency,
    ) -> Result<(), fmt::Error> {
        let bounds = LATENCY_SECONDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds
            .enumerate()
            .map(|(bucket, bound)| {
                let count =
                    self.sum(|core| which(core).counts.get(bucket).map_or(0, Counter::read));
                (bound, count)
            })
            .collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let micros = Duration::from_micros(self.sum(|core| which(core).micros.read()));
        metric.encode_histogram::<NoLabelSet>(micros.as_secs_f64(), count, &buckets, None)
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let counters: [(&str, &str, u64); 11] = [
            (
                "connections_accepted",
                "Client connections accepted",
                self.sum(|core| core.accepted.read()),
            ),
            (
                "connections_refused",
                "Client connections closed at once because there were too many",
                self.sum(|core| core.refused_connections.read()),
            ),
            (
                "connections_cut",
                "HTTP/2 connections cut because the client kept breaking off its requests",
                self.sum(|core| core.reset_floods.read()),
            ),
            (
                "header_fields_left_out",
                "Header fields about a client or of a rewrite rule that were left out because they would have been too large",
                self.sum(|core| core.fields_left_out.read()),
            ),
            (
                "accept_errors",
                "Failures to accept, such as having no file descriptor left",
                self.sum(|core| core.accept_errors.read()),
            ),
            (
                "tls_handshakes",
                "TLS handshakes with clients that succeeded",
                self.sum(|core| core.handshakes.read()),
            ),
            (
                "connection_panics",
                "Connections that ended because of a defect",
                self.sum(|core| core.panics.read()),
            ),
            (
                "upstream_connections",
                "Connections to backends tried, those that failed included",
                self.sum(|core| core.upstream_connects.read()),
            ),
            (
                "upstream_connection_errors",
                "Connections to backends that could not be opened",
                self.sum(|core| core.upstream_connect_errors.read()),
            ),
            (
                "upstream_connection_reuses",
                "Requests sent on a connection that had been used before",
                self.sum(|core| core.upstream_reuses.read()),
            ),
            (
                "access_log_dropped",
                "Access log lines dropped because the writer was behind",
                self.0.log_dropped.read(),
            ),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            let metric = encoder.encode_descriptor(
                name,
                help,
                None,
                prometheus_client::metrics::MetricType::Counter,
            )?;
            counter.encode(metric)?;
        }
        let open =
            ConstGauge::new(i64::try_from(self.0.shared.connections.inside()).unwrap_or(i64::MAX));
        let metric = encoder.encode_descriptor(
            "connections_open",
            "Client connections open",
            None,
            prometheus_client::metrics::MetricType::Gauge,
        )?;
        open.encode(metric)?;

        let mut metric = encoder.encode_descriptor(
            "responses",
            "Responses sent to clients, by class of the status",
            None,
            prometheus_client::metrics::MetricType::Counter,
        )?;
        for (class, label) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().enumerate() {
            let count = self.sum(|core| core.responses.get(class).map_or(0, Counter::read));
            metric
                .encode_family(&[("class", label)])
                .and_then(|family| ConstCounter::new(count).encode(family))?;
        }
        let mut metric = encoder.encode_descriptor(
            "tls_resumptions",
            "Session tickets that clients presented, by what came of them",
            None,
            prometheus_client::metrics::MetricType::Counter,
        )?;
        for (place, came_of_it) in Resumption::ALL.into_iter().enumerate() {
            let count = self.sum(|core| core.resumptions.get(place).map_or(0, Counter::read));
            metric
                .encode_family(&[("result", came_of_it.label())])
                .and_then(|family| ConstCounter::new(count).encode(family))?;
        }
        let mut metric = encoder.encode_descriptor(
            "gateway_replies",
            "Responses that the gateway made itself, by reason",
            None,
            prometheus_client::metrics::MetricType::Counter,
        )?;
        for refusal in Refusal::ALL {
            let count = self.sum(|core| {
                let count = core.refusals.0.get(refusal.index());
                count.map_or(0, Counter::read)
            });
            metric
                .encode_family(&[("reason", refusal.label())])
                .and_then(|family| ConstCounter::new(count).encode(family))?;
        }
        let mut metric = encoder.encode_descriptor(
            "client_verifications",
            "Handshakes with clients that were asked for a certificate and were not refused by alert, by outcome",
            None,
            prometheus_client::metrics::MetricType::Counter,
        )?;
        for (place, label) in Outcome::LABELS.into_iter().enumerate() {
            let count = self.sum(|core| core.vetted.get(place).map_or(0, Counter::read));
            metric
                .encode_family(&[("outcome", label)])
                .and_then(|family| ConstCounter::new(count).encode(family))?;
        }
        let mut metric = encoder.encode_descriptor(
            "trust_withdrawals",
            "Connections that were cut because what they rested on no longer holds, by cause",
            None,
            prometheus_client::metrics::MetricType::Counter,
        )?;
        for cause in Withdrawal::ALL {
            let place = cause.index();
            let count = self.sum(|core| core.withdrawals.get(place).map_or(0, Counter::read));
            metric
                .encode_family(&[("cause", cause.label())])
                .and_then(|family| ConstCounter::new(count).encode(family))?;
        }
        let metric = encoder.encode_descriptor(
            "trust_withdrawal_seconds",
            "From knowing that a connection may not go on to its end",
            None,
            prometheus_client::metrics::MetricType::Histogram,
        )?;
        self.encode_latency(metric, |core| &core.cut_latency)?;
        let metric = encoder.encode_descriptor(
            "upstream_latency_seconds",
            "From the last byte of a request to the head of the backend's response",
            None,
            prometheus_client::metrics::MetricType::Histogram,
        )?;
        self.encode_latency(metric, |core| &core.upstream_latency)
    }
}

const LATENCY_MICROS: [u64; 10] = [
    500, 1_000, 2_500, 5_000, 10_000, 50_000, 100_000, 500_000, 2_500_000, 10_000_000,
];
const LATENCY_SECONDS: [f64; 10] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 2.5, 10.0,
];

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn the_last_bucket_of_the_latency_has_no_upper_bound() {
        let metrics = Metrics::new(NonZeroUsize::MIN);
        for millis in [1, 60_000] {
            let elapsed = Duration::from_millis(millis);
            metrics.core(0).upstream_latency.observe(elapsed);
        }
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut page = String::new();
        text::encode(&mut page, &registry).expect("written");
        let buckets: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("upstream_latency_seconds_bucket"))
            .collect();
        assert_eq!(buckets.len(), LATENCY_SECONDS.len() + 1, "{page}");
        assert_eq!(buckets.last(), Some(&"{le=\"+Inf\"} 2"), "{page}");
        assert!(
            page.contains("upstream_latency_seconds_count 2\n"),
            "{page}"
        );
    }
}
