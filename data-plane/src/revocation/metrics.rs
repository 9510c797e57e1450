//! Counters of what is found out about revocation, all with closed labels.

use std::time::Duration;

use client_auth::{Judgement, Reason};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

type Labelled = Family<[(&'static str, &'static str); 1], Counter>;

/// Cloning shares the counters.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    ocsp_fetches: Labelled,
    ocsp_fetch: Histogram,
    crl_fetches: Labelled,
    crl_fetch: Histogram,
    looks: Labelled,
    verdicts: Family<[(&'static str, &'static str); 2], Counter>,
    soft_failures: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            ocsp_fetches: Family::default(),
            ocsp_fetch: Histogram::new(SECONDS),
            crl_fetches: Family::default(),
            crl_fetch: Histogram::new(SECONDS),
            looks: Family::default(),
            verdicts: Family::default(),
            soft_failures: Counter::default(),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "revocation_ocsp_fetches",
            "Questions to OCSP responders, by result",
            self.ocsp_fetches.clone(),
        );
        registry.register_with_unit(
            "revocation_ocsp_fetch",
            "How long one OCSP responder took",
            Unit::Seconds,
            self.ocsp_fetch.clone(),
        );
        registry.register(
            "revocation_crl_fetches",
            "Downloads of CRLs, by result",
            self.crl_fetches.clone(),
        );
        registry.register_with_unit(
            "revocation_crl_fetch",
            "How long the download and the reading of one CRL took",
            Unit::Seconds,
            self.crl_fetch.clone(),
        );
        registry.register(
            "revocation_lookups",
            "Vettings of clients, by whether all evidence was at hand (hit) or had to be waited for (miss)",
            self.looks.clone(),
        );
        registry.register(
            "revocation_verdicts",
            "Verdicts about certificates of clients, by verdict and source",
            self.verdicts.clone(),
        );
        registry.register(
            "revocation_soft_failures",
            "Certificates let in although nobody knew whether they are revoked",
            self.soft_failures.clone(),
        );
    }

    /// One responder was asked.
    pub(super) fn ocsp_fetched(&self, result: &'static str, elapsed: Duration) {
        self.ocsp_fetches.get_or_create(&[("result", result)]).inc();
        self.ocsp_fetch.observe(elapsed.as_secs_f64());
    }

    /// One distribution point was asked.
    pub(super) fn crl_fetched(&self, result: &'static str, elapsed: Duration) {
        self.crl_fetches.get_or_create(&[("result", result)]).inc();
        self.crl_fetch.observe(elapsed.as_secs_f64());
    }

    /// A client was vetted with (`hit`) or without all evidence at hand.
    pub(super) fn looked(&self, hit: bool) {
        let result = if hit { "hit" } else { "miss" };
        self.looks.get_or_create(&[("result", result)]).inc();
    }

    /// A certificate of a client was judged.
    pub(super) fn judged(&self, judgement: &Judgement) {
        let labels = [
            ("verdict", verdict(judgement)),
            ("source", judgement.source_label()),
        ];
        self.verdicts.get_or_create(&labels).inc();
        if judgement.soft_failed {
            self.soft_failures.inc();
        }
    }
}

/// A closed set of labels.
fn verdict(judgement: &Judgement) -> &'static str {
    match &judgement.result {
        Ok(()) if judgement.soft_failed => "soft_failed",
        Ok(()) => "good",
        Err(refusal) => match refusal.reason {
            Reason::Revoked => "revoked",
            Reason::RevocationUnknown => "unknown",
            _ => "unavailable",
        },
    }
}

const SECONDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 10.0, 30.0,
];
