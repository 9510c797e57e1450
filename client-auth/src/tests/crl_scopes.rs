use crate::RevocationMethod;
use crate::certificate::Certificate;
use crate::crl::CrlError;
use crate::testing::crl::{List, ask, verdict};
use crate::testing::revocation::{add_points, general_names, point, questions};
use crate::testing::{Authority, plain, tlv};

const A: &str = "http://a.example/crl";
const B: &str = "http://b.example/crl";

const USERS: &[u8] = &[0x81, 1, 0xff];
const CAS: &[u8] = &[0x82, 1, 0xff];
const SOME_REASONS: &[u8] = &[0x83, 2, 1, 0x40];
const ATTRIBUTES: &[u8] = &[0x85, 1, 0xff];

/// The distribution point field with a full name.
fn named(names: &[u8]) -> Vec<u8> {
    tlv(0xa0, &tlv(0xa0, names))
}

// T-50
#[test]
fn a_list_of_users_or_of_cas_says_nothing_about_the_others() {
    let root = Authority::root("root");
    let one = root.intermediate("one");
    let client = one.client("client");
    let asked = questions(RevocationMethod::Crl, &root.der, &[&client, &one.der]);
    for (what, scope, of_client, of_ca) in [
        ("no scope", &[][..], "good", "good"),
        ("users", USERS, "good", "no answer"),
        ("CAs", CAS, "no answer", "good"),
        (
            "attribute certificates",
            ATTRIBUTES,
            "no answer",
            "no answer",
        ),
        ("default written", &[0x81, 1, 0], "good", "good"),
    ] {
        for (issuer, question, good) in [(&one, &asked[0], of_client), (&root, &asked[1], of_ca)] {
            let clean = List::of(issuer, &[]).scoped(scope);
            assert_eq!(verdict(issuer, &[clean], question), good, "{what}");
            // What is not covered is not revoked either.
            let serial: &[u8] = &question.certificate.serial;
            let listing = List::of(issuer, &[serial]).scoped(scope);
            let expected = if good == "good" { "revoked" } else { good };
            assert_eq!(verdict(issuer, &[listing], question), expected, "{what}");
        }
    }
}

// T-50
#[test]
fn a_list_of_one_distribution_point_is_about_its_certificates_only() {
    let root = Authority::root("root");
    let at_points = |points: &[Vec<u8>]| ask(&root, &[7], &|p| add_points(p, points));
    let none = ask(&root, &[7], &plain);
    let a = at_points(&[point(&[A])]);
    let b = at_points(&[point(&[B])]);
    let both = at_points(&[point(&[A]), point(&[B])]);
    let either = at_points(&[point(&["ldap://a.example", A])]);
    let of_a = named(&general_names(&[A]));
    let of_many = named(&general_names(&["ftp://x.example", A]));
    for (what, question, scope, expected) in [
        ("no point", &none, &of_a, "no answer"),
        ("the point", &a, &of_a, "good"),
        ("another point", &b, &of_a, "no answer"),
        // RUSTSEC-2026-0049: any of several points is enough, in any place.
        ("one of two points", &both, &of_a, "good"),
        ("one of two names", &either, &of_a, "good"),
        ("one of two names of the list", &a, &of_many, "good"),
        ("none of them", &b, &of_many, "no answer"),
    ] {
        let clean = List::of(&root, &[]).scoped(scope);
        assert_eq!(verdict(&root, &[clean], question), expected, "{what}");
        let listing = List::of(&root, &[&[7]]).scoped(scope);
        let expected = if expected == "good" {
            "revoked"
        } else {
            expected
        };
        assert_eq!(verdict(&root, &[listing], question), expected, "{what}");
    }
}

// T-50
#[test]
fn names_of_points_are_matched_as_a_whole_and_by_type() {
    let root = Authority::root("root");
    let question = ask(&root, &[7], &|p| add_points(p, &[point(&[A])]));
    for (what, names) in [
        ("prefix", general_names(&["http://a.example/cr"])),
        ("longer", general_names(&["http://a.example/crl/"])),
        ("case", general_names(&["http://A.example/crl"])),
        ("type", tlv(0x82, A.as_bytes())),
        ("none", Vec::new()),
        ("cut off", vec![0x86, 20]),
    ] {
        let list = List::of(&root, &[]).scoped(&named(&names));
        assert_eq!(verdict(&root, &[list], &question), "no answer", "{what}");
    }
}

// T-50
#[test]
fn each_certificate_has_an_unwritten_point_with_the_name_of_its_issuer() {
    let root = Authority::root("root");
    let other = Authority::root("other");
    let directory = |ca: &Authority| tlv(0xa4, Certificate::parse(&ca.der).unwrap().subject);
    let question = ask(&root, &[7], &plain);
    let own = List::of(&root, &[]).scoped(&named(&directory(&root)));
    assert_eq!(verdict(&root, &[own], &question), "good");
    let foreign = List::of(&root, &[]).scoped(&named(&directory(&other)));
    assert_eq!(verdict(&root, &[foreign], &question), "no answer");
}

// T-50
#[test]
fn a_relative_name_matches_nothing() {
    let root = Authority::root("root");
    let relative = tlv(0xa0, &tlv(0xa1, &[]));
    let question = ask(&root, &[7], &|p| {
        add_points(p, &[tlv(0x30, &tlv(0xa0, &tlv(0xa1, &[])))]);
    });
    let list = List::of(&root, &[]).scoped(&relative);
    assert_eq!(verdict(&root, &[list], &question), "no answer");
}

// T-50
#[test]
fn a_list_of_some_reasons_can_only_revoke() {
    let root = Authority::root("root");
    let question = ask(&root, &[7], &plain);
    let clean = List::of(&root, &[]).scoped(SOME_REASONS);
    let listing = List::of(&root, &[&[7]]).scoped(SOME_REASONS);
    let full = List::of(&root, &[]);
    for (lists, expected) in [
        (vec![clean.clone()], "no answer"),
        (vec![clean.clone(), clean.clone()], "no answer"),
        (vec![listing.clone()], "revoked"),
        (vec![full.clone(), clean], "good"),
        (vec![full.clone(), listing.clone()], "revoked"),
        (vec![listing, full], "revoked"),
    ] {
        assert_eq!(verdict(&root, &lists, &question), expected);
    }
}

#[test]
fn scopes_that_contradict_themselves_are_malformed() {
    let root = Authority::root("root");
    for scope in [
        [USERS, CAS].concat(),
        [USERS, ATTRIBUTES].concat(),
        vec![0x81, 1, 1],
        vec![0x81, 0],
        vec![0xa0, 0],
        vec![0x86, 1, 0xff],
        vec![0x82, 1, 0xff, 0x81, 1, 0xff],
    ] {
        let refused = List::of(&root, &[]).scoped(&scope).signed_by(&root);
        assert_eq!(refused.unwrap_err(), CrlError::Malformed, "{scope:?}");
    }
}
