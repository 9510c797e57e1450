//! Clients that are turned away for want of room, for the log: under a flood one line a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::limits::Limits;

/// What all cores have turned away and not told yet.
#[derive(Debug)]
pub(crate) struct Overload {
    connections: Tally,
    handshakes: Tally,
}

/// Counts, and says when the count is due to be told.
#[derive(Debug)]
struct Tally {
    start: Instant,
    untold: AtomicU64,
    /// Milliseconds after the start until which nothing is told.
    quiet_until: AtomicU64,
}

impl Overload {
    pub(crate) fn new(start: Instant) -> Self {
        let tally = || Tally {
            start,
            untold: AtomicU64::new(0),
            quiet_until: AtomicU64::new(0),
        };
        Self {
            connections: tally(),
            handshakes: tally(),
        }
    }

    /// A connection was one too many.
    pub(crate) fn connection_refused(&self, now: Instant, limits: &Limits) {
        self.connections.add();
        self.tell(now, limits);
    }

    /// A handshake was one too many.
    pub(crate) fn handshake_refused(&self, now: Instant, limits: &Limits) {
        self.handshakes.add();
        self.tell(now, limits);
    }

    /// Logs what is due. To be called about every second, too, so that the last ones are told.
    pub(crate) fn tell(&self, now: Instant, limits: &Limits) {
        if let Some(refused) = self.connections.due(now) {
            let maximum = limits.max_connections;
            tracing::warn!(
                refused,
                maximum,
                "too many connections; new ones are closed"
            );
        }
        if let Some(refused) = self.handshakes.due(now) {
            let maximum = limits.max_handshakes;
            tracing::warn!(refused, maximum, "too many handshakes; new ones are closed");
        }
    }
}

impl Tally {
    fn add(&self) {
        self.untold.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were since they were last told; `None` while there are none or the last time was just now.
    fn due(&self, now: Instant) -> Option<u64> {
        if self.untold.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let now = now.saturating_duration_since(self.start).as_millis();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        let quiet_until = self.quiet_until.load(Ordering::Relaxed);
        let next = now.saturating_add(QUIET_MILLIS);
        let mine = now >= quiet_until
            && self
                .quiet_until
                .compare_exchange(quiet_until, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        mine.then(|| self.untold.swap(0, Ordering::Relaxed))
            .filter(|&untold| untold > 0)
    }
}

const QUIET_MILLIS: u64 = 1000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_refusal_is_told_at_once_and_the_rest_once_a_second() {
        let start = Instant::now();
        let tally = Overload::new(start).connections;
        let due = |millis| tally.due(start + Duration::from_millis(millis));
        assert_eq!(due(0), None);
        tally.add();
        assert_eq!(due(5), Some(1));
        for _ in 0..3 {
            tally.add();
            assert_eq!(due(900), None);
        }
        assert_eq!(due(1005), Some(3));
        assert_eq!(due(5000), None);
    }
}
