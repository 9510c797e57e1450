//! Extensions of certificates, CRLs and OCSP messages (RFC 5280 section 4.1.2.9).

use crate::der_value::{BOOLEAN, OCTET_STRING, OID, Tlv, malformed};

/// One extension.
pub(crate) struct Extension<'a> {
    /// Contents of the OBJECT IDENTIFIER.
    pub(crate) id: &'a [u8],
    /// Whether it must not be passed over by whoever does not know it. Anything that is written but FALSE counts as TRUE.
    pub(crate) is_critical: bool,
    /// Contents of the OCTET STRING.
    pub(crate) value: &'a [u8],
}

impl<'a> Extension<'a> {
    pub(crate) fn parse(extension: Tlv<'a>) -> Result<Self, der::Error> {
        let mut fields = extension.values()?;
        let id = fields.expect(OID)?.value;
        let critical = fields.optional(BOOLEAN)?;
        let value = fields.expect(OCTET_STRING)?.value;
        fields.finish()?;
        Ok(Self {
            id,
            is_critical: critical.is_some_and(|critical| critical.value != [0]),
            value,
        })
    }
}

/// Keeps what an extension says; it may occur once (RFC 5280 section 4.2).
pub(crate) fn set_once<T>(slot: &mut Option<T>, value: T) -> Result<(), der::Error> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(malformed()),
    }
}
