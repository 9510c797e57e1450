//! The keys that session tickets are sealed with: one ring for each gateway, from the control plane where it sends some,
//! else made here and known to nobody else. Keys of the control plane that it has not turned for hours are given up for
//! own ones: whoever learns a key reads all that was sealed with it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use proto::config::v1 as wire;
use rustls_pki_types::UnixTime;
use tracing::warn;
use zeroize::Zeroizing;

/// Bytes of a key's name in tickets.
pub(crate) const KEY_ID_LEN: usize = 16;
const SECRET_LEN: usize = 32;
/// How long a key of this worker seals.
const SEALING: Duration = Duration::from_hours(1);
/// How long a key of the control plane seals at most: three of its turns, which come every hour. So much of an outage is
/// bridged without full handshakes at other workers.
const SHARED_SEALING: Duration = Duration::from_hours(3);
/// How long a key opens after it sealed: longer than any session lives.
const OPENING: Duration = Duration::from_mins(10);

/// The rings of all gateways of a worker. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct TicketKeys(Arc<Mutex<HashMap<String, Arc<KeyRing>>>>);

/// The keys of one gateway, shared by all of its listeners and all cores.
#[derive(Debug)]
pub struct KeyRing {
    gateway_id: String,
    ring: ArcSwap<Ring>,
}

/// Keys that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ticket key has not {KEY_ID_LEN} bytes of name and {SECRET_LEN} bytes of secret")]
pub struct BadTicketKey;

#[derive(Default)]
struct Ring {
    /// The first seals; all open.
    keys: Vec<Arc<Key>>,
    /// The names that the control plane sent last, and since when each is known. Outlives the keys, so that one that is
    /// sent again is as old as it was.
    sent: HashMap<[u8; KEY_ID_LEN], UnixTime>,
}

/// One key. Its name is public.
pub(super) struct Key {
    id: [u8; KEY_ID_LEN],
    aead: RandomizedNonceKey,
    /// When this worker made it, or got it first.
    since: UnixTime,
    /// How long it seals from then on.
    sealing: Duration,
}

impl TicketKeys {
    /// The ring of a gateway; ids are compared without case.
    pub fn of(&self, gateway_id: &str) -> Arc<KeyRing> {
        let mut rings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ring = rings.entry(gateway_id.to_ascii_lowercase());
        let empty = || KeyRing {
            gateway_id: gateway_id.to_owned(),
            ring: ArcSwap::default(),
        };
        Arc::clone(ring.or_insert_with(|| Arc::new(empty())))
    }

    /// Takes the keys that the control plane sent at `now` for a gateway, which may not be here yet. None at all: from now
    /// on, this worker's own.
    ///
    /// # Errors
    /// [`BadTicketKey`]; nothing changes then.
    pub fn replace(&self, keys: &wire::TicketKeys, now: UnixTime) -> Result<(), BadTicketKey> {
        let ring = self.of(&keys.gateway_id);
        let old = ring.ring.load_full();
        let read = |key| Key::read(key, |id| old.sent.get(id).copied().unwrap_or(now));
        let keys = keys.keys.iter().map(read).collect::<Option<Vec<_>>>();
        let keys = keys.ok_or(BadTicketKey)?;
        let sent = keys.iter().map(|key| (key.id, key.since)).collect();
        ring.ring.store(Arc::new(Ring { keys, sent }));
        Ok(())
    }

    /// Forgets the keys of a gateway that is gone.
    pub(crate) fn forget(&self, gateway_id: &str) {
        let mut rings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rings.remove(&gateway_id.to_ascii_lowercase());
    }
}

impl KeyRing {
    /// The key that seals at `now`, and its name. Own keys are made and turned here.
    pub(super) fn sealing(&self, now: UnixTime) -> Option<([u8; KEY_ID_LEN], Arc<Key>)> {
        if self.ring.load().is_due(now) {
            self.turn(now)?;
        }
        let ring = self.ring.load();
        let key = ring.keys.first()?;
        Some((key.id, Arc::clone(key)))
    }

    /// The key of this name, as long as it opens.
    pub(super) fn opening(&self, id: &[u8; KEY_ID_LEN], now: UnixTime) -> Option<Arc<Key>> {
        let ring = self.ring.load();
        let known = ring.keys.iter().find(|key| key.id == *id && key.opens(now));
        known.map(Arc::clone)
    }

    /// Puts a new key of this worker first. When several cores do it at the same time, one wins and the others follow.
    fn turn(&self, now: UnixTime) -> Option<()> {
        let made = Arc::new(Key::random(now)?);
        let before = self.ring.rcu(|ring| {
            if !ring.is_due(now) {
                return Arc::clone(ring);
            }
            let old = ring.keys.iter().filter(|key| key.opens(now));
            let keys = std::iter::once(&made).chain(old).map(Arc::clone).collect();
            let sent = ring.sent.clone();
            Arc::new(Ring { keys, sent })
        });
        if before.is_due(now) && before.seals_with_a_sent_key() {
            warn!(
                gateway = self.gateway_id,
                "no new ticket keys for hours; this worker's own are used"
            );
        }
        Some(())
    }
}

impl Ring {
    fn is_due(&self, now: UnixTime) -> bool {
        self.keys.first().is_none_or(|key| !key.seals(now))
    }

    fn seals_with_a_sent_key(&self) -> bool {
        let first = self.keys.first();
        first.is_some_and(|key| self.sent.contains_key(&key.id))
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ring")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// Reads a key of the control plane; `since` tells by its name when it came first.
    fn read(
        key: &wire::TicketKey,
        since: impl Fn(&[u8; KEY_ID_LEN]) -> UnixTime,
    ) -> Option<Arc<Self>> {
        let id = key.id.as_slice().try_into().ok()?;
        let secret = <&[u8; SECRET_LEN]>::try_from(key.secret.as_slice()).ok()?;
        Some(Arc::new(Self {
            id,
            aead: RandomizedNonceKey::new(&AES_256_GCM, secret).ok()?,
            since: since(&id),
            sealing: SHARED_SEALING,
        }))
    }

    fn random(now: UnixTime) -> Option<Self> {
        let (mut id, mut secret) = ([0; KEY_ID_LEN], Zeroizing::new([0; SECRET_LEN]));
        rand::fill(&mut id).ok()?;
        rand::fill(secret.as_mut_slice()).ok()?;
        Some(Self {
            id,
            aead: RandomizedNonceKey::new(&AES_256_GCM, secret.as_slice()).ok()?,
            since: now,
            sealing: SEALING,
        })
    }

    fn seals(&self, now: UnixTime) -> bool {
        within(self.since, self.sealing, now)
    }

    fn opens(&self, now: UnixTime) -> bool {
        within(self.since, self.sealing + OPENING, now)
    }

    /// Seals `content` in place. The result is the nonce.
    pub(super) fn seal(&self, aad: &[u8], content: &mut Vec<u8>) -> Option<[u8; NONCE_LEN]> {
        let nonce = self
            .aead
            .seal_in_place_append_tag(Aad::from(aad), content)
            .ok()?;
        Some(*nonce.as_ref())
    }

    /// Opens what follows the nonce.
    pub(super) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, content) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut content = Zeroizing::new(content.to_vec());
        let nonce = Nonce::from(nonce);
        let opened = self.aead.open_in_place(nonce, Aad::from(aad), &mut content);
        let len = opened.ok()?.len();
        content.truncate(len);
        Some(content)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Key")
            .field("id", &hex::encode(self.id))
            .finish_non_exhaustive()
    }
}

/// A clock that was set back a little changes nothing; one that was set back far makes a key seem to be of the future: it is
/// turned like one that is too old.
fn within(since: UnixTime, time: Duration, now: UnixTime) -> bool {
    now.as_secs().abs_diff(since.as_secs()) < time.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_mins(minutes))
    }

    fn sent(ids: &[u8]) -> wire::TicketKeys {
        let key = |&id| wire::TicketKey {
            id: vec![id; KEY_ID_LEN],
            secret: vec![id; SECRET_LEN],
        };
        wire::TicketKeys {
            gateway_id: "/Gateway".to_owned(),
            keys: ids.iter().map(key).collect(),
        }
    }

    #[test]
    fn own_keys_turn_and_open_until_the_last_session_is_over() {
        let ring = TicketKeys::default().of("/gateway");
        let (first, _) = ring.sealing(at(0)).expect("a key");
        assert_eq!(ring.sealing(at(59)).expect("a key").0, first);
        let (second, _) = ring.sealing(at(60)).expect("a key");
        assert_ne!(first, second);
        assert!(ring.opening(&first, at(69)).is_some());
        assert!(ring.opening(&first, at(70)).is_none());
        assert!(ring.opening(&second, at(70)).is_some());
    }

    #[test]
    fn keys_of_the_control_plane_replace_others_also_before_the_gateway_comes() {
        let keys = TicketKeys::default();
        keys.replace(&sent(&[1, 2]), at(0)).expect("good keys");
        let ring = keys.of("/GATEWAY");
        assert_eq!(ring.sealing(at(0)).expect("a key").0, [1; KEY_ID_LEN]);
        assert!(ring.opening(&[2; KEY_ID_LEN], at(0)).is_some());
        keys.replace(&sent(&[3, 1]), at(0)).expect("good keys");
        assert_eq!(ring.sealing(at(0)).expect("a key").0, [3; KEY_ID_LEN]);
        assert!(ring.opening(&[2; KEY_ID_LEN], at(0)).is_none());
        keys.replace(&sent(&[]), at(0)).expect("no keys");
        let (own, _) = ring.sealing(at(0)).expect("a key");
        assert!(![1, 2, 3].iter().any(|&id| own == [id; KEY_ID_LEN]));
    }

    /// Whether a key of the control plane seals.
    fn is_shared(ring: &KeyRing, now: UnixTime) -> bool {
        let (id, _) = ring.sealing(now).expect("a key");
        (1..4).any(|sent| id == [sent; KEY_ID_LEN])
    }

    #[test]
    fn keys_of_a_control_plane_that_is_away_for_hours_give_way_to_own_ones() {
        let keys = TicketKeys::default();
        keys.replace(&sent(&[1, 2]), at(0)).expect("good keys");
        let ring = keys.of("/gateway");
        assert!(is_shared(&ring, at(179)));
        let (own, _) = ring.sealing(at(180)).expect("a key");
        assert!(!is_shared(&ring, at(180)));
        for (minute, opens) in [(180, true), (189, true), (190, false)] {
            for id in [1, 2] {
                let opened = ring.opening(&[id; KEY_ID_LEN], at(minute));
                assert_eq!(opened.is_some(), opens, "{id} at {minute}");
            }
        }
        assert_ne!(
            ring.sealing(at(240)).expect("a key").0,
            own,
            "own ones turn"
        );
        assert_eq!(ring.ring.load().keys.len(), 2, "old ones are dropped");
    }

    #[test]
    fn a_key_that_is_sent_again_is_as_old_as_it_was_and_a_new_one_seals() {
        let keys = TicketKeys::default();
        let ring = keys.of("/gateway");
        for minute in [0, 100, 179] {
            keys.replace(&sent(&[1]), at(minute)).expect("good keys");
            assert!(is_shared(&ring, at(minute)), "at {minute}");
        }
        // Also when it was dropped in the meantime.
        for minute in [180, 300] {
            assert!(!is_shared(&ring, at(minute)), "at {minute}");
            keys.replace(&sent(&[1]), at(minute)).expect("good keys");
            assert!(!is_shared(&ring, at(minute)), "at {minute}");
        }
        keys.replace(&sent(&[1, 2]), at(301)).expect("good keys");
        assert!(!is_shared(&ring, at(301)));
        keys.replace(&sent(&[2, 1]), at(306)).expect("good keys");
        assert!(is_shared(&ring, at(306)));
    }

    #[test]
    fn a_clock_that_is_set_back_gives_up_no_key_but_of_the_far_future() {
        let keys = TicketKeys::default();
        keys.replace(&sent(&[1]), at(1000)).expect("good keys");
        let ring = keys.of("/gateway");
        assert!(is_shared(&ring, at(999)));
        assert!(!is_shared(&ring, at(500)));
    }

    #[test]
    fn a_malformed_key_changes_nothing() {
        let keys = TicketKeys::default();
        keys.replace(&sent(&[1]), at(0)).expect("good keys");
        for (id, secret) in [(15, 32), (16, 31), (0, 0)] {
            let mut bad = sent(&[2, 3]);
            bad.keys[1].id = vec![3; id];
            bad.keys[1].secret = vec![3; secret];
            assert_eq!(keys.replace(&bad, at(0)), Err(BadTicketKey));
        }
        let ring = keys.of("/gateway");
        assert_eq!(ring.sealing(at(0)).expect("a key").0, [1; KEY_ID_LEN]);
    }

    #[test]
    fn keys_show_their_names_only() {
        let keys = TicketKeys::default();
        keys.replace(&sent(&[0xab]), at(0)).expect("good keys");
        let shown = format!("{:?}", keys.of("/gateway"));
        assert_eq!(
            shown.matches(&"ab".repeat(KEY_ID_LEN)).count(),
            1,
            "{shown}"
        );
        assert!(!shown.contains("171"), "{shown}");
    }
}
