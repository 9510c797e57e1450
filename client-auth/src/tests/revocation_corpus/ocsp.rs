use super::{CLIENT, Case, WORLD, about_client, about_one, single};
use crate::Reason;
use crate::RevocationMethod::{Ocsp, OcspThenCrl};
use crate::RevocationScope::{Chain, Leaf};
use crate::testing::crl::List;
use crate::testing::ocsp::{GOOD, Response, UNKNOWN, delegate, revoked};
use crate::testing::{DAY, plain};

const OK: Result<(), Reason> = Ok(());
const REVOKED: Result<(), Reason> = Err(Reason::Revoked);
const UNHEARD_OF: Result<(), Reason> = Err(Reason::RevocationUnknown);
const NO_ANSWER: Result<(), Reason> = Err(Reason::RevocationUnavailable);

/// A response of the intermediate, edited.
fn edited(edit: impl Fn(&mut Response<'_>)) -> Vec<u8> {
    let mut response = about_client(GOOD);
    edit(&mut response);
    response.der()
}

/// A response of `one`'s delegate with this edit of its certificate.
fn delegated(edit: crate::testing::Edit<'_>) -> Vec<u8> {
    let one = &WORLD.one;
    let (key, certificate) = delegate(one, edit);
    let mut response = Response::new(&key, &certificate, vec![single(one, CLIENT, GOOD)]);
    response.certificates = vec![certificate];
    response.der()
}

// T-40 to T-44
#[test]
fn the_client_alone_by_ocsp() {
    let (one, root, twin) = (&WORLD.one, &WORLD.root, &WORLD.twin);
    let by_twin = Response::new(twin.key(), &twin.der, vec![single(one, CLIENT, GOOD)]);
    let by_root = Response::new(root.key(), &root.der, vec![single(one, CLIENT, GOOD)]);
    let twins_client = single(twin, CLIENT, GOOD);
    for (what, response, expected) in [
        ("good", about_client(GOOD).der(), OK),
        ("revoked", about_client(&revoked(9, Some(1))).der(), REVOKED),
        ("on hold", about_client(&revoked(9, Some(6))).der(), REVOKED),
        ("unknown", about_client(UNKNOWN).der(), UNHEARD_OF),
        ("tryLater", edited(|r| r.status = 3), NO_ANSWER),
        ("unauthorized", edited(|r| r.status = 6), NO_ANSWER),
        ("by a twin", by_twin.der(), NO_ANSWER),
        ("by the root", by_root.der(), NO_ANSWER),
        ("delegated", delegated(&plain), OK),
        (
            "delegated to a client",
            delegated(&|p| p.extended_key_usages.clear()),
            NO_ANSWER,
        ),
        (
            "revocable delegate",
            delegated(&|p| p.custom_extensions.clear()),
            NO_ANSWER,
        ),
        (
            "another client",
            edited(|r| r.singles = vec![single(one, &[9], GOOD)]),
            NO_ANSWER,
        ),
        (
            "a twin's client",
            edited(|r| r.singles = vec![twins_client.clone()]),
            NO_ANSWER,
        ),
        (
            "good and revoked",
            edited(|r| r.singles.push(single(one, CLIENT, &revoked(9, None)))),
            REVOKED,
        ),
        (
            "stale",
            edited(|r| r.singles[0].next_update = Some(-301)),
            NO_ANSWER,
        ),
        (
            "to come",
            edited(|r| r.singles[0].this_update = 301),
            NO_ANSWER,
        ),
        (
            "old, without an end",
            edited(|r| {
                r.singles[0].this_update = -DAY;
                r.singles[0].next_update = None;
            }),
            NO_ANSWER,
        ),
        ("garbage", b"garbage".to_vec(), NO_ANSWER),
        ("too large", vec![0; 70_000], NO_ANSWER),
    ] {
        Case::new(Ocsp, Leaf)
            .response(response)
            .check(what, expected);
    }
    Case::new(Ocsp, Leaf).check("silence", NO_ANSWER);
}

#[test]
fn the_whole_chain_by_ocsp() {
    let revoked = revoked(9, Some(2));
    for (what, client, one, expected) in [
        ("both good", GOOD, GOOD, OK),
        ("client revoked", &revoked, GOOD, REVOKED),
        ("CA revoked", GOOD, &revoked, REVOKED),
        ("CA unknown", GOOD, UNKNOWN, UNHEARD_OF),
        ("both", UNKNOWN, &revoked, UNHEARD_OF),
    ] {
        let case = Case::new(Ocsp, Chain).response(about_client(client).der());
        let case = case.response_about_one(about_one(one).der());
        case.check(what, expected);
    }
    let good = about_client(GOOD).der();
    let silence = Case::new(Ocsp, Chain).response(good.clone());
    silence.check("nobody about the CA", NO_ANSWER);
    let crossed = Case::new(Ocsp, Chain).response(about_one(GOOD).der());
    let crossed = crossed.response_about_one(good);
    crossed.check("answers to each other's questions", NO_ANSWER);
}

#[test]
fn ocsp_and_then_the_crl() {
    let clean = List::of(&WORLD.one, &[]).der();
    let listing = List::of(&WORLD.one, &[CLIENT]).der();
    let expired = List::of(&WORLD.one, &[]).during(-DAY, -1).der();
    let good = about_client(GOOD).der();
    let revoked = about_client(&revoked(9, None)).der();
    let unknown = about_client(UNKNOWN).der();
    let stale = edited(|r| r.singles[0].next_update = Some(-301));
    for (what, response, list, expected) in [
        ("good decides", Some(&good), Some(&listing), OK),
        ("good alone", Some(&good), None, OK),
        ("revoked decides", Some(&revoked), Some(&clean), REVOKED),
        ("unknown, clean", Some(&unknown), Some(&clean), OK),
        ("unknown, listed", Some(&unknown), Some(&listing), REVOKED),
        ("unknown, no list", Some(&unknown), None, UNHEARD_OF),
        (
            "unknown, expired",
            Some(&unknown),
            Some(&expired),
            UNHEARD_OF,
        ),
        ("stale, clean", Some(&stale), Some(&clean), OK),
        ("silence, clean", None, Some(&clean), OK),
        ("silence, listed", None, Some(&listing), REVOKED),
        ("silence, expired", None, Some(&expired), NO_ANSWER),
        ("silence, no list", None, None, NO_ANSWER),
    ] {
        let mut case = Case::new(OcspThenCrl, Leaf).lists(list.cloned());
        case.responses[0] = response.cloned();
        case.check(what, expected);
    }
}
