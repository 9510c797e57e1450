//! Identity rules: which values a matcher sees, and what it makes of them.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, SanType, SerialNumber,
};

use crate::testing::{Authority, at, check, decide, patched, tlv, trusting};
use crate::{
    AttributeType, CertificateFacts, CheckName, IdentityField, IdentityMatcher, IdentityRule,
    IdentityRules, MatchKind, MatcherError, Policy, Reason, Sha256Fingerprint,
};
use IdentityField::{
    Fingerprint, Issuer, SanDns, SanEmail, SanIp, SanUri, Serial, Spki, Subject, SubjectAttribute,
};
use MatchKind::{Exact, Prefix, Regex, Suffix};

fn facts(edit: &dyn Fn(&mut CertificateParams)) -> Arc<CertificateFacts> {
    let root = Authority::root("root");
    CertificateFacts::of(&root.client_with("client", edit)).unwrap()
}

pub(super) fn matcher(field: IdentityField, kind: MatchKind, value: &str) -> IdentityMatcher {
    IdentityMatcher::new(field, kind, value, false).unwrap()
}

pub(super) fn ignoring_case(field: IdentityField, kind: MatchKind, value: &str) -> IdentityMatcher {
    IdentityMatcher::new(field, kind, value, true).unwrap()
}

pub(super) fn rule(name: &str, all_of: Vec<IdentityMatcher>) -> IdentityRule {
    IdentityRule {
        name: name.to_owned(),
        all_of,
    }
}

pub(super) fn attribute(kind: &str) -> IdentityField {
    SubjectAttribute(kind.parse().unwrap())
}

fn allowing(matcher: IdentityMatcher) -> IdentityRules {
    IdentityRules {
        deny: Vec::new(),
        allow: vec![rule("rule", vec![matcher])],
    }
}

/// Whether a matcher matches; asked as a deny rule and as an allow rule, which must agree.
#[track_caller]
fn matches(matcher: &IdentityMatcher, certificate: &CertificateFacts) -> bool {
    let allowed = allowing(matcher.clone()).judge(certificate).is_ok();
    let denying = IdentityRules {
        deny: vec![rule("rule", vec![matcher.clone()])],
        allow: Vec::new(),
    };
    assert_eq!(denying.judge(certificate).is_err(), allowed, "{matcher:?}");
    allowed
}

/// The alternative names of a certificate, as they are encoded.
fn alt_names(names: &[(u8, &[u8])]) -> CustomExtension {
    let names: Vec<_> = names.iter().map(|(tag, name)| tlv(*tag, name)).collect();
    CustomExtension::from_oid_content(&[2, 5, 29, 17], tlv(0x30, &names.concat()))
}

fn with_names(names: &[(u8, &[u8])]) -> Arc<CertificateFacts> {
    facts(&|p| p.custom_extensions.push(alt_names(names)))
}

const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const REGISTERED_ID: u8 = 0x88;
const IP: u8 = 0x87;
const OTHER_NAME: u8 = 0xa0;

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

#[test]
fn kinds_compare_the_whole_value_its_start_or_its_end() {
    let certificate = facts(&|p| {
        p.subject_alt_names = ["spiffe://td/ns/a", "urn:b"]
            .map(|uri| SanType::URI(uri.try_into().unwrap()))
            .into();
    });
    for (kind, value, expected) in [
        (Exact, "spiffe://td/ns/a", true),
        (Exact, "urn:b", true),
        (Exact, "spiffe://td/ns/", false),
        (Exact, "spiffe://td/ns/a/", false),
        (Prefix, "spiffe://td/", true),
        (Prefix, "spiffe://td/ns/a", true),
        (Prefix, "spiffe://td/ns/a/", false),
        (Prefix, "td/", false),
        (Suffix, "/ns/a", true),
        (Suffix, ":b", true),
        (Suffix, "x-spiffe://td/ns/a", false),
        (Suffix, "/ns/", false),
        (Regex, "spiffe://td/ns/[a-z]+", true),
        (Regex, "td/ns", false),
        (Regex, "spiffe://td/ns", false),
        (Regex, "urn:a|urn:b", true),
        (Regex, "(?i)URN:B", true),
    ] {
        assert_eq!(
            matches(&matcher(SanUri, kind, value), &certificate),
            expected,
            "{kind} {value}"
        );
    }
}

// T-24
#[test]
fn an_expression_matches_whole_values_whatever_is_in_it() {
    let certificate = with_names(&[(URI, b"aXb")]);
    for (pattern, expected) in [
        ("X", false),
        ("a|b", false),
        ("aX|Xb", false),
        ("a.b|c", true),
        ("^X$", false),
        ("(?m)^X$", false),
        (r"\Aa", false),
        (r"a\z|.*X.*", true),
        ("aX", false),
        ("Xb", false),
        ("a[^c]b", true),
        ("(?-s)a.b", true),
        ("(?x) a X b", true),
    ] {
        assert_eq!(
            matches(&matcher(SanUri, Regex, pattern), &certificate),
            expected,
            "{pattern}"
        );
    }
    let lines = with_names(&[(URI, b"a\nb")]);
    assert!(!matches(&matcher(SanUri, Regex, "a"), &lines));
    assert!(!matches(&matcher(SanUri, Regex, "(?m)^b$"), &lines));
    assert!(matches(&matcher(SanUri, Regex, "a.*b"), &lines));
}

#[test]
fn expressions_that_are_broken_or_too_large_are_refused() {
    for (pattern, expected) in [
        ("(", "unclosed group"),
        ("a)|(?:b", "unopened group"),
        (")(", "unopened group"),
        ("(?x)a # b", "unclosed group"),
        ("[", "unclosed character class"),
        (
            r"a\",
            "incomplete escape sequence, reached end of pattern prematurely",
        ),
        (
            "(?:[a-z]{1,200}){1,200}",
            "compiled, it exceeds 131072 bytes",
        ),
        (r"(a)\1", "backreferences are not supported"),
        (r"\p{Greek}", "Unicode not allowed here"),
    ] {
        let found = IdentityMatcher::new(SanUri, Regex, pattern, false);
        assert_eq!(
            found.err(),
            Some(MatcherError::Regex(expected.to_owned())),
            "{pattern}"
        );
    }
    let nested = format!("{}a{}", "(".repeat(60), ")".repeat(60));
    assert!(IdentityMatcher::new(SanUri, Regex, &nested, false).is_err());
    let long = IdentityMatcher::new(SanUri, Exact, &"a".repeat(4097), false);
    assert_eq!(long.err(), Some(MatcherError::TooLong { limit: 4096 }));
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

fn subject(parts: &[(DnType, DnValue)]) -> Arc<CertificateFacts> {
    facts(&|p| {
        p.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            p.distinguished_name.push(kind.clone(), value.clone());
        }
    })
}

fn utf8(value: &str) -> DnValue {
    DnValue::Utf8String(value.to_owned())
}

// T-23
#[test]
fn a_suffix_of_a_subject_is_whole_relative_names() {
    let contoso = subject(&[
        (DnType::OrganizationName, utf8("Contoso")),
        (DnType::CommonName, utf8("a")),
    ]);
    assert_eq!(contoso.subject, "CN=a,O=Contoso");
    for (kind, value, expected) in [
        (Exact, "CN=a,O=Contoso", true),
        (Exact, "cn=a,O=Contoso", false),
        (Exact, "CN=a, O=Contoso", false),
        (Prefix, "CN=a,", true),
        (Suffix, "O=Contoso", true),
        (Suffix, ",O=Contoso", true),
        (Suffix, "CN=a,O=Contoso", true),
        (Suffix, "=Contoso", false),
        (Suffix, "Contoso", false),
    ] {
        assert_eq!(
            matches(&matcher(Subject, kind, value), &contoso),
            expected,
            "{kind} {value}"
        );
    }
    assert!(matches(
        &ignoring_case(Subject, Exact, "cn=A,o=contoso"),
        &contoso
    ));
    assert!(matches(&matcher(Issuer, Exact, "CN=root"), &contoso));
    assert!(matches(&matcher(Issuer, Suffix, "CN=root"), &contoso));
    assert!(!matches(
        &matcher(Issuer, Exact, "CN=a,O=Contoso"),
        &contoso
    ));

    for (common_name, expected) in [
        ("a,O=Contoso", false),
        ("a\\,O=Contoso", false),
        ("a+O=Contoso", false),
        ("O=Contoso", false),
        ("a\n,O=Contoso", false),
    ] {
        let forged = subject(&[(DnType::CommonName, utf8(common_name))]);
        let found = matches(&matcher(Subject, Suffix, "O=Contoso"), &forged);
        assert_eq!(found, expected, "{}", forged.subject);
    }
    // A backslash before a real separator does not hide it.
    let backslash = subject(&[
        (DnType::OrganizationName, utf8("Contoso")),
        (DnType::CommonName, utf8("a\\")),
    ]);
    assert!(matches(&matcher(Subject, Suffix, "O=Contoso"), &backslash));
}

/// A subject with a relative name of two attributes, which rcgen cannot make.
fn multi_valued() -> Arc<CertificateFacts> {
    let certificate = subject(&[(DnType::CommonName, utf8("padpadpadpadpadpad"))]);
    let attribute = |kind: u8, value: &[u8]| {
        tlv(
            0x30,
            &[tlv(0x06, &[0x55, 0x04, kind]), tlv(0x0c, value)].concat(),
        )
    };
    let padded = tlv(0x31, &attribute(0x03, b"padpadpadpadpadpad"));
    let pair = tlv(
        0x31,
        &[attribute(0x03, b"dev-one"), attribute(0x0b, b"xy")].concat(),
    );
    let der = certificate.der.to_vec().into();
    CertificateFacts::of(&patched(&der, &padded, &pair)).unwrap()
}

#[test]
fn every_value_of_an_attribute_is_compared_by_itself_and_without_escapes() {
    let units = subject(&[
        (DnType::OrganizationalUnitName, utf8("IoT, \"North\"")),
        (DnType::CommonName, utf8("Zoë\n")),
    ]);
    assert!(matches(
        &matcher(attribute("OU"), Exact, "IoT, \"North\""),
        &units
    ));
    assert!(matches(
        &matcher(attribute("2.5.4.11"), Prefix, "IoT"),
        &units
    ));
    assert!(matches(&matcher(attribute("CN"), Exact, "Zoë\n"), &units));
    assert!(matches(&matcher(attribute("CN"), Regex, "Zo.+"), &units));
    assert!(!matches(&matcher(attribute("CN"), Exact, "Zoë"), &units));
    assert!(!matches(
        &matcher(attribute("CN"), Exact, r"Zo\C3\AB\0A"),
        &units
    ));
    assert!(!matches(&matcher(attribute("O"), Regex, ".*"), &units));
    assert!(!matches(&matcher(attribute("OU"), Exact, "Zoë\n"), &units));

    let pair = multi_valued();
    assert_eq!(pair.subject, "OU=xy+CN=dev-one");
    assert!(matches(&matcher(attribute("OU"), Exact, "xy"), &pair));
    assert!(matches(&matcher(attribute("CN"), Exact, "dev-one"), &pair));
}

#[test]
fn values_of_every_string_type_are_read() {
    for value in [
        DnValue::PrintableString("ab".try_into().unwrap()),
        DnValue::Ia5String("ab".try_into().unwrap()),
        DnValue::BmpString("ab".try_into().unwrap()),
        DnValue::TeletexString("ab".try_into().unwrap()),
        utf8("ab"),
    ] {
        let certificate = subject(&[(DnType::CommonName, value.clone())]);
        assert!(
            matches(&matcher(attribute("CN"), Exact, "ab"), &certificate),
            "{value:?}"
        );
    }
}

#[test]
fn a_subject_that_hides_what_a_rule_asks_about_is_refused() {
    let root = Authority::root("root");
    let client = root.client("client");
    // The common name becomes an OCTET STRING.
    let hidden = patched(&client, b"\x0c\x06client", b"\x04\x06client");
    let certificate = CertificateFacts::of(&hidden).unwrap();
    for (kind, expected) in [("CN", Some(Reason::Malformed)), ("O", None)] {
        let rules = IdentityRules {
            deny: vec![rule("rule", vec![matcher(attribute(kind), Exact, "x")])],
            allow: Vec::new(),
        };
        let found = rules
            .judge(&certificate)
            .err()
            .map(|refusal| refusal.reason);
        assert_eq!(found, expected, "{kind}");
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

#[test]
fn what_could_never_match_is_no_matcher() {
    let cn: AttributeType = "CN".parse().unwrap();
    for (field, kind, value) in [
        (SanDns, Exact, ""),
        (SanDns, Suffix, "."),
        (Subject, Suffix, ","),
        (SubjectAttribute(cn), Prefix, ""),
        (SanUri, Regex, ""),
        (Serial, Exact, ""),
        (Fingerprint, Exact, ":"),
    ] {
        let found = IdentityMatcher::new(field, kind, value, false).err();
        assert_eq!(found, Some(MatcherError::Empty), "{value}");
    }
}

#[test]
fn deny_rules_win_and_allow_rules_must_match() {
    let root = Authority::root("root");
    let named = |name: &str| {
        root.client_with(name, &|p| {
            p.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        })
    };
    let (a, b, c) = (named("a.good.com"), named("b.good.com"), named("c.bad.com"));
    let suffix = |value| matcher(SanDns, Suffix, value);
    let exact = |value| matcher(SanDns, Exact, value);
    let mut policy = trusting(&[&root.der]);
    let mut judged = |deny: &[IdentityMatcher], allow: &[IdentityMatcher]| {
        let rules = |matchers: &[IdentityMatcher]| -> Vec<_> {
            matchers
                .iter()
                .map(|matcher| rule("r", vec![matcher.clone()]))
                .collect()
        };
        policy.identity = IdentityRules {
            deny: rules(deny),
            allow: rules(allow),
        };
        [&a, &b, &c].map(|client| {
            let verdict = decide(&policy, &[client], at(0)).verdict;
            verdict.map(|_| ()).map_err(|refusal| refusal.reason)
        })
    };
    let (denied, not_allowed) = (Err(Reason::IdentityDenied), Err(Reason::IdentityNotAllowed));
    assert_eq!(judged(&[], &[]), [Ok(()), Ok(()), Ok(())]);
    assert_eq!(
        judged(&[exact("b.good.com")], &[]),
        [Ok(()), denied, Ok(())]
    );
    assert_eq!(
        judged(&[], &[suffix(".good.com")]),
        [Ok(()), Ok(()), not_allowed]
    );
    assert_eq!(
        judged(
            &[exact("b.good.com")],
            &[suffix(".good.com"), suffix(".bad.com")]
        ),
        [Ok(()), denied, Ok(())]
    );
    assert_eq!(
        judged(&[suffix(".com")], &[suffix(".good.com")]),
        [denied, denied, denied]
    );
}

#[test]
fn all_matchers_of_a_rule_must_match() {
    let certificate = with_names(&[(DNS, b"a.example.com"), (URI, b"urn:a")]);
    let rules = |all_of| IdentityRules {
        deny: Vec::new(),
        allow: vec![rule("both", all_of)],
    };
    let dns = || matcher(SanDns, Exact, "a.example.com");
    let both = rules(vec![dns(), matcher(SanUri, Exact, "urn:a")]);
    assert_eq!(both.judge(&certificate).unwrap().unwrap().name, "both");
    let one = rules(vec![dns(), matcher(SanUri, Exact, "urn:b")]);
    let refusal = one.judge(&certificate).unwrap_err();
    assert_eq!(refusal.reason, Reason::IdentityNotAllowed);
}

#[test]
fn a_rule_without_matchers_denies_everybody_and_allows_nobody() {
    let certificate = facts(&|_| {});
    let empty = vec![rule("empty", vec![])];
    let (deny, allow) = (
        IdentityRules {
            deny: empty.clone(),
            allow: vec![],
        },
        IdentityRules {
            deny: vec![],
            allow: empty,
        },
    );
    assert_eq!(
        deny.judge(&certificate).unwrap_err().reason,
        Reason::IdentityDenied
    );
    assert_eq!(
        allow.judge(&certificate).unwrap_err().reason,
        Reason::IdentityNotAllowed
    );
}

#[test]
fn the_decision_tells_which_rule_it_was() {
    let root = Authority::root("root");
    let client = root.client("client");
    let mut policy = trusting(&[&root.der]);
    let identity = |policy: &Policy| {
        let decision = decide(policy, &[&client], at(0));
        let last = decision.checks.last().unwrap().clone();
        assert_eq!(last.name, CheckName::Identity);
        let refusal = last.result.err().map(|refusal| refusal.to_string());
        refusal.unwrap_or(last.detail)
    };
    policy.identity = allowing(matcher(attribute("CN"), Exact, "client"));
    assert_eq!(
        identity(&policy),
        "the allow rule \"rule\" matches the client"
    );
    policy.identity = allowing(matcher(attribute("CN"), Exact, "other"));
    assert_eq!(
        identity(&policy),
        "identity_not_allowed: no allow rule matches the client"
    );
    policy.identity.deny = vec![rule(
        "line\nbreak",
        vec![matcher(attribute("CN"), Exact, "client")],
    )];
    assert_eq!(
        identity(&policy),
        "identity_denied: the deny rule \"line\\nbreak\" matches the client"
    );
    policy.identity = IdentityRules {
        deny: vec![rule("rule", vec![matcher(attribute("CN"), Exact, "other")])],
        allow: vec![],
    };
    assert_eq!(identity(&policy), "no deny rule matches the client");
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
