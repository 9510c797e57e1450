//! When something has to be asked for again.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::UnixTime;

/// When the next attempt is due, and whether anybody wants it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// An attempt is due from here on.
    pub(super) next: UnixTime,
    /// Whether somebody has asked since the last attempt that brought an answer.
    pub(super) asked: bool,
}

/// A time without answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    /// The first failure after the last answer. It does not move while the outage goes on.
    pub(super) since: UnixTime,
    /// Why the newest attempt failed, for the operator.
    pub(super) why: Arc<str>,
    /// Attempts that failed.
    pub(super) failures: u32,
}

/// A refresh comes so long before the end, or a fifth of the life of an answer, whichever is more (HAProxy: 300 s), but not
/// before half of its life is over.
const LEAD: Duration = Duration::from_mins(5);
/// The first failure is remembered this long; each further one twice as long as the one before.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// No failure is remembered longer.
const LAST_RETRY: Duration = Duration::from_mins(1);

impl Schedule {
    /// Due at once.
    pub(super) fn new() -> Self {
        Self {
            next: UnixTime::since_unix_epoch(Duration::ZERO),
            asked: false,
        }
    }

    /// After an answer that came `now` and is good until `end`: due before it ends. Jitter spreads what came at one time.
    pub(super) fn after_answer(now: UnixTime, end: UnixTime) -> Self {
        let life = between(now, end);
        let lead = LEAD.max(life / 5).min(life / 2);
        let lead = lead.mul_f64(1.0 + fastrand::f64() / 4.0);
        Self {
            next: later(now, life.saturating_sub(lead)),
            asked: false,
        }
    }

    /// After the `failures`th failure in a row.
    pub(super) fn after_failure(self, now: UnixTime, failures: u32) -> Self {
        let doublings = failures.saturating_sub(1).min(8);
        let pause = FIRST_RETRY.saturating_mul(1 << doublings).min(LAST_RETRY);
        Self {
            next: later(now, pause),
            ..self
        }
    }

    pub(super) fn is_due(&self, now: UnixTime) -> bool {
        now >= self.next
    }
}

impl Outage {
    /// One more failure in the outage `before`, or the first one of an outage that was there from `since` on.
    pub(super) fn go_on(before: Option<Self>, since: UnixTime, why: &str) -> Self {
        let (known_since, failures) = match before {
            Some(outage) => (outage.since.min(since), outage.failures),
            None => (since, 0),
        };
        Self {
            since: known_since,
            why: Arc::from(why),
            failures: failures.saturating_add(1),
        }
    }
}

/// `duration` after `moment`, in whole seconds.
pub(super) fn later(moment: UnixTime, duration: Duration) -> UnixTime {
    let seconds = moment.as_secs().saturating_add(duration.as_secs());
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// From one moment to a later one; nothing if it is no later one.
pub(super) fn between(from: UnixTime, to: UnixTime) -> Duration {
    Duration::from_secs(to.as_secs().saturating_sub(from.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn answers_are_refreshed_before_they_end() {
        let check = |life: u64, earliest: u64, latest: u64| {
            for _ in 0..100 {
                let next = Schedule::after_answer(at(1000), at(1000 + life))
                    .next
                    .as_secs()
                    - 1000;
                assert!((earliest..=latest).contains(&next), "{next} of {life}");
            }
        };
        check(3600, 2700, 2880);
        check(100_000, 75_000, 80_000);
        check(600, 225, 300);
        check(60, 22, 30);
        check(1, 0, 1);
        check(0, 0, 0);
    }

    #[test]
    fn failures_are_remembered_for_a_minute_at_most() {
        let pauses: Vec<u64> = [1, 2, 3, 4, 5, 6, 100, u32::MAX]
            .into_iter()
            .map(|failures| {
                Schedule::new()
                    .after_failure(at(0), failures)
                    .next
                    .as_secs()
            })
            .collect();
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60, 60, 60]);
    }

    #[test]
    fn an_outage_counts_from_its_first_failure() {
        let outage = Outage::go_on(None, at(10), "a");
        let outage = Outage::go_on(Some(outage), at(20), "b");
        assert_eq!(
            (outage.since, &*outage.why, outage.failures),
            (at(10), "b", 2)
        );
        let outage = Outage::go_on(Some(outage), at(5), "c");
        assert_eq!(outage.since, at(5));
    }
}
