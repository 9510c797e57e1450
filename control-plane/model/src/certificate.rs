//! Certificates: of the gateway itself, of client CAs, of backends' CAs.

use client_auth::TrustBundle;
use rustls_pki_types::CertificateDer;

use crate::child::child;
use crate::name::ResourceName;

/// A server certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SslCertificate {
    /// Its name.
    pub name: ResourceName,
    /// Leaf first, each followed by its issuer. Never empty.
    pub chain: Vec<CertificateDer<'static>>,
    /// SHA-256 of the private key as PKCS#8 DER; the key itself is no part of the model.
    pub key_sha256: [u8; 32],
}

/// An upload of client CAs.
#[derive(Debug, Clone)]
pub struct TrustedClientCertificate {
    /// Its name.
    pub name: ResourceName,
    /// One root and its intermediates, validated.
    pub bundle: TrustBundle,
}

/// CAs of HTTPS backends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedRootCertificate {
    /// Its name.
    pub name: ResourceName,
    /// Never empty.
    pub certificates: Vec<CertificateDer<'static>>,
}

child!(SslCertificate, SSL_CERTIFICATES, 100);
child!(TrustedClientCertificate, TRUSTED_CLIENT_CERTIFICATES, 200);
child!(TrustedRootCertificate, TRUSTED_ROOT_CERTIFICATES, 100);
