//! How much is remembered, read when somebody asks.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Revocation;

/// Gauges of the caches.
#[derive(Debug)]
pub(super) struct Gauges(pub(super) Revocation);

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let shared = &self.0.0;
        let mut gauge = |name: &str, help: &str, value: usize| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)
        };
        gauge(
            "revocation_cache_entries",
            "Certificates that OCSP responders were asked about and whose answers are kept",
            shared.verdicts.len(),
        )
    }
}
