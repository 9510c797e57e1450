use super::*;

/// Usable until the first, with the weight of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known(u64, usize);

impl Answer for Known {
    const FRESH: Duration = Duration::from_hours(1);

    fn usable_until(&self) -> UnixTime {
        at(self.0)
    }

    fn weight(&self) -> usize {
        self.1
    }
}

/// Promised until then, and usable for five minutes more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Promised(u64);

impl Answer for Promised {
    const FRESH: Duration = Duration::from_hours(1);

    fn usable_until(&self) -> UnixTime {
        at(self.0 + 300)
    }

    fn promised_until(&self) -> UnixTime {
        at(self.0)
    }

    fn weight(&self) -> usize {
        0
    }
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn key(number: u8) -> Key {
    [number; 32]
}

fn shelf(capacity: usize) -> Shelf<Known> {
    Shelf::new(capacity, 1)
}

#[test]
fn only_the_first_look_starts_an_attempt() {
    let shelf = shelf(10);
    let first = shelf.look(&key(1), true, at(0));
    assert!(first.start && first.wait.is_some() && first.answer.is_none());
    let second = shelf.look(&key(1), true, at(0));
    assert!(!second.start && second.wait.is_some());
    shelf.put(&key(1), Known(100, 0), at(0));
    let third = shelf.look(&key(1), true, at(1));
    assert!(!third.start && third.wait.is_none());
    assert_eq!(third.answer, Some(Known(100, 0)));
}

// T-43
#[test]
fn a_newer_answer_is_asked_for_before_the_promise_of_the_old_one_ends_and_not_all_the_time() {
    for (promised, now) in [(60, 0), (0, 100)] {
        let shelf = Shelf::new(10, 1);
        let next = shelf.put(&key(1), Promised(promised), at(now)).next;
        let pause = next.as_secs() - now;
        assert!((22..=30).contains(&pause), "{promised} {now}: {pause}");
    }
}

// T-52
#[test]
fn an_answer_that_had_ended_before_it_came_is_kept_and_not_asked_for_all_the_time() {
    let shelf = shelf(10);
    let next = shelf.put(&key(1), Known(99, 0), at(100)).next;
    assert!((122..=130).contains(&next.as_secs()), "{next:?}");
    let look = shelf.look(&key(1), true, at(100));
    assert!(!look.start && look.wait.is_none());
    assert_eq!(look.answer, Some(Known(99, 0)));
}

#[tokio::test]
async fn whoever_waits_is_woken_by_an_answer_and_by_a_failure() {
    type Outcome = fn(&Shelf<Known>);
    let outcomes: [Outcome; 2] = [
        |shelf| assert_eq!(shelf.put(&key(1), Known(100, 0), at(0)).replaced, None),
        |shelf| assert!(!shelf.fail(&key(1), at(0), "down", at(0)).lost),
    ];
    for outcome in outcomes {
        let shelf = shelf(10);
        let waits: Vec<Asking> = (0..3)
            .filter_map(|_| shelf.look(&key(1), true, at(0)).wait)
            .collect();
        assert_eq!(waits.len(), 3);
        let all = async {
            for wait in waits {
                wait.wait().await;
            }
        };
        tokio::join!(all, async { outcome(&shelf) });
    }
}

#[test]
fn a_failure_is_believed_for_a_while_and_counted_from_the_first() {
    let shelf = shelf(10);
    assert!(shelf.look(&key(1), true, at(10)).start);
    assert_eq!(shelf.fail(&key(1), at(10), "down", at(12)).next, at(17));
    let look = shelf.look(&key(1), true, at(16));
    assert!(!look.start && look.wait.is_none());
    assert_eq!(look.outage.map(|outage| outage.since), Some(at(10)));
    let look = shelf.look(&key(1), true, at(17));
    assert!(look.start && look.wait.is_some());
    shelf.fail(&key(1), at(17), "still down", at(17));
    let outage = shelf.look(&key(1), true, at(18)).outage.expect("an outage");
    assert_eq!((outage.since, &*outage.why), (at(10), "still down"));
    shelf.put(&key(1), Known(100, 0), at(30));
    assert_eq!(shelf.look(&key(1), true, at(30)).outage, None);
}

#[test]
fn an_answer_is_refreshed_without_anybody_waiting() {
    let shelf = shelf(10);
    shelf.look(&key(1), true, at(0));
    let next = shelf.put(&key(1), Known(3600, 0), at(0)).next;
    assert!(!shelf.look(&key(1), true, at(next.as_secs() - 1)).start);
    let look = shelf.look(&key(1), true, next);
    assert!(look.start && look.wait.is_none());
    assert_eq!(look.answer, Some(Known(3600, 0)));
    let look = shelf.look(&key(1), true, at(3601));
    assert!(
        !look.start && look.wait.is_some(),
        "the refresh goes on, and now it matters"
    );
}

#[test]
fn an_answer_with_a_long_life_is_refreshed_early_and_used_on() {
    let shelf = shelf(10);
    shelf.look(&key(1), true, at(0));
    let next = shelf.put(&key(1), Known(1_000_000, 0), at(0)).next;
    assert!(next.as_secs() < 3600, "{next:?}");
    shelf.look(&key(1), true, next);
    shelf.fail(&key(1), next, "down", next);
    let look = shelf.look(&key(1), true, at(900_000));
    assert!(look.start && look.wait.is_none());
}

#[test]
fn an_expired_answer_is_not_used_and_still_told() {
    let shelf = shelf(10);
    shelf.look(&key(1), true, at(0));
    shelf.put(&key(1), Known(100, 0), at(0));
    let look = shelf.look(&key(1), true, at(101));
    assert!(look.start && look.wait.is_some());
    assert_eq!(look.answer, Some(Known(100, 0)));
}

#[test]
fn only_what_is_wanted_is_refreshed_by_the_clock() {
    let shelf = shelf(10);
    shelf.look(&key(1), true, at(0));
    let next = shelf.put(&key(1), Known(3600, 0), at(0)).next;
    shelf.look(&key(1), false, at(0));
    assert_eq!(shelf.due(&key(1), next), Due::Nothing, "nobody asked since");
    shelf.look(&key(1), true, at(1));
    assert_eq!(shelf.due(&key(1), at(1)), Due::Nothing, "not yet");
    assert_eq!(shelf.due(&key(1), next), Due::Start);
    assert_eq!(shelf.due(&key(1), next), Due::Nothing, "somebody is asking");
    let next = shelf.put(&key(1), Known(7200, 0), next).next;
    let hold = shelf.hold(&key(1), next);
    assert_eq!(shelf.due(&key(1), next), Due::Start, "held");
    let next = shelf.put(&key(1), Known(9000, 0), next).next;
    drop(hold);
    assert_eq!(shelf.due(&key(1), next), Due::Nothing, "held no more");
    assert_eq!(shelf.due(&key(2), next), Due::Nothing, "not known");
}

#[test]
fn a_failed_refresh_is_repeated_until_there_is_nothing_to_lose() {
    let shelf = shelf(10);
    shelf.look(&key(1), true, at(0));
    shelf.put(&key(1), Known(100, 0), at(0));
    shelf.look(&key(1), true, at(80));
    let failed = shelf.fail(&key(1), at(80), "down", at(80));
    assert_eq!(
        failed,
        Failed {
            next: at(85),
            is_first: true,
            lost: false
        }
    );
    assert_eq!(shelf.due(&key(1), at(85)), Due::Start);
    for now in [85, 90, 95] {
        shelf.fail(&key(1), at(now), "down", at(now));
    }
    let failed = shelf.fail(&key(1), at(98), "down", at(98));
    assert_eq!(
        failed.next,
        at(101),
        "at the end of the answer, whatever the pause"
    );
    assert_eq!(shelf.due(&key(1), at(101)), Due::Start);
    let failed = shelf.fail(&key(1), at(101), "down", at(101));
    assert!(!failed.lost, "nobody holds it");
    assert_eq!(shelf.due(&key(1), failed.next), Due::Nothing);
    let _hold = shelf.hold(&key(1), at(101));
    assert!(shelf.fail(&key(1), at(101), "down", at(101)).lost);
    assert_eq!(shelf.due(&key(1), at(200)), Due::Start);
}

#[test]
fn an_answer_that_was_not_there_in_time_is_no_failure_of_the_attempt() {
    let shelf = shelf(10);
    assert!(shelf.look(&key(1), true, at(0)).start);
    shelf.miss(&key(1), at(2), "slow", at(2));
    let look = shelf.look(&key(1), true, at(3));
    assert!(!look.start && look.wait.is_some(), "the attempt goes on");
    assert_eq!(look.outage.map(|outage| outage.since), Some(at(2)));
    shelf.miss(&key(1), at(5), "slow", at(5));
    let put = shelf.put(&key(1), Known(100, 0), at(6));
    assert_eq!(put.outage.map(|outage| outage.since), Some(at(2)));
    shelf.miss(&key(1), at(7), "something else was slow", at(7));
    assert_eq!(shelf.look(&key(1), true, at(7)).outage, None);
}

#[test]
fn the_longest_idle_goes_first() {
    let shelf = shelf(3);
    for (number, now) in [(1, 0), (2, 1), (3, 2)] {
        shelf.put(&key(number), Known(1000, 0), at(now));
    }
    shelf.look(&key(1), true, at(3));
    shelf.put(&key(4), Known(1000, 0), at(4));
    let known = |number| shelf.find(&key(number)).is_some();
    assert_eq!([1, 2, 3, 4].map(known), [true, false, true, true]);
    assert_eq!(shelf.len(), 3);
}

#[test]
fn what_is_held_or_asked_is_spared_while_there_is_something_else() {
    let shelf = shelf(3);
    shelf.put(&key(1), Known(1000, 0), at(0));
    let _hold = shelf.hold(&key(1), at(0));
    let _asking = shelf.look(&key(2), true, at(1));
    shelf.put(&key(3), Known(1000, 0), at(2));
    shelf.put(&key(4), Known(1000, 0), at(3));
    assert!(shelf.find(&key(1)).is_some() && shelf.find(&key(3)).is_none());
    assert!(!shelf.look(&key(2), true, at(4)).start, "still being asked");
    let _hold = shelf.hold(&key(4), at(5));
    shelf.put(&key(5), Known(1000, 0), at(6));
    assert_eq!(shelf.len(), 3, "the bound holds in any case");
}

#[test]
fn weights_count_against_the_capacity() {
    let shelf = shelf(100);
    shelf.put(&key(1), Known(1000, 60), at(0));
    shelf.put(&key(2), Known(1000, 30), at(1));
    assert_eq!(shelf.len(), 2);
    shelf.put(&key(2), Known(1000, 50), at(2));
    assert!(shelf.find(&key(1)).is_none() && shelf.find(&key(2)).is_some());
    shelf.put(&key(3), Known(1000, 500), at(3));
    assert!(
        shelf.find(&key(3)).is_some(),
        "one is kept, however large it is"
    );
    assert_eq!(shelf.len(), 1);
}

#[test]
fn all_shards_take_part() {
    let shelf = Shelf::new(1600, 16);
    for number in 0..=255 {
        let mut key = key(number);
        key[0] = 0;
        shelf.put(&key, Known(1000, 0), at(0));
    }
    assert_eq!(shelf.len(), 256);
    assert_eq!(shelf.answers().len(), 256);
}
