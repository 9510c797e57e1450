//! A token, taken apart and not yet believed.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Refused, claims::Claims, key_set::PublicKey};

/// A token whose signature has not been verified.
pub(super) struct Bearer<'a> {
    /// What is signed: the first two parts and the dot between them.
    message: &'a str,
    signature: &'a str,
    algorithm: Algorithm,
    kid: Option<String>,
    claims: Map<String, Value>,
}

/// The parameters of RFC 7515 section 4.1 that matter here. Others say where keys are (`jku`, `jwk`, `x5c`) and are not
/// followed: keys come from the issuer.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl<'a> Bearer<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`Refused::TooLong`], [`Refused::Malformed`], [`Refused::Algorithm`] for algorithms without signature or unknown
    /// ones.
    pub(super) fn parse(token: &'a str) -> Result<Self, Refused> {
        if token.len() > MAX_LEN {
            return Err(Refused::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(Refused::Malformed)?;
        // A dot is no character of base64, so that more than three parts fail here.
        let header: Header = decode(header)?;
        if header.crit.is_some() || !header.typ.as_deref().is_none_or(is_access_token) {
            return Err(Refused::Malformed);
        }
        Ok(Self {
            message,
            signature,
            algorithm: header.alg.parse().map_err(|_| Refused::Algorithm)?,
            kid: header.kid,
            claims: decode(claims)?,
        })
    }

    /// Whom the token claims to be from.
    pub(super) fn issuer(&self) -> Result<&str, Refused> {
        let issuer = self.claims.get("iss").ok_or(Refused::MissingClaim("iss"))?;
        issuer.as_str().ok_or(Refused::Malformed)
    }

    /// The algorithm that the token claims.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that the token claims.
    pub(super) fn kid(&self) -> Result<&str, Refused> {
        self.kid.as_deref().ok_or(Refused::UnknownKey)
    }

    /// The claims, once `key` has verified the signature.
    ///
    /// # Errors
    /// [`Refused::Algorithm`] when the key is for others, [`Refused::Signature`].
    pub(super) fn open(self, key: &PublicKey) -> Result<Claims, Refused> {
        if !key.admits(self.algorithm) {
            return Err(Refused::Algorithm);
        }
        let verified = jsonwebtoken::crypto::verify(
            self.signature,
            self.message.as_bytes(),
            key.key(),
            self.algorithm,
        );
        match verified {
            Ok(true) => Ok(Claims::new(self.claims)),
            Ok(false) | Err(_) => Err(Refused::Signature),
        }
    }
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Refused> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part);
    let bytes = bytes.map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed)
}

/// Issuers sign other statements with the same keys (logout tokens among them), and tell them apart by `typ` (RFC 8725
/// section 3.11, RFC 9068 section 2.1).
fn is_access_token(typ: &str) -> bool {
    ["jwt", "at+jwt", "application/at+jwt"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(typ))
}

/// Entra's tokens with the most groups have 6 KiB.
const MAX_LEN: usize = 8 * 1024;
