//! Extensions of requests and responses (RFC 6960 section 4.4).

use super::OcspError;
use crate::der_value::{OCTET_STRING, OID, SEQUENCE, Values};
use crate::der_writer::encode;
use crate::extension::{Extension, set_once};

/// `id-pkix-ocsp-nonce`.
const NONCE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];

/// The `Extensions` of a request with this nonce (RFC 9654 section 2.1).
pub(super) fn with_nonce(nonce: &[u8]) -> Vec<u8> {
    let value = encode(OCTET_STRING, &[&encode(OCTET_STRING, &[nonce])]);
    let extension = encode(SEQUENCE, &[&encode(OID, &[NONCE]), &value]);
    encode(SEQUENCE, &[&extension])
}

/// The nonce among the `Extensions` in an explicit tag; others are passed over unless they are critical.
pub(super) fn nonce(explicit: &[u8]) -> Result<Option<&[u8]>, OcspError> {
    let mut nonce = None;
    let mut extensions = Values::only(explicit, SEQUENCE)?.values()?;
    while let Some(extension) = extensions.optional(SEQUENCE)? {
        let extension = Extension::parse(extension)?;
        if extension.id == NONCE {
            let value = Values::only(extension.value, OCTET_STRING)?.value;
            set_once(&mut nonce, value)?;
        } else if extension.is_critical {
            return Err(OcspError::UnknownCriticalExtension);
        }
    }
    extensions.finish()?;
    Ok(nonce)
}
