use std::sync::Arc;
use std::time::Duration;

use crate::crl::{CrlAnswer, CrlSet, EXPIRY_WARNINGS};
use crate::testing::crl::{LIFE, List, ask, verdict, word};
use crate::testing::{Authority, DAY, at, plain};

fn is_shared_between_threads<T: Send + Sync>(_: &T) {}

// T-41
#[test]
fn serial_numbers_are_compared_in_full() {
    let root = Authority::root("root");
    let serials = [
        &[0x01][..],
        &[0x01, 0x00],
        &[0x01, 0x00, 0x00],
        &[0x7f],
        &[0x00, 0xff],
        &[0x01; 19],
        &[0x01; 20],
        &[0x01; 21],
    ];
    for serial in serials {
        let question = ask(&root, serial, &plain);
        let others: Vec<_> = serials.iter().copied().filter(|s| *s != serial).collect();
        let without = List::of(&root, &others);
        assert_eq!(verdict(&root, &[without], &question), "good", "{serial:?}");
        let with = List::of(&root, &serials);
        assert_eq!(verdict(&root, &[with], &question), "revoked", "{serial:?}");
        let alone = List::of(&root, &[serial]);
        assert_eq!(verdict(&root, &[alone], &question), "revoked", "{serial:?}");
    }
    let negative = List::of(&root, &[&[0xff], &[0x80]]);
    let question = ask(&root, &[0x00, 0xff], &plain);
    assert_eq!(verdict(&root, &[negative], &question), "good");
}

#[test]
fn a_serial_number_written_too_long_is_found() {
    let root = Authority::root("root");
    let question = ask(&root, &[7], &plain);
    let list = List::of(&root, &[&[0, 0, 7]]);
    assert_eq!(verdict(&root, &[list], &question), "revoked");
}

// 4H: libraries consult only the first list that matches.
#[test]
fn a_certificate_that_any_list_has_is_revoked_whatever_their_order() {
    let root = Authority::root("root");
    let question = ask(&root, &[7], &plain);
    let one = List::of(&root, &[&[1]]);
    let seven = List::of(&root, &[&[7]]).numbered(&[2]);
    let many = List::of(&root, &[&[2], &[3], &[8]]).numbered(&[3]);
    for (lists, expected) in [
        (vec![one.clone()], "good"),
        (vec![one.clone(), seven.clone()], "revoked"),
        (vec![seven.clone(), one.clone()], "revoked"),
        (vec![one.clone(), many.clone(), seven.clone()], "revoked"),
        (vec![one, many], "good"),
        (vec![seven], "revoked"),
    ] {
        assert_eq!(verdict(&root, &lists, &question), expected);
    }
}

// T-53
#[test]
fn lists_of_other_issuers_say_nothing() {
    let root = Authority::root("root");
    let twin = Authority::root("root");
    let other = Authority::root("other");
    let question = ask(&root, &[7], &plain);
    let of = |ca: &Authority| List::of(ca, &[&[7]]).signed_by(ca).unwrap();
    let foreign = CrlSet::new([of(&twin), of(&other)]);
    assert_eq!(word(&foreign.answer(&question, at(0))), "no answer");
    assert_eq!(foreign.answer(&question, at(0)), CrlAnswer::none());
    let clean = List::of(&root, &[]).signed_by(&root).unwrap();
    let all = CrlSet::new([of(&twin), clean, of(&other)]);
    assert_eq!(word(&all.answer(&question, at(0))), "good");
    assert_eq!(all.lists().count(), 3);
    assert_eq!(
        word(&CrlSet::default().answer(&question, at(0))),
        "no answer"
    );
}

// T-52
#[test]
fn a_list_counts_from_this_update_to_next_update() {
    let root = Authority::root("root");
    let question = ask(&root, &[7], &plain);
    for (this, next, expected) in [
        (-60, 60, "good"),
        (-60, 0, "good"),
        (-60, -1, "no answer"),
        (-2 * DAY, -DAY, "no answer"),
        (0, 60, "good"),
        (300, 600, "good"),
        (301, 600, "no answer"),
        (0, 0, "good"),
    ] {
        let list = List::of(&root, &[]).during(this, next);
        assert_eq!(
            verdict(&root, &[list], &question),
            expected,
            "{this} {next}"
        );
    }
}

// T-52
#[test]
fn an_expired_list_tells_since_when_there_is_no_answer() {
    let root = Authority::root("root");
    let question = ask(&root, &[7], &plain);
    let expired = |next| {
        List::of(&root, &[])
            .during(-DAY, next)
            .signed_by(&root)
            .unwrap()
    };
    let set = CrlSet::new([expired(-900), expired(-300), expired(-600)]);
    let CrlAnswer::Unavailable { since, why } = set.answer(&question, at(0)) else {
        panic!("an expired list has no answer");
    };
    assert_eq!(since, Some(at(-300)));
    assert_eq!(why, "the CRL of the issuer expired at 2027-01-15T07:55:00Z");
    let coming = List::of(&root, &[])
        .during(600, 900)
        .signed_by(&root)
        .unwrap();
    let answer = CrlSet::new([coming]).answer(&question, at(0));
    let expected = CrlAnswer::Unavailable {
        since: None,
        why: "the CRL of the issuer is not valid before 2027-01-15T08:10:00Z".to_owned(),
    };
    assert_eq!(answer, expected);
}

// T-52
#[test]
fn a_late_ca_lets_nobody_in_whom_it_revoked() {
    let root = Authority::root("root");
    let question = ask(&root, &[7], &plain);
    let old = List::of(&root, &[&[7]]).during(-DAY, -1);
    let clean = List::of(&root, &[]);
    assert_eq!(
        verdict(&root, std::slice::from_ref(&old), &question),
        "revoked"
    );
    let early = List::of(&root, &[&[7]]).during(DAY, 2 * DAY);
    assert_eq!(verdict(&root, &[early], &question), "revoked");
    // The list that counts now takes it back: a suspension that ended.
    assert_eq!(verdict(&root, &[old.clone(), clean], &question), "good");
    let set = CrlSet::new([old.signed_by(&root).unwrap()]);
    let CrlAnswer::Revoked { valid_until, .. } = set.answer(&question, at(0)) else {
        panic!("it is revoked");
    };
    assert_eq!(valid_until, at(60));
}

#[test]
fn a_good_answer_holds_until_the_first_of_its_lists_expires() {
    let root = Authority::root("root");
    let question = ask(&root, &[7], &plain);
    let list = |this, next| {
        List::of(&root, &[])
            .during(this, next)
            .signed_by(&root)
            .unwrap()
    };
    let set = CrlSet::new([list(-60, 900), list(-90, 1200), list(-DAY, -1)]);
    let expected = CrlAnswer::Good {
        this_update: at(-90),
        valid_until: at(900),
    };
    assert_eq!(set.answer(&question, at(0)), expected);
}

// T-54
#[test]
fn a_new_list_makes_a_new_set_and_leaves_the_old_one_alone() {
    let root = Authority::root("root");
    let question = ask(&root, &[7], &plain);
    let old = Arc::new(CrlSet::new([List::of(&root, &[])
        .signed_by(&root)
        .unwrap()]));
    is_shared_between_threads(&old);
    let held = Arc::clone(&old);
    let list = List::of(&root, &[&[7]])
        .numbered(&[2])
        .signed_by(&root)
        .unwrap();
    let new = CrlSet::new(old.lists().cloned().chain([list.clone(), list]));
    assert_eq!(new.lists().count(), 2);
    assert_eq!(word(&held.answer(&question, at(0))), "good");
    assert_eq!(word(&new.answer(&question, at(0))), "revoked");
}

// T-52
#[test]
fn the_end_of_a_list_is_told_in_time() {
    let root = Authority::root("root");
    let list = List::of(&root, &[]).signed_by(&root).unwrap();
    assert_eq!(
        list.expires_in(at(0)),
        Some(Duration::from_secs(LIFE.unsigned_abs()))
    );
    assert_eq!(list.expires_in(at(LIFE)), Some(Duration::ZERO));
    assert_eq!(list.expires_in(at(LIFE + 1)), None);
    let days = EXPIRY_WARNINGS.map(|before| before.as_secs() / 86_400);
    assert_eq!(days, [7, 1]);
}
