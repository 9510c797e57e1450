//! Warns of revocation lists that nobody has replaced: once such a list has expired, it refuses the clients of its CA.

use std::{collections::HashMap, time::Duration};

use client_auth::crl::EXPIRY_WARNINGS;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    permit::Permit,
    store::{ListInForce, Store, StoreError},
    telemetry::Chain,
};

/// How often the lists are looked at.
const INTERVAL: Duration = Duration::from_mins(10);

/// How long a list still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelValue)]
pub enum Expiry {
    /// More than a week.
    Later,
    /// At most a week.
    WithinWeek,
    /// At most a day.
    WithinDay,
    /// Not any more.
    Expired,
}

/// Lists that workers have, by how long they still count. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    lists: Family<ExpiryLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExpiryLabels {
    expiry: Expiry,
}

/// Looks at the lists that workers have.
#[derive(Debug)]
pub struct ExpiryWatch {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    /// What was said about each list, by gateway and hash, so that it is said once by this replica.
    told: HashMap<(String, [u8; 32]), Expiry>,
}

impl Expiry {
    const ALL: [Self; 4] = [
        Self::Later,
        Self::WithinWeek,
        Self::WithinDay,
        Self::Expired,
    ];

    /// Of a list that ends at `end`.
    pub fn of(now: OffsetDateTime, end: OffsetDateTime) -> Self {
        let [week, day] = EXPIRY_WARNINGS;
        match end - now {
            left if left.is_negative() => Self::Expired,
            left if left <= day => Self::WithinDay,
            left if left <= week => Self::WithinWeek,
            _ => Self::Later,
        }
    }
}

impl Metrics {
    /// Makes the metric and registers it.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "revocation_lists",
            "Uploaded revocation lists that workers have, by how long they still count",
            metrics.lists.clone(),
        );
        metrics
    }

    fn set(&self, expiry: Expiry, lists: usize) {
        let gauge = self.lists.get_or_create(&ExpiryLabels { expiry });
        gauge.set(i64::try_from(lists).unwrap_or(i64::MAX));
    }
}

impl ExpiryWatch {
    /// Makes one; [`ExpiryWatch::run`] does the work.
    pub fn new(store: Store, clock: Clock, metrics: Metrics) -> Self {
        Self {
            store,
            clock,
            metrics,
            told: HashMap::new(),
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
            if let Err(error) = self.look().await {
                tracing::warn!(error = %Chain(&error), "the ends of revocation lists cannot be looked at");
            }
        }
    }

    /// Looks once; returns what is new and worth a warning.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn look(&mut self) -> Result<Vec<(ListInForce, Expiry)>, StoreError> {
        let now = self.clock.now();
        let lists = self
            .store
            .lists_in_force(&Permit::for_control_plane())
            .await?;
        let judged: Vec<_> = lists
            .into_iter()
            .map(|list| {
                let expiry = Expiry::of(now, list.next_update());
                (list, expiry)
            })
            .collect();
        for expiry in Expiry::ALL {
            let lists = judged.iter().filter(|(_, own)| *own == expiry);
            self.metrics.set(expiry, lists.count());
        }
        let seen: HashMap<_, _> = judged
            .iter()
            .map(|(list, expiry)| (list.key(), *expiry))
            .collect();
        let is_news = |(list, expiry): &(ListInForce, Expiry)| {
            let before = self.told.get(&list.key()).copied();
            *expiry > before.unwrap_or(Expiry::Later)
        };
        let news: Vec<_> = judged.into_iter().filter(is_news).collect();
        self.told = seen;
        for (list, expiry) in &news {
            warn(now, list, *expiry);
        }
        Ok(news)
    }
}

fn warn(now: OffsetDateTime, list: &ListInForce, expiry: Expiry) {
    let hours_left = (list.next_update() - now).whole_hours();
    let (gateway_id, trusted) = (&list.gateway_id, &list.list.trusted);
    let (name, issuer) = (&list.list.name, &list.list.issuer);
    if expiry == Expiry::Expired {
        tracing::error!(
            gateway_id, trusted_client_certificate = %trusted, revocation_list = %name, issuer,
            "a revocation list has expired and refuses the clients of its CA"
        );
    } else {
        tracing::warn!(
            gateway_id, trusted_client_certificate = %trusted, revocation_list = %name, issuer, hours_left,
            "a revocation list expires soon; then it refuses the clients of its CA"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // T-52
    #[test]
    fn a_week_and_a_day_are_the_thresholds() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let hours = |hours| Expiry::of(now, now + time::Duration::hours(hours));
        assert_eq!(hours(7 * 24 + 1), Expiry::Later);
        assert_eq!(hours(7 * 24), Expiry::WithinWeek);
        assert_eq!(hours(25), Expiry::WithinWeek);
        assert_eq!(hours(24), Expiry::WithinDay);
        assert_eq!(hours(0), Expiry::WithinDay);
        assert_eq!(hours(-1), Expiry::Expired);
    }
}
