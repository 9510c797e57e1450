//! The wall clock: the only place of this program that reads it.

use time::OffsetDateTime;

/// The time now.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
