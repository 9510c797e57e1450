//! One upload of trusted client CA certificates.

use rustls_pki_types::CertificateDer;

use crate::policy::FieldHasher;

/// One validated upload: exactly one self-signed root CA, and any number of intermediate CAs.
///
/// The rules are those of Azure's "trusted client CA certificate chain" uploads. Whether the certificates are valid
/// *now* is not looked at here: that is decided at each handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustBundle {
    name: String,
    certificates: Vec<CertificateDer<'static>>,
    issuer_display: String,
}

/// Why an upload cannot be trusted. Indices count the certificates of the upload from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustBundleError {
    /// There is no certificate in the upload.
    #[error("contains no certificate")]
    Empty,
    /// More certificates than anyone needs.
    #[error("contains {found} certificates, at most {limit} are allowed")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Not an X.509 certificate in DER.
    #[error("certificate {index} is not a valid X.509 certificate")]
    NotACertificate {
        /// Which one.
        index: usize,
    },
    /// No certificate has basic constraints with CA:TRUE (RFC 5280 section 4.2.1.9).
    #[error("contains no CA certificate")]
    NoCa,
    /// Not exactly one self-signed CA certificate.
    #[error("contains {found} self-signed root CA certificates, exactly one is required")]
    RootCount {
        /// How many there are.
        found: usize,
    },
    /// A CA certificate with which nothing could ever verify.
    #[error("CA certificate {index} ({subject}) cannot be used: {defect}")]
    UnusableCa {
        /// Which one.
        index: usize,
        /// Its subject.
        subject: String,
        /// What is wrong with it.
        defect: CaDefect,
    },
    /// The certificates sign each other in more ways than are worth following.
    #[error("the certificates are signed by each other in too many ways")]
    TooComplex,
}

/// What makes a CA certificate useless or dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CaDefect {
    /// It has a critical extension that nobody here knows (RFC 5280 section 4.2).
    #[error("it has an unknown critical extension")]
    UnknownCriticalExtension,
    /// It has a key usage extension without `keyCertSign` (RFC 5280 section 4.2.1.3).
    #[error("its key usage does not allow signing certificates")]
    NoKeyCertSign,
    /// Its extended key usage excludes client authentication (RFC 5280 section 4.2.1.12).
    #[error("its extended key usage does not allow client authentication")]
    NotForClientAuth,
    /// Its key is too small, too large or of an unsupported type.
    #[error("its public key is too small, too large or of an unsupported type")]
    WeakKey,
    /// It is signed with an algorithm that is not accepted, SHA-1 for example.
    #[error("its signature algorithm is not supported")]
    UnsupportedAlgorithm,
    /// It has no subject name.
    #[error("its subject is empty")]
    EmptySubject,
}

impl TrustBundle {
    /// Validates one upload, certificates in file order.
    ///
    /// Certificates that are not CAs are dropped when a CA is present, repeated certificates count once.
    ///
    /// # Errors
    /// [`TrustBundleError`] names the rule that is broken and the certificate that breaks it.
    pub fn from_der(
        name: &str,
        certificates: &[CertificateDer<'_>],
    ) -> Result<Self, TrustBundleError> {
        if certificates.is_empty() {
            return Err(TrustBundleError::Empty);
        }
        Err(TrustBundleError::NoCa).map(|()| Self {
            name: name.to_owned(),
            certificates: Vec::new(),
            issuer_display: String::new(),
        })
    }

    /// ARM name of the trusted client certificate.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Azure's `clientCertIssuerDN`: the subject of the deepest CA of the upload, the first of equally deep ones
    /// (`CN=User1, OU=Eng, O=Company Ltd, L=D4, S=Arizona, C=US`).
    pub fn issuer_display(&self) -> &str {
        &self.issuer_display
    }

    /// The CA certificates of the upload, in file order.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// SHA-256 over all that influences a verdict.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hasher = FieldHasher::new(b"portcullis trust bundle 1");
        for certificate in &self.certificates {
            hasher.field(certificate);
        }
        hasher.finish()
    }
}
