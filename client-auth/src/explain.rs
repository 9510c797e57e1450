//! Our words for what `webpki` finds wrong.

use rustls_pki_types::UnixTime;

use crate::certificate::Certificate;
use crate::issuers::Issuers;
use crate::leaf::check_validity;
use crate::{Reason, Refusal, name};

/// The refusal for an error of path building: its own words for those that say too little.
pub(crate) fn explain(
    error: &webpki::Error,
    leaf: &Certificate<'_>,
    issuers: &Issuers<'_>,
    now: UnixTime,
) -> Refusal {
    use webpki::Error;
    let reason = match error {
        Error::UnknownIssuer => return unknown_issuer(leaf),
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } | Error::InvalidCertValidity => {
            return outside_validity(issuers, now);
        }
        Error::InvalidSignatureForPublicKey
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            return Refusal::new(
                Reason::BadSignature,
                format!(
                    "the certificate names {} as its issuer, which did not sign it",
                    name::rfc2253(leaf.issuer)
                ),
            );
        }
        Error::UnsupportedSignatureAlgorithmContext(_) => {
            return Refusal::new(
                Reason::UnsupportedAlgorithm,
                "the client's certificate is signed with an algorithm that is not accepted",
            );
        }
        Error::NameConstraintViolation
        | Error::UnsupportedNameType
        | Error::MalformedNameConstraint
        | Error::MalformedDnsIdentifier
        | Error::InvalidNetworkMaskConstraint => Reason::NameConstraints,
        Error::PathLenConstraintViolated => Reason::PathLength,
        Error::MaximumPathDepthExceeded => Reason::TooDeep,
        Error::CaUsedAsEndEntity => Reason::CaAsClient,
        Error::EndEntityUsedAsCa => Reason::NotACa,
        Error::EmptyEkuExtension | Error::RequiredEkuNotFoundContext(_) => Reason::NotForClientAuth,
        Error::UnsupportedCriticalExtension => Reason::UnsupportedExtension,
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => Reason::TooComplex,
        // The enum is open. What is not known here is refused as a certificate that cannot be understood.
        _ => Reason::Malformed,
    };
    Refusal::new(
        reason,
        format!("no acceptable path to a trusted root: {error}"),
    )
}

fn unknown_issuer(leaf: &Certificate<'_>) -> Refusal {
    if leaf.is_self_issued() {
        return Refusal::new(
            Reason::SelfSigned,
            "the client's certificate is self-signed",
        );
    }
    Refusal::new(
        Reason::UnknownIssuer,
        format!(
            "no path leads from the issuer {} to a trusted root",
            name::rfc2253(leaf.issuer)
        ),
    )
}

/// The client's certificate is valid at `now`, so one of those between is not.
fn outside_validity(issuers: &Issuers<'_>, now: UnixTime) -> Refusal {
    let outside = |ca: &Certificate<'_>| {
        check_validity(ca, now, || format!("CA {}", ca.subject_text())).err()
    };
    issuers
        .vouched
        .iter()
        .filter_map(outside)
        .max_by_key(|refusal| refusal.reason)
        .unwrap_or_else(|| Refusal::new(Reason::Expired, "a CA certificate is not valid now"))
}
