//! Rotation of the master key: everything in the database that another key sealed is sealed anew with the current one.
//!
//! Every replica does it, a few rows at a time. A row is written only if it still holds what was read, so replicas
//! neither undo each other's work nor bring back what was deleted. Replicas with different current keys seal each
//! other's envelopes again until all have the same one; each can open all of them the whole time.

use std::{collections::BTreeSet, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio_util::sync::CancellationToken;

use crate::{
    seal::{KeyId, KeyUse},
    store::{SealedBy, SealedTable, Store, StoreError},
    telemetry::Chain,
};

/// How often the database is looked through.
const INTERVAL: Duration = Duration::from_secs(30);
/// Rows that one transaction writes; on SQLite other writers wait for it.
const BATCH: usize = 50;

/// Envelopes in the database by what their key is here. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    envelopes: Family<KeyLabels, Gauge>,
    resealed: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabels {
    key: KeyUse,
}

/// Seals with the current master key what is not.
#[derive(Debug)]
pub struct Resealer {
    store: Store,
    metrics: Metrics,
    /// What the pass before found, so that each finding is told once.
    told: Option<Report>,
}

/// What a pass left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Envelopes that this pass sealed anew.
    pub resealed: usize,
    /// Envelopes that do not open in their row: changed, moved from another row, or of a key that was not given.
    pub refused: usize,
    /// Envelopes under another key that was given: those that do not open, and those that another replica wrote meanwhile.
    pub left: u64,
    /// Envelopes whose key was not given.
    pub lost: u64,
    /// The keys that were not given.
    pub missing: BTreeSet<KeyId>,
}

impl EncodeLabelValue for KeyUse {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        let text = match self {
            Self::Current => "current",
            Self::Missing => "missing",
            Self::Other => "other",
        };
        EncodeLabelValue::encode(&text, encoder)
    }
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "envelopes",
            "Sealed secrets in the database, by whether the current master key sealed them, another one that was given, \
             or one that is missing",
            metrics.envelopes.clone(),
        );
        registry.register(
            "resealed",
            "Secrets that were sealed anew with the current master key",
            metrics.resealed.clone(),
        );
        metrics
    }

    fn set(&self, sealed: &[SealedBy]) {
        for usage in [KeyUse::Current, KeyUse::Missing, KeyUse::Other] {
            let gauge = self.envelopes.get_or_create(&KeyLabels { key: usage });
            gauge.set(i64::try_from(count(sealed, usage)).unwrap_or(i64::MAX));
        }
    }
}

impl Resealer {
    /// Makes one; [`Resealer::run`] does the work.
    pub fn new(store: Store, metrics: Metrics) -> Self {
        Self {
            store,
            metrics,
            told: None,
        }
    }

    /// Works until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut timer = tokio::time::interval(INTERVAL);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = timer.tick() => {}
            }
            if let Err(error) = self.pass().await {
                tracing::warn!(error = %Chain(&error), "sealed secrets cannot be looked through");
            }
        }
    }

    /// Looks through everything once. May be dropped at any point: what was committed stays.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn pass(&mut self) -> Result<Report, StoreError> {
        let (mut resealed, mut refused) = (0, 0);
        for table in &SealedTable::ALL {
            for rows in self.store.not_under_current_key(table).await?.chunks(BATCH) {
                let outcome = self.store.reseal(table, rows).await?;
                let done = u64::try_from(outcome.done).unwrap_or_default();
                self.metrics.resealed.inc_by(done);
                resealed += outcome.done;
                refused += outcome.refused;
            }
        }
        let sealed = self.store.sealed_by().await?;
        self.metrics.set(&sealed);
        let missing = sealed.iter().filter(|by| by.usage == KeyUse::Missing);
        let report = Report {
            resealed,
            refused,
            left: count(&sealed, KeyUse::Other),
            lost: count(&sealed, KeyUse::Missing),
            missing: missing.filter_map(|by| by.key).collect(),
        };
        self.tell(&report);
        self.told = Some(report.clone());
        Ok(report)
    }

    fn tell(&self, report: &Report) {
        let Report {
            resealed,
            refused,
            left,
            lost,
            missing,
        } = report;
        let key = self.store.current_master_key();
        let before = self.told.as_ref();
        if *resealed > 0 {
            tracing::info!(%key, resealed, left, "secrets were sealed anew with the current master key");
        }
        let waited = *resealed > 0 || before.is_some_and(|before| before.left > 0);
        if *left == 0 && waited {
            tracing::info!(%key, "no secret is under a previous master key any more");
        }
        if *refused > 0 && before.is_none_or(|before| before.refused != *refused) {
            tracing::error!(%key, refused, "sealed secrets do not open: changed, moved between rows, or of a missing key");
        }
        if *lost > 0 && before.is_none_or(|before| before.missing != *missing) {
            tracing::error!(
                lost,
                ?missing,
                "secrets were sealed with master keys that are not given"
            );
        }
    }
}

fn count(sealed: &[SealedBy], usage: KeyUse) -> u64 {
    let of_usage = sealed.iter().filter(|by| by.usage == usage);
    of_usage.map(|by| by.envelopes).sum()
}
