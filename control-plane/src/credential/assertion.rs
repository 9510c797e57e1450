//! Assertions that a client signs with the key of its certificate (RFC 7523), as MSAL and azure-identity make them.

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, de::DeserializeOwned};
use time::{Duration, OffsetDateTime};
use x509_parser::{
    certificate::X509Certificate, oid_registry, prelude::FromDer, public_key::PublicKey,
    x509::SubjectPublicKeyInfo,
};

/// An assertion, taken apart and not yet believed.
pub struct Assertion<'a> {
    message: &'a str,
    signature: &'a str,
    header: Header,
    claims: Claims,
}

/// Why an assertion proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// `none`, a shared secret, or not for the certificate's key.
    #[error("the assertion's algorithm is not allowed")]
    Algorithm,
    /// `aud` is not the token endpoint.
    #[error("the assertion is for another audience")]
    Audience,
    /// The named certificate is not the client's.
    #[error("the assertion names no certificate of the client")]
    Certificate,
    /// Past `exp`.
    #[error("the assertion has expired")]
    Expired,
    /// `iss` and `sub` are not both the client.
    #[error("the assertion is not the client's own")]
    Issuer,
    /// `exp` is further away than an assertion may live.
    #[error("the assertion is valid for too long")]
    Lifetime,
    /// No signed JWT, or with claims of the wrong type.
    #[error("the assertion is malformed")]
    Malformed,
    /// Before `nbf`.
    #[error("the assertion is not valid yet")]
    NotYetValid,
    /// The signature does not verify.
    #[error("the assertion's signature does not verify")]
    Signature,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// SHA-1 of the certificate.
    x5t: Option<String>,
    #[serde(rename = "x5t#S256")]
    x5t_s256: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: Seconds,
    nbf: Option<Seconds>,
}

/// A time in seconds since 1970 (RFC 7519 section 2, `NumericDate`). MSAL writes fractions, which do not count.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Seconds {
    Whole(i64),
    Fraction(f64),
}

impl Seconds {
    fn whole(self) -> i64 {
        match self {
            Self::Whole(seconds) => seconds,
            Self::Fraction(seconds) => Duration::saturating_seconds_f64(seconds).whole_seconds(),
        }
    }
}

impl<'a> Assertion<'a> {
    /// Takes an assertion apart.
    ///
    /// # Errors
    /// [`AssertionError::Malformed`].
    pub fn parse(text: &'a str) -> Result<Self, AssertionError> {
        let malformed = AssertionError::Malformed;
        if text.len() > MAX_ASSERTION {
            return Err(malformed);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(malformed)?;
        let (header, claims) = message.split_once('.').ok_or(malformed)?;
        let header: Header = decode(header)?;
        if header.crit.is_some() {
            return Err(malformed);
        }
        Ok(Self {
            message,
            signature,
            header,
            claims: decode(claims)?,
        })
    }

    /// Whom it claims to be from; the client id.
    pub fn client(&self) -> &str {
        &self.claims.sub
    }

    /// SHA-256 of what is signed, so that an assertion is used once. The signature does not count: whoever sees one of
    /// ECDSA can make a second one of it that verifies as well.
    pub fn sha256(&self) -> [u8; 32] {
        sha256(self.message.as_bytes())
    }

    /// Until when it could be used again.
    pub fn ends_at(&self) -> OffsetDateTime {
        let ends_at = OffsetDateTime::from_unix_timestamp(self.claims.exp.whole());
        ends_at.unwrap_or(OffsetDateTime::UNIX_EPOCH) + LEEWAY
    }

    /// Whether the certificate is the one that the assertion names.
    pub fn names(&self, certificate: &[u8]) -> bool {
        let is = |sent: &Option<String>, hash: &[u8]| {
            sent.as_ref()
                .map(|sent| *sent.trim_end_matches('=') == BASE64_URL_SAFE_NO_PAD.encode(hash))
        };
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate);
        let by_sha256 = is(&self.header.x5t_s256, &sha256(certificate));
        let by_sha1 = is(&self.header.x5t, sha1.as_ref());
        // What is named in both ways must be so in both.
        match (by_sha256, by_sha1) {
            (None, None) => false,
            (by_sha256, by_sha1) => by_sha256.unwrap_or(true) && by_sha1.unwrap_or(true),
        }
    }

    /// Believes the assertion: it is `client`'s, for one of `audiences`, in force, and signed by the key of `certificate`
    /// (DER).
    ///
    /// # Errors
    /// [`AssertionError`].
    pub fn verify(
        &self,
        now: OffsetDateTime,
        client: &str,
        audiences: &[String],
        certificate: &[u8],
    ) -> Result<(), AssertionError> {
        let (_, certificate) =
            X509Certificate::from_der(certificate).map_err(|_| AssertionError::Certificate)?;
        let key = key(&self.header.alg, certificate.public_key())?;
        self.verify_signature(&key)?;
        let Claims { iss, sub, aud, .. } = &self.claims;
        if ![iss, sub]
            .iter()
            .all(|own| own.eq_ignore_ascii_case(client))
        {
            return Err(AssertionError::Issuer);
        }
        if !audiences.iter().any(|audience| audience == aud) {
            return Err(AssertionError::Audience);
        }
        self.verify_time(now)
    }

    fn verify_signature(
        &self,
        (algorithm, key): &(Algorithm, DecodingKey),
    ) -> Result<(), AssertionError> {
        let verified =
            jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, *algorithm);
        match verified {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(AssertionError::Signature),
        }
    }

    fn verify_time(&self, now: OffsetDateTime) -> Result<(), AssertionError> {
        let Claims { exp, nbf, .. } = &self.claims;
        let (exp, nbf) = (exp.whole(), nbf.map(Seconds::whole));
        let (now, leeway) = (now.unix_timestamp(), LEEWAY.whole_seconds());
        if exp.saturating_add(leeway) <= now {
            return Err(AssertionError::Expired);
        }
        if exp > now.saturating_add(MAX_LIFETIME.whole_seconds()) {
            return Err(AssertionError::Lifetime);
        }
        if nbf.is_some_and(|nbf| nbf > now.saturating_add(leeway)) {
            return Err(AssertionError::NotYetValid);
        }
        Ok(())
    }
}

/// The key, bound to the algorithm that the assertion names and that it is for.
fn key(
    algorithm: &str,
    spki: &SubjectPublicKeyInfo<'_>,
) -> Result<(Algorithm, DecodingKey), AssertionError> {
    let algorithm: Algorithm = algorithm.parse().map_err(|_| AssertionError::Algorithm)?;
    let parsed = spki.parsed().map_err(|_| AssertionError::Certificate)?;
    match (algorithm, &parsed) {
        (Algorithm::RS256 | Algorithm::PS256, PublicKey::RSA(rsa))
            if rsa.key_size() >= MIN_RSA_BITS =>
        {
            let (modulus, exponent) = (magnitude(rsa.modulus), magnitude(rsa.exponent));
            let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
            Ok((algorithm, key))
        }
        (Algorithm::ES256, PublicKey::EC(point)) if is_p256(spki) => {
            Ok((algorithm, DecodingKey::from_ec_der(point.data())))
        }
        _ => Err(AssertionError::Algorithm),
    }
}

/// A positive number of DER without the zero that keeps it positive, which verification does not take.
fn magnitude(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}

fn is_p256(spki: &SubjectPublicKeyInfo<'_>) -> bool {
    let parameters = spki.algorithm.parameters.as_ref();
    let curve = parameters.and_then(|parameters| parameters.as_oid().ok());
    curve == Some(oid_registry::OID_EC_P256)
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, AssertionError> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| AssertionError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| AssertionError::Malformed)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    let mut array = [0; 32];
    for (to, from) in array.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    array
}

/// With a certificate chain inside (`x5c`) an assertion takes some kilobytes.
pub const MAX_ASSERTION: usize = 32 * 1024;
const LEEWAY: Duration = Duration::seconds(60);
/// MSAL and azure-identity sign for ten minutes.
const MAX_LIFETIME: Duration = Duration::minutes(15);
const MIN_RSA_BITS: usize = 2048;

#[cfg(test)]
mod tests;
