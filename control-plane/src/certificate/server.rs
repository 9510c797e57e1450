//! The gateway's own certificates (`sslCertificates`).

use model::Secret;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::chain::{self, ChainError};
use super::pfx;
use super::private_key::{PrivateKey, PrivateKeyError};
use super::upload::{self, Upload, UploadError};

/// Azure's limit for v2, on the decoded file.
const LIMIT: usize = 16 * 1024;

/// An opened upload.
#[derive(Debug)]
pub(crate) struct ServerCertificate {
    /// Leaf first, each followed by its issuer.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The leaf's key, PKCS#8 DER.
    pub(crate) key: Secret,
}

/// Why an upload cannot serve. Nothing secret in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServerCertificateError {
    /// Neither base64 nor PEM.
    #[error("it is neither base64 nor PEM")]
    NotBase64,
    /// Larger than 16 KB.
    #[error("it is larger than 16 KB")]
    TooLarge,
    /// Not PKCS#12, or the password does not open it.
    #[error("it is not a PFX file that the password opens")]
    Pfx,
    /// PEM with a section that cannot be read.
    #[error("its PEM cannot be read")]
    Pem,
    /// No key, or several.
    #[error("it holds {0} private keys in place of one")]
    KeyCount(usize),
    /// Not a key that can serve.
    #[error(transparent)]
    Key(#[from] PrivateKeyError),
    /// Something in place of a certificate.
    #[error("certificate {0} is not a valid X.509 certificate")]
    NotACertificate(usize),
    /// The key is that of no certificate.
    #[error("no certificate in it belongs to the private key")]
    KeyMismatch,
}

impl ServerCertificate {
    /// Opens `data`: a PFX file in base64, or (beyond Azure) certificates and one key as PEM, plain or in base64.
    pub(crate) fn open(data: &str, password: &str) -> Result<Self, ServerCertificateError> {
        let (certificates, keys) = match upload::read(data, LIMIT)? {
            Upload::Binary(bytes) => {
                pfx::open(&bytes, password).ok_or(ServerCertificateError::Pfx)?
            }
            Upload::Pem(bytes) => pem(&bytes)?,
        };
        let [key] = keys.as_slice() else {
            return Err(ServerCertificateError::KeyCount(keys.len()));
        };
        let key = PrivateKey::read(key)?;
        let chain = chain::ordered(&certificates, &key.public).map_err(|error| match error {
            ChainError::NotACertificate(index) => ServerCertificateError::NotACertificate(index),
            ChainError::NoLeaf => ServerCertificateError::KeyMismatch,
        })?;
        Ok(Self {
            chain,
            key: key.pkcs8,
        })
    }
}

type Parts = (
    Vec<CertificateDer<'static>>,
    Vec<Zeroizing<PrivateKeyDer<'static>>>,
);

fn pem(bytes: &[u8]) -> Result<Parts, ServerCertificateError> {
    let certificates = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    let keys = PrivateKeyDer::pem_slice_iter(bytes)
        .map(|key| key.map(Zeroizing::new))
        .collect::<Result<Vec<_>, _>>();
    certificates
        .ok()
        .zip(keys.ok())
        .ok_or(ServerCertificateError::Pem)
}

impl From<UploadError> for ServerCertificateError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Empty => Self::Pfx,
            UploadError::TooLarge => Self::TooLarge,
            UploadError::NotBase64 => Self::NotBase64,
        }
    }
}
