//! The time of one core: milliseconds since its start, read from the system once for many uses.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant, SystemTime};

use rustls_pki_types::UnixTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::clock::Clock;

/// The clock of one core.
#[derive(Debug)]
pub(crate) struct CoreTime {
    clock: Clock,
    start: Instant,
    coarse: Cell<u64>,
    wall: Cell<SystemTime>,
    wall_at: Cell<Instant>,
    second: Cell<i64>,
    stamp: RefCell<String>,
    date: RefCell<String>,
}

impl CoreTime {
    pub(crate) fn new(clock: Clock) -> Self {
        let start = Instant::now();
        let wall = clock.now();
        let time = Self {
            clock,
            start,
            coarse: Cell::new(0),
            wall: Cell::new(wall),
            wall_at: Cell::new(start),
            second: Cell::new(i64::MIN),
            stamp: RefCell::default(),
            date: RefCell::default(),
        };
        time.refresh();
        time
    }

    /// Now, exactly. Also brings [`Self::coarse`] up to date.
    pub(crate) fn now(&self) -> Instant {
        let now = Instant::now();
        self.coarse.set(millis(now.duration_since(self.start)));
        now
    }

    /// Milliseconds since the start of the core, as of the last exact reading: late by at most one sweep.
    pub(crate) fn coarse(&self) -> u64 {
        self.coarse.get()
    }

    /// The coarse time at which `timeout` from now will have passed.
    pub(crate) fn deadline(&self, timeout: Duration) -> u64 {
        self.coarse.get().saturating_add(millis(timeout))
    }

    /// Follows the wall clock. Called by every sweep.
    pub(crate) fn refresh(&self) {
        self.wall_at.set(self.now());
        self.wall.set(self.clock.now());
        let wall = OffsetDateTime::from(self.wall.get());
        if let Ok(mut date) = wall.format(&Rfc2822) {
            // RFC 9110, 5.6.7 wants the zone as GMT.
            date.truncate(date.len().saturating_sub("+0000".len()));
            date.push_str("GMT");
            *self.date.borrow_mut() = date;
        }
    }

    /// The wall clock, late by at most one sweep. A clock before 1970 gives the end of time: nothing is valid then.
    pub(crate) fn unix(&self) -> UnixTime {
        let since = self.wall.get().duration_since(SystemTime::UNIX_EPOCH);
        UnixTime::since_unix_epoch(since.unwrap_or(Duration::MAX))
    }

    /// Writes the value of a Date header, late by at most one sweep.
    pub(crate) fn write_date(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.date.borrow().as_bytes());
    }

    /// Writes `at` as RFC 3339 in UTC with milliseconds.
    pub(crate) fn write_stamp(&self, at: Instant, out: &mut Vec<u8>) {
        let wall = if at >= self.wall_at.get() {
            self.wall.get() + (at - self.wall_at.get())
        } else {
            self.wall.get() - (self.wall_at.get() - at)
        };
        let wall = OffsetDateTime::from(wall);
        if self.second.replace(wall.unix_timestamp()) != wall.unix_timestamp() {
            *self.stamp.borrow_mut() = format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                wall.year(),
                u8::from(wall.month()),
                wall.day(),
                wall.hour(),
                wall.minute(),
                wall.second()
            );
        }
        out.extend_from_slice(self.stamp.borrow().as_bytes());
        let millisecond = wall.millisecond();
        let digit =
            |unit: u16| b'0'.wrapping_add(u8::try_from(millisecond / unit % 10).unwrap_or(0));
        out.extend_from_slice(&[b'.', digit(100), digit(10), digit(1), b'Z']);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_and_dates_are_in_the_formats_of_their_readers() {
        let clock =
            Clock::from_fn(|| SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_042));
        let time = CoreTime::new(clock);
        let mut date = Vec::new();
        time.write_date(&mut date);
        assert_eq!(
            String::from_utf8(date).unwrap(),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        let mut stamp = Vec::new();
        time.write_stamp(time.wall_at.get() + Duration::from_millis(5), &mut stamp);
        assert_eq!(
            String::from_utf8(stamp).unwrap(),
            "1994-11-06T08:49:37.047Z"
        );
    }
}
