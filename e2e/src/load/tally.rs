//! Counting what a run did.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The counts of one run; one thread's.
#[derive(Debug, Default)]
pub struct Tally {
    operations: Cell<u64>,
    reconnects: Cell<u64>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
}

impl Tally {
    /// Counts one answered operation.
    pub fn operation(&self) {
        self.operations.set(self.operations.get() + 1);
    }

    /// Counts one connection that the server closed in an orderly way and that was replaced.
    pub fn reconnect(&self) {
        self.reconnects.set(self.reconnects.get() + 1);
    }

    /// Counts an error; the first one is kept as text.
    pub fn error(&self, error: &anyhow::Error) {
        self.errors.set(self.errors.get() + 1);
        self.first_error
            .borrow_mut()
            .get_or_insert_with(|| format!("{error:#}"));
    }

    /// Whether the run has failed.
    pub fn has_failed(&self) -> bool {
        self.errors.get() > 0
    }

    /// The counts as JSON.
    pub fn json(&self, elapsed: Duration) -> Value {
        json!({
            "operations": self.operations.get(),
            "errors": self.errors.get(),
            "first_error": *self.first_error.borrow(),
            "reconnects": self.reconnects.get(),
            "elapsed_seconds": elapsed.as_secs_f64(),
        })
    }
}

/// Until when a run starts new operations.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `duration` after `start`.
    pub fn after(start: Instant, duration: Duration) -> Self {
        Self(start + duration)
    }

    /// Whether it is over.
    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }
}

/// The value below which `fraction` (0 to 1) of the sorted samples lie; zero without samples.
pub fn percentile(sorted: &[Duration], fraction: f64) -> Duration {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index of a list that fits in memory"
    )]
    let rank = (sorted.len() as f64 * fraction).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// Median, upper percentiles and maximum in milliseconds.
pub fn distribution(mut samples: Vec<Duration>) -> Value {
    samples.sort_unstable();
    let milliseconds = |fraction| percentile(&samples, fraction).as_secs_f64() * 1000.0;
    json!({
        "p50_ms": milliseconds(0.5),
        "p99_ms": milliseconds(0.99),
        "p999_ms": milliseconds(0.999),
        "max_ms": milliseconds(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_smallest_sample_that_covers_its_share() {
        let samples: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        for (fraction, expected) in [(0.5, 100), (0.99, 198), (0.999, 200), (1.0, 200), (0.0, 1)] {
            assert_eq!(
                percentile(&samples, fraction),
                Duration::from_millis(expected),
                "{fraction}"
            );
        }
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }
}
