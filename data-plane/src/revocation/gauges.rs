//! How much is remembered, read when somebody asks.

use std::collections::HashMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use rustls_pki_types::UnixTime;

use super::Revocation;

/// Gauges of the caches.
#[derive(Debug)]
pub(super) struct Gauges(pub(super) Revocation);

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let shared = &self.0.0;
        let mut gauge = |name: &str, help: &str, value: i64| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        let uploaded = shared.uploaded.all().into_iter().map(|(_, list)| list.crl);
        let fetched = shared.lists.answers().into_iter().map(|(list, _)| list.crl);
        // A list counts once, whoever has it.
        let lists: HashMap<_, _> = uploaded
            .chain(fetched)
            .map(|crl| (crl.head().sha256, crl))
            .collect();
        gauge(
            "revocation_cache_entries",
            "Certificates that OCSP responders were asked about and whose answers are kept",
            number(shared.verdicts.len()),
        )?;
        gauge(
            "revocation_crls",
            "CRLs at hand, uploaded and fetched",
            number(lists.len()),
        )?;
        gauge(
            "revocation_crl_entries",
            "Entries of all CRLs at hand",
            number(lists.values().map(|crl| crl.entry_count()).sum()),
        )?;
        let now = seconds(shared.clock.unix());
        let ends = lists.values().map(|crl| seconds(crl.head().next_update));
        // Without a list there is no time to tell.
        ends.min().map_or(Ok(()), |end| {
            gauge(
                "revocation_crl_next_expiry_seconds",
                "Until the first of the CRLs at hand expires; negative: since it has expired",
                end.saturating_sub(now),
            )
        })
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
