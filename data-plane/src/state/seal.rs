//! Sealing: `magic and version | nonce | ciphertext and tag`, AES-256-GCM with a random nonce.
//!
//! The magic, the version and the worker's id are authenticated, so a file of another worker or format does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use crate::settings::StateKey;

/// Why sealed bytes do not open.
pub(crate) enum OpenError {
    Format,
    Sealed,
    Crypto,
}

const HEADER: &[u8; 8] = b"PCLKG\0\0\x01";

/// Seals `plain` in place.
pub(crate) fn seal(
    key: &StateKey,
    worker_id: &str,
    mut plain: Zeroizing<Vec<u8>>,
) -> Option<Vec<u8>> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key.expose()).ok()?;
    let nonce = key
        .seal_in_place_append_tag(associated(worker_id), &mut *plain)
        .ok()?;
    let nonce: &[u8; NONCE_LEN] = nonce.as_ref();
    Some([HEADER.as_slice(), nonce, &plain].concat())
}

/// Opens what [`seal`] made.
pub(crate) fn open(
    key: &StateKey,
    worker_id: &str,
    sealed: Vec<u8>,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let rest = sealed
        .strip_prefix(HEADER.as_slice())
        .ok_or(OpenError::Format)?;
    let (nonce, ciphertext) = rest
        .split_first_chunk::<NONCE_LEN>()
        .ok_or(OpenError::Format)?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, key.expose()).map_err(|_| OpenError::Crypto)?;
    let mut bytes = Zeroizing::new(ciphertext.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let plain = key
        .open_in_place(nonce, associated(worker_id), &mut bytes)
        .map_err(|_| OpenError::Sealed)?;
    let length = plain.len();
    bytes.truncate(length);
    Ok(bytes)
}

fn associated(worker_id: &str) -> Aad<Vec<u8>> {
    Aad::from([HEADER.as_slice(), worker_id.as_bytes()].concat())
}
