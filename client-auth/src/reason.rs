//! Why a client was refused.

use std::fmt;

/// A refusal: the reason for metrics and alerts, and the detail for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Refusal {
    /// The closed reason; a metric label.
    pub reason: Reason,
    /// Free text for the operator, with control characters escaped. Never for the client.
    pub detail: String,
}

impl Refusal {
    /// A refusal for `reason`, explained by `detail`.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

/// The closed set of reasons to refuse a client.
///
/// The order of the variants is the order of specificity: when several candidate paths fail for different reasons, the
/// last one of them is reported, whatever the order in which the client sent its certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The client sent no certificate although the profile demands one.
    NoCertificate,
    /// The profile has no trust anchor at all: everyone is refused.
    EmptyTrust,
    /// No path to an uploaded root exists: its issuer was neither uploaded nor sent, or nobody knows it.
    UnknownIssuer,
    /// The client's certificate is signed by itself and not by an uploaded root.
    SelfSigned,
    /// A certificate is not readable as X.509 version 3 in DER.
    Malformed,
    /// A certificate has a critical extension that this implementation does not know (RFC 5280 section 4.2).
    UnsupportedExtension,
    /// A certificate is signed with an algorithm that is not accepted (SHA-1, MD5, DSA, Ed448, ...).
    UnsupportedAlgorithm,
    /// A path exists but has more intermediate certificates than the policy allows.
    TooDeep,
    /// A public key is too small, too large or of a type that is not accepted.
    WeakKey,
    /// A certificate used as an issuer is not a CA (RFC 5280 section 6.1.4 (k)).
    NotACa,
    /// A CA's `pathLenConstraint` is exceeded (RFC 5280 section 4.2.1.9).
    PathLength,
    /// A name of a certificate is outside its CA's name constraints, or these cannot be evaluated
    /// (RFC 5280 section 4.2.1.10).
    NameConstraints,
    /// The key usage extension forbids the use: `keyCertSign` of a CA, `digitalSignature` of the client
    /// (RFC 5280 section 4.2.1.3).
    KeyUsage,
    /// The extended key usage of the client or of a CA above it does not allow client authentication
    /// (RFC 5280 section 4.2.1.12).
    NotForClientAuth,
    /// A signature does not verify with the key of the issuer of that name.
    BadSignature,
    /// A certificate of the path is not valid yet (RFC 5280 section 4.1.2.5).
    NotYetValid,
    /// A certificate of the path has expired (RFC 5280 section 4.1.2.5).
    Expired,
    /// The path is good, but its immediate issuer is not one that the profile pins (`verifyClientCertIssuerDN`).
    IssuerNotPinned,
    /// The path is good, but no identity rule of the profile allows the client.
    IdentityNotAllowed,
    /// The path is good, but an identity rule of the profile denies the client.
    IdentityDenied,
    /// The client presented a CA certificate as its own.
    CaAsClient,
    /// The client sent more certificates than the policy allows.
    TooManyCertificates,
    /// The client sent more bytes of certificates than the policy allows.
    ChainTooLarge,
    /// Finding a path would take more work than a handshake is worth.
    TooComplex,
    /// Nobody can tell whether a certificate of the path has been revoked, or nobody who may was reached.
    RevocationUnavailable,
    /// The OCSP responder does not know a certificate of the path (RFC 6960 section 2.2).
    RevocationUnknown,
    /// A certificate of the path has been revoked.
    Revoked,
}

/// The TLS alert that fits a reason (RFC 8446 section 6.2, RFC 5246 section 7.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alert {
    /// `certificate_required` (116); `handshake_failure` (40) before TLS 1.3.
    CertificateRequired,
    /// `bad_certificate` (42): corrupt, or a signature does not verify.
    BadCertificate,
    /// `unsupported_certificate` (43): of an unsupported type or for another purpose.
    UnsupportedCertificate,
    /// `certificate_revoked` (44): revoked by its signer.
    CertificateRevoked,
    /// `certificate_expired` (45): expired or not currently valid.
    CertificateExpired,
    /// `certificate_unknown` (46): some other issue made it unacceptable.
    CertificateUnknown,
    /// `unknown_ca` (48): no path to a trusted CA.
    UnknownCa,
    /// `access_denied` (49): valid, but policy says no.
    AccessDenied,
}

impl Reason {
    /// All reasons, in order of specificity.
    pub const ALL: [Self; 27] = [
        Self::NoCertificate,
        Self::EmptyTrust,
        Self::UnknownIssuer,
        Self::SelfSigned,
        Self::Malformed,
        Self::UnsupportedExtension,
        Self::UnsupportedAlgorithm,
        Self::TooDeep,
        Self::WeakKey,
        Self::NotACa,
        Self::PathLength,
        Self::NameConstraints,
        Self::KeyUsage,
        Self::NotForClientAuth,
        Self::BadSignature,
        Self::NotYetValid,
        Self::Expired,
        Self::IssuerNotPinned,
        Self::IdentityNotAllowed,
        Self::IdentityDenied,
        Self::CaAsClient,
        Self::TooManyCertificates,
        Self::ChainTooLarge,
        Self::TooComplex,
        Self::RevocationUnavailable,
        Self::RevocationUnknown,
        Self::Revoked,
    ];

    /// A stable name in lower case for logs and metric labels.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::EmptyTrust => "empty_trust",
            Self::UnknownIssuer => "unknown_issuer",
            Self::SelfSigned => "self_signed",
            Self::Malformed => "malformed",
            Self::UnsupportedExtension => "unsupported_extension",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::TooDeep => "too_deep",
            Self::WeakKey => "weak_key",
            Self::NotACa => "not_a_ca",
            Self::PathLength => "path_length",
            Self::NameConstraints => "name_constraints",
            Self::KeyUsage => "key_usage",
            Self::NotForClientAuth => "not_for_client_auth",
            Self::BadSignature => "bad_signature",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::IssuerNotPinned => "issuer_not_pinned",
            Self::IdentityNotAllowed => "identity_not_allowed",
            Self::IdentityDenied => "identity_denied",
            Self::CaAsClient => "ca_as_client",
            Self::TooManyCertificates => "too_many_certificates",
            Self::ChainTooLarge => "chain_too_large",
            Self::TooComplex => "too_complex",
            Self::RevocationUnavailable => "revocation_unavailable",
            Self::RevocationUnknown => "revocation_unknown",
            Self::Revoked => "revoked",
        }
    }

    /// What OpenSSL and nginx, and therefore Azure's `sslClientVerify` and `client_certificate_verification`, say for it.
    pub const fn openssl_text(self) -> &'static str {
        match self {
            Self::NoCertificate => "no certificate",
            Self::EmptyTrust | Self::UnknownIssuer => "unable to get local issuer certificate",
            Self::SelfSigned => "self-signed certificate",
            Self::Malformed => "certificate rejected",
            Self::UnsupportedExtension => "unhandled critical extension",
            Self::UnsupportedAlgorithm => "unsupported signature algorithm",
            Self::TooDeep | Self::TooManyCertificates | Self::ChainTooLarge | Self::TooComplex => {
                "certificate chain too long"
            }
            Self::WeakKey => "EE certificate key too weak",
            Self::NotACa => "invalid CA certificate",
            Self::PathLength => "path length constraint exceeded",
            Self::NameConstraints => "permitted subtree violation",
            Self::KeyUsage | Self::NotForClientAuth | Self::CaAsClient => {
                "unsupported certificate purpose"
            }
            Self::BadSignature => "certificate signature failure",
            Self::NotYetValid => "certificate is not yet valid",
            Self::Expired => "certificate has expired",
            Self::IssuerNotPinned => "unable to verify the client certificate issuer",
            Self::IdentityDenied | Self::IdentityNotAllowed => "application verification failure",
            Self::RevocationUnavailable => "certificate status request failed",
            Self::RevocationUnknown => "certificate status unknown",
            Self::Revoked => "certificate revoked",
        }
    }

    /// The alert that tells the client what kind of thing is wrong, and no more.
    pub const fn alert(self) -> Alert {
        match self {
            Self::NoCertificate => Alert::CertificateRequired,
            Self::EmptyTrust | Self::UnknownIssuer | Self::SelfSigned => Alert::UnknownCa,
            Self::Malformed
            | Self::UnsupportedExtension
            | Self::BadSignature
            | Self::TooDeep
            | Self::NotACa
            | Self::PathLength
            | Self::NameConstraints => Alert::BadCertificate,
            Self::UnsupportedAlgorithm
            | Self::WeakKey
            | Self::KeyUsage
            | Self::NotForClientAuth
            | Self::CaAsClient => Alert::UnsupportedCertificate,
            Self::NotYetValid | Self::Expired => Alert::CertificateExpired,
            Self::IssuerNotPinned | Self::IdentityNotAllowed | Self::IdentityDenied => {
                Alert::AccessDenied
            }
            Self::TooManyCertificates
            | Self::ChainTooLarge
            | Self::TooComplex
            | Self::RevocationUnavailable
            | Self::RevocationUnknown => Alert::CertificateUnknown,
            Self::Revoked => Alert::CertificateRevoked,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_reason_in_order_of_specificity() {
        assert!(Reason::ALL.is_sorted());
        let labels: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.label()).collect();
        assert_eq!(labels.len(), Reason::ALL.len());
    }

    #[test]
    fn an_expired_certificate_is_more_specific_than_an_unknown_issuer() {
        assert!(Reason::Expired > Reason::UnknownIssuer);
    }
}
