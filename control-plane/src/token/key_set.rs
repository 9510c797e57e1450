//! Public keys, and what each of them may verify.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::Refused;

/// A public key, bound to the algorithms that it is for.
#[derive(Debug, Clone)]
pub(super) struct PublicKey {
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The keys of an issuer, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct KeySet {
    keys: Vec<(String, PublicKey)>,
    left_out: usize,
}

/// The document is no key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON Web Key Set")]
pub(super) struct NoKeySet;

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

impl KeySet {
    /// Reads a key set (RFC 7517 section 5). What is no key for one of `algorithms` is left out: keys for encryption,
    /// shared secrets, weak ones, those without a name.
    ///
    /// # Errors
    /// [`NoKeySet`].
    pub(super) fn parse(document: &[u8], algorithms: &[Algorithm]) -> Result<Self, NoKeySet> {
        let document: Document = serde_json::from_slice(document).map_err(|_| NoKeySet)?;
        let all = document.keys.len();
        let keys = document.keys.into_iter();
        let usable = keys.filter_map(|member| {
            let member: Member = serde_json::from_value(member).ok()?;
            member.into_key(algorithms)
        });
        let keys: Vec<(String, PublicKey)> = usable.collect();
        Ok(Self {
            left_out: all - keys.len(),
            keys,
        })
    }

    /// The key of that name for that algorithm.
    ///
    /// # Errors
    /// [`Refused::UnknownKey`] when there is none or more than one, [`Refused::Algorithm`] when it is for others.
    pub(super) fn find(&self, name: &str, algorithm: Algorithm) -> Result<&PublicKey, Refused> {
        let named = self.keys.iter().filter(|(own, _)| own == name);
        let named: Vec<&PublicKey> = named.map(|(_, key)| key).collect();
        if named.is_empty() {
            return Err(Refused::UnknownKey);
        }
        let mut fitting = named.into_iter().filter(|key| key.admits(algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(Refused::Algorithm),
            (Some(_), Some(_)) => Err(Refused::UnknownKey),
        }
    }

    /// How many keys are usable, and how many are left out.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.keys.len(), self.left_out)
    }
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// Parameters of RFC 7517 section 4 and RFC 7518 section 6; others are ignored.
#[derive(Deserialize)]
struct Member {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Member {
    fn into_key(self, allowed: &[Algorithm]) -> Option<(String, PublicKey)> {
        let verifies = |operations: &Vec<String>| operations.iter().any(|name| name == "verify");
        if self
            .purpose
            .as_deref()
            .is_some_and(|purpose| purpose != "sig")
            || !self.key_ops.as_ref().is_none_or(verifies)
        {
            return None;
        }
        let (possible, key) = self.material()?;
        let own: Option<Algorithm> = match &self.alg {
            Some(name) => Some(name.parse().ok()?),
            None => None,
        };
        let algorithms: Vec<Algorithm> = possible
            .iter()
            .filter(|algorithm| own.is_none_or(|own| own == **algorithm))
            .filter(|algorithm| allowed.contains(algorithm))
            .copied()
            .collect();
        let name = self.kid.filter(|_| !algorithms.is_empty())?;
        Some((name, PublicKey { algorithms, key }))
    }

    /// The key, and what a key of its kind can verify. A point that is not on its curve verifies nothing.
    fn material(&self) -> Option<(&'static [Algorithm], DecodingKey)> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let [n, e] = [&self.n, &self.e].map(|text| decode(text.as_ref()));
                let (n, e) = (without_zeros(n?), without_zeros(e?));
                let key = || DecodingKey::from_rsa_raw_components(&n, &e);
                is_strong_rsa(&n, &e).then(|| (RSA, key()))
            }
            ("EC", Some("P-256")) => Some((&[Algorithm::ES256], self.point(32)?)),
            ("EC", Some("P-384")) => Some((&[Algorithm::ES384], self.point(48)?)),
            ("OKP", Some("Ed25519")) => {
                let x = decode(self.x.as_ref()).filter(|x| x.len() == 32)?;
                Some((&[Algorithm::EdDSA], DecodingKey::from_ed_der(&x)))
            }
            _ => None,
        }
    }

    fn point(&self, length: usize) -> Option<DecodingKey> {
        let coordinate = |text: Option<&String>| decode(text).filter(|own| own.len() == length);
        let (x, y) = (coordinate(self.x.as_ref())?, coordinate(self.y.as_ref())?);
        Some(DecodingKey::from_ec_der(&[&[4], x.as_slice(), &y].concat()))
    }
}

/// 2048 to 8192 bits, and an odd exponent from 3 to 2^32: with 1 every signature would verify.
fn is_strong_rsa(n: &[u8], e: &[u8]) -> bool {
    let bits = n.first().map_or(0, |first| {
        n.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or(0)
    });
    let exponent = e
        .iter()
        .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    (2048..=8192).contains(&bits) && e.len() <= 4 && exponent >= 3 && exponent % 2 == 1
}

/// Some issuers write the numbers as signed ones, which the library does not take.
fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}

fn decode(text: Option<&String>) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text?).ok()
}

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
