//! Ports and rule priorities.

use std::fmt;

/// The number is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{found} is not between {low} and {high}")]
pub struct OutOfRange {
    /// What was given.
    pub found: i64,
    /// The least allowed.
    pub low: i64,
    /// The most allowed.
    pub high: i64,
}

/// A TCP port, 1 to 65535.
///
/// Differs from Azure: 53 and the ports from 65000 on are allowed for frontends; Azure keeps them for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(u16);

/// Priority of a rule, 1 (first) to 20000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u16);

/// Seconds that a backend may take, 1 to 86400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestTimeout(u32);

impl Port {
    /// Takes 1 to 65535.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn new(number: i64) -> Result<Self, OutOfRange> {
        checked(number, 1, 65_535).map(Self)
    }

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl Priority {
    /// The least urgent priority.
    pub const LAST: i64 = 20_000;

    /// Takes 1 to 20000.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn new(number: i64) -> Result<Self, OutOfRange> {
        checked(number, 1, Self::LAST).map(Self)
    }

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl RequestTimeout {
    /// Takes 1 to 86400.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn new(seconds: i64) -> Result<Self, OutOfRange> {
        checked(seconds, 1, 86_400).map(Self)
    }

    /// In seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub(crate) fn checked<T: TryFrom<i64>>(found: i64, low: i64, high: i64) -> Result<T, OutOfRange> {
    let out_of_range = OutOfRange { found, low, high };
    if (low..=high).contains(&found) {
        T::try_from(found).map_err(|_| out_of_range)
    } else {
        Err(out_of_range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_refused() {
        for (number, port, priority, timeout) in [
            (-1, false, false, false),
            (0, false, false, false),
            (1, true, true, true),
            (20_000, true, true, true),
            (20_001, true, false, true),
            (65_535, true, false, true),
            (65_536, false, false, true),
            (86_401, false, false, false),
            (i64::MAX, false, false, false),
        ] {
            assert_eq!(Port::new(number).is_ok(), port, "port {number}");
            assert_eq!(Priority::new(number).is_ok(), priority, "priority {number}");
            assert_eq!(
                RequestTimeout::new(number).is_ok(),
                timeout,
                "timeout {number}"
            );
        }
    }
}
