//! Join tokens: `pjt1.` and, in base64url, identity (16 bytes), secret (32) and pin (32).

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// What lets a worker join once. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// UUID of the worker identity.
    pub(crate) identity: [u8; 16],
    pub(crate) secret: Zeroizing<[u8; 32]>,
    /// SHA-256 of the public key (`SubjectPublicKeyInfo`) of the CA that the control plane's certificate comes from.
    pub(crate) pin: [u8; 32],
}

/// The text is no join token. It is not repeated: it may be a mistyped secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a join token: `pjt1.` and 107 characters")]
pub(crate) struct InvalidToken;

const PREFIX: &str = "pjt1.";
const LEN: usize = 16 + 32 + 32;

impl JoinToken {
    /// Reads the text; white space around it is left out.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidToken> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(InvalidToken)?;
        // Longer than a token, since the decoder wants room for an estimate.
        let mut decoded = Zeroizing::new([0; LEN + 4]);
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, decoded.as_mut_slice());
        if length != Ok(LEN) {
            return Err(InvalidToken);
        }
        let (identity, rest) = decoded.split_first_chunk().ok_or(InvalidToken)?;
        let (secret, rest) = rest.split_first_chunk().ok_or(InvalidToken)?;
        let (pin, _) = rest.split_first_chunk().ok_or(InvalidToken)?;
        Ok(Self {
            identity: *identity,
            secret: Zeroizing::new(*secret),
            pin: *pin,
        })
    }

    /// By which a token is recognised.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.identity);
        context.update(self.secret.as_slice());
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(context.finish().as_ref());
        sha256
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

    fn text(bytes: &[u8]) -> String {
        format!("pjt1.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    #[test]
    fn a_token_holds_identity_secret_and_pin() {
        let bytes = [vec![1; 16], vec![2; 32], vec![3; 32]].concat();
        let token = JoinToken::parse(&format!("{}\n", text(&bytes))).expect("a token");
        assert_eq!(
            (token.identity, *token.secret, token.pin),
            ([1; 16], [2; 32], [3; 32])
        );
        assert_eq!(text(&bytes).len(), "pjt1.".len() + 107);
        assert_eq!(format!("{token:?}"), "JoinToken(redacted)");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bad in [
            "",
            "pjt1.",
            "pjt1.!",
            &text(&[0; 79]),
            &text(&[0; 81]),
            &text(&[0; 82]),
            &text(&[0; 80]).replace("pjt1", "pjt2"),
        ] {
            assert_eq!(JoinToken::parse(bad), Err(InvalidToken), "{bad}");
        }
    }
}
