use super::{CLIENT, Case, WORLD, about_client};
use crate::Reason;
use crate::RevocationMethod::{Crl, Ocsp, OcspThenCrl};
use crate::RevocationScope::Leaf;
use crate::testing::crl::List;
use crate::testing::ocsp::{GOOD, UNKNOWN, revoked};

const OK: Result<(), Reason> = Ok(());
const REVOKED: Result<(), Reason> = Err(Reason::Revoked);
const UNHEARD_OF: Result<(), Reason> = Err(Reason::RevocationUnknown);
const NO_ANSWER: Result<(), Reason> = Err(Reason::RevocationUnavailable);

// T-44
#[test]
fn an_outage_of_ocsp_is_borne_for_a_while() {
    let case = || Case::new(Ocsp, Leaf);
    case().soft(600, 0).check("just begun", OK);
    case().soft(600, 600).check("to the end", OK);
    case().soft(600, 601).check("too long", NO_ANSWER);
    case().soft(0, 0).check("no grace, just begun", OK);
    case().soft(0, 1).check("no grace", NO_ANSWER);
    let unsigned = case().response(b"garbage".to_vec());
    unsigned
        .soft(600, 601)
        .check("garbage for too long", NO_ANSWER);
    let good = about_client(GOOD).der();
    case().response(good).soft(600, 601).check("over", OK);
}

// T-44
#[test]
fn what_is_known_is_never_softened() {
    let revoked = about_client(&revoked(9, None)).der();
    let unknown = about_client(UNKNOWN).der();
    let listing = List::of(&WORLD.one, &[CLIENT]);
    let expired = listing.clone().during(-600, -60).der();
    let listing = listing.der();
    let case = |method| Case::new(method, Leaf).soft(600, 60);
    case(Ocsp).response(revoked).check("revoked", REVOKED);
    case(Ocsp)
        .response(unknown.clone())
        .check("unknown", UNHEARD_OF);
    let both = case(OcspThenCrl).response(unknown);
    both.check("unknown, no list", UNHEARD_OF);
    case(Crl).lists([listing.clone()]).check("listed", REVOKED);
    case(Crl).lists([expired]).check("listed before", REVOKED);
    let silence = case(OcspThenCrl).lists([listing]);
    silence.check("silence, listed", REVOKED);
}

// T-52
#[test]
fn an_expired_list_is_borne_for_a_while() {
    let expired = |ago: i64| List::of(&WORLD.one, &[]).during(-9000, -ago).der();
    let case = |ago| Case::new(Crl, Leaf).lists([expired(ago)]).soft(600, 0);
    case(1).check("just expired", OK);
    case(600).check("to the end", OK);
    case(601).check("too long", NO_ANSWER);
    Case::new(Crl, Leaf)
        .soft(600, 0)
        .check("never a list", NO_ANSWER);
}
