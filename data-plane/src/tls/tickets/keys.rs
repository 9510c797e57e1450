//! The keys that session tickets are sealed with: one ring for each gateway, from the control plane where it sends some,
//! else made here and known to nobody else.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use proto::config::v1 as wire;
use rustls_pki_types::UnixTime;
use zeroize::Zeroizing;

/// Bytes of a key's name in tickets.
pub(crate) const KEY_ID_LEN: usize = 16;
const SECRET_LEN: usize = 32;
/// How long a key of this worker seals.
const SEALING: Duration = Duration::from_hours(1);
/// How long a key of this worker opens after that: longer than any session lives.
const OPENING: Duration = Duration::from_mins(10);

/// The rings of all gateways of a worker. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct TicketKeys(Arc<Mutex<HashMap<String, Arc<KeyRing>>>>);

/// The keys of one gateway, shared by all of its listeners and all cores.
#[derive(Debug)]
pub struct KeyRing(ArcSwap<Ring>);

/// Keys that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ticket key has not {KEY_ID_LEN} bytes of name and {SECRET_LEN} bytes of secret")]
pub struct BadTicketKey;

#[derive(Debug, Default)]
struct Ring {
    /// The first seals; all open.
    keys: Vec<Arc<Key>>,
}

/// One key. Its name is public.
pub(super) struct Key {
    id: [u8; KEY_ID_LEN],
    aead: RandomizedNonceKey,
    /// When this worker made it; absent for one of the control plane, which says when it ends.
    made: Option<UnixTime>,
}

impl TicketKeys {
    /// The ring of a gateway; ids are compared without case.
    pub fn of(&self, gateway_id: &str) -> Arc<KeyRing> {
        let mut rings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ring = rings.entry(gateway_id.to_ascii_lowercase());
        Arc::clone(ring.or_insert_with(|| Arc::new(KeyRing(ArcSwap::default()))))
    }

    /// Takes the keys that the control plane sent for a gateway, which may not be here yet. None at all: from now on, this
    /// worker's own.
    ///
    /// # Errors
    /// [`BadTicketKey`]; nothing changes then.
    pub fn replace(&self, keys: &wire::TicketKeys) -> Result<(), BadTicketKey> {
        let read = keys.keys.iter().map(Key::read).collect::<Option<Vec<_>>>();
        let ring = Ring {
            keys: read.ok_or(BadTicketKey)?,
        };
        self.of(&keys.gateway_id).0.store(Arc::new(ring));
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
        if self.0.load().is_due(now) {
            self.turn(now)?;
        }
        let ring = self.0.load();
        let key = ring.keys.first()?;
        Some((key.id, Arc::clone(key)))
    }

    /// The key of this name, as long as it opens.
    pub(super) fn opening(&self, id: &[u8; KEY_ID_LEN], now: UnixTime) -> Option<Arc<Key>> {
        let ring = self.0.load();
        let known = ring.keys.iter().find(|key| key.id == *id && key.opens(now));
        known.map(Arc::clone)
    }

    /// Puts a new key of this worker first. When several cores do it at the same time, one wins and the others follow.
    fn turn(&self, now: UnixTime) -> Option<()> {
        let made = Arc::new(Key::random(now)?);
        self.0.rcu(|ring| {
            if !ring.is_due(now) {
                return Arc::clone(ring);
            }
            let old = ring.keys.iter().filter(|key| key.opens(now));
            let keys = std::iter::once(&made).chain(old).map(Arc::clone).collect();
            Arc::new(Ring { keys })
        });
        Some(())
    }
}

impl Ring {
    fn is_due(&self, now: UnixTime) -> bool {
        self.keys.first().is_none_or(|key| !key.seals(now))
    }
}

impl Key {
    fn read(key: &wire::TicketKey) -> Option<Arc<Self>> {
        let id = key.id.as_slice().try_into().ok()?;
        let secret = <&[u8; SECRET_LEN]>::try_from(key.secret.as_slice()).ok()?;
        Some(Arc::new(Self {
            id,
            aead: RandomizedNonceKey::new(&AES_256_GCM, secret).ok()?,
            made: None,
        }))
    }

    fn random(now: UnixTime) -> Option<Self> {
        let (mut id, mut secret) = ([0; KEY_ID_LEN], Zeroizing::new([0; SECRET_LEN]));
        rand::fill(&mut id).ok()?;
        rand::fill(secret.as_mut_slice()).ok()?;
        Some(Self {
            id,
            aead: RandomizedNonceKey::new(&AES_256_GCM, secret.as_slice()).ok()?,
            made: Some(now),
        })
    }

    fn seals(&self, now: UnixTime) -> bool {
        self.made.is_none_or(|made| within(made, SEALING, now))
    }

    fn opens(&self, now: UnixTime) -> bool {
        self.made
            .is_none_or(|made| within(made, SEALING + OPENING, now))
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

/// A clock that was set back makes a key seem to be of the future: it is turned like one that is too old.
fn within(made: UnixTime, time: Duration, now: UnixTime) -> bool {
    let age = now.as_secs().checked_sub(made.as_secs());
    age.is_some_and(|age| age < time.as_secs())
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
        keys.replace(&sent(&[1, 2])).expect("good keys");
        let ring = keys.of("/GATEWAY");
        assert_eq!(ring.sealing(at(0)).expect("a key").0, [1; KEY_ID_LEN]);
        assert!(ring.opening(&[2; KEY_ID_LEN], at(1_000_000)).is_some());
        keys.replace(&sent(&[3, 1])).expect("good keys");
        assert_eq!(ring.sealing(at(0)).expect("a key").0, [3; KEY_ID_LEN]);
        assert!(ring.opening(&[2; KEY_ID_LEN], at(0)).is_none());
        keys.replace(&sent(&[])).expect("no keys");
        let (own, _) = ring.sealing(at(0)).expect("a key");
        assert!(![1, 2, 3].iter().any(|&id| own == [id; KEY_ID_LEN]));
    }

    #[test]
    fn a_malformed_key_changes_nothing() {
        let keys = TicketKeys::default();
        keys.replace(&sent(&[1])).expect("good keys");
        for (id, secret) in [(15, 32), (16, 31), (0, 0)] {
            let mut bad = sent(&[2, 3]);
            bad.keys[1].id = vec![3; id];
            bad.keys[1].secret = vec![3; secret];
            assert_eq!(keys.replace(&bad), Err(BadTicketKey));
        }
        let ring = keys.of("/gateway");
        assert_eq!(ring.sealing(at(0)).expect("a key").0, [1; KEY_ID_LEN]);
    }

    #[test]
    fn keys_show_their_names_only() {
        let keys = TicketKeys::default();
        keys.replace(&sent(&[0xab])).expect("good keys");
        let shown = format!("{:?}", keys.of("/gateway"));
        assert_eq!(
            shown.matches(&"ab".repeat(KEY_ID_LEN)).count(),
            1,
            "{shown}"
        );
        assert!(!shown.contains("171"), "{shown}");
    }
}
