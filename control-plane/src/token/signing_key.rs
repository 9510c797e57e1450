//! Keys that sign the tokens of the built-in issuer.

use std::fmt;

use aws_lc_rs::{
    rand::{self, SystemRandom},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Value, json};
use time::Duration;
use zeroize::Zeroizing;

use super::key_set::PublicKey;
use crate::rotation::{ID_LEN, Schedule};

/// A key signs for 30 days and is in the key set the day before. It verifies after its successor began to sign for the longest
/// life of a token (a day), and an hour for clocks that differ and replicas that change over late.
pub const SCHEDULE: Schedule = Schedule {
    using: Duration::days(30),
    lead: Duration::DAY,
    honouring: Duration::hours(25),
};

/// A private key for ES256 (RFC 7518 section 3.4). `Debug` shows its name only; the key is wiped when dropped.
pub struct SigningKey {
    /// Names the key in tokens; public.
    pub id: [u8; ID_LEN],
    pkcs8: Zeroizing<Vec<u8>>,
    /// Uncompressed: `4 | x | y`.
    point: Vec<u8>,
}

impl SigningKey {
    /// Makes a key; `None` when the system has no randomness.
    pub fn generate() -> Option<Self> {
        let mut id = [0; ID_LEN];
        rand::fill(&mut id).ok()?;
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self::from_pkcs8(id, Zeroizing::new(document.ok()?.as_ref().to_vec()))
    }

    /// Reads a private key; `None` when it is none on P-256.
    pub fn from_pkcs8(id: [u8; ID_LEN], pkcs8: Zeroizing<Vec<u8>>) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).ok()?;
        let point = pair.public_key().as_ref().to_vec();
        Some(Self { id, pkcs8, point })
    }

    /// The private key, to be sealed.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The name as tokens and key sets write it.
    pub fn kid(&self) -> String {
        kid(&self.id)
    }

    /// Signs `claims`; `None` when the library refuses.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Option<Zeroizing<String>> {
        let header = Header {
            kid: Some(self.kid()),
            ..Header::new(Algorithm::ES256)
        };
        let key = EncodingKey::from_ec_der(&self.pkcs8);
        let token = jsonwebtoken::encode(&header, claims, &key);
        token.ok().map(Zeroizing::new)
    }

    pub(super) fn public_key(&self) -> PublicKey {
        PublicKey::p256(&self.point)
    }

    /// The public key as a member of a key set (RFC 7517 section 4, RFC 7518 section 6.2).
    pub(super) fn jwk(&self) -> Value {
        let coordinates = self.point.get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let [x, y] = [x, y].map(|coordinate| BASE64_URL_SAFE_NO_PAD.encode(coordinate));
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid(), "x": x, "y": y})
    }
}

/// The name of a key as tokens write it.
pub(super) fn kid(id: &[u8; ID_LEN]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(id)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_random_read_back_and_not_shown() {
        let (one, two) = (
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
        );
        assert_ne!(one.kid(), two.kid());
        assert_ne!(one.point, two.point);
        let back = SigningKey::from_pkcs8(one.id, Zeroizing::new(one.pkcs8().to_vec()));
        assert_eq!(back.unwrap().jwk(), one.jwk());
        let shown = format!("{one:?}");
        assert_eq!(
            shown,
            format!("SigningKey {{ kid: {:?}, .. }}", one.kid()),
            "nothing else"
        );
    }

    #[test]
    fn what_is_no_key_on_p256_is_refused() {
        for bytes in [&b""[..], b"garbage"] {
            assert!(SigningKey::from_pkcs8([0; ID_LEN], Zeroizing::new(bytes.to_vec())).is_none());
        }
    }
}
