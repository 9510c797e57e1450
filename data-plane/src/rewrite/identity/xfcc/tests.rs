use client_auth::SubjectAltNames;
use proptest::prelude::*;
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DnType, KeyPair, SanType};

use super::*;
use crate::rewrite::identity::tests::certificate;

fn of(subject: &str, uri: &[&str], dns: &[&str]) -> String {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let certificate = CertificateFacts {
        subject: subject.to_owned(),
        alt_names: SubjectAltNames {
            uri: owned(uri),
            dns: owned(dns),
            ..SubjectAltNames::default()
        },
        ..certificate()
    };
    String::from_utf8(element(&certificate)).unwrap()
}

#[test]
fn one_element_has_hash_subject_and_names() {
    let hash = "ab".repeat(32);
    assert_eq!(
        of(
            "CN=device,O=Contoso",
            &["spiffe://a/b", "urn:x"],
            &["a.example", "b.example"]
        ),
        format!(
            "Hash={hash};Subject=\"CN=device,O=Contoso\";URI=spiffe://a/b;URI=urn:x;DNS=a.example;DNS=b.example"
        )
    );
    assert_eq!(of("", &[], &[]), format!("Hash={hash};Subject=\"\""));
}

// T-64
#[test]
fn special_characters_do_not_break_out() {
    let check = |subject: &str, expected: &str| {
        let element = of(subject, &[], &[]);
        let (_, value) = element.split_once("Subject=").unwrap();
        assert_eq!(value, format!("\"{expected}\""), "{subject}");
    };
    check(
        r#"CN=a\"\;URI=spiffe://admin"#,
        r"CN=a\22\3BURI=spiffe://admin",
    );
    check(r"CN=a\,By=x", r"CN=a\2CBy=x");
    check(r"CN=a\\", r"CN=a\5C");
    check(r"CN=\0D\0AX-Admin: 1", r"CN=\0D\0AX-Admin: 1");
    check(r"CN=\C3\A9", r"CN=\C3\A9");
    check(r"CN=\#a\+b\<c\>", r"CN=\23a\2Bb\3Cc\3E");
    check(r"CN=a\ ", r"CN=a\20");
    let check = |name: &str, expected: &str| {
        let element = of("", &[name], &[]);
        let (_, value) = element.split_once(";URI=").unwrap();
        assert_eq!(value, expected, "{name}");
    };
    check("spiffe://a/b,c", r"spiffe://a/b\2Cc");
    check("x;URI=spiffe://admin", r#""x\3BURI=spiffe://admin""#);
    check("x\";URI=spiffe://admin", r#""x\22\3BURI=spiffe://admin""#);
    check(r"a\5C", r"a\5C");
    check("https://a/?b=c", "\"https://a/?b=c\"");
}

/// The keys of an element, read with regard to quotes or without, with or without an escape before a quote.
fn keys(element: &str, quotes: bool, escapes: bool) -> Vec<&str> {
    let mut keys = Vec::new();
    let (mut start, mut inside, mut behind_backslash) = (0, false, false);
    for (at, character) in element.char_indices().chain([(element.len(), ';')]) {
        match character {
            '"' if quotes && !behind_backslash => inside = !inside,
            ';' if !inside => {
                keys.push(element[start..at].split('=').next().unwrap());
                start = at + 1;
            }
            _ => {}
        }
        behind_backslash = escapes && character == '\\' && !behind_backslash;
    }
    keys
}

proptest! {
    // T-64
    #[test]
    fn every_reader_sees_the_same_keys(
        common_name in "[ -~\\r\\n\\x00éß]{0,12}",
        unit in "[,;\"=\\\\+# a]{0,6}",
        names in prop::collection::vec("[,;\"=\\\\%\\r\\n a-z/:]{1,10}", 0..3),
    ) {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, common_name);
        parameters.distinguished_name.push(DnType::OrganizationalUnitName, unit);
        for name in &names {
            let name: Ia5String = name.clone().try_into().unwrap();
            parameters.subject_alt_names.push(SanType::URI(name.clone()));
            parameters.subject_alt_names.push(SanType::DnsName(name));
        }
        let der = parameters.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let facts = CertificateFacts::of(der.der()).unwrap();
        let element = String::from_utf8(element(&facts)).unwrap();
        prop_assert!(element.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{element}");
        let mut expected = vec!["Hash", "Subject"];
        expected.extend(names.iter().map(|_| "URI"));
        expected.extend(names.iter().map(|_| "DNS"));
        for (quotes, escapes) in [(false, false), (true, false), (true, true)] {
            prop_assert_eq!(&keys(&element, quotes, escapes), &expected, "{}", &element);
        }
    }
}
