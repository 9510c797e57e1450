//! One upload of trusted client CA certificates.

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::certificate::{Certificate, EMPTY_NAME};
use crate::policy::FieldHasher;
use crate::{deepest, key_strength, name, signature};

/// One validated upload of CA certificates.
///
/// There are two kinds. [`from_der`](Self::from_der) has the rules of Azure's "trusted client CA certificate chain": exactly
/// one self-signed root CA, and any number of intermediate CAs. [`partial`](Self::partial) takes intermediate CAs without
/// their root, and is of use only to a policy with [`partial_chains`](crate::Policy::partial_chains): to any other it
/// adds no trust anchor. Since an upload is made before anybody knows which profiles refer to it, whoever takes one tries
/// the first, on [`RootCount`](TrustBundleError::RootCount) of 0 the second, and refuses a profile that refers to a
/// bundle without [root](Self::root) and has no partial chains.
///
/// Whether the certificates are valid *now* is not looked at here: that is decided at each handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustBundle {
    name: String,
    certificates: Vec<CertificateDer<'static>>,
    /// Index into `certificates`.
    root: Option<usize>,
    issuer: PinnedIssuer,
    issuer_display: String,
}

/// The issuer that `verifyClientCertIssuerDN` demands: its name *and* its key, since anyone can make a CA of the same
/// name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedIssuer {
    /// Subject: a DER `Name` with its header.
    pub subject: Vec<u8>,
    /// `SubjectPublicKeyInfo` in DER with its header.
    pub spki: Vec<u8>,
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
    /// Not exactly one self-signed CA certificate; in a partial bundle: one at all.
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
        let cas = checked_cas(certificates)?;
        let roots = roots(&cas);
        let &[root] = roots.as_slice() else {
            return Err(TrustBundleError::RootCount { found: roots.len() });
        };
        Self::of(name, &cas, Some(root))
    }

    /// Validates one upload of intermediate CAs without their root, certificates in file order.
    ///
    /// Every other rule is that of [`from_der`](Self::from_der). Beyond Azure, which demands a root in every upload.
    ///
    /// # Errors
    /// [`TrustBundleError::RootCount`]: there is a root after all.
    pub fn partial(
        name: &str,
        certificates: &[CertificateDer<'_>],
    ) -> Result<Self, TrustBundleError> {
        let cas = checked_cas(certificates)?;
        match roots(&cas).len() {
            0 => Self::of(name, &cas, None),
            found => Err(TrustBundleError::RootCount { found }),
        }
    }

    fn of(name: &str, cas: &[Ca<'_>], root: Option<usize>) -> Result<Self, TrustBundleError> {
        let parsed: Vec<_> = cas.iter().map(|ca| ca.certificate).collect();
        let tops = root.map_or_else(|| (0..cas.len()).collect(), |root| vec![root]);
        let deepest = deepest::find(&parsed, &tops).ok_or(TrustBundleError::TooComplex)?;
        Ok(Self {
            name: name.to_owned(),
            certificates: parsed.iter().map(|ca| ca.as_der().into_owned()).collect(),
            root,
            issuer: PinnedIssuer {
                subject: deepest.subject.to_vec(),
                spki: deepest.key.spki.to_vec(),
            },
            issuer_display: name::azure(deepest.subject),
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

    /// The name and key behind [`issuer_display`](Self::issuer_display).
    pub fn issuer(&self) -> &PinnedIssuer {
        &self.issuer
    }

    /// The root: the only trust anchor of the upload, unless the policy has partial chains. `None` in a partial bundle.
    pub fn root(&self) -> Option<&CertificateDer<'static>> {
        self.certificates.get(self.root?)
    }

    /// The CA certificates other than the root, in file order.
    pub fn intermediates(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        let root = self.root;
        self.certificates
            .iter()
            .enumerate()
            .filter(move |(index, _)| Some(*index) != root)
            .map(|(_, certificate)| certificate)
    }

    /// The CA certificates of the upload, in file order.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// SHA-256 over all that influences a verdict.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hasher = FieldHasher::new(b"portcullis trust bundle 2");
        for certificate in &self.certificates {
            hasher.field(certificate);
        }
        hasher.field(&[u8::from(self.root.is_some())]);
        hasher.number(self.root.unwrap_or_default());
        hasher.field(&self.issuer.subject);
        hasher.field(&self.issuer.spki);
        hasher.finish()
    }
}

/// Certificates in one upload. Azure's limit of 25 KB allows about 60.
const MAX_CERTIFICATES: usize = 100;

/// A CA certificate and its place in the upload.
struct Ca<'a> {
    index: usize,
    certificate: Certificate<'a>,
}

impl Ca<'_> {
    fn is_root(&self) -> bool {
        let certificate = &self.certificate;
        certificate.is_self_issued()
            && signature::is_signed_with(&certificate.signed, &certificate.key)
    }
}

/// The distinct CA certificates of an upload, each of which is fit to be part of a path.
fn checked_cas<'a>(
    certificates: &'a [CertificateDer<'_>],
) -> Result<Vec<Ca<'a>>, TrustBundleError> {
    let cas = parse_cas(certificates)?;
    cas.iter().try_for_each(check_ca)?;
    Ok(cas)
}

/// The places of the roots.
fn roots(cas: &[Ca<'_>]) -> Vec<usize> {
    (0..cas.len())
        .filter(|index| cas.get(*index).is_some_and(Ca::is_root))
        .collect()
}

/// The distinct CA certificates of an upload.
fn parse_cas<'a>(certificates: &'a [CertificateDer<'_>]) -> Result<Vec<Ca<'a>>, TrustBundleError> {
    if certificates.is_empty() {
        return Err(TrustBundleError::Empty);
    }
    if certificates.len() > MAX_CERTIFICATES {
        return Err(TrustBundleError::TooMany {
            found: certificates.len(),
            limit: MAX_CERTIFICATES,
        });
    }
    let mut cas: Vec<Ca<'a>> = Vec::new();
    for (index, der) in certificates.iter().enumerate() {
        let certificate =
            Certificate::parse(der).map_err(|_| TrustBundleError::NotACertificate { index })?;
        let repeated = cas.iter().any(|ca| ca.certificate.der == certificate.der);
        if certificate.is_ca() && !repeated {
            cas.push(Ca { index, certificate });
        }
    }
    if cas.is_empty() {
        return Err(TrustBundleError::NoCa);
    }
    Ok(cas)
}

/// Refuses a CA certificate that must not, or could never, be part of a path.
///
/// A trust anchor is no more than a name and a key to `webpki`: what its certificate says is checked here, and its
/// validity and path length at each decision.
fn check_ca(ca: &Ca<'_>) -> Result<(), TrustBundleError> {
    let certificate = &ca.certificate;
    let unusable = |defect| TrustBundleError::UnusableCa {
        index: ca.index,
        subject: certificate.subject_text(),
        defect,
    };
    match EndEntityCert::try_from(&certificate.as_der()) {
        Ok(_) => {}
        Err(webpki::Error::UnsupportedCriticalExtension) => {
            return Err(unusable(CaDefect::UnknownCriticalExtension));
        }
        Err(_) => return Err(TrustBundleError::NotACertificate { index: ca.index }),
    }
    if certificate.subject == EMPTY_NAME {
        return Err(unusable(CaDefect::EmptySubject));
    }
    if !certificate.may_sign_certificates() {
        return Err(unusable(CaDefect::NoKeyCertSign));
    }
    if !certificate.may_issue_clients() {
        return Err(unusable(CaDefect::NotForClientAuth));
    }
    if key_strength::check(&certificate.key).is_err() {
        return Err(unusable(CaDefect::WeakKey));
    }
    if !ca.is_root() && !signature::is_supported(&certificate.signed) {
        return Err(unusable(CaDefect::UnsupportedAlgorithm));
    }
    Ok(())
}
