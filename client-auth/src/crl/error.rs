//! Why a list is of no use.

/// Why a list is not used. Without it there is no answer, unless another list has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// It is longer than [`MAX_CRL`](super::MAX_CRL).
    #[error("the CRL has {size} bytes, at most {limit} are read")]
    TooLarge {
        /// Its length in bytes.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// It has more than [`MAX_ENTRIES`](super::MAX_ENTRIES) entries.
    #[error("the CRL has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// It is no `CertificateList` in DER.
    #[error("the CRL is malformed")]
    Malformed,
    /// It does not tell when the next one comes, which RFC 5280 section 5.1.2.5 demands: it would count for ever.
    #[error("the CRL has no nextUpdate")]
    NoNextUpdate,
    /// It holds only what changed since another list (RFC 5280 section 5.2.4).
    #[error("the CRL is a delta CRL")]
    Delta,
    /// It holds entries of several issuers (RFC 5280 section 5.2.5).
    #[error("the CRL is indirect")]
    Indirect,
    /// It or an entry has a critical extension that nobody here knows (RFC 5280 sections 5.2 and 5.3).
    #[error("the CRL has an unknown critical extension")]
    UnknownCriticalExtension,
    /// The certificate to verify it with is not readable.
    #[error("the certificate of the issuer is not readable")]
    Issuer,
    /// It names another issuer.
    #[error("the CRL is of another issuer")]
    OtherIssuer,
    /// The issuer has a key usage extension without `cRLSign` (RFC 5280 section 4.2.1.3).
    #[error("the key usage of the issuer does not allow signing CRLs")]
    NoCrlSign,
    /// The issuer's key is too small, too large or of a type that is not accepted.
    #[error("the public key of the issuer is not accepted")]
    WeakKey,
    /// It is signed with an algorithm that is not accepted, SHA-1 for example.
    #[error("the CRL is signed with an algorithm that is not accepted")]
    UnsupportedAlgorithm,
    /// The signature does not verify with the issuer's key.
    #[error("the signature of the CRL is not good")]
    BadSignature,
}

impl CrlError {
    /// A stable name in lower case for logs and metric labels.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::TooManyEntries { .. } => "too_many_entries",
            Self::Malformed => "malformed",
            Self::NoNextUpdate => "no_next_update",
            Self::Delta => "delta",
            Self::Indirect => "indirect",
            Self::UnknownCriticalExtension => "unknown_critical_extension",
            Self::Issuer => "issuer",
            Self::OtherIssuer => "other_issuer",
            Self::NoCrlSign => "no_crl_sign",
            Self::WeakKey => "weak_key",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::BadSignature => "bad_signature",
        }
    }
}

/// Whatever the strict reader does not take is malformed.
impl From<der::Error> for CrlError {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}
