//! Alternative names.

use rcgen::{CustomExtension, DnType};

use super::{
    DNS, EMAIL, IP, OTHER_NAME, REGISTERED_ID, URI, allowing, alt_names, attribute, facts,
    ignoring_case, matcher, matches, with_names,
};
use crate::IdentityField::{SanDns, SanEmail, SanUri};
use crate::MatchKind::{Exact, Prefix, Regex, Suffix};
use crate::testing::{Authority, check, tlv, trusting};
use crate::{IdentityMatcher, MatcherError, Reason};

// T-21
#[test]
fn a_matcher_sees_values_of_its_own_type_only() {
    let name = "a.example.com";
    let other = [
        tlv(0x06, &[0x2a, 0x03]),
        tlv(0xa0, &tlv(0x0c, name.as_bytes())),
    ]
    .concat();
    let fields = [SanDns, SanUri, SanEmail];
    for (tag, sees) in [
        (DNS, Some(SanDns)),
        (URI, Some(SanUri)),
        (EMAIL, Some(SanEmail)),
        (OTHER_NAME, None),
        (REGISTERED_ID, None),
    ] {
        let value = if tag == OTHER_NAME {
            &other
        } else {
            name.as_bytes()
        };
        let certificate = with_names(&[(tag, value)]);
        for field in &fields {
            for kind in [Exact, Prefix, Suffix, Regex] {
                let found = matches(&matcher(field.clone(), kind, name), &certificate);
                let expected = sees.as_ref() == Some(field);
                assert_eq!(found, expected, "{field} of tag {tag:#x}");
            }
        }
    }
    // No fallback to the common name, and none from it.
    let common = facts(&|p| p.distinguished_name.push(DnType::CommonName, name));
    assert!(
        fields
            .iter()
            .all(|field| !matches(&matcher(field.clone(), Exact, name), &common))
    );
    assert!(matches(&matcher(attribute("CN"), Exact, name), &common));
    let dns = with_names(&[(DNS, name.as_bytes())]);
    assert!(!matches(
        &matcher(attribute("CN"), Regex, ".*example.*"),
        &dns
    ));
}

// T-24
#[test]
fn dns_names_compare_without_case_and_without_the_dot_of_the_root() {
    let same = [
        "a.example.com",
        "A.EXAMPLE.com",
        "a.example.com.",
        "A.example.COM.",
    ];
    for presented in same {
        let certificate = with_names(&[(DNS, presented.as_bytes())]);
        for value in same {
            assert!(
                matches(&matcher(SanDns, Exact, value), &certificate),
                "{presented} {value}"
            );
        }
        for (kind, value, expected) in [
            (Suffix, ".example.com", true),
            (Suffix, ".EXAMPLE.com.", true),
            (Suffix, "b.example.com", false),
            (Prefix, "A.exa", true),
            (Prefix, "a.", true),
            (Prefix, "b", false),
            (Regex, r"[a-z]\.example\.com", true),
            (Regex, r"[A-Z]\.EXAMPLE\.COM", true),
            (Regex, r"example\.com", false),
            (Exact, "a.example.com..", false),
            (Exact, ".a.example.com", false),
            (Exact, "*.example.com", false),
        ] {
            let found = matches(&matcher(SanDns, kind, value), &certificate);
            assert_eq!(found, expected, "{presented} {kind} {value}");
        }
    }
    let dots = with_names(&[(DNS, b"a.example.com..")]);
    assert!(!matches(&matcher(SanDns, Exact, "a.example.com"), &dots));
    let wildcard = with_names(&[(DNS, b"*.example.com")]);
    assert!(!matches(
        &matcher(SanDns, Exact, "a.example.com"),
        &wildcard
    ));
    assert!(matches(&matcher(SanDns, Exact, "*.example.com"), &wildcard));
}

// T-24
#[test]
fn other_names_compare_as_they_are_unless_case_is_to_be_ignored() {
    let certificate = with_names(&[(URI, b"spiffe://TD/a"), (EMAIL, b"Me@Example.com")]);
    for (field, value, other) in [
        (SanUri, "spiffe://TD/a", "SPIFFE://td/A"),
        (SanEmail, "Me@Example.com", "me@example.COM"),
    ] {
        for kind in [Exact, Prefix, Suffix, Regex] {
            assert!(matches(&matcher(field.clone(), kind, value), &certificate));
            assert!(!matches(&matcher(field.clone(), kind, other), &certificate));
            assert!(matches(
                &ignoring_case(field.clone(), kind, other),
                &certificate
            ));
        }
        let dotted = format!("{value}.");
        assert!(!matches(&matcher(field, Exact, &dotted), &certificate));
    }
}

// T-23
#[test]
fn characters_that_could_mislead_are_seen_escaped() {
    for (presented, visible) in [
        (&b"good.com\0.evil.com"[..], r"good.com\00.evil.com"),
        (b"good.com\r\n", r"good.com\0D\0A"),
        (b"good.com\n", r"good.com\0A"),
        (b"good.com,evil.com", "good.com,evil.com"),
        (b"good.com\"", "good.com\""),
        (b"good.com'", "good.com'"),
        (b"good.com ", "good.com "),
        (b"good.com\\00", r"good.com\5C00"),
        ("gööd.com".as_bytes(), r"g\C3\B6\C3\B6d.com"),
        (b"good.com\xff", r"good.com\FF"),
        (b"", ""),
    ] {
        for (tag, field) in [(DNS, SanDns), (URI, SanUri), (EMAIL, SanEmail)] {
            let certificate = with_names(&[(tag, presented)]);
            for kind in [Exact, Regex] {
                let value = if kind == Exact {
                    "good.com"
                } else {
                    r"good\.com"
                };
                assert!(
                    !matches(&matcher(field.clone(), kind, value), &certificate),
                    "{visible}"
                );
            }
            let shown = IdentityMatcher::new(field.clone(), Exact, visible, false);
            match shown {
                Ok(shown) => assert!(matches(&shown, &certificate), "{visible}"),
                Err(error) => assert_eq!((error, visible), (MatcherError::Empty, "")),
            }
        }
    }
    let evil = with_names(&[(DNS, b"good.com\0.evil.com")]);
    assert!(matches(&matcher(SanDns, Suffix, ".evil.com"), &evil));
    for value in ["a\0", "a\n", "a\r", "bü.com", "\u{7f}", "a\tb"] {
        let error = MatcherError::NotAscii { field: SanDns };
        assert_eq!(
            IdentityMatcher::new(SanDns, Exact, value, false).err(),
            Some(error),
            "{value:?}"
        );
    }
}

// T-23
#[test]
fn names_of_64_kilobytes_are_judged_by_no_rule_and_refused() {
    let long = [b"a.".repeat(30_000), b"evil.com".to_vec()].concat();
    let root = Authority::root("root");
    let client = root.client_with("client", &|p| {
        p.custom_extensions.push(alt_names(&[(DNS, &long)]));
    });
    let mut policy = trusting(&[&root.der]);
    check("no rule", &policy, &[&client], Ok(()));
    policy.identity = allowing(matcher(SanDns, Suffix, ".good.com"));
    check("a rule", &policy, &[&client], Err(Reason::TooComplex));

    let medium = [b"a.".repeat(7_000), b"evil.com".to_vec()].concat();
    let certificate = with_names(&[(DNS, b"good.com"), (DNS, &medium)]);
    assert!(matches(&matcher(SanDns, Suffix, ".evil.com"), &certificate));
    assert!(matches(
        &matcher(SanDns, Regex, r"(a\.)*evil\.com"),
        &certificate
    ));
    assert!(!matches(&matcher(SanDns, Exact, "evil.com"), &certificate));
}

#[test]
fn every_one_of_many_names_is_looked_at() {
    let names: Vec<_> = (0..500)
        .map(|number| format!("d{number}.example.com"))
        .collect();
    let names: Vec<_> = names.iter().map(|name| (DNS, name.as_bytes())).collect();
    let certificate = with_names(&names);
    assert!(matches(
        &matcher(SanDns, Exact, "d0.example.com"),
        &certificate
    ));
    assert!(matches(
        &matcher(SanDns, Exact, "d499.example.com"),
        &certificate
    ));
    assert!(!matches(
        &matcher(SanDns, Exact, "d500.example.com"),
        &certificate
    ));
}

#[test]
fn alternative_names_that_cannot_be_read_are_refused_with_their_certificate() {
    let root = Authority::root("root");
    let policy = trusting(&[&root.der]);
    let contents = |bytes: &[u8]| {
        let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], bytes.to_vec());
        root.client_with("client", &|p| p.custom_extensions.push(extension.clone()))
    };
    for (what, bytes) in [
        (
            "a name that is cut off",
            &[0x30, 4, 0x82, 9, b'a', b'b'][..],
        ),
        ("an address of three octets", &[0x30, 5, 0x87, 3, 1, 2, 3]),
        (
            "an address of five octets",
            &[0x30, 7, 0x87, 5, 1, 2, 3, 4, 5],
        ),
        ("no list", &[0x82, 1, b'a']),
    ] {
        check(what, &policy, &[&contents(bytes)], Err(Reason::Malformed));
    }
    let address = with_names(&[(IP, &[10, 0, 0, 1])]);
    assert_eq!(address.alt_names.ip.len(), 1);
}
