//! Reading a response (RFC 6960 section 4.2.1). Nothing that is read here has been verified.

use rustls_pki_types::UnixTime;

use super::{OcspError, OcspStatus, ResponderError, extensions};
use crate::certificate::{Certificate, Signed};
use crate::der_value::{
    ENUMERATED, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, SEQUENCE, Tlv, Values,
};
use crate::{RevocationCause, RevocationEntry, Sha1Fingerprint};

/// `id-pkix-ocsp-basic`.
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

const EXPLICIT_0: u8 = 0xa0;
const EXPLICIT_1: u8 = 0xa1;
const EXPLICIT_2: u8 = 0xa2;
const GOOD: u8 = 0x80;
const REVOKED: u8 = 0xa1;
const UNKNOWN: u8 = 0x82;

/// A `BasicOCSPResponse`.
pub(super) struct BasicResponse<'a> {
    pub(super) signed: Signed<'a>,
    pub(super) responder: ResponderId<'a>,
    pub(super) produced_at: UnixTime,
    pub(super) singles: Vec<SingleResponse<'a>>,
    pub(super) nonce: Option<&'a [u8]>,
    /// Certificates that may help to verify the signature.
    pub(super) certificates: Vec<&'a [u8]>,
}

/// Who says that it signed.
pub(super) enum ResponderId<'a> {
    /// DER `Name` with its header.
    Name(&'a [u8]),
    /// SHA-1 of the public key's bits.
    Key(&'a [u8]),
}

/// A `SingleResponse`.
pub(super) struct SingleResponse<'a> {
    pub(super) cert_id: Tlv<'a>,
    pub(super) status: OcspStatus,
    pub(super) this_update: UnixTime,
    pub(super) next_update: Option<UnixTime>,
}

/// Takes the `BasicOCSPResponse` out of a successful response.
pub(super) fn read(response: &[u8]) -> Result<BasicResponse<'_>, OcspError> {
    let mut outer = Values::only(response, SEQUENCE)?.values()?;
    check_status(outer.expect(ENUMERATED)?.value)?;
    let mut bytes = Values::only(outer.expect(EXPLICIT_0)?.value, SEQUENCE)?.values()?;
    outer.finish()?;
    if bytes.expect(OID)?.value != BASIC {
        return Err(OcspError::UnknownType);
    }
    let basic = bytes.expect(OCTET_STRING)?.value;
    bytes.finish()?;
    BasicResponse::parse(basic)
}

fn check_status(status: &[u8]) -> Result<(), OcspError> {
    Err(OcspError::Responder(match status {
        [0] => return Ok(()),
        [1] => ResponderError::MalformedRequest,
        [2] => ResponderError::InternalError,
        [3] => ResponderError::TryLater,
        [5] => ResponderError::SigRequired,
        [6] => ResponderError::Unauthorized,
        _ => return Err(OcspError::Malformed),
    }))
}

impl<'a> BasicResponse<'a> {
    fn parse(basic: &'a [u8]) -> Result<Self, OcspError> {
        let mut fields = Values::only(basic, SEQUENCE)?.values()?;
        let (tbs, signed) = Signed::parse(&mut fields)?;
        let certificates = match fields.optional(EXPLICIT_0)? {
            Some(explicit) => certificates(explicit.value)?,
            None => Vec::new(),
        };
        fields.finish()?;

        let mut data = tbs.values()?;
        if let Some(version) = data.optional(EXPLICIT_0)? {
            check_version(version.value)?;
        }
        let responder = ResponderId::parse(&mut data)?;
        let produced_at = data.expect(GENERALIZED_TIME)?.time()?;
        let singles = singles(data.expect(SEQUENCE)?)?;
        let nonce = match data.optional(EXPLICIT_1)? {
            Some(explicit) => extensions::nonce(explicit.value)?,
            None => None,
        };
        data.finish()?;
        Ok(Self {
            signed,
            responder,
            produced_at,
            singles,
            nonce,
            certificates,
        })
    }
}

/// Version 1, which is 0, is the only one. Some responders write it although it is the default.
fn check_version(explicit: &[u8]) -> Result<(), OcspError> {
    match Values::only(explicit, INTEGER)?.value {
        [0] => Ok(()),
        _ => Err(OcspError::Malformed),
    }
}

fn certificates(explicit: &[u8]) -> Result<Vec<&[u8]>, OcspError> {
    let mut found = Vec::new();
    let mut certificates = Values::only(explicit, SEQUENCE)?.values()?;
    while let Some(certificate) = certificates.optional(SEQUENCE)? {
        found.push(certificate.raw);
    }
    certificates.finish()?;
    Ok(found)
}

impl<'a> ResponderId<'a> {
    fn parse(data: &mut Values<'a>) -> Result<Self, OcspError> {
        if let Some(name) = data.optional(EXPLICIT_1)? {
            return Ok(Self::Name(Values::only(name.value, SEQUENCE)?.raw));
        }
        let key = data.expect(EXPLICIT_2)?;
        Ok(Self::Key(Values::only(key.value, OCTET_STRING)?.value))
    }

    /// Whether the owner of `certificate` is meant.
    pub(super) fn is(&self, certificate: &Certificate<'_>) -> bool {
        match self {
            Self::Name(name) => *name == certificate.subject,
            Self::Key(hash) => {
                Sha1Fingerprint::of(certificate.key.bits)
                    .as_bytes()
                    .as_slice()
                    == *hash
            }
        }
    }
}

fn singles(sequence: Tlv<'_>) -> Result<Vec<SingleResponse<'_>>, OcspError> {
    let mut found = Vec::new();
    let mut singles = sequence.values()?;
    while let Some(single) = singles.optional(SEQUENCE)? {
        found.push(SingleResponse::parse(single)?);
    }
    singles.finish()?;
    Ok(found)
}

impl<'a> SingleResponse<'a> {
    fn parse(single: Tlv<'a>) -> Result<Self, OcspError> {
        let mut fields = single.values()?;
        let cert_id = fields.expect(SEQUENCE)?;
        let status = status(fields.next()?.ok_or(OcspError::Malformed)?)?;
        let this_update = fields.expect(GENERALIZED_TIME)?.time()?;
        let next_update = match fields.optional(EXPLICIT_0)? {
            Some(explicit) => Some(Values::only(explicit.value, GENERALIZED_TIME)?.time()?),
            None => None,
        };
        if let Some(explicit) = fields.optional(EXPLICIT_1)? {
            extensions::nonce(explicit.value)?;
        }
        fields.finish()?;
        Ok(Self {
            cert_id,
            status,
            this_update,
            next_update,
        })
    }
}

fn status(choice: Tlv<'_>) -> Result<OcspStatus, OcspError> {
    match (choice.tag, choice.value) {
        (GOOD, []) => Ok(OcspStatus::Good),
        (UNKNOWN, []) => Ok(OcspStatus::Unknown),
        (REVOKED, _) => Ok(OcspStatus::Revoked(revoked(choice)?)),
        _ => Err(OcspError::Malformed),
    }
}

/// `RevokedInfo`.
fn revoked(implicit: Tlv<'_>) -> Result<RevocationEntry, OcspError> {
    let mut fields = implicit.values()?;
    let at = fields.expect(GENERALIZED_TIME)?.time()?;
    let cause = match fields.optional(EXPLICIT_0)? {
        Some(explicit) => RevocationCause::parse(explicit.value)?,
        None => None,
    };
    fields.finish()?;
    Ok(RevocationEntry { at, cause })
}
