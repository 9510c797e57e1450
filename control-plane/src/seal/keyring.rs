//! The master keys of an installation: one seals, and those before it open what they sealed.

use zeroize::Zeroizing;

use super::{KeyId, MasterKey, SealError};

/// The master keys that were given. `Debug` shows their ids only.
///
/// Replicas may have different current keys for a while, as long as each can open what the others seal.
#[derive(Debug)]
pub struct Keyring {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

/// What a key is for an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyUse {
    /// It seals.
    Current,
    /// It was not given: what it sealed cannot be opened.
    Missing,
    /// It opens, and what it sealed is waiting for the current key.
    Other,
}

impl Keyring {
    /// Seals with `current`; opens with all.
    pub fn new(current: MasterKey, previous: Vec<MasterKey>) -> Self {
        Self { current, previous }
    }

    /// The key that seals.
    pub fn current(&self) -> KeyId {
        self.current.id()
    }

    /// What the key is for this installation.
    pub fn usage(&self, key: KeyId) -> KeyUse {
        if key == self.current.id() {
            KeyUse::Current
        } else if self.previous.iter().any(|previous| previous.id() == key) {
            KeyUse::Other
        } else {
            KeyUse::Missing
        }
    }

    /// Seals `plain` for `place` with the current key.
    ///
    /// # Errors
    /// [`SealError::Key`] when the library refuses.
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.current.seal(place, plain)
    }

    /// Opens an envelope that was sealed for `place` with one of the keys.
    ///
    /// # Errors
    /// [`SealError::OtherKey`] when none of them sealed it; [`SealError::Damaged`] for everything else.
    pub fn open(&self, place: &[u8], envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let id = KeyId::of_envelope(envelope)?;
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        keys.find(|key| key.id() == id)
            .ok_or(SealError::OtherKey(id))?
            .open(place, envelope)
    }

    /// The same secret under the current key; `None` when it is already.
    ///
    /// # Errors
    /// As [`Keyring::open`] and [`Keyring::seal`].
    pub fn reseal(&self, place: &[u8], envelope: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
        if KeyId::of_envelope(envelope)? == self.current.id() {
            return Ok(None);
        }
        let plain = self.open(place, envelope)?;
        self.seal(place, &plain).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::MASTER_KEY_LEN, *};

    fn key(byte: u8) -> MasterKey {
        MasterKey::new(&[byte; MASTER_KEY_LEN]).unwrap()
    }

    fn ring(current: u8, previous: &[u8]) -> Keyring {
        Keyring::new(key(current), previous.iter().copied().map(key).collect())
    }

    #[test]
    fn previous_keys_open_and_the_current_one_seals() {
        let old = ring(1, &[]).seal(b"row", b"secret").unwrap();
        let both = ring(2, &[3, 1]);
        assert_eq!(*both.open(b"row", &old).unwrap(), b"secret");
        let new = both.seal(b"row", b"secret").unwrap();
        assert_eq!(*ring(2, &[]).open(b"row", &new).unwrap(), b"secret");
        let refused = ring(1, &[]).open(b"row", &new).unwrap_err();
        assert_eq!(refused, SealError::OtherKey(key(2).id()));
    }

    #[test]
    fn an_envelope_is_sealed_anew_once_and_for_its_own_place_only() {
        let old = ring(1, &[]).seal(b"row", b"secret").unwrap();
        let both = ring(2, &[1]);
        assert_eq!(both.reseal(b"other", &old), Err(SealError::Damaged));
        let new = both.reseal(b"row", &old).unwrap().unwrap();
        assert_eq!(*ring(2, &[]).open(b"row", &new).unwrap(), b"secret");
        assert_eq!(both.reseal(b"row", &new), Ok(None));
    }

    #[test]
    fn every_key_has_a_use() {
        let ring = ring(1, &[2]);
        let uses = [1, 2, 3].map(|byte| ring.usage(key(byte).id()));
        assert_eq!(uses, [KeyUse::Current, KeyUse::Other, KeyUse::Missing]);
    }
}
