use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, SanType, SerialNumber};

use crate::testing::{Authority, DAY, at, decide, trusting};
use crate::{CheckName, ClientIdentity, Sha1Fingerprint, Sha256Fingerprint};

fn identity(edit: &dyn Fn(&mut CertificateParams)) -> ClientIdentity {
    let root = Authority::root("root");
    let client = root.client_with("client", edit);
    decide(&trusting(&[&root.der]), &[&client], at(0))
        .verdict
        .unwrap()
}

fn subject(parts: &[(DnType, DnValue)]) -> String {
    let edit = |p: &mut CertificateParams| {
        p.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            p.distinguished_name.push(kind.clone(), value.clone());
        }
    };
    identity(&edit).certificate.subject.clone()
}

fn text(value: &str) -> DnValue {
    DnValue::Utf8String(value.to_owned())
}

#[test]
fn an_identity_holds_the_facts_of_the_certificate() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let client = one.client_with("client", &|p| {
        p.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0xbc]));
        p.subject_alt_names = vec![SanType::DnsName("a.example.com".try_into().unwrap())];
    });
    let decision = decide(&trusting(&[&root.der]), &[&client, &one.der], at(0));
    let identity = decision.verdict.unwrap().certificate;
    assert_eq!(identity.subject, "CN=client");
    assert_eq!(identity.issuer, "CN=one");
    assert_eq!(identity.serial, "0ABC");
    assert_eq!(identity.sha256, Sha256Fingerprint::of(&client));
    assert_eq!(identity.sha1, Sha1Fingerprint::of(&client));
    assert_eq!(identity.sha1.to_string().len(), 40);
    assert_eq!(identity.not_before, at(-DAY));
    assert_eq!(identity.not_after, at(DAY));
    assert_eq!(identity.alt_names.dns, ["a.example.com"]);
    let path: Vec<_> = decision.path.iter().map(|c| c.sha256).collect();
    assert_eq!(
        path,
        [&client, &one.der, &root.der].map(|der| Sha256Fingerprint::of(der))
    );
    let subjects: Vec<_> = decision.path.iter().map(|c| c.subject.as_str()).collect();
    assert_eq!(subjects, ["CN=client", "CN=one", "CN=root"]);
    assert_eq!(decision.path[0].key_id, identity.key_id);
    let checks: Vec<_> = decision.checks.iter().map(|check| check.name).collect();
    assert_eq!(
        checks,
        [
            CheckName::Size,
            CheckName::Trust,
            CheckName::Encoding,
            CheckName::NotACa,
            CheckName::KeyStrength,
            CheckName::Validity,
            CheckName::Purpose,
            CheckName::KeyUsage,
            CheckName::Path
        ]
    );
}

#[test]
fn subjects_have_the_form_of_openssl() {
    let country = || DnValue::PrintableString("US".try_into().unwrap());
    assert_eq!(
        subject(&[
            (DnType::CountryName, country()),
            (DnType::StateOrProvinceName, text("NY")),
            (DnType::LocalityName, text("Take")),
            (DnType::OrganizationName, text("Contoso")),
            (DnType::OrganizationalUnitName, text("IoT")),
            (DnType::CommonName, text("FOO_1")),
        ]),
        "CN=FOO_1,OU=IoT,O=Contoso,L=Take,ST=NY,C=US"
    );
    let email = DnType::from_oid(&[1, 2, 840, 113_549, 1, 9, 1]);
    let unknown = DnType::from_oid(&[1, 2, 3, 4]);
    for (kind, value, expected) in [
        (
            DnType::CommonName,
            text("a,b+c\"d\\e<f>g;h=i"),
            "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h=i",
        ),
        (DnType::CommonName, text(" x "), "CN=\\ x\\ "),
        (DnType::CommonName, text("#x"), "CN=\\#x"),
        (
            DnType::CommonName,
            text("a\r\nX-Evil: 1\0"),
            "CN=a\\0D\\0AX-Evil: 1\\00",
        ),
        (DnType::CommonName, text("é"), "CN=\\C3\\A9"),
        (DnType::CommonName, text("\u{202e}x"), "CN=\\E2\\80\\AEx"),
        (
            DnType::CommonName,
            DnValue::BmpString("é1".try_into().unwrap()),
            "CN=\\C3\\A91",
        ),
        (
            email,
            DnValue::Ia5String("a@b".try_into().unwrap()),
            "emailAddress=a@b",
        ),
        (unknown, text("ab"), "1.2.3.4=#0C026162"),
    ] {
        assert_eq!(subject(&[(kind, value)]), expected);
    }
}
