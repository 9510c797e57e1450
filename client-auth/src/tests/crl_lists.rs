use rcgen::{KeyPair, KeyUsagePurpose};

use crate::crl::{Crl, CrlError, CrlSet, MAX_CRL};
use crate::testing::crl::{List, ask, entry, number, reason, word};
use crate::testing::{Authority, at, extension, plain};
use crate::{RevocationCause, RevocationEntry};

const UNKNOWN: &[u8] = &[0x2a, 0x03];

#[track_caller]
fn check(what: &str, list: &List<'_>, issuer: &Authority, expected: Result<usize, CrlError>) {
    let found = list.signed_by(issuer).map(|signed| signed.entry_count());
    assert_eq!(found, expected, "{what}");
}

#[test]
fn a_list_of_the_issuer_is_read() {
    let root = Authority::root("root");
    let list = List::of(&root, &[&[1], &[0x01, 0x00], &[0x7f; 20]]).numbered(&[0, 0xff]);
    let der = list.der();
    let signed = Crl::parse(&der).unwrap();
    let signed = signed.check_signed_by(&root.der).unwrap();
    assert_eq!(signed.entry_count(), 3);
    assert_eq!(signed.issuer(), "CN=root");
    assert_eq!(signed.size_bytes(), der.len());
    let head = signed.head();
    assert_eq!(head.number.as_ref().unwrap().to_string(), "255");
    assert_eq!((head.this_update, head.next_update), (at(-60), at(3600)));
    let crl = Crl::parse(&der).unwrap();
    assert_eq!(crl.issuer(), "CN=root");
    assert_eq!(crl.number(), head.number.as_ref());
    assert_eq!((crl.this_update(), crl.next_update()), (at(-60), at(3600)));
}

#[test]
fn a_list_without_entries_number_or_version_is_read() {
    let root = Authority::root("root");
    let mut list = List::of(&root, &[]);
    check("empty", &list, &root, Ok(0));
    list.extensions.clear();
    check("unnumbered", &list, &root, Ok(0));
    list.version = None;
    check("version 1", &list, &root, Ok(0));
    list.extensions = vec![number(&[1])];
    check(
        "version 1 with extensions",
        &list,
        &root,
        Err(CrlError::Malformed),
    );
    list.version = Some(2);
    check("version 3", &list, &root, Err(CrlError::Malformed));
}

// T-53
#[test]
fn only_the_issuer_signs_its_lists() {
    let root = Authority::root("root");
    let twin = Authority::root("root");
    let other = Authority::root("other");
    let list = List::of(&root, &[&[1]]);
    check("twin", &list, &twin, Err(CrlError::BadSignature));
    check("other", &list, &other, Err(CrlError::OtherIssuer));
    let mut forged = list.clone();
    forged.key = twin.key();
    check("forged", &forged, &root, Err(CrlError::BadSignature));
    let mut renamed = list.clone();
    renamed.key = other.key();
    check("in its name", &renamed, &other, Err(CrlError::OtherIssuer));
    let client = root.client("client");
    let der = list.der();
    let by_client = Crl::parse(&der).unwrap().check_signed_by(&client);
    assert_eq!(by_client.unwrap_err(), CrlError::OtherIssuer);
    let by_nobody = Crl::parse(&der).unwrap().check_signed_by(b"garbage");
    assert_eq!(by_nobody.unwrap_err(), CrlError::Issuer);
}

#[test]
fn the_signer_is_found_among_namesakes() {
    let root = Authority::root("root");
    let twin = Authority::root("root");
    let other = Authority::root("other");
    let der = List::of(&root, &[&[1]]).der();
    let crl = Crl::parse(&der).unwrap();
    let find = |cas: &[&Authority]| {
        let found = crl.find_signer(cas.iter().map(|ca| ca.der.as_ref()));
        found.map(|signed| signed.head().issuer_key)
    };
    let expected = crl.check_signed_by(&root.der).unwrap().head().issuer_key;
    assert_eq!(find(&[&other, &twin, &root]), Ok(expected));
    assert_eq!(find(&[&other, &twin]), Err(CrlError::BadSignature));
    assert_eq!(find(&[&other]), Err(CrlError::OtherIssuer));
    assert_eq!(find(&[]), Err(CrlError::OtherIssuer));
}

// 4H: libraries accept lists of an anchor that may not sign any.
#[test]
fn a_ca_that_may_not_sign_lists_is_refused_anchor_or_not() {
    let without = |p: &mut rcgen::CertificateParams| {
        p.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    };
    let key = KeyPair::generate().unwrap();
    let root = Authority::root_with("root", key, &without);
    let key = KeyPair::generate().unwrap();
    let one = root.intermediate_with("one", key, &without);
    for ca in [&root, &one] {
        let list = List::of(ca, &[&[1]]);
        check("no cRLSign", &list, ca, Err(CrlError::NoCrlSign));
    }
    let key = KeyPair::generate().unwrap();
    let unrestricted = Authority::root_with("root", key, &|p| p.key_usages.clear());
    let list = List::of(&unrestricted, &[&[1]]);
    check("no key usage", &list, &unrestricted, Ok(1));
}

#[test]
fn algorithms_that_are_weak_or_contradict_each_other_are_refused() {
    let root = Authority::root("root");
    // ecdsa-with-SHA1
    let sha1 = vec![0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
    let mut list = List::of(&root, &[&[1]]);
    list.algorithm.clone_from(&sha1);
    check("outside", &list, &root, Err(CrlError::Malformed));
    list.inner_algorithm = sha1;
    check("both", &list, &root, Err(CrlError::UnsupportedAlgorithm));
}

// T-50
#[test]
fn lists_that_cannot_be_used_alone_are_refused() {
    let root = Authority::root("root");
    let list = || List::of(&root, &[&[1]]);
    let delta = extension(&[0x55, 0x1d, 0x1b], true, &[2, 1, 1]);
    check("delta", &list().with(delta), &root, Err(CrlError::Delta));
    let indirect = list().scoped(&[0x84, 1, 0xff]);
    check("indirect", &indirect, &root, Err(CrlError::Indirect));
    let mut entries = list();
    let issuer = extension(&[0x55, 0x1d, 0x1d], true, &[0x30, 0]);
    entries.entries = entry(&[1], &[issuer]);
    check("entry of another", &entries, &root, Err(CrlError::Indirect));
}

// T-50
#[test]
fn unknown_critical_extensions_are_refused_and_others_passed_over() {
    let root = Authority::root("root");
    let critical = extension(UNKNOWN, true, &[5, 0]);
    let harmless = extension(UNKNOWN, false, &[5, 0]);
    let refused = Err(CrlError::UnknownCriticalExtension);
    let list = || List::of(&root, &[&[1]]);
    check(
        "list",
        &list().with(critical.clone()),
        &root,
        refused.clone(),
    );
    check("list", &list().with(harmless.clone()), &root, Ok(1));
    let mut of_entry = list();
    of_entry.entries = entry(&[1], &[critical]);
    check("entry", &of_entry, &root, refused);
    of_entry.entries = entry(&[1], &[harmless, reason(1)]);
    check("entry", &of_entry, &root, Ok(1));
    let key_id = extension(&[0x55, 0x1d, 0x23], false, &[0x30, 0]);
    check("key id", &list().with(key_id), &root, Ok(1));
    let twice = list().with(number(&[1]));
    check("twice", &twice, &root, Err(CrlError::Malformed));
}

// T-52
#[test]
fn a_list_that_does_not_end_is_refused() {
    let root = Authority::root("root");
    let mut list = List::of(&root, &[&[1]]);
    list.next_update = None;
    check("entries follow", &list, &root, Err(CrlError::NoNextUpdate));
    list.entries.clear();
    check(
        "extensions follow",
        &list,
        &root,
        Err(CrlError::NoNextUpdate),
    );
    list.extensions.clear();
    check("nothing follows", &list, &root, Err(CrlError::NoNextUpdate));
    let backwards = List::of(&root, &[]).during(10, 9);
    check("backwards", &backwards, &root, Err(CrlError::Malformed));
}

#[test]
fn each_reason_is_told_and_none_makes_a_certificate_good() {
    let root = Authority::root("root");
    let question = ask(&root, &[1], &plain);
    for code in 0..=11 {
        let mut list = List::of(&root, &[]);
        list.entries = entry(&[1], &[reason(code)]);
        let set = CrlSet::new([list.signed_by(&root).unwrap()]);
        let answer = set.answer(&question, at(0));
        assert_eq!(word(&answer), "revoked", "{code}");
        let expected = RevocationEntry {
            at: at(-600),
            cause: RevocationCause::from_code(code),
        };
        assert!(
            matches!(answer, crate::crl::CrlAnswer::Revoked { entry, .. } if entry == expected)
        );
    }
    assert_eq!(RevocationCause::from_code(7), None);
}

#[test]
fn broken_entries_make_a_list_unreadable() {
    let root = Authority::root("root");
    for (what, entries) in [
        ("not a sequence", vec![0x04, 0]),
        ("empty", vec![0x30, 0]),
        ("no serial number", entry(&[], &[])),
        ("no date", vec![0x30, 3, 2, 1, 1]),
        ("cut off", vec![0x30, 9, 2, 1]),
        (
            "reason",
            entry(&[1], &[extension(&[0x55, 0x1d, 0x15], false, &[0x0a, 0])]),
        ),
    ] {
        let mut list = List::of(&root, &[&[9]]);
        list.entries.extend(entries);
        check(what, &list, &root, Err(CrlError::Malformed));
    }
}

#[test]
fn a_list_that_is_too_large_is_not_read() {
    let too_large = CrlError::TooLarge {
        size: MAX_CRL + 1,
        limit: MAX_CRL,
    };
    assert_eq!(Crl::parse(&vec![0; MAX_CRL + 1]).err(), Some(too_large));
}

#[test]
fn every_truncation_is_malformed() {
    let root = Authority::root("root");
    let der = List::of(&root, &[&[1], &[2]])
        .scoped(&[0x81, 1, 0xff])
        .der();
    for length in 0..der.len() {
        assert_eq!(Crl::parse(&der[..length]).err(), Some(CrlError::Malformed));
    }
    let longer = [&der[..], &[0]].concat();
    assert_eq!(Crl::parse(&longer).err(), Some(CrlError::Malformed));
}
