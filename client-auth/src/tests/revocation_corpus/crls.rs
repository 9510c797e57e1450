use rcgen::{KeyPair, KeyUsagePurpose};

use super::{CLIENT, Case, ONE, POINT, WORLD};
use crate::Reason;
use crate::RevocationMethod::Crl;
use crate::RevocationScope::{Chain, Leaf};
use crate::certificate::Certificate;
use crate::crl::CrlSet;
use crate::testing::crl::{List, ask, entry, reason, word};
use crate::testing::revocation::general_names;
use crate::testing::{Authority, DAY, at, extension, plain, tlv};

const OK: Result<(), Reason> = Ok(());
const REVOKED: Result<(), Reason> = Err(Reason::Revoked);
const NO_ANSWER: Result<(), Reason> = Err(Reason::RevocationUnavailable);

const USERS: &[u8] = &[0x81, 1, 0xff];
const CAS: &[u8] = &[0x82, 1, 0xff];
const SOME_REASONS: &[u8] = &[0x83, 2, 1, 0x40];
const INDIRECT: &[u8] = &[0x84, 1, 0xff];
const ATTRIBUTES: &[u8] = &[0x85, 1, 0xff];

/// A list of the intermediate.
fn list(serials: &[&[u8]]) -> List<'static> {
    List::of(&WORLD.one, serials)
}

/// A list of the root.
fn root_list(serials: &[&[u8]]) -> List<'static> {
    List::of(&WORLD.root, serials)
}

/// The scope of certificates with a distribution point of this name.
fn named(names: &[u8]) -> Vec<u8> {
    tlv(0xa0, &tlv(0xa0, names))
}

/// A list with one entry that has these extensions.
fn with_entry(extensions: &[Vec<u8>]) -> List<'static> {
    let mut list = list(&[]);
    list.entries = entry(CLIENT, extensions);
    list
}

// T-50 to T-53
#[test]
fn the_client_alone_by_crl() {
    let clean = || list(&[&[1], &[9]]);
    let listing = || list(&[&[1], CLIENT, &[9]]);
    let longer = || list(&[&[7, 0], &[0, 0x87], &[1, 7]]);
    let here = named(&general_names(&[POINT]));
    let there = named(&general_names(&["http://crl.example/b"]));
    let both = named(&general_names(&["ldap://crl.example/a", POINT]));
    let one_name = Certificate::parse(&WORLD.one.der).unwrap().subject;
    let issuer_point = named(&tlv(0xa4, one_name));
    let unknown = || extension(&[0x2a, 3], true, &[5, 0]);
    let delta = || extension(&[0x55, 0x1d, 0x1b], true, &[2, 1, 1]);
    let cases: Vec<(&str, Vec<List<'_>>, Result<(), Reason>)> = vec![
        ("no list", vec![], NO_ANSWER),
        ("clean", vec![clean()], OK),
        ("empty", vec![list(&[])], OK),
        ("revoked", vec![listing()], REVOKED),
        ("similar serial numbers", vec![longer()], OK),
        (
            "serial number written long",
            vec![list(&[&[0, 0, 7]])],
            REVOKED,
        ),
        ("in the first of two", vec![listing(), clean()], REVOKED),
        ("in the second of two", vec![clean(), listing()], REVOKED),
        ("in neither", vec![clean(), longer()], OK),
        (
            "in the older one",
            vec![clean().numbered(&[9]), listing().numbered(&[8])],
            REVOKED,
        ),
        (
            "in one of another scope",
            vec![clean(), listing().scoped(USERS)],
            REVOKED,
        ),
        ("only the root's", vec![root_list(&[CLIENT])], NO_ANSWER),
        ("and the root's", vec![clean(), root_list(&[CLIENT])], OK),
        ("a twin's", vec![List::of(&WORLD.twin, &[])], NO_ANSWER),
        (
            "revoked by a twin",
            vec![clean(), List::of(&WORLD.twin, &[CLIENT])],
            OK,
        ),
        ("users only", vec![clean().scoped(USERS)], OK),
        (
            "users only, revoked",
            vec![listing().scoped(USERS)],
            REVOKED,
        ),
        ("CAs only", vec![clean().scoped(CAS)], NO_ANSWER),
        ("CAs only, listed", vec![listing().scoped(CAS)], NO_ANSWER),
        (
            "attribute certificates",
            vec![clean().scoped(ATTRIBUTES)],
            NO_ANSWER,
        ),
        ("its point", vec![clean().scoped(&here)], OK),
        ("its point, revoked", vec![listing().scoped(&here)], REVOKED),
        ("its point among others", vec![clean().scoped(&both)], OK),
        (
            "the issuer's point",
            vec![clean().scoped(&issuer_point)],
            OK,
        ),
        ("another point", vec![clean().scoped(&there)], NO_ANSWER),
        (
            "another point, listed",
            vec![listing().scoped(&there)],
            NO_ANSWER,
        ),
        (
            "another point and all",
            vec![listing().scoped(&there), clean()],
            OK,
        ),
        (
            "its point, but CAs only",
            vec![clean().scoped(&[&here[..], CAS].concat())],
            NO_ANSWER,
        ),
        (
            "some reasons",
            vec![clean().scoped(SOME_REASONS)],
            NO_ANSWER,
        ),
        (
            "some reasons, revoked",
            vec![listing().scoped(SOME_REASONS)],
            REVOKED,
        ),
        (
            "some reasons and all",
            vec![clean().scoped(SOME_REASONS), clean()],
            OK,
        ),
        ("indirect", vec![clean().scoped(INDIRECT)], NO_ANSWER),
        ("delta", vec![clean().with(delta())], NO_ANSWER),
        (
            "delta beside a base",
            vec![listing().with(delta()), clean()],
            OK,
        ),
        (
            "unknown extension",
            vec![clean().with(unknown())],
            NO_ANSWER,
        ),
        ("of an entry", vec![with_entry(&[unknown()])], NO_ANSWER),
        ("on hold", vec![with_entry(&[reason(6)])], REVOKED),
        (
            "removed from a full list",
            vec![with_entry(&[reason(8)])],
            REVOKED,
        ),
        ("compromised", vec![with_entry(&[reason(1)])], REVOKED),
        (
            "unheard-of reason",
            vec![with_entry(&[reason(99)])],
            REVOKED,
        ),
        ("expired", vec![clean().during(-DAY, -1)], NO_ANSWER),
        (
            "expired, revoked",
            vec![listing().during(-DAY, -1)],
            REVOKED,
        ),
        (
            "expired and current",
            vec![clean().during(-DAY, -1), clean()],
            OK,
        ),
        ("to come", vec![clean().during(DAY, 2 * DAY)], NO_ANSWER),
        ("a clock ahead", vec![clean().during(300, DAY)], OK),
        ("about to expire", vec![clean().during(-DAY, 0)], OK),
    ];
    for (what, lists, expected) in &cases {
        let lists = lists.iter().map(List::der);
        Case::new(Crl, Leaf).lists(lists).check(what, *expected);
    }
}

// T-51, T-53
#[test]
fn lists_that_nobody_signed_do_not_count() {
    let clean = list(&[]).der();
    let mut forged = list(&[]);
    forged.key = WORLD.twin.key();
    let mut weak = list(&[]);
    weak.algorithm = vec![0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
    weak.inner_algorithm.clone_from(&weak.algorithm);
    let mut endless = list(&[]);
    endless.next_update = None;
    let mut changed = clean.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    for (what, lists, expected) in [
        ("forged", vec![forged.der()], NO_ANSWER),
        ("weakly signed", vec![weak.der()], NO_ANSWER),
        ("without an end", vec![endless.der()], NO_ANSWER),
        ("changed", vec![changed.clone()], NO_ANSWER),
        ("garbage", vec![b"garbage".to_vec()], NO_ANSWER),
        ("nothing", vec![vec![]], NO_ANSWER),
        ("cut off", vec![clean[..last].to_vec()], NO_ANSWER),
        ("among good ones", vec![forged.der(), changed, clean], OK),
    ] {
        Case::new(Crl, Leaf).lists(lists).check(what, expected);
    }
}

#[test]
fn a_list_of_an_issuer_that_may_sign_none_does_not_count() {
    let key = KeyPair::generate().unwrap();
    let root = Authority::root_with("root", key, &|p| {
        p.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    });
    let question = ask(&root, CLIENT, &plain);
    let set = CrlSet::new(List::of(&root, &[]).signed_by(&root));
    assert_eq!(word(&set.answer(&question, at(0))), "no answer");
}

// T-50
#[test]
fn the_whole_chain_by_crl() {
    for (what, lists, expected) in [
        ("both clean", vec![list(&[]), root_list(&[])], OK),
        (
            "client revoked",
            vec![list(&[CLIENT]), root_list(&[])],
            REVOKED,
        ),
        ("CA revoked", vec![list(&[]), root_list(&[ONE])], REVOKED),
        (
            "by the wrong CA",
            vec![list(&[ONE]), root_list(&[CLIENT])],
            OK,
        ),
        ("no list of the root", vec![list(&[])], NO_ANSWER),
        ("no list of the CA", vec![root_list(&[])], NO_ANSWER),
        (
            "each of its kind",
            vec![list(&[]).scoped(USERS), root_list(&[]).scoped(CAS)],
            OK,
        ),
        (
            "users of the root",
            vec![list(&[]), root_list(&[]).scoped(USERS)],
            NO_ANSWER,
        ),
        (
            "CAs of the root, revoked",
            vec![list(&[]), root_list(&[]), root_list(&[ONE]).scoped(CAS)],
            REVOKED,
        ),
        (
            "the root's has expired",
            vec![list(&[]), root_list(&[]).during(-DAY, -1)],
            NO_ANSWER,
        ),
    ] {
        let lists = lists.iter().map(List::der);
        Case::new(Crl, Chain).lists(lists).check(what, expected);
    }
    let revoked_ca = [list(&[]).der(), root_list(&[ONE]).der()];
    Case::new(Crl, Leaf)
        .lists(revoked_ca)
        .check("not asked", OK);
}
