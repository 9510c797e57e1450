//! When keys that several replicas share come and go.
//!
//! A key lives through three times: it is known before it is used (those who need to know it do not learn of it at the same
//! moment), it is used, and it is still honoured after its successor has taken over.

use time::{Duration, OffsetDateTime};

/// Bytes of a key's id.
pub const ID_LEN: usize = 16;

/// How long the keys of one kind are known, used and honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// How long a key is used.
    pub using: Duration,
    /// How long a key is known before it is used.
    pub lead: Duration,
    /// How long a key is honoured after the use of its successor began.
    pub honouring: Duration,
}

/// A place in a sequence of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Grows by one with each key.
    pub sequence: i64,
    /// Of the key; public.
    pub id: [u8; ID_LEN],
    /// From then on the key is used.
    pub used_from: OffsetDateTime,
}

/// What is to do about a sequence of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Make the next key.
    Make {
        /// Its place.
        sequence: i64,
        /// When its use begins.
        used_from: OffsetDateTime,
    },
    /// Nothing.
    Nothing,
}

impl Schedule {
    /// Whether a key is to be made now. `slots` is in order of sequence.
    ///
    /// The first key is used at once. Every other one is made as long before its use as it must be known, and used when its
    /// predecessor's time is over, or later where nobody was there to make it in time.
    pub fn due(&self, now: OffsetDateTime, slots: &[Slot]) -> Due {
        let Some(newest) = slots.last() else {
            return Due::Make {
                sequence: 1,
                used_from: now,
            };
        };
        let turn = newest.used_from.saturating_add(self.using);
        if now.saturating_add(self.lead) < turn {
            return Due::Nothing;
        }
        Due::Make {
            sequence: newest.sequence.saturating_add(1),
            used_from: turn.max(now.saturating_add(self.lead)),
        }
    }

    /// Splits `slots` (in order of sequence) into those that are needed, the one in use first, and those that are not
    /// honoured any more.
    pub fn in_use<'a>(
        &self,
        now: OffsetDateTime,
        slots: &'a [Slot],
    ) -> (Vec<&'a Slot>, Vec<&'a Slot>) {
        let successors = slots.iter().skip(1).map(Some).chain([None]);
        let is_dead = |successor: Option<&Slot>| {
            successor
                .is_some_and(|successor| successor.used_from.saturating_add(self.honouring) <= now)
        };
        let (mut dead, mut alive) = (Vec::new(), Vec::new());
        for (slot, successor) in slots.iter().zip(successors) {
            let side = if is_dead(successor) {
                &mut dead
            } else {
                &mut alive
            };
            side.push(slot);
        }
        // Where all begin later (a clock was set back), the oldest is used.
        let used = alive.iter().rposition(|slot| slot.used_from <= now);
        let used = alive.get(used.unwrap_or_default()).copied();
        let others = alive.iter().rev().copied();
        let others = others.filter(|slot| Some(slot.sequence) != used.map(|slot| slot.sequence));
        (used.into_iter().chain(others).collect(), dead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const SCHEDULE: Schedule = Schedule {
        using: Duration::minutes(60),
        lead: Duration::minutes(5),
        honouring: Duration::minutes(10),
    };

    fn at(minutes: i64) -> OffsetDateTime {
        START + Duration::minutes(minutes)
    }

    fn slot(sequence: i64, used_from: i64) -> Slot {
        Slot {
            sequence,
            id: [u8::try_from(sequence).unwrap(); ID_LEN],
            used_from: at(used_from),
        }
    }

    fn make(sequence: i64, used_from: i64) -> Due {
        Due::Make {
            sequence,
            used_from: at(used_from),
        }
    }

    #[test]
    fn the_first_key_is_used_at_once_and_the_next_is_made_before_its_use() {
        assert_eq!(SCHEDULE.due(at(7), &[]), make(1, 7));
        assert_eq!(SCHEDULE.due(at(54), &[slot(1, 0)]), Due::Nothing);
        assert_eq!(SCHEDULE.due(at(55), &[slot(1, 0)]), make(2, 60));
        assert_eq!(
            SCHEDULE.due(at(59), &[slot(1, 0), slot(2, 60)]),
            Due::Nothing
        );
        assert_eq!(
            SCHEDULE.due(at(115), &[slot(1, 0), slot(2, 60)]),
            make(3, 120)
        );
    }

    #[test]
    fn after_an_outage_a_key_is_still_known_before_its_use() {
        assert_eq!(SCHEDULE.due(at(600), &[slot(1, 0)]), make(2, 605));
    }

    fn check(now: i64, slots: &[Slot], alive: &[i64], dead: &[i64]) {
        let (used, unused) = SCHEDULE.in_use(at(now), slots);
        let sequences =
            |slots: &[&Slot]| -> Vec<i64> { slots.iter().map(|slot| slot.sequence).collect() };
        assert_eq!(sequences(&used), alive, "alive at {now}");
        assert_eq!(sequences(&unused), dead, "dead at {now}");
    }

    #[test]
    fn a_key_is_honoured_before_its_use_and_for_a_while_after_it() {
        let two = [slot(1, 0), slot(2, 60)];
        check(0, &[slot(1, 0)], &[1], &[]);
        check(56, &two, &[1, 2], &[]);
        check(60, &two, &[2, 1], &[]);
        check(69, &two, &[2, 1], &[]);
        check(70, &two, &[2], &[1]);
        let three = [slot(2, 60), slot(3, 120)];
        check(119, &three, &[2, 3], &[]);
        check(131, &three, &[3], &[2]);
    }

    #[test]
    fn odd_clocks_leave_one_key_in_use() {
        check(0, &[], &[], &[]);
        check(-5, &[slot(1, 0), slot(2, 60)], &[1, 2], &[]);
        check(6000, &[slot(1, 0)], &[1], &[]);
    }
}
