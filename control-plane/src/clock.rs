//! The only place where the control plane reads the wall clock.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use time::{Duration, OffsetDateTime};

/// Tells the time (UTC). Cheap to clone; clones of a fixed clock move together.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
}

impl Clock {
    /// The wall clock.
    pub fn system() -> Self {
        Self {
            source: Source::System,
        }
    }

    /// A clock that stands still until [`Clock::advance`] moves it; for tests.
    ///
    /// Precision: one microsecond, as in the database.
    pub fn fixed(at: OffsetDateTime) -> Self {
        Self {
            source: Source::Fixed(Arc::new(AtomicI64::new(unix_micros(at)))),
        }
    }

    /// Now, in UTC, cut to microseconds.
    pub fn now(&self) -> OffsetDateTime {
        let micros = match &self.source {
            Source::System => unix_micros(OffsetDateTime::now_utc()),
            Source::Fixed(micros) => micros.load(Ordering::SeqCst),
        };
        OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::microseconds(micros))
    }

    /// Moves a fixed clock forward; does nothing to the wall clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed(micros) = &self.source {
            micros.fetch_add(
                i64::try_from(by.whole_microseconds()).unwrap_or(i64::MAX),
                Ordering::SeqCst,
            );
        }
    }
}

#[derive(Debug, Clone)]
enum Source {
    System,
    Fixed(Arc<AtomicI64>),
}

fn unix_micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_fixed_clock_move_together() {
        let clock = Clock::fixed(OffsetDateTime::UNIX_EPOCH);
        let other = clock.clone();
        other.advance(Duration::seconds(5));
        assert_eq!(
            clock.now(),
            OffsetDateTime::UNIX_EPOCH + Duration::seconds(5)
        );
    }
}
