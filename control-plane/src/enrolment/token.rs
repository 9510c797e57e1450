//! Join tokens: `pjt1.` and, in base64url, identity (16 bytes), secret (32) and pin (32).
//!
//! The pin is the SHA-256 of the public key of the CA that the control plane's certificate comes from: with it a worker
//! knows whom it tells the secret.

use std::fmt;

use aws_lc_rs::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Length of a secret, in bytes.
pub const SECRET_LEN: usize = 32;

const PREFIX: &str = "pjt1.";

/// A secret that lets a worker join once. `Debug` shows nothing of it.
pub struct JoinToken {
    secret: Zeroizing<[u8; SECRET_LEN]>,
}

/// The system gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

impl JoinToken {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn random() -> Result<Self, NoRandomness> {
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        let filled = SystemRandom::new().fill(secret.as_mut_slice());
        filled.map_err(|_unspecified| NoRandomness)?;
        Ok(Self { secret })
    }

    /// What a worker presents.
    pub fn from_secret(secret: Zeroizing<[u8; SECRET_LEN]>) -> Self {
        Self { secret }
    }

    /// What the store keeps: the SHA-256 of the secret, which is random and therefore needs no salt.
    pub fn sha256(&self) -> [u8; 32] {
        let mut sha256 = [0; 32];
        let digest = digest::digest(&digest::SHA256, self.secret.as_slice());
        sha256.copy_from_slice(digest.as_ref());
        sha256
    }

    /// The text for the worker; shown once.
    pub fn text(&self, identity: Uuid, pin: &[u8; 32]) -> Zeroizing<String> {
        let content = Zeroizing::new([identity.as_bytes(), self.secret.as_slice(), pin].concat());
        let encoded = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(content.as_slice()));
        Zeroizing::new([PREFIX, encoded.as_str()].concat())
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JoinToken(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_holds_identity_secret_and_pin() {
        let token = JoinToken::from_secret(Zeroizing::new([7; SECRET_LEN]));
        let identity = Uuid::from_bytes([1; 16]);
        let text = token.text(identity, &[9; 32]);
        let content = text.strip_prefix("pjt1.").unwrap();
        let content = BASE64_URL_SAFE_NO_PAD.decode(content).unwrap();
        assert_eq!(content, [vec![1; 16], vec![7; 32], vec![9; 32]].concat());
        assert_eq!(format!("{token:?}"), "JoinToken(redacted)");
    }

    #[test]
    fn no_two_tokens_are_the_same() {
        let [one, two] = [JoinToken::random().unwrap(), JoinToken::random().unwrap()];
        assert_ne!(one.sha256(), two.sha256());
    }
}
