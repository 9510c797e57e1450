//! Distinguished names, and their attributes.

use std::sync::Arc;

use rcgen::{DistinguishedName, DnType, DnValue};

use super::{attribute, facts, ignoring_case, matcher, matches, rule};
use crate::IdentityField::{Issuer, Subject};
use crate::MatchKind::{Exact, Prefix, Regex, Suffix};
use crate::testing::{Authority, patched, tlv};
use crate::{CertificateFacts, IdentityRules, Reason};

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
