//! Reading the entries of a list (RFC 5280 section 5.3).

use super::CrlError;
use crate::der_value::{INTEGER, SEQUENCE, Tlv, malformed};
use crate::extension::Extension;
use crate::revocation::serial;
use crate::{RevocationCause, RevocationEntry};

const REASON: &[u8] = &[0x55, 0x1d, 0x15];
const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 0x18];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 0x1d];

/// One revoked certificate.
pub(super) struct Entry<'a> {
    /// Contents of the INTEGER, in its shortest form.
    pub(super) serial: &'a [u8],
    pub(super) revocation: RevocationEntry,
}

impl<'a> Entry<'a> {
    pub(super) fn parse(entry: Tlv<'a>) -> Result<Self, CrlError> {
        let mut fields = entry.values()?;
        let serial = serial::shortest(fields.expect(INTEGER)?.value);
        let at = fields.next()?.ok_or_else(malformed)?.time()?;
        let cause = match fields.optional(SEQUENCE)? {
            Some(extensions) => cause(extensions)?,
            None => None,
        };
        fields.finish()?;
        if serial.is_empty() {
            return Err(CrlError::Malformed);
        }
        Ok(Self {
            serial,
            revocation: RevocationEntry { at, cause },
        })
    }
}

/// The reason among the extensions of an entry.
fn cause(extensions: Tlv<'_>) -> Result<Option<RevocationCause>, CrlError> {
    let mut cause = None;
    let mut extensions = extensions.values()?;
    while let Some(extension) = extensions.optional(SEQUENCE)? {
        let extension = Extension::parse(extension)?;
        match extension.id {
            REASON => cause = RevocationCause::parse(extension.value)?,
            // The entry, and those behind it, are about another issuer's certificates.
            CERTIFICATE_ISSUER => return Err(CrlError::Indirect),
            INVALIDITY_DATE => {}
            _ if extension.is_critical => return Err(CrlError::UnknownCriticalExtension),
            _ => {}
        }
    }
    extensions.finish()?;
    Ok(cause)
}
