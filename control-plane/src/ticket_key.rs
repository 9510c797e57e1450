//! Keys of TLS session tickets, and when they come and go.
//!
//! A key lives through three times: it is known to the workers before it seals (they need not change over at the same
//! moment), it seals new tickets, and it opens the last of them after its successor has taken over. A worker that is
//! further behind than that does no harm: a ticket that it cannot open costs a full handshake.

use std::{fmt, sync::Arc};

use aws_lc_rs::rand;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// Bytes of a key's name in tickets.
pub const ID_LEN: usize = 16;
/// Bytes of a secret.
pub const SECRET_LEN: usize = 32;

/// How long a key seals.
const SEALING: Duration = Duration::HOUR;
/// How long workers know a key before it seals.
const LEAD: Duration = Duration::minutes(5);
/// How long a key opens tickets after its successor began to seal: the longest life of a session (300 s), a minute for
/// clocks that differ, and the rest for workers that change over late.
const OPENING: Duration = Duration::minutes(10);

/// One key. `Debug` shows its name only; the secret is wiped when dropped.
pub struct TicketKey {
    /// Names the key in tickets; public.
    pub id: [u8; ID_LEN],
    /// For the workers of one gateway; never logged, never stored unsealed.
    pub secret: Zeroizing<[u8; SECRET_LEN]>,
}

/// What a worker gets for one gateway. Two are equal when they name the same keys in the same order.
#[derive(Debug)]
pub struct TicketKeySet {
    /// With the casing of its creation.
    pub gateway_id: String,
    /// The first seals; all open.
    pub keys: Vec<Arc<TicketKey>>,
}

/// A place in the sequence of a gateway's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketKeySlot {
    /// Grows by one with each key.
    pub sequence: i64,
    /// Of the key.
    pub id: [u8; ID_LEN],
    /// From then on the key seals.
    pub seals_from: OffsetDateTime,
}

/// What is to do about the keys of one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Make the next key.
    Make {
        /// Its place.
        sequence: i64,
        /// When it begins to seal.
        seals_from: OffsetDateTime,
    },
    /// Nothing.
    Nothing,
}

impl TicketKey {
    /// Makes a key from the system's randomness; `None` when there is none to be had.
    pub fn random() -> Option<Self> {
        let mut key = Self {
            id: [0; ID_LEN],
            secret: Zeroizing::new([0; SECRET_LEN]),
        };
        rand::fill(&mut key.id).ok()?;
        rand::fill(key.secret.as_mut_slice()).ok()?;
        Some(key)
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TicketKey")
            .field("id", &hex::encode(self.id))
            .finish_non_exhaustive()
    }
}

impl TicketKeySet {
    fn ids(&self) -> impl Iterator<Item = &[u8; ID_LEN]> {
        self.keys.iter().map(|key| &key.id)
    }
}

impl PartialEq for TicketKeySet {
    fn eq(&self, other: &Self) -> bool {
        self.gateway_id == other.gateway_id && self.ids().eq(other.ids())
    }
}

impl Eq for TicketKeySet {}

/// Whether a key is to be made now. `slots` is in order of sequence.
///
/// A gateway's first key seals at once. Every other one is made five minutes before it seals, which is an hour after its
/// predecessor began, or later where nobody was there to make it in time.
pub fn due(now: OffsetDateTime, slots: &[TicketKeySlot]) -> Due {
    let Some(newest) = slots.last() else {
        return Due::Make {
            sequence: 1,
            seals_from: now,
        };
    };
    let turn = newest.seals_from.saturating_add(SEALING);
    if now.saturating_add(LEAD) < turn {
        return Due::Nothing;
    }
    Due::Make {
        sequence: newest.sequence.saturating_add(1),
        seals_from: turn.max(now.saturating_add(LEAD)),
    }
}

/// Splits `slots` (in order of sequence) into those that workers need, the sealing one first, and those that no living
/// ticket needs.
pub fn in_use(
    now: OffsetDateTime,
    slots: &[TicketKeySlot],
) -> (Vec<&TicketKeySlot>, Vec<&TicketKeySlot>) {
    let successors = slots.iter().skip(1).map(Some).chain([None]);
    let is_dead = |successor: Option<&TicketKeySlot>| {
        successor.is_some_and(|successor| successor.seals_from.saturating_add(OPENING) <= now)
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
    // Where all begin later (a clock was set back), the oldest seals.
    let sealing = alive.iter().rposition(|slot| slot.seals_from <= now);
    let sealing = alive.get(sealing.unwrap_or_default()).copied();
    let others = alive.iter().rev().copied();
    let others = others.filter(|slot| Some(slot.sequence) != sealing.map(|slot| slot.sequence));
    (sealing.into_iter().chain(others).collect(), dead)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn at(minutes: i64) -> OffsetDateTime {
        START + Duration::minutes(minutes)
    }

    fn slot(sequence: i64, seals_from: i64) -> TicketKeySlot {
        TicketKeySlot {
            sequence,
            id: [u8::try_from(sequence).unwrap(); ID_LEN],
            seals_from: at(seals_from),
        }
    }

    fn make(sequence: i64, seals_from: i64) -> Due {
        Due::Make {
            sequence,
            seals_from: at(seals_from),
        }
    }

    #[test]
    fn the_first_key_seals_at_once_and_the_next_is_made_before_it_seals() {
        assert_eq!(due(at(7), &[]), make(1, 7));
        assert_eq!(due(at(54), &[slot(1, 0)]), Due::Nothing);
        assert_eq!(due(at(55), &[slot(1, 0)]), make(2, 60));
        assert_eq!(due(at(59), &[slot(1, 0), slot(2, 60)]), Due::Nothing);
        assert_eq!(due(at(115), &[slot(1, 0), slot(2, 60)]), make(3, 120));
    }

    #[test]
    fn after_an_outage_workers_still_hear_of_a_key_before_it_seals() {
        assert_eq!(due(at(600), &[slot(1, 0)]), make(2, 605));
    }

    fn check(now: i64, slots: &[TicketKeySlot], alive: &[i64], dead: &[i64]) {
        let (used, unused) = in_use(at(now), slots);
        let sequences = |slots: &[&TicketKeySlot]| -> Vec<i64> {
            slots.iter().map(|slot| slot.sequence).collect()
        };
        assert_eq!(sequences(&used), alive, "alive at {now}");
        assert_eq!(sequences(&unused), dead, "dead at {now}");
    }

    #[test]
    fn a_key_opens_before_it_seals_and_as_long_as_tickets_under_it_live() {
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
    fn odd_clocks_leave_one_key_that_seals() {
        check(0, &[], &[], &[]);
        check(-5, &[slot(1, 0), slot(2, 60)], &[1, 2], &[]);
        check(6000, &[slot(1, 0)], &[1], &[]);
    }

    #[test]
    fn secrets_are_random_and_not_shown() {
        let (one, two) = (TicketKey::random().unwrap(), TicketKey::random().unwrap());
        assert_ne!(one.id, two.id);
        assert_ne!(one.secret, two.secret);
        let shown = format!("{one:?}");
        assert!(shown.contains(&hex::encode(one.id)), "{shown}");
        assert!(!shown.contains(&hex::encode(*one.secret)), "{shown}");
        assert!(
            !shown.contains(&format!("{:?}", &one.secret[..4])),
            "{shown}"
        );
    }
}
