//! Passwords of service principals: made here, shown once, kept as a hash.

use std::fmt;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// A password. `Debug` shows nothing of it; memory is wiped at the end.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a password cannot be made or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The hash cannot be computed.
    #[error("the password cannot be hashed")]
    Hash,
    /// The system gives no randomness.
    #[error("the system gives no random bytes")]
    Random,
    /// A password that somebody chose is too weak or too long.
    #[error("a password has 32 to 256 visible ASCII characters")]
    Unfit,
}

impl Password {
    /// Makes one with 238 bits of randomness. It begins with letters, so that no command line takes it for an option, and
    /// with a prefix that scanners of repositories and logs can find.
    ///
    /// # Errors
    /// [`PasswordError::Random`].
    pub fn generate() -> Result<Self, PasswordError> {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + RANDOM_LEN));
        text.push_str(PREFIX);
        let mut bytes = Zeroizing::new([0_u8; 64]);
        while text.len() < PREFIX.len() + RANDOM_LEN {
            SystemRandom::new()
                .fill(bytes.as_mut_slice())
                .map_err(|_unspecified| PasswordError::Random)?;
            let free = PREFIX.len() + RANDOM_LEN - text.len();
            // Bytes without a character are left out, so that each character is as likely as the others.
            let characters = bytes
                .iter()
                .filter_map(|byte| ALPHABET.get(usize::from(*byte)));
            text.extend(characters.take(free).map(|byte| char::from(*byte)));
        }
        Ok(Self(text))
    }

    /// Takes one that the operator chose.
    ///
    /// # Errors
    /// [`PasswordError::Unfit`].
    pub fn chosen(text: &str) -> Result<Self, PasswordError> {
        let fits = (32..=MAX_LEN).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
            .ok_or(PasswordError::Unfit)
    }

    /// The text, for its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// So much of it that people can tell several apart.
    pub fn hint(&self) -> String {
        let rest = self.0.strip_prefix(PREFIX).unwrap_or(&self.0);
        rest.chars().take(HINT_LEN).collect()
    }

    /// The hash by which it is known again: Argon2id in PHC form, with the parameters of RFC 9106 that OWASP recommends.
    /// Blocks.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn hash(&self) -> Result<String, PasswordError> {
        let mut salt = [0_u8; 16];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_unspecified| PasswordError::Random)?;
        let hash = Argon2::default().hash_password_with_salt(self.0.as_bytes(), &salt);
        Ok(hash.map_err(|_error| PasswordError::Hash)?.to_string())
    }

    /// Takes the time that [`Password::matches`] takes, for a client that has no password. Blocks.
    pub fn matches_nobody(text: &str) {
        let _no = Self::matches(text, NOBODY);
    }

    /// Whether `text` is the password of `hash`. Blocks.
    pub fn matches(text: &str, hash: &str) -> bool {
        if text.len() > MAX_LEN {
            return false;
        }
        let Ok(parsed) = PasswordHash::new(hash) else {
            return false;
        };
        Argon2::default()
            .verify_password(text.as_bytes(), &parsed)
            .is_ok()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

const PREFIX: &str = "pcs_";
const RANDOM_LEN: usize = 40;
const HINT_LEN: usize = 3;
/// More is never hashed.
const MAX_LEN: usize = 256;
/// The hash of a password that nobody knows, with the parameters of all others.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdC4$0000000000000000000000000000000000000000000";
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_and_no_other_is() {
        let password = Password::generate().unwrap();
        let hash = password.hash().unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(Password::matches(password.reveal(), &hash));
        for other in ["", "pcs_", &password.reveal()[1..], &"x".repeat(100_000)] {
            assert!(!Password::matches(other, &hash));
        }
        assert!(!Password::matches(password.reveal(), "no hash"));
        assert!(
            PasswordHash::new(NOBODY).is_ok(),
            "it costs what others cost"
        );
        assert_ne!(password.hash().unwrap(), hash, "each has a salt of its own");
    }

    #[test]
    fn a_password_is_long_and_plain_and_hidden() {
        let password = Password::generate().unwrap();
        assert_eq!(password.reveal().len(), 44);
        assert!(
            password.reveal()[4..]
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric())
        );
        assert_eq!(password.hint(), password.reveal()[4..7]);
        assert!(!format!("{password:?}").contains(&password.reveal()[4..]));
        assert_ne!(password.reveal(), Password::generate().unwrap().reveal());
    }

    #[test]
    fn a_chosen_password_is_long_enough_and_visible() {
        assert!(Password::chosen(&"a".repeat(32)).is_ok());
        for bad in [
            &"a".repeat(31),
            &"a".repeat(257),
            &" ".repeat(40),
            &"é".repeat(40),
        ] {
            assert!(Password::chosen(bad).is_err(), "{bad}");
        }
    }
}
