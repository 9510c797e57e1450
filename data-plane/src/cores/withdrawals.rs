//! Connections that were cut, for the log: one line for each event with how many there were.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::connection::recheck::Withdrawal;

/// What all cores have cut and not told yet. Only cutting takes the lock, and the sweep of each core.
#[derive(Debug, Default)]
pub(crate) struct Withdrawals(Mutex<[Event; Withdrawal::ALL.len()]>);

#[derive(Clone, Copy, Debug, Default)]
struct Event {
    cut: u64,
    /// Of the first one.
    since: Option<Instant>,
}

/// Cores cut at their own pace; what comes within this time is one event.
const EVENT: Duration = Duration::from_secs(1);

impl Withdrawals {
    /// A connection was cut.
    pub(crate) fn add(&self, cause: Withdrawal, now: Instant) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = events.get_mut(cause.index()) {
            event.cut += 1;
            event.since.get_or_insert(now);
        }
    }

    /// Logs the events that are over. To be called about every second.
    pub(crate) fn tell(&self, now: Instant) {
        for (cause, cut) in self.due(now) {
            let cause = cause.label();
            tracing::info!(cause, cut, "trust was withdrawn; connections were cut");
        }
    }

    fn due(&self, now: Instant) -> Vec<(Withdrawal, u64)> {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |event: &Event| event.since.is_some_and(|since| now >= since + EVENT);
        let events = Withdrawal::ALL.into_iter().zip(events.iter_mut());
        events
            .filter(|(_, event)| is_over(event))
            .map(|(cause, event)| (cause, std::mem::take(event).cut))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_within_a_second_is_one_event() {
        let (withdrawals, start) = (Withdrawals::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        withdrawals.add(Withdrawal::Revoked, at(0));
        withdrawals.add(Withdrawal::Policy, at(500));
        withdrawals.add(Withdrawal::Revoked, at(900));
        assert_eq!(withdrawals.due(at(999)), []);
        assert_eq!(withdrawals.due(at(1000)), [(Withdrawal::Revoked, 2)]);
        assert_eq!(withdrawals.due(at(1500)), [(Withdrawal::Policy, 1)]);
        assert_eq!(withdrawals.due(at(9000)), []);
    }

    #[test]
    fn causes_are_at_their_places() {
        for (place, cause) in Withdrawal::ALL.into_iter().enumerate() {
            assert_eq!(cause.index(), place);
        }
    }
}
