//! The `api-version` that a caller speaks.

use std::fmt;

/// A date, perhaps with a suffix such as `-preview`. Orders by date; the suffix does not count.
///
/// Every well-formed version from [`ApiVersion::OLDEST`] on is served by one superset document; what a version cannot
/// express, it cannot take away (see `parse`).
#[derive(Debug, Clone)]
pub struct ApiVersion {
    text: String,
}

/// Why an `api-version` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiVersion {
    /// Not `YYYY-MM-DD`, optionally with one of ARM's suffixes.
    #[error("api-version {0:?} is malformed, expected YYYY-MM-DD")]
    Malformed(String),
    /// Older than [`ApiVersion::OLDEST`].
    #[error("api-version {0:?} is not supported, the oldest is 2015-06-15")]
    TooOld(String),
}

const SUFFIXES: [&str; 6] = ["", "-preview", "-alpha", "-beta", "-rc", "-privatepreview"];

impl ApiVersion {
    /// The first version that real clients still send (`az network application-gateway create`).
    pub const OLDEST: &'static str = "2015-06-15";
    /// The version whose schema is implemented; offered first to clients that ask.
    pub const NEWEST: &'static str = "2026-03-01";

    /// [`NEWEST`](Self::NEWEST).
    pub fn newest() -> Self {
        Self {
            text: Self::NEWEST.to_owned(),
        }
    }

    /// Reads the query parameter.
    ///
    /// # Errors
    /// [`InvalidApiVersion`].
    pub fn parse(text: &str) -> Result<Self, InvalidApiVersion> {
        let malformed = || InvalidApiVersion::Malformed(text.chars().take(40).collect());
        let (date, suffix) = text.split_at_checked(10).ok_or_else(malformed)?;
        if !is_date(date)
            || !SUFFIXES
                .iter()
                .any(|known| known.eq_ignore_ascii_case(suffix))
        {
            return Err(malformed());
        }
        if date < Self::OLDEST {
            return Err(InvalidApiVersion::TooOld(text.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
        })
    }

    /// As the caller wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this version is older than `date` (`YYYY-MM-DD`).
    pub fn is_before(&self, date: &str) -> bool {
        self.text
            .split_at_checked(10)
            .is_none_or(|(own, _)| own < date)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `YYYY-MM-DD` with a month and day that can exist.
fn is_date(text: &str) -> bool {
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let field = |range| {
        text.get(range)
            .and_then(|part: &str| part.parse::<u8>().ok())
            .unwrap_or(0)
    };
    shape && (1..=12).contains(&field(5..7)) && (1..=31).contains(&field(8..10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_dates_with_known_suffixes() {
        for good in [
            "2015-06-15",
            "2020-06-01",
            "2026-03-01",
            "2027-01-01",
            "2025-03-01-preview",
            "2025-03-01-PREVIEW",
        ] {
            assert_eq!(
                ApiVersion::parse(good).map(|version| version.as_str().to_owned()),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "",
            "2020",
            "2020-13-01",
            "2020-00-01",
            "2020-01-32",
            "2020-1-1",
            "20200101xx",
            "2020-06-01-nightly",
            "2020-06-01é",
            "ééééééééééé",
        ] {
            assert!(
                matches!(ApiVersion::parse(bad), Err(InvalidApiVersion::Malformed(_))),
                "{bad}"
            );
        }
        assert!(matches!(
            ApiVersion::parse("2014-01-01"),
            Err(InvalidApiVersion::TooOld(_))
        ));
    }

    #[test]
    fn versions_order_by_date() {
        let version = ApiVersion::parse("2025-01-01-preview").unwrap();
        assert!(version.is_before("2025-03-01"));
        assert!(!version.is_before("2025-01-01"));
    }
}
