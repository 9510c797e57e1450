use crate::ocsp::{OcspAnswer, OcspError, verify};
use crate::testing::ocsp::{GOOD, World};
use crate::testing::{DAY, at};

const HOUR: i64 = 3600;
const SKEW: i64 = 300;

/// Verifies an answer of these times, in seconds from now.
fn ask(world: &World, this: i64, next: Option<i64>) -> Result<OcspAnswer, OcspError> {
    let mut response = world.response(GOOD);
    response.produced_at = this;
    response.singles[0].this_update = this;
    response.singles[0].next_update = next;
    verify(&response.der(), &world.question, None, at(0))
}

// T-43
#[test]
fn an_answer_holds_from_this_update_to_next_update_give_or_take_the_skew() {
    let world = World::new();
    let early = Err(OcspError::NotYetValid);
    let late = Err(OcspError::Expired);
    for (this, next, expected) in [
        (0, Some(HOUR), Ok(HOUR + SKEW)),
        (SKEW, Some(HOUR), Ok(HOUR + SKEW)),
        (SKEW + 1, Some(HOUR), early.clone()),
        (10 * 366 * DAY, None, early.clone()),
        (-HOUR, Some(-SKEW), Ok(0)),
        (-HOUR, Some(-SKEW - 1), late.clone()),
        (-HOUR, Some(-HOUR), late.clone()),
        (-10, Some(-20), Err(OcspError::Malformed)),
    ] {
        let answer = ask(&world, this, next);
        let found = answer.map(|answer| answer.valid_until);
        assert_eq!(found, expected.map(at), "{this} {next:?}");
    }
}

// T-43
#[test]
fn an_answer_without_next_update_holds_for_an_hour() {
    let world = World::new();
    let answer = ask(&world, -60, None).unwrap();
    assert_eq!(answer.next_update, None);
    assert_eq!(answer.valid_until, at(HOUR - 60));
    assert!(ask(&world, -HOUR, None).is_ok());
    assert_eq!(ask(&world, -HOUR - 1, None), Err(OcspError::Expired));
}

// T-43
#[test]
fn a_far_future_next_update_does_not_make_an_answer_last_for_ever() {
    let world = World::new();
    let far = Some(50 * 366 * DAY);
    let answer = ask(&world, 0, far).unwrap();
    assert_eq!(answer.valid_until, at(7 * DAY));
    assert!(ask(&world, -366 * DAY, far).is_ok());
    let answer = ask(&world, -366 * DAY + 60, far).unwrap();
    assert_eq!(answer.valid_until, at(60));
    assert_eq!(ask(&world, -366 * DAY - 1, far), Err(OcspError::Expired));
}

// T-43
#[test]
fn a_response_from_the_future_is_not_believed() {
    let world = World::new();
    let mut response = world.response(GOOD);
    response.produced_at = SKEW;
    assert!(world.verify(&response.der()).is_ok());
    response.produced_at = SKEW + 1;
    let verified = world.verify(&response.der());
    assert_eq!(verified, Err(OcspError::NotYetValid));
}

// T-43
#[test]
fn a_replayed_answer_ends_with_its_time() {
    let world = World::new();
    let der = world.response(GOOD).der();
    for (now, expected) in [
        (-30 - SKEW - 1, Err(OcspError::NotYetValid)),
        (-30 - SKEW, Ok(())),
        (HOUR + SKEW, Ok(())),
        (HOUR + SKEW + 1, Err(OcspError::Expired)),
        (40 * DAY, Err(OcspError::Expired)),
    ] {
        let verified = verify(&der, &world.question, None, at(now));
        assert_eq!(verified.map(|_| ()), expected, "{now}");
    }
}
