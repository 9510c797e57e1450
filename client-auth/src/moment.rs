//! Moments.

use std::time::Duration;

use der::DateTime;
use rustls_pki_types::UnixTime;

/// `2026-11-22T12:00:00Z`.
pub(crate) fn text(moment: UnixTime) -> String {
    let seconds = moment.as_secs();
    DateTime::from_unix_duration(Duration::from_secs(seconds)).map_or_else(
        |_| format!("{seconds} s after 1970"),
        |date| date.to_string(),
    )
}

/// `duration` after `moment`, or the end of time.
pub(crate) fn after(moment: UnixTime, duration: Duration) -> UnixTime {
    let seconds = moment.as_secs().saturating_add(duration.as_secs());
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
