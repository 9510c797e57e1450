//! Sealing of secrets at rest: AES-256-GCM under one master key.
//!
//! An envelope is `version (1) | key id (8) | nonce (12) | ciphertext and tag`. The associated data is the place that
//! the secret belongs to, so an envelope copied to another row does not open there.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest,
};
use zeroize::Zeroizing;

/// Length of a master key, in bytes.
pub const MASTER_KEY_LEN: usize = 32;

const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 8;

/// The key that seals every secret of one installation.
///
/// All replicas use the same one. `Debug` shows its id only.
pub struct MasterKey {
    id: [u8; KEY_ID_LEN],
    key: RandomizedNonceKey,
}

/// Why an envelope cannot be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not an envelope, changed, or moved from another row.
    #[error("the sealed secret is damaged or belongs elsewhere")]
    Damaged,
    /// The key is unusable, or the library refused to seal.
    #[error("the master key cannot seal")]
    Key,
    /// Sealed with another master key than the one in use.
    #[error("the secret was sealed with another master key")]
    OtherKey,
}

impl MasterKey {
    /// Makes the key from 32 random bytes.
    ///
    /// # Errors
    /// [`SealError::Key`] when the library refuses the key.
    pub fn new(bytes: &[u8; MASTER_KEY_LEN]) -> Result<Self, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| SealError::Key)?;
        Ok(Self {
            id: key_id(bytes),
            key,
        })
    }

    /// Seals `plain` for `place`.
    ///
    /// # Errors
    /// [`SealError::Key`] when the library refuses.
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = Zeroizing::new(plain.to_vec());
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(place), &mut *sealed)
            .map_err(|_| SealError::Key)?;
        let mut envelope = Vec::with_capacity(1 + KEY_ID_LEN + NONCE_LEN + sealed.len());
        envelope.push(VERSION);
        envelope.extend_from_slice(&self.id);
        envelope.extend_from_slice(nonce.as_ref());
        envelope.extend_from_slice(&sealed);
        Ok(envelope)
    }

    /// Opens an envelope that was sealed for `place`.
    ///
    /// # Errors
    /// [`SealError::OtherKey`] when another master key sealed it; [`SealError::Damaged`] for everything else.
    pub fn open(&self, place: &[u8], envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (&version, rest) = envelope.split_first().ok_or(SealError::Damaged)?;
        let (id, rest) = rest
            .split_first_chunk::<KEY_ID_LEN>()
            .ok_or(SealError::Damaged)?;
        let (nonce, sealed) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealError::Damaged)?;
        if version != VERSION {
            return Err(SealError::Damaged);
        }
        if *id != self.id {
            return Err(SealError::OtherKey);
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

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MasterKey")
            .field("id", &hex::encode(self.id))
            .finish_non_exhaustive()
    }
}

/// Says which key sealed an envelope without saying anything about the key.
fn key_id(bytes: &[u8; MASTER_KEY_LEN]) -> [u8; KEY_ID_LEN] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"portcullis master key id");
    context.update(bytes);
    let mut id = [0; KEY_ID_LEN];
    for (to, from) in id.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    id
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
        assert_eq!(key(2).open(b"row 1", &envelope), Err(SealError::OtherKey));
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
