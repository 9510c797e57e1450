//! `CertID`: how OCSP names a certificate (RFC 6960 section 4.1.1).

use super::OcspError;
use crate::certificate::Certificate;
use crate::der_value::{INTEGER, OCTET_STRING, OID, SEQUENCE, Tlv};
use crate::der_writer::encode;
use crate::revocation::serial;
use crate::{RevocationQuestion, Sha1Fingerprint, Sha256Fingerprint};

const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const NULL: &[u8] = &[0x05, 0x00];

/// The certificate in question, in the forms in which OCSP may name it.
pub(super) struct Subject<'a> {
    sha1: IssuerHashes<20>,
    sha256: IssuerHashes<32>,
    serial: &'a [u8],
}

struct IssuerHashes<const N: usize> {
    name: [u8; N],
    key: [u8; N],
}

impl<'a> Subject<'a> {
    /// # Errors
    /// [`OcspError::Question`] when there is no serial number.
    pub(super) fn new(
        question: &'a RevocationQuestion,
        issuer: &Certificate<'_>,
    ) -> Result<Self, OcspError> {
        let serial = serial::shortest(&question.certificate.serial);
        if serial.is_empty() {
            return Err(OcspError::Question);
        }
        Ok(Self {
            sha1: IssuerHashes {
                name: *Sha1Fingerprint::of(issuer.subject).as_bytes(),
                key: *Sha1Fingerprint::of(issuer.key.bits).as_bytes(),
            },
            sha256: IssuerHashes {
                name: *Sha256Fingerprint::of(issuer.subject).as_bytes(),
                key: *Sha256Fingerprint::of(issuer.key.bits).as_bytes(),
            },
            serial,
        })
    }

    /// The `CertID` of a request. SHA-1, because many responders know no other; it only names the issuer, and an answer
    /// is believed by its signature.
    pub(super) fn cert_id(&self) -> Vec<u8> {
        let algorithm = encode(SEQUENCE, &[&encode(OID, &[SHA1]), NULL]);
        let name = encode(OCTET_STRING, &[&self.sha1.name]);
        let key = encode(OCTET_STRING, &[&self.sha1.key]);
        let serial = encode(INTEGER, &[self.serial]);
        encode(SEQUENCE, &[&algorithm, &name, &key, &serial])
    }

    /// Whether a `CertID` names this certificate: issuer name, issuer key and serial number, all of them.
    pub(super) fn is_named_by(&self, cert_id: Tlv<'_>) -> Result<bool, der::Error> {
        let mut fields = cert_id.values()?;
        let mut algorithm = fields.expect(SEQUENCE)?.values()?;
        let name = fields.expect(OCTET_STRING)?.value;
        let key = fields.expect(OCTET_STRING)?.value;
        let serial = serial::shortest(fields.expect(INTEGER)?.value);
        fields.finish()?;
        let issuer_matches = match algorithm.expect(OID)?.value {
            SHA1 => self.sha1.name == name && self.sha1.key == key,
            SHA256 => self.sha256.name == name && self.sha256.key == key,
            _ => false,
        };
        Ok(issuer_matches && self.serial == serial)
    }
}
