use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use super::paths::critical_extension;
use crate::testing::{
    Authority, Der, Edit, RsaKey, bundle, date, owned, patched, plain, self_signed,
};
use crate::{CaDefect, TrustBundle, TrustBundleError};

#[track_caller]
fn check_error(what: &str, certificates: &[&Der], expected: &TrustBundleError) {
    let found = TrustBundle::from_der("ca", &owned(certificates));
    assert_eq!(found.as_ref().err(), Some(expected), "{what}: {found:?}");
}

#[test]
fn exactly_one_root_is_required() {
    let root = Authority::root("root");
    let other = Authority::root("other");
    let one = root.intermediate("one");
    let leaf = one.client("client");
    let no_ca = TrustBundleError::NoCa;
    let roots = |found| TrustBundleError::RootCount { found };
    check_error("nothing", &[], &TrustBundleError::Empty);
    check_error("leaf", &[&leaf], &no_ca);
    check_error("self-signed leaf", &[&self_signed("x", &plain)], &no_ca);
    check_error("intermediate only", &[&one.der], &roots(0));
    check_error("intermediate and leaf", &[&one.der, &leaf], &roots(0));
    check_error("two roots", &[&root.der, &other.der], &roots(2));
    check_error(
        "twins",
        &[&root.der, &Authority::root("root").der],
        &roots(2),
    );
    for (what, certificates) in [
        ("root", vec![&root.der]),
        ("root twice", vec![&root.der, &root.der]),
        ("root and intermediate", vec![&root.der, &one.der]),
        ("leaf dropped", vec![&leaf, &one.der, &root.der]),
    ] {
        let bundle = bundle(&certificates);
        assert_eq!(bundle.root(), Some(&root.der), "{what}");
        assert!(!bundle.certificates().contains(&leaf), "{what}");
    }
}

#[test]
fn a_root_must_be_signed_with_its_own_key() {
    let root = Authority::root("root");
    let namesake = Authority::root("root");
    // Issuer and subject are one name, but another key signed it: an intermediate of a key change.
    let rollover = namesake.cross_sign(&root);
    check_error(
        "rollover only",
        &[&rollover],
        &TrustBundleError::RootCount { found: 0 },
    );
    assert_eq!(
        bundle(&[&rollover, &namesake.der]).root(),
        Some(&namesake.der)
    );
    let mut broken = root.der.to_vec();
    *broken.last_mut().unwrap() ^= 1;
    check_error(
        "broken",
        &[&broken.into()],
        &TrustBundleError::RootCount { found: 0 },
    );
}

#[test]
fn what_must_not_be_an_anchor_is_refused() {
    let subject = "CN=root".to_owned();
    let table: [(&str, Edit<'_>, TrustBundleError); 6] = [
        (
            "CA:FALSE",
            &|p| p.is_ca = IsCa::ExplicitNoCa,
            TrustBundleError::NoCa,
        ),
        (
            "no basic constraints",
            &|p| p.is_ca = IsCa::NoCa,
            TrustBundleError::NoCa,
        ),
        (
            "unknown critical extension",
            &|p| p.custom_extensions.push(critical_extension()),
            unusable(0, &subject, CaDefect::UnknownCriticalExtension),
        ),
        (
            "no keyCertSign",
            &|p| p.key_usages = vec![KeyUsagePurpose::CrlSign],
            unusable(0, &subject, CaDefect::NoKeyCertSign),
        ),
        (
            "server purpose",
            &|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            unusable(0, &subject, CaDefect::NotForClientAuth),
        ),
        (
            "no subject",
            &|p| p.distinguished_name = DistinguishedName::new(),
            unusable(0, "", CaDefect::EmptySubject),
        ),
    ];
    for (what, edit, expected) in table {
        let root = Authority::root_with("root", KeyPair::generate().unwrap(), edit);
        check_error(what, &[&root.der], &expected);
    }
}

fn unusable(index: usize, subject: &str, defect: CaDefect) -> TrustBundleError {
    TrustBundleError::UnusableCa {
        index,
        subject: subject.to_owned(),
        defect,
    }
}

#[test]
fn a_weak_intermediate_is_refused() {
    let root = Authority::root("root");
    let weak = root.client_for("weak", &RsaKey::of_bits(1024), &|p| {
        p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        p.key_usages.clear();
        p.extended_key_usages.clear();
    });
    let expected = unusable(1, "CN=weak", CaDefect::WeakKey);
    check_error("weak", &[&root.der, &weak], &expected);
}

#[test]
fn sha1_is_tolerated_on_a_root_only() {
    let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let root = Authority::root_with("root", key, &plain);
    let one = root.intermediate("one");
    let sha256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
    let sha1 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05];
    let old = patched(&patched(&one.der, &sha256, &sha1), &sha256, &sha1);
    let expected = unusable(1, "CN=one", CaDefect::UnsupportedAlgorithm);
    check_error("intermediate", &[&root.der, &old], &expected);
}

#[test]
fn what_is_no_certificate_is_named_by_its_place() {
    let root = Authority::root("root");
    let mut longer = root.der.to_vec();
    longer.push(0);
    let shorter = root.der[..root.der.len() - 1].to_vec();
    for garbage in [
        vec![],
        b"garbage".to_vec(),
        vec![0x30, 0x00],
        longer,
        shorter,
    ] {
        let expected = TrustBundleError::NotACertificate { index: 1 };
        check_error("garbage", &[&root.der, &garbage.into()], &expected);
    }
}

#[test]
fn a_version_1_certificate_is_no_ca() {
    let root = Authority::root_with("root", KeyPair::generate().unwrap(), &plain);
    let version3 = [0xa0, 0x03, 0x02, 0x01, 0x02];
    let version1 = [0xa0, 0x03, 0x02, 0x01, 0x00];
    let old = patched(&root.der, &version3, &version1);
    let expected = TrustBundleError::NotACertificate { index: 0 };
    check_error("version 1 with extensions", &[&old], &expected);
}

#[test]
fn whether_a_ca_is_valid_now_does_not_matter_at_upload() {
    let root = Authority::root_with(
        "root",
        KeyPair::generate().unwrap(),
        &|p: &mut CertificateParams| {
            p.not_after = date(-1);
        },
    );
    assert_eq!(bundle(&[&root.der]).issuer_display(), "CN=root");
}

#[test]
fn too_many_certificates_are_refused() {
    let root = Authority::root("root");
    let expected = TrustBundleError::TooMany {
        found: 101,
        limit: 100,
    };
    check_error("101", &[&root.der; 101], &expected);
    assert!(TrustBundle::from_der("ca", &owned(&[&root.der; 100])).is_ok());
}

#[test]
fn the_pinned_issuer_is_the_deepest_ca_of_the_file() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let two = one.intermediate("two");
    let other = root.intermediate("other");
    let leaf = two.client("leaf");
    let foreign = Authority::root("foreign").intermediate("foreign one");
    for (what, certificates, expected) in [
        ("scenario 1", vec![&one.der, &root.der], "CN=one"),
        ("scenario 2", vec![&two.der, &one.der, &root.der], "CN=two"),
        ("scenario 3", vec![&root.der], "CN=root"),
        (
            "scenario 4",
            vec![&root.der, &one.der, &other.der],
            "CN=one",
        ),
        (
            "scenario 4, other order",
            vec![&other.der, &one.der, &root.der],
            "CN=other",
        ),
        (
            "scenario 5",
            vec![&root.der, &other.der, &one.der, &two.der],
            "CN=two",
        ),
        (
            "scenario 5, other order",
            vec![&two.der, &root.der, &one.der, &other.der],
            "CN=two",
        ),
        (
            "leaf does not count",
            vec![&leaf, &one.der, &root.der],
            "CN=one",
        ),
        ("gap in the chain", vec![&two.der, &root.der], "CN=root"),
        (
            "foreign intermediate",
            vec![&foreign.der, &root.der],
            "CN=root",
        ),
    ] {
        assert_eq!(bundle(&certificates).issuer_display(), expected, "{what}");
    }
}

#[test]
fn a_forged_namesake_does_not_deepen_the_chain() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let forged = Authority::root("one").intermediate("forged");
    let bundle = bundle(&[&root.der, &forged.der, &one.der]);
    assert_eq!(bundle.issuer_display(), "CN=one");
}

#[test]
fn the_pinned_issuer_is_shown_as_azure_does() {
    let root = Authority::root_with("x", KeyPair::generate().unwrap(), &|p| {
        p.distinguished_name = DistinguishedName::new();
        for (kind, value) in [
            (DnType::CountryName, "US"),
            (DnType::StateOrProvinceName, "Arizona"),
            (DnType::LocalityName, "D4"),
            (DnType::OrganizationName, "Company Ltd"),
            (DnType::OrganizationalUnitName, "Eng"),
            (DnType::CommonName, "User1"),
        ] {
            p.distinguished_name.push(kind, value);
        }
    });
    assert_eq!(
        bundle(&[&root.der]).issuer_display(),
        "CN=User1, OU=Eng, O=Company Ltd, L=D4, S=Arizona, C=US"
    );
    for (name, expected) in [
        ("a, \"b\"", "CN=\"a, \"\"b\"\"\""),
        ("Société", "CN=Société"),
        ("a\u{7}\u{202e}b", "CN=a\\07\\E2\\80\\AEb"),
        ("", "CN=\"\""),
    ] {
        assert_eq!(
            bundle(&[&Authority::root(name).der]).issuer_display(),
            expected
        );
    }
}

#[test]
fn a_mesh_of_cross_signatures_is_refused_soon() {
    let root = Authority::root("root");
    let members: Vec<_> = (0..20).map(|n| root.intermediate(&n.to_string())).collect();
    let mut mesh = vec![root.der.clone()];
    mesh.extend(members.iter().map(|member| member.der.clone()));
    'full: for issuer in &members {
        for subject in &members {
            if mesh.len() == 100 {
                break 'full;
            }
            if issuer.der != subject.der {
                mesh.push(issuer.cross_sign(subject));
            }
        }
    }
    let found = TrustBundle::from_der("ca", &mesh);
    assert_eq!(found, Err(TrustBundleError::TooComplex));
}
