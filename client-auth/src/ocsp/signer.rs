//! Who may sign a response (RFC 6960 section 4.2.2.2): the issuer itself, or whom the issuer delegates to.

use std::time::Duration;

use rustls_pki_types::UnixTime;
use webpki::EndEntityCert;

use super::response::BasicResponse;
use super::{OcspError, SignerDefect};
use crate::certificate::{Certificate, PublicKey, Signed};
use crate::signature::{self, SignatureFault};
use crate::{SignatureChecks, key_strength};

/// Certificates in a response that are looked at. There is one, as a rule.
const MAX_CERTIFICATES: usize = 8;

/// Longest life of a responder's certificate that is believed without `id-pkix-ocsp-nocheck`.
///
/// RFC 6960 section 4.2.2.2.1 leaves it to the client whether a responder's certificate has to be checked for
/// revocation. Here nobody could answer that: a responder's certificate either says that it is not to be checked, or it
/// lives so short that revoking it would hardly take effect sooner than its end.
const SHORT_LIFE: Duration = Duration::from_hours(7 * 24);

/// Checks that the response is signed, by one who may, with a key that `issuer` has or vouches for.
pub(super) fn check(
    response: &BasicResponse<'_>,
    issuer: &Certificate<'_>,
    now: UnixTime,
) -> Result<(), OcspError> {
    let mut fault = OcspError::UnknownSigner;
    if response.responder.is(issuer) {
        match verify(&response.signed, &issuer.key) {
            Ok(()) => return Ok(()),
            Err(error) => fault = error,
        }
    }
    for der in response.certificates.iter().take(MAX_CERTIFICATES) {
        let Ok(delegate) = Certificate::parse(der) else {
            continue;
        };
        // The issuer's own certificate adds nothing to its key.
        if !response.responder.is(&delegate) || delegate.key.spki == issuer.key.spki {
            continue;
        }
        let checked = check_delegate(&delegate, issuer, now)
            .map_err(OcspError::UnauthorizedSigner)
            .and_then(|()| verify(&response.signed, &delegate.key));
        match checked {
            Ok(()) => return Ok(()),
            Err(error) => fault = error,
        }
    }
    Err(fault)
}

fn verify(signed: &Signed<'_>, key: &PublicKey<'_>) -> Result<(), OcspError> {
    let algorithms = signature::algorithms(SignatureChecks::Always);
    signature::verify(signed, key, algorithms).map_err(|fault| match fault {
        SignatureFault::UnsupportedAlgorithm => OcspError::UnsupportedAlgorithm,
        SignatureFault::Invalid => OcspError::BadSignature,
    })
}

/// Checks that `issuer` itself, not a CA below or beside it, made `delegate` a responder.
fn check_delegate(
    delegate: &Certificate<'_>,
    issuer: &Certificate<'_>,
    now: UnixTime,
) -> Result<(), SignerDefect> {
    // Reads it once more, and knows the critical extensions.
    if EndEntityCert::try_from(&delegate.as_der()).is_err() {
        return Err(SignerDefect::Unreadable);
    }
    let extensions = &delegate.extensions;
    // `anyExtendedKeyUsage` is not enough: the section asks for this very purpose.
    if !extensions.purposes.is_some_and(|p| p.ocsp_signing) {
        return Err(SignerDefect::Purpose);
    }
    if extensions.key_usage.is_some_and(|u| !u.digital_signature) {
        return Err(SignerDefect::KeyUsage);
    }
    if now < delegate.not_before || now > delegate.not_after {
        return Err(SignerDefect::Validity);
    }
    if extensions.ocsp_no_check.is_none() && !is_short_lived(delegate) {
        return Err(SignerDefect::Revocable);
    }
    if key_strength::check(&delegate.key).is_err() {
        return Err(SignerDefect::WeakKey);
    }
    if delegate.issuer != issuer.subject || verify(&delegate.signed, &issuer.key).is_err() {
        return Err(SignerDefect::OtherIssuer);
    }
    Ok(())
}

fn is_short_lived(certificate: &Certificate<'_>) -> bool {
    let (start, end) = (certificate.not_before, certificate.not_after);
    end.as_secs().saturating_sub(start.as_secs()) <= SHORT_LIFE.as_secs()
}
