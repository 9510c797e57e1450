//! A certificate chain with its private key, from PEM files.

use std::{fmt, path::Path, sync::Arc};

use rustls::{crypto::aws_lc_rs::sign::any_supported_type, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use zeroize::Zeroizing;

/// A certificate chain, leaf first, with the private key that fits it. `Debug` shows no key.
#[derive(Clone)]
pub struct Identity {
    chain_pem: Vec<u8>,
    key_pem: Zeroizing<Vec<u8>>,
    certified_key: Arc<CertifiedKey>,
}

/// Why a certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The certificate file has no certificate, or is no PEM file.
    #[error("the certificate file holds no usable PEM certificate")]
    Certificate,
    /// The key file has no private key, or is no PEM file.
    #[error("the key file holds no usable PEM private key")]
    Key,
    /// Both are readable but the key is not the leaf's, or of an unsupported kind.
    #[error("the private key does not fit the certificate")]
    Mismatch(#[source] rustls::Error),
}

impl Identity {
    /// Parses both and checks that they belong together.
    ///
    /// # Errors
    /// [`IdentityError`] says which of the two is at fault.
    pub fn from_pem(
        chain_pem: Vec<u8>,
        key_pem: Zeroizing<Vec<u8>>,
    ) -> Result<Self, IdentityError> {
        let chain = CertificateDer::pem_slice_iter(&chain_pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_pem| IdentityError::Certificate)?;
        if chain.is_empty() {
            return Err(IdentityError::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|_pem| IdentityError::Key)?;
        let key = Zeroizing::new(key);
        let signer = any_supported_type(&key).map_err(IdentityError::Mismatch)?;
        let certified_key = CertifiedKey::new(chain, signer);
        certified_key
            .keys_match()
            .map_err(IdentityError::Mismatch)?;
        Ok(Self {
            chain_pem,
            key_pem,
            certified_key: Arc::new(certified_key),
        })
    }

    /// Reads and parses two files.
    ///
    /// # Errors
    /// A sentence for the user that names the file at fault.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, String> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        Self::from_pem(read(chain)?, Zeroizing::new(read(key)?))
            .map_err(|error| format!("{} and {}: {error}", chain.display(), key.display()))
    }

    /// PEM of the chain, leaf first.
    pub fn chain_pem(&self) -> &[u8] {
        &self.chain_pem
    }

    /// PEM of the private key.
    pub fn key_pem(&self) -> &[u8] {
        &self.key_pem
    }

    /// What rustls serves.
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified_key)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Identity({} certificates, key redacted)",
            self.certified_key.cert.len()
        )
    }
}
