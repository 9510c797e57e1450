//! Private keys: what may serve, and one encoding for all.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use model::Secret;
use rustls_pki_types::PrivateKeyDer;

/// A key that the workers' TLS library can use.
#[derive(Debug)]
pub(super) struct PrivateKey {
    /// PKCS#8 DER; equal keys have equal bytes.
    pub(super) pkcs8: Secret,
    /// As it stands in `subjectPublicKey`.
    pub(super) public: Vec<u8>,
}

/// Why a key may not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PrivateKeyError {
    /// Not RSA, EC on P-256, P-384 or P-521, or Ed25519; or damaged.
    #[error("the private key must be RSA, EC (P-256, P-384, P-521) or Ed25519")]
    Unsupported,
    /// RSA below 2048 bits.
    #[error("an RSA key must have at least 2048 bits")]
    TooSmall,
}

const MIN_MODULUS_BYTES: usize = 2048 / 8;

impl PrivateKey {
    /// Takes PKCS#8, PKCS#1 or SEC1.
    pub(super) fn read(der: &PrivateKeyDer<'_>) -> Result<Self, PrivateKeyError> {
        rsa(der)
            .or_else(|| ec(der).map(Ok))
            .or_else(|| ed25519(der).map(Ok))
            .unwrap_or(Err(PrivateKeyError::Unsupported))
    }
}

fn rsa(der: &PrivateKeyDer<'_>) -> Option<Result<PrivateKey, PrivateKeyError>> {
    let pair = match der {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        _ => return None,
    };
    let pair = match pair {
        Ok(pair) => pair,
        Err(rejected) if rejected.to_string() == "TooSmall" => {
            return Some(Err(PrivateKeyError::TooSmall));
        }
        Err(_) => return None,
    };
    if pair.public_modulus_len() < MIN_MODULUS_BYTES {
        return Some(Err(PrivateKeyError::TooSmall));
    }
    let pkcs8: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().ok()?;
    Some(Ok(private_key(pkcs8.as_ref(), pair.public_key().as_ref())))
}

fn ec(der: &PrivateKeyDer<'_>) -> Option<PrivateKey> {
    let bytes = match der {
        PrivateKeyDer::Sec1(key) => key.secret_sec1_der(),
        PrivateKeyDer::Pkcs8(key) => key.secret_pkcs8_der(),
        _ => return None,
    };
    let curves = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    let pair = curves
        .into_iter()
        .find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, bytes).ok())?;
    let pkcs8 = pair.to_pkcs8v1().ok()?;
    Some(private_key(pkcs8.as_ref(), pair.public_key().as_ref()))
}

fn ed25519(der: &PrivateKeyDer<'_>) -> Option<PrivateKey> {
    let PrivateKeyDer::Pkcs8(key) = der else {
        return None;
    };
    let pair = Ed25519KeyPair::from_pkcs8(key.secret_pkcs8_der()).ok()?;
    let pkcs8 = pair.to_pkcs8v1().ok()?;
    Some(private_key(pkcs8.as_ref(), pair.public_key().as_ref()))
}

fn private_key(pkcs8: &[u8], public: &[u8]) -> PrivateKey {
    PrivateKey {
        pkcs8: Secret::new(pkcs8.to_vec()),
        public: public.to_vec(),
    }
}
