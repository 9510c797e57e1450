//! Public keys, and what each of them may verify.

use jsonwebtoken::{Algorithm, DecodingKey};

/// A public key, bound to the algorithms that it is for.
#[derive(Debug, Clone)]
pub(super) struct PublicKey {
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl PublicKey {
    /// A key on P-256 as an uncompressed point.
    pub(super) fn p256(point: &[u8]) -> Self {
        Self {
            algorithms: vec![Algorithm::ES256],
            // It takes the point as it is.
            key: DecodingKey::from_ec_der(point),
        }
    }

    pub(super) fn admits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    pub(super) fn key(&self) -> &DecodingKey {
        &self.key
    }
}
