//! Moments as text.

use std::time::Duration;

use der::DateTime;
use rustls_pki_types::UnixTime;

/// `2026-11-22T12:00:00Z`.
pub(crate) fn text(time: UnixTime) -> String {
    let seconds = time.as_secs();
    DateTime::from_unix_duration(Duration::from_secs(seconds)).map_or_else(
        |_| format!("{seconds} s after 1970"),
        |date| date.to_string(),
    )
}
