//! Bytes that nobody in their right mind would send.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest::sample::Index;
use rcgen::KeyPair;

use crate::RevocationQuestion;
use crate::crl::{Crl, CrlSet};
use crate::der_writer::encode;
use crate::ocsp::{self, OcspStatus};
use crate::testing::crl::{List, ask, reason, word};
use crate::testing::ocsp::{GOOD, Response, World, delegate, revoked};
use crate::testing::revocation::{add_points, general_names, point};
use crate::testing::{Authority, Der, at, plain};

static WORLD: LazyLock<World> = LazyLock::new(World::new);
static DELEGATE: LazyLock<(KeyPair, Der)> = LazyLock::new(|| delegate(&WORLD.root, &plain));

/// A good response by the issuer, and one by a delegate.
static RESPONSES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let (key, certificate) = &*DELEGATE;
    let mut delegated = Response::new(key, certificate, vec![WORLD.single(GOOD)]);
    delegated.certificates = vec![certificate.clone()];
    [WORLD.response(GOOD).der(), delegated.der()]
});

/// A CA, its list with one entry and all that a list can have, and a question about another certificate.
static LISTED: LazyLock<(Authority, Vec<u8>, Arc<RevocationQuestion>)> = LazyLock::new(|| {
    let root = Authority::root("root");
    let tbs = list(&root).tbs();
    let url = "http://a.example/crl";
    let question = ask(&root, &[7], &|p| add_points(p, &[point(&[url])]));
    (root, tbs, question)
});

fn list(root: &Authority) -> List<'_> {
    let names = general_names(&["http://a.example/crl"]);
    let name = encode(0xa0, &[&encode(0xa0, &[&names])]);
    let mut list = List::of(root, &[]).scoped(&[name, vec![0x81, 1, 0xff]].concat());
    list.entries = crate::testing::crl::entry(&[1], &[reason(1)]);
    list
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..400)
}

fn changes() -> impl Strategy<Value = Vec<(Index, u8)>> {
    prop::collection::vec((any::<Index>(), any::<u8>()), 1..4)
}

fn changed(original: &[u8], changes: &[(Index, u8)]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for (place, value) in changes {
        bytes[place.index(original.len())] = *value;
    }
    bytes
}

/// What the CRL set of one list, if it is good, says about the question.
fn answer(der: &[u8]) -> &'static str {
    let (root, _, question) = &*LISTED;
    let signed = Crl::parse(der).and_then(|crl| crl.check_signed_by(&root.der));
    let set = CrlSet::new(signed.ok().map(Arc::new));
    word(&set.answer(question, at(0)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    // T-51
    #[test]
    fn no_bytes_are_an_answer(bytes in bytes()) {
        prop_assert!(WORLD.verify(&bytes).is_err());
        prop_assert_eq!(answer(&bytes), "no answer");
    }

    #[test]
    fn any_change_of_a_response_is_noticed(which in 0..2_usize, changes in changes()) {
        let response = changed(&RESPONSES[which], &changes);
        let expected = response == RESPONSES[which];
        prop_assert_eq!(WORLD.verify(&response).is_ok(), expected);
    }

    // T-51
    #[test]
    fn any_change_of_a_list_is_noticed(changes in changes()) {
        let (root, tbs, _) = &*LISTED;
        let der = list(root).wrap(tbs);
        prop_assert_eq!(answer(&der), "good");
        let expected = if changed(&der, &changes) == der { "good" } else { "no answer" };
        prop_assert_eq!(answer(&changed(&der, &changes)), expected);
    }

    /// Even its own CA does not make it panic, nor says "good" by saying something else badly.
    #[test]
    fn a_signed_response_with_changes_is_read_or_not(changes in changes()) {
        let response = WORLD.response(&revoked(9, Some(1)));
        let signed = response.wrap(changed(&response.data(), &changes));
        let answer = WORLD.verify(&signed);
        // Three changed octets do not turn `[1] { time, reason }` into `[0]` with nothing in it.
        prop_assert!(!answer.is_ok_and(|answer| answer.status == OcspStatus::Good));
    }

    // T-51
    #[test]
    fn a_signed_list_with_changes_is_read_or_not(changes in changes()) {
        let (root, tbs, _) = &*LISTED;
        let _any = answer(&list(root).wrap(&changed(tbs, &changes)));
    }

    // T-51
    #[test]
    fn a_signed_list_of_anything_is_no_answer(bytes in bytes()) {
        let (root, _, _) = &*LISTED;
        prop_assert_eq!(answer(&list(root).wrap(&bytes)), "no answer");
        prop_assert_eq!(answer(&list(root).wrap(&encode(0x30, &[&bytes]))), "no answer");
        let response = WORLD.response(GOOD);
        prop_assert!(WORLD.verify(&response.wrap(bytes.clone())).is_err());
        prop_assert!(WORLD.verify(&response.wrap(encode(0x30, &[&bytes]))).is_err());
    }

    #[test]
    fn a_question_about_anything_makes_nothing_panic(issuer in bytes(), serial in bytes()) {
        let mut question = RevocationQuestion::clone(&WORLD.question);
        question.certificate.serial = serial.into();
        prop_assert!(ocsp::verify(&RESPONSES[0], &question, None, at(0)).is_err());
        let _request = ocsp::Request::new(&question, None).map(|r| r.get_url("http://a"));
        question.issuer = issuer.clone().into();
        prop_assert!(ocsp::verify(&RESPONSES[0], &question, None, at(0)).is_err());
        prop_assert!(ocsp::Request::new(&question, None).is_err());
        let (root, tbs, _) = &*LISTED;
        let der = list(root).wrap(tbs);
        prop_assert!(Crl::parse(&der).unwrap().check_signed_by(&issuer).is_err());
        question.distribution_point_names = vec![issuer.into()];
        let set = CrlSet::new(list(root).signed_by(root));
        prop_assert_eq!(word(&set.answer(&question, at(0))), "no answer");
    }
}
