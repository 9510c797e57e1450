//! Points in time.

use rustls_pki_types::UnixTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// As OpenSSL prints the time of a certificate: `Apr  3 05:02:00 2023 GMT`.
pub(super) fn openssl(time: UnixTime) -> String {
    let format = format_description!(
        "[month repr:short] [day padding:space] [hour]:[minute]:[second] [year] GMT"
    );
    utc(time)
        .and_then(|time| time.format(format).ok())
        .unwrap_or_default()
}

/// RFC 3339, in UTC and whole seconds: `2023-04-30T15:32:00Z`.
pub(super) fn rfc3339(time: UnixTime) -> String {
    utc(time)
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

fn utc(time: UnixTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(time.as_secs()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_as_openssl_prints_them() {
        let check = |seconds, expected: &str, iso: &str| {
            let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            assert_eq!(
                (openssl(time).as_str(), rfc3339(time).as_str()),
                (expected, iso)
            );
        };
        check(
            1_682_868_720,
            "Apr 30 15:32:00 2023 GMT",
            "2023-04-30T15:32:00Z",
        );
        check(
            1_680_498_123,
            "Apr  3 05:02:03 2023 GMT",
            "2023-04-03T05:02:03Z",
        );
        check(0, "Jan  1 00:00:00 1970 GMT", "1970-01-01T00:00:00Z");
        check(
            253_402_300_799,
            "Dec 31 23:59:59 9999 GMT",
            "9999-12-31T23:59:59Z",
        );
        check(u64::MAX, "", "");
    }
}
