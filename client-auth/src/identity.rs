//! Who a verified client is.

use std::net::IpAddr;

use rustls_pki_types::UnixTime;

use crate::{Sha1Fingerprint, Sha256Fingerprint};

/// Facts of the client's certificate, in the forms that logs, server variables and headers use.
///
/// All strings are free of control characters. Only a certificate that signed the TLS handshake and was let in by a
/// [`Decision`](crate::Decision) becomes an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// Subject in the form of RFC 2253 as OpenSSL writes it (`CN=device,O=Contoso,C=US`); plain ASCII.
    pub subject: String,
    /// Issuer, in the same form.
    pub issuer: String,
    /// Serial number: uppercase hex, an even number of digits, no separators (`02`).
    pub serial: String,
    /// SHA-256 of the certificate.
    pub sha256: Sha256Fingerprint,
    /// SHA-1 of the certificate (Azure's `client_certificate_fingerprint`).
    pub sha1: Sha1Fingerprint,
    /// SHA-256 of the `SubjectPublicKeyInfo`.
    pub key_id: Sha256Fingerprint,
    /// Start of the validity, inclusive.
    pub not_before: UnixTime,
    /// End of the validity, inclusive.
    pub not_after: UnixTime,
    /// The earliest end of validity in the verified path: from then on the identity must not be used.
    pub path_not_after: UnixTime,
    /// The typed alternative names.
    pub alt_names: SubjectAltNames,
    /// SHA-256 of each certificate of the verified path, client first, trust anchor last.
    pub path: Vec<Sha256Fingerprint>,
}

/// Subject alternative names by type (RFC 5280 section 4.2.1.6). Other types are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectAltNames {
    /// `dNSName`.
    pub dns: Vec<String>,
    /// `uniformResourceIdentifier`.
    pub uri: Vec<String>,
    /// `rfc822Name`.
    pub email: Vec<String>,
    /// `iPAddress`.
    pub ip: Vec<IpAddr>,
}
