//! A fresh key, and the request for a certificate that proves that we have it.

use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use zeroize::Zeroizing;

/// A key (ECDSA P-256) that no certificate is for yet, and the PKCS#10 request for one.
pub(crate) struct Request {
    key: Zeroizing<Vec<u8>>,
    der: Vec<u8>,
}

/// The system's cryptography makes no key.
#[derive(Debug, thiserror::Error)]
#[error("no key can be made")]
pub(crate) struct NoKey(#[from] rcgen::Error);

impl Request {
    /// Makes a key and signs a request with it.
    pub(crate) fn new() -> Result<Self, NoKey> {
        let key = KeyPair::generate()?;
        let request = CertificateParams::default().serialize_request(&key)?;
        Ok(Self {
            key: Zeroizing::new(key.serialize_der()),
            der: request.der().to_vec(),
        })
    }

    /// PKCS#10 in DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        self.der.clone()
    }

    pub(super) fn into_key(self) -> Zeroizing<Vec<u8>> {
        self.key
    }

    #[cfg(test)]
    pub(super) fn public_key(&self) -> Vec<u8> {
        public_key(&self.key)
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Request(redacted)")
    }
}

/// The `SubjectPublicKeyInfo` of a key in PKCS#8; empty when it is none.
pub(super) fn public_key(pkcs8: &[u8]) -> Vec<u8> {
    KeyPair::try_from(pkcs8).map_or_else(|_| Vec::new(), |key| key.subject_public_key_info())
}
