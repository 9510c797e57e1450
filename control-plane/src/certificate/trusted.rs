//! CAs: of clients (`trustedClientCertificates`) and of backends (`trustedRootCertificates`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client_auth::{TrustBundle, TrustBundleError};
use model::ResourceName;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::upload::{self, Upload, UploadError};

/// Azure's limit, on the decoded file: root and intermediates together.
const LIMIT: usize = 25 * 1024;

/// A validated upload.
#[derive(Debug)]
pub(crate) struct ClientCa {
    /// The CA certificates of the upload.
    pub(crate) bundle: TrustBundle,
    /// `validatedCertData`: base64 of what was taken over, as PEM.
    pub(crate) validated: String,
}

/// Why an upload of client CAs is refused, by Azure's error codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientCaError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Larger than 25 KB, or more certificates than a bundle may have.
    #[error("{0}")]
    TooLarge(String),
    /// A private key among the certificates.
    #[error("it holds a private key")]
    PrivateKey,
    /// Not readable.
    #[error("{0}")]
    Invalid(String),
    /// No CA.
    #[error("it holds no certificate with basic constraints CA:TRUE")]
    NoCa,
    /// No root, or several.
    #[error("it holds {0} self-signed root CA certificates in place of one")]
    RootCount(usize),
}

/// What must be in an upload of client CAs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Exactly one root: Azure's rule.
    Root,
    /// At most one root.
    AnyCa,
}

/// Validates `data`: PEM or DER, plain or in base64.
pub(crate) fn client_ca(name: &str, data: &str, anchor: Anchor) -> Result<ClientCa, ClientCaError> {
    let certificates = certificates(data)?;
    let bundle = match TrustBundle::from_der(name, &certificates) {
        Err(TrustBundleError::RootCount { found: 0 }) if anchor == Anchor::AnyCa => {
            TrustBundle::partial(name, &certificates)
        }
        rooted => rooted,
    }?;
    let validated = STANDARD.encode(pem(bundle.certificates()));
    Ok(ClientCa { bundle, validated })
}

/// The upload of client CAs of this name in a stored document.
pub(crate) fn bundle_in(document: &Value, name: &ResourceName) -> Option<TrustBundle> {
    let all = document.pointer("/properties/trustedClientCertificates")?;
    let is_named = |entry: &&Value| {
        let own = entry.get("name").and_then(Value::as_str);
        own.is_some_and(|own| own.eq_ignore_ascii_case(name.as_str()))
    };
    let data = all
        .as_array()?
        .iter()
        .find(is_named)?
        .pointer("/properties/data")?;
    // Whether it may lack a root was decided when it was stored.
    let ca = client_ca(name.as_str(), data.as_str()?, Anchor::AnyCa).ok()?;
    Some(ca.bundle)
}

/// Reads the roots of backends: one or more certificates, PEM or DER, plain or in base64.
pub(crate) fn backend_roots(data: &str) -> Result<Vec<CertificateDer<'static>>, ClientCaError> {
    let certificates = certificates(data)?;
    for (index, der) in certificates.iter().enumerate() {
        if !X509Certificate::from_der(der).is_ok_and(|(rest, _)| rest.is_empty()) {
            return Err(ClientCaError::Invalid(format!(
                "certificate {index} is not a valid X.509 certificate"
            )));
        }
    }
    Ok(certificates)
}

fn certificates(data: &str) -> Result<Vec<CertificateDer<'static>>, ClientCaError> {
    match upload::read(data, LIMIT)? {
        Upload::Pem(bytes) if upload::contains(&bytes, b"PRIVATE KEY-----") => {
            Err(ClientCaError::PrivateKey)
        }
        Upload::Pem(bytes) => {
            match CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>() {
                Ok(certificates) if !certificates.is_empty() => Ok(certificates),
                _ => Err(ClientCaError::Invalid(
                    "its PEM holds no readable certificate".to_owned(),
                )),
            }
        }
        Upload::Binary(bytes) => {
            let der = CertificateDer::from(bytes.to_vec());
            if X509Certificate::from_der(&der).is_err()
                && PrivateKeyDer::try_from(bytes.as_slice()).is_ok()
            {
                return Err(ClientCaError::PrivateKey);
            }
            Ok(vec![der])
        }
    }
}

fn pem(certificates: &[CertificateDer<'_>]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for (at, digit) in STANDARD.encode(certificate).chars().enumerate() {
            if at > 0 && at % 64 == 0 {
                text.push('\n');
            }
            text.push(digit);
        }
        text.push_str("\n-----END CERTIFICATE-----\n");
    }
    text
}

impl From<UploadError> for ClientCaError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Empty => Self::Empty,
            UploadError::TooLarge => Self::TooLarge("it is larger than 25 KB".to_owned()),
            UploadError::NotBase64 => Self::Invalid("it is neither PEM nor base64".to_owned()),
        }
    }
}

impl From<TrustBundleError> for ClientCaError {
    fn from(error: TrustBundleError) -> Self {
        match error {
            TrustBundleError::Empty => Self::Empty,
            TrustBundleError::TooMany { .. } => Self::TooLarge(format!("it {error}")),
            TrustBundleError::NoCa => Self::NoCa,
            TrustBundleError::RootCount { found } => Self::RootCount(found),
            TrustBundleError::NotACertificate { .. }
            | TrustBundleError::UnusableCa { .. }
            | TrustBundleError::TooComplex => Self::Invalid(error.to_string()),
        }
    }
}
