//! Sealing of secrets at rest: AES-256-GCM under a master key.
//!
//! An envelope is `version (1) | key id (8) | nonce (12) | ciphertext and tag`. The associated data is the place that
//! the secret belongs to, so an envelope copied to another row does not open there.

mod keyring;

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest,
};
use zeroize::Zeroizing;

pub use self::keyring::{KeyUse, Keyring};

/// Length of a master key, in bytes.
pub const MASTER_KEY_LEN: usize = 32;

const VERSION: u8 = 1;
const TAG_LEN: usize = 16;
const KEY_ID_LEN: usize = 8;
/// What an envelope begins with: version and key id.
const HEAD_LEN: usize = 1 + KEY_ID_LEN;

/// A key that seals secrets of one installation. `Debug` shows its id only.
pub struct MasterKey {
    id: KeyId,
    key: RandomizedNonceKey,
}

/// Names a master key without saying anything about it: in envelopes, logs and errors.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KEY_ID_LEN]);

/// Why an envelope cannot be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not an envelope, changed, or moved from another row.
    #[error("the sealed secret is damaged or belongs elsewhere")]
    Damaged,
    /// The key is unusable, or the library refused to seal.
    #[error("the master key cannot seal")]
    Key,
    /// Sealed with a master key that was not given.
    #[error("the secret was sealed with the master key {0}, which is not given")]
    OtherKey(KeyId),
}

impl MasterKey {
    /// Makes the key from 32 random bytes.
    ///
    /// # Errors
    /// [`SealError::Key`] when the library refuses the key.
    pub fn new(bytes: &[u8; MASTER_KEY_LEN]) -> Result<Self, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| SealError::Key)?;
        Ok(Self {
            id: KeyId::of(bytes),
            key,
        })
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Seals `plain` for `place`.
    ///
    /// # Errors
    /// [`SealError::Key`] when the library refuses.
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        // With room for the tag: a buffer that grows leaves a copy behind.
        let mut sealed = Zeroizing::new(Vec::with_capacity(plain.len() + TAG_LEN));
        sealed.extend_from_slice(plain);
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(place), &mut *sealed)
            .map_err(|_| SealError::Key)?;
        let mut envelope = Vec::with_capacity(HEAD_LEN + NONCE_LEN + sealed.len());
        envelope.extend_from_slice(&self.id.head());
        envelope.extend_from_slice(nonce.as_ref());
        envelope.extend_from_slice(&sealed);
        Ok(envelope)
    }

    /// Opens an envelope that was sealed for `place`.
    ///
    /// # Errors
    /// [`SealError::OtherKey`] when another master key sealed it; [`SealError::Damaged`] for everything else.
    pub fn open(&self, place: &[u8], envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (id, rest) = KeyId::split(envelope)?;
        let (nonce, sealed) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealError::Damaged)?;
        if id != self.id {
            return Err(SealError::OtherKey(id));
        }
        let mut opened = Zeroizing::new(sealed.to_vec());
        let length = self
            .key
            .open_in_place(Nonce::from(nonce), Aad::from(place), &mut opened)
            .map_err(|_| SealError::Damaged)?
            .len();
        opened.truncate(length);
        Ok(opened)
    }
}

impl KeyId {
    fn of(key: &[u8; MASTER_KEY_LEN]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"portcullis master key id");
        context.update(key);
        let mut id = [0; KEY_ID_LEN];
        for (to, from) in id.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        Self(id)
    }

    /// The key that sealed an envelope, of which the first nine bytes are enough.
    ///
    /// # Errors
    /// [`SealError::Damaged`] when it is none.
    pub fn of_envelope(envelope: &[u8]) -> Result<Self, SealError> {
        Ok(Self::split(envelope)?.0)
    }

    /// What the envelopes of this key begin with, and no other.
    pub(crate) fn head(self) -> [u8; HEAD_LEN] {
        let mut head = [VERSION; HEAD_LEN];
        for (to, from) in head.iter_mut().skip(1).zip(self.0) {
            *to = from;
        }
        head
    }

    fn split(envelope: &[u8]) -> Result<(Self, &[u8]), SealError> {
        let (&version, rest) = envelope.split_first().ok_or(SealError::Damaged)?;
        let (id, rest) = rest
            .split_first_chunk::<KEY_ID_LEN>()
            .ok_or(SealError::Damaged)?;
        if version != VERSION {
            return Err(SealError::Damaged);
        }
        Ok((Self(*id), rest))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MasterKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MasterKey {
        MasterKey::new(&[byte; MASTER_KEY_LEN]).unwrap()
    }

    #[test]
    fn a_sealed_secret_opens_in_its_place() {
        let envelope = key(1).seal(b"row 1", b"secret").unwrap();
        assert_eq!(*key(1).open(b"row 1", &envelope).unwrap(), b"secret");
        assert!(!envelope.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn a_secret_does_not_open_in_another_row() {
        let envelope = key(1).seal(b"row 1", b"secret").unwrap();
        assert_eq!(key(1).open(b"row 2", &envelope), Err(SealError::Damaged));
    }

    #[test]
    fn another_master_key_is_named_as_the_cause() {
        let envelope = key(1).seal(b"row 1", b"secret").unwrap();
        let refused = key(2).open(b"row 1", &envelope).unwrap_err();
        assert_eq!(refused, SealError::OtherKey(key(1).id()));
        let id = key(1).id().to_string();
        assert!(refused.to_string().contains(&id), "{refused}");
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let envelope = key(1).seal(b"row 1", b"secret").unwrap();
        for index in 0..envelope.len() {
            let mut changed = envelope.clone();
            changed[index] ^= 1;
            assert!(key(1).open(b"row 1", &changed).is_err(), "byte {index}");
            assert!(key(1).open(b"row 1", &envelope[..index]).is_err());
        }
    }
}
