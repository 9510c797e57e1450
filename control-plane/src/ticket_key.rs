//! Keys of TLS session tickets, and when they come and go.
//!
//! A key lives through three times: it is known to the workers before it seals (they need not change over at the same
//! moment), it seals new tickets, and it opens the last of them after its successor has taken over. A worker that is
//! further behind than that does no harm: a ticket that it cannot open costs a full handshake.

use std::{fmt, sync::Arc};

use aws_lc_rs::rand;
use time::Duration;
use zeroize::Zeroizing;

use crate::rotation::{ID_LEN, Schedule};

/// Bytes of a secret.
pub const SECRET_LEN: usize = 32;

/// A key seals for an hour, and workers know it five minutes before. It opens tickets after its successor began to seal for
/// the longest life of a session (300 s), a minute for clocks that differ, and the rest for workers that change over late.
pub const SCHEDULE: Schedule = Schedule {
    using: Duration::HOUR,
    lead: Duration::minutes(5),
    honouring: Duration::minutes(10),
};

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

#[cfg(test)]
mod tests {
    use super::*;

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
