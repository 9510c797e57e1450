//! Why there is no answer.

/// Why a response is not believed. None of these ever means that a certificate is good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OcspError {
    /// The issuer in the question is not readable, or the question has no serial number.
    #[error("the question is not about a certificate and its issuer")]
    Question,
    /// The response is longer than [`MAX_RESPONSE`](super::MAX_RESPONSE).
    #[error("the response has {size} bytes, at most {limit} are read")]
    TooLarge {
        /// Its length in bytes.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The response is no `OCSPResponse` in DER.
    #[error("the response is malformed")]
    Malformed,
    /// The responder answered with an error status (RFC 6960 section 4.2.1).
    #[error("the responder answered {0}")]
    Responder(ResponderError),
    /// The response is of another type than `id-pkix-ocsp-basic`.
    #[error("the response is of an unknown type")]
    UnknownType,
    /// The response has a critical extension that nobody here knows (RFC 6960 section 4.4).
    #[error("the response has an unknown critical extension")]
    UnknownCriticalExtension,
    /// The response is signed with an algorithm that is not accepted, SHA-1 for example.
    #[error("the response is signed with an algorithm that is not accepted")]
    UnsupportedAlgorithm,
    /// The signature does not verify with the key of its responder.
    #[error("the signature of the response is not good")]
    BadSignature,
    /// The response names a responder that is not the issuer, and has no certificate of it.
    #[error("the responder is not the issuer and sent no certificate")]
    UnknownSigner,
    /// The responder's certificate does not let it answer for the issuer (RFC 6960 section 4.2.2.2).
    #[error("the responder may not answer for the issuer: {0}")]
    UnauthorizedSigner(SignerDefect),
    /// The nonce of the request is missing, or another one came back (RFC 9654 section 3).
    #[error("the response does not repeat the nonce of the request")]
    Nonce,
    /// The response is about other certificates.
    #[error("the response is not about the certificate")]
    OtherCertificate,
    /// The response is from the future.
    #[error("the response is not valid yet")]
    NotYetValid,
    /// The response has become too old.
    #[error("the response is too old")]
    Expired,
}

/// `OCSPResponseStatus` other than `successful` (RFC 6960 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ResponderError {
    /// `malformedRequest` (1).
    #[error("malformedRequest")]
    MalformedRequest,
    /// `internalError` (2).
    #[error("internalError")]
    InternalError,
    /// `tryLater` (3).
    #[error("tryLater")]
    TryLater,
    /// `sigRequired` (5).
    #[error("sigRequired")]
    SigRequired,
    /// `unauthorized` (6): the responder does not answer for this certificate (RFC 5019 section 2.2.3).
    #[error("unauthorized")]
    Unauthorized,
}

/// What is wrong with the certificate of a responder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignerDefect {
    /// It is not readable or has an unknown critical extension.
    #[error("its certificate is not readable or has an unknown critical extension")]
    Unreadable,
    /// It is not issued by the very CA that issued the certificate in question, with the same key.
    #[error("its certificate is not issued by the CA of the certificate in question")]
    OtherIssuer,
    /// Its extended key usage does not name `id-kp-OCSPSigning`.
    #[error("the extended key usage of its certificate does not name OCSPSigning")]
    Purpose,
    /// Its key usage does not allow digital signatures.
    #[error("the key usage of its certificate does not allow digital signatures")]
    KeyUsage,
    /// It has expired or is not valid yet.
    #[error("its certificate is not valid now")]
    Validity,
    /// Its key is too small, too large or of a type that is not accepted.
    #[error("its public key is not accepted")]
    WeakKey,
    /// It could have been revoked: it has no `id-pkix-ocsp-nocheck` and is not short-lived.
    #[error("its certificate has no ocsp-nocheck and lives longer than 7 days")]
    Revocable,
}

impl OcspError {
    /// A stable name in lower case for logs and metric labels.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed => "malformed",
            Self::Responder(error) => error.label(),
            Self::UnknownType => "unknown_type",
            Self::UnknownCriticalExtension => "unknown_critical_extension",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::BadSignature => "bad_signature",
            Self::UnknownSigner => "unknown_signer",
            Self::UnauthorizedSigner(_) => "unauthorized_signer",
            Self::Nonce => "nonce",
            Self::OtherCertificate => "other_certificate",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
        }
    }
}

impl ResponderError {
    /// A stable name in lower case for logs and metric labels.
    pub const fn label(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformed_request",
            Self::InternalError => "internal_error",
            Self::TryLater => "try_later",
            Self::SigRequired => "sig_required",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// Whatever the strict reader does not take is malformed.
impl From<der::Error> for OcspError {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}
