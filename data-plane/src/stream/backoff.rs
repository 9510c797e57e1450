//! How long to wait before the next try.

use std::time::Duration;

/// Doubles from 50 ms to 5 s; each delay is shortened by up to half, so that workers do not come back together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

impl Default for Backoff {
    fn default() -> Self {
        Self::up_to(LONGEST)
    }
}

impl Backoff {
    /// Doubles up to another longest delay.
    pub(super) fn up_to(longest: Duration) -> Self {
        Self {
            next: FIRST,
            longest,
        }
    }

    /// The next delay; `random` is within 0 to 1.
    pub(super) fn next_delay(&mut self, random: f64) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.longest);
        delay.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let mut backoff = Backoff::default();
        let delays: Vec<u128> = (0..9)
            .map(|_| backoff.next_delay(1.0).as_millis())
            .collect();
        assert_eq!(delays, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn jitter_takes_away_up_to_half() {
        assert_eq!(
            Backoff::default().next_delay(0.0),
            Duration::from_millis(25)
        );
        assert_eq!(
            Backoff::default().next_delay(0.5),
            Duration::from_micros(37_500)
        );
    }
}
