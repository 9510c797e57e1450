//! Reading single values, so that all problems of a command line are told together.

use std::fmt::Display;
use std::time::Duration;

/// A value that an option can hold.
pub(crate) trait Value: Sized {
    /// What stands in for a value that could not be read; never used, since the settings are refused then.
    const ZERO: Self;

    /// Reads the value, or tells what was expected.
    fn parse(text: &str) -> Result<Self, String>;

    /// Reads a value known to be good.
    fn parse_or_zero(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self::ZERO)
    }
}

/// What is wrong with the settings, collected.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    /// Notes that `option` cannot be used.
    pub(crate) fn add(&mut self, option: &str, problem: impl Display) {
        self.0.push(format!("{option}: {problem}"));
    }

    /// Reads one value; a malformed one is noted.
    pub(crate) fn value<T: Value>(&mut self, option: &str, text: &str) -> T {
        self.take(option, T::parse(text)).unwrap_or(T::ZERO)
    }

    /// Unwraps a result; a failure is noted.
    pub(crate) fn take<T, E: Display>(&mut self, option: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(option, error)).ok()
    }

    /// All that was noted.
    pub(crate) fn into_vec(self) -> Vec<String> {
        self.0
    }
}

impl Value for Duration {
    const ZERO: Self = Duration::ZERO;

    /// A positive number with unit: `500ms`, `10s`, `5m` or `1h`.
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}` is not a positive time such as 500ms, 10s, 5m or 1h");
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(expected)?;
        let (number, unit) = text.split_at(digits);
        let number: u32 = number.parse().map_err(|_| expected())?;
        let one = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(expected()),
        };
        if number == 0 {
            return Err(expected());
        }
        Ok(one * number)
    }
}

impl Value for u64 {
    const ZERO: Self = 0;

    /// A positive number, with `KiB`, `MiB` or `GiB` as multiplier.
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}` is not a positive number such as 100, 32KiB or 1MiB");
        let (digits, factor) = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]
            .into_iter()
            .find_map(|(unit, factor)| text.strip_suffix(unit).map(|digits| (digits, factor)))
            .unwrap_or((text, 1));
        let number: u64 = digits.parse().map_err(|_| expected())?;
        number
            .checked_mul(factor)
            .filter(|product| *product > 0)
            .ok_or_else(expected)
    }
}

impl Value for u32 {
    const ZERO: Self = 0;

    fn parse(text: &str) -> Result<Self, String> {
        u64::parse(text)?
            .try_into()
            .map_err(|_| format!("`{text}` is too large"))
    }
}

impl Value for usize {
    const ZERO: Self = 0;

    fn parse(text: &str) -> Result<Self, String> {
        u64::parse(text)?
            .try_into()
            .map_err(|_| format!("`{text}` is too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Value + PartialEq + std::fmt::Debug>(text: &str, expected: Option<T>) {
        assert_eq!(T::parse(text).ok(), expected, "{text}");
    }

    #[test]
    fn times_need_a_unit_and_a_positive_number() {
        check("500ms", Some(Duration::from_millis(500)));
        check("10s", Some(Duration::from_secs(10)));
        check("5m", Some(Duration::from_mins(5)));
        check("1h", Some(Duration::from_hours(1)));
        for text in [
            "",
            "10",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "10 s",
            "1d",
            "99999999999s",
        ] {
            check::<Duration>(text, None);
        }
    }

    #[test]
    fn numbers_take_binary_units() {
        check("100", Some(100_u64));
        check("32KiB", Some(32_768_u32));
        check("1GiB", Some(1_usize << 30));
        for text in ["", "0", "-1", "1KB", "KiB", "1.5MiB"] {
            check::<u64>(text, None);
        }
        check::<u32>("8GiB", None);
    }
}
