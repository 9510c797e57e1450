//! Values that are no text: addresses, serial numbers and digests.

use std::net::IpAddr;

use rcgen::{SanType, SerialNumber};

use super::{facts, matcher, matches};
use crate::IdentityField::{Fingerprint, SanIp, Serial, Spki};
use crate::MatchKind::{Exact, Prefix, Regex, Suffix};
use crate::testing::Authority;
use crate::{CertificateFacts, IdentityMatcher, MatcherError, Sha256Fingerprint};

#[test]
fn addresses_are_compared_as_numbers() {
    let certificate = facts(&|p| {
        p.subject_alt_names = ["10.1.2.3", "2001:db8::1", "::ffff:192.0.2.1"]
            .map(|ip| SanType::IpAddress(ip.parse::<IpAddr>().unwrap()))
            .into();
    });
    for (kind, value, expected) in [
        (Exact, "10.1.2.3", true),
        (Exact, "::ffff:10.1.2.3", true),
        (Exact, "10.1.2.4", false),
        (Exact, "2001:0DB8:0:0::1", true),
        (Exact, "192.0.2.1", true),
        (Prefix, "10.0.0.0/8", true),
        (Prefix, "10.1.2.3/32", true),
        (Prefix, "10.1.3.0/24", false),
        (Prefix, "192.0.2.0/24", true),
        (Prefix, "::ffff:10.0.0.0/104", true),
        (Prefix, "::ffff:192.0.2.0/120", true),
        (Prefix, "::ffff:192.0.3.0/120", false),
        (Prefix, "2001:db8::/32", true),
        (Prefix, "2001:db9::/32", false),
    ] {
        assert_eq!(
            matches(&matcher(SanIp, kind, value), &certificate),
            expected,
            "{kind} {value}"
        );
    }
    for (kind, value, expected) in [
        (Exact, "10.1.2", MatcherError::NotAnAddress),
        (Exact, "10.0.0.0/8", MatcherError::NotAnAddress),
        (Exact, "a.example.com", MatcherError::NotAnAddress),
        (Prefix, "10.", MatcherError::NotANetwork),
        (Prefix, "10.0.0.1/8", MatcherError::NotANetwork),
        (
            Suffix,
            "3",
            MatcherError::KindOfField {
                field: SanIp,
                kind: Suffix,
            },
        ),
        (
            Regex,
            ".*",
            MatcherError::KindOfField {
                field: SanIp,
                kind: Regex,
            },
        ),
    ] {
        assert_eq!(
            IdentityMatcher::new(SanIp, kind, value, false).err(),
            Some(expected),
            "{value}"
        );
    }
}

#[test]
fn serial_numbers_are_compared_in_full() {
    let serial = |octets: &[u8]| {
        let serial = SerialNumber::from_slice(octets);
        facts(&|p| p.serial_number = Some(serial.clone()))
    };
    let (one, long) = (serial(&[1]), serial(&[1, 0]));
    for (value, of_one, of_long) in [
        ("01", true, false),
        ("1", true, false),
        ("0001", true, false),
        ("00:01", true, false),
        ("0100", false, true),
        ("01:00", false, true),
        ("010000", false, false),
        ("-01", false, false),
    ] {
        let matcher = matcher(Serial, Exact, value);
        assert_eq!(matches(&matcher, &one), of_one, "{value}");
        assert_eq!(matches(&matcher, &long), of_long, "{value}");
    }
    let hex = serial(&[0x0a, 0xbc]);
    for (kind, value, expected) in [
        (Exact, "abc", true),
        (Exact, "0A:BC", true),
        (Prefix, "0a", true),
        (Prefix, "a", false),
        (Suffix, "bc", true),
        (Regex, "0[aA]..", true),
    ] {
        assert_eq!(
            matches(&matcher(Serial, kind, value), &hex),
            expected,
            "{kind} {value}"
        );
    }
    for value in ["0x01", "g", "-", "1 2", "--1"] {
        let found = IdentityMatcher::new(Serial, Exact, value, false).err();
        assert_eq!(found, Some(MatcherError::NotASerial), "{value}");
    }
}

#[test]
fn digests_are_compared_whole() {
    let root = Authority::root("root");
    let client = root.client("client");
    let certificate = CertificateFacts::of(&client).unwrap();
    let fingerprint = Sha256Fingerprint::of(&client).to_string();
    let colons: Vec<_> = fingerprint
        .as_bytes()
        .chunks(2)
        .map(String::from_utf8_lossy)
        .collect();
    for value in [
        fingerprint.clone(),
        fingerprint.to_uppercase(),
        colons.join(":"),
    ] {
        assert!(
            matches(&matcher(Fingerprint, Exact, &value), &certificate),
            "{value}"
        );
        assert!(
            !matches(&matcher(Spki, Exact, &value), &certificate),
            "{value}"
        );
    }
    let key = certificate.key_id.to_string();
    assert!(matches(&matcher(Spki, Exact, &key), &certificate));
    assert!(!matches(&matcher(Fingerprint, Exact, &key), &certificate));
    for (kind, value, expected) in [
        (Exact, &key[2..], MatcherError::NotADigest),
        (Exact, "+1".repeat(32).as_str(), MatcherError::NotADigest),
        (
            Prefix,
            &key,
            MatcherError::KindOfField {
                field: Spki,
                kind: Prefix,
            },
        ),
        (
            Regex,
            ".*",
            MatcherError::KindOfField {
                field: Spki,
                kind: Regex,
            },
        ),
    ] {
        assert_eq!(
            IdentityMatcher::new(Spki, kind, value, false).err(),
            Some(expected),
            "{value}"
        );
    }
}
