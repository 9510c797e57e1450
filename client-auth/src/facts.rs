//! What a certificate says about its owner.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use crate::certificate::Certificate;
use crate::der_value::Values;
use crate::{Sha1Fingerprint, Sha256Fingerprint, name};

/// Facts of a client's certificate, in the forms that logs, server variables and headers use.
///
/// All strings are free of control characters. Nothing here says that the certificate was verified: see
/// [`ClientIdentity`](crate::ClientIdentity).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The certificate.
    pub der: Box<[u8]>,
    /// Subject in the form of RFC 2253 as OpenSSL writes it (`CN=device,O=Contoso,C=US`); plain ASCII.
    pub subject: String,
    /// Issuer, in the same form.
    pub issuer: String,
    /// Serial number: uppercase hex, an even number of digits, no separators (`02`).
    pub serial: String,
    /// SHA-256 of the certificate.
    pub sha256: Sha256Fingerprint,
    /// SHA-1 of the certificate (Azure's `client_certificate_fingerprint`).
    pub sha1: Sha1Fingerprint,
    /// SHA-256 of the `SubjectPublicKeyInfo`.
    pub key_id: Sha256Fingerprint,
    /// Start of the validity, inclusive.
    pub not_before: UnixTime,
    /// End of the validity, inclusive.
    pub not_after: UnixTime,
    /// The typed alternative names.
    pub alt_names: SubjectAltNames,
}

impl CertificateFacts {
    /// The facts of `der`; `None` when it cannot be read.
    pub fn of(der: &[u8]) -> Option<Arc<Self>> {
        let certificate = Certificate::parse(der).ok()?;
        Some(Arc::new(Self::new(&certificate)))
    }

    pub(crate) fn new(certificate: &Certificate<'_>) -> Self {
        Self {
            der: certificate.der.into(),
            subject: certificate.subject_text(),
            issuer: name::rfc2253(certificate.issuer),
            serial: serial(certificate.serial),
            sha256: certificate.sha256(),
            sha1: Sha1Fingerprint::of(certificate.der),
            key_id: certificate.key_id(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            alt_names: SubjectAltNames::parse(certificate.extensions.alt_names.unwrap_or_default()),
        }
    }
}

/// Subject alternative names by type (RFC 5280 section 4.2.1.6). Other types are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectAltNames {
    /// `dNSName`.
    pub dns: Vec<String>,
    /// `uniformResourceIdentifier`.
    pub uri: Vec<String>,
    /// `rfc822Name`.
    pub email: Vec<String>,
    /// `iPAddress`.
    pub ip: Vec<IpAddr>,
}

const RFC822_NAME: u8 = 0x81;
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;
const IP_ADDRESS: u8 = 0x87;

impl SubjectAltNames {
    /// Reads the contents of a `GeneralNames`, up to the first value that is not readable.
    fn parse(contents: &[u8]) -> Self {
        let mut names = Self::default();
        let Ok(mut values) = Values::of(contents) else {
            return names;
        };
        while let Ok(Some(value)) = values.next() {
            match value.tag {
                RFC822_NAME => names.email.push(name::visible(value.value)),
                DNS_NAME => names.dns.push(name::visible(value.value)),
                URI => names.uri.push(name::visible(value.value)),
                IP_ADDRESS => names.ip.extend(ip_address(value.value)),
                _ => {}
            }
        }
        names
    }
}

/// Four octets or sixteen (RFC 5280 section 4.2.1.6).
fn ip_address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(octets)
        .ok()
        .map(|octets| Ipv6Addr::from(octets).into())
}

/// Contents of an INTEGER as uppercase hex of whole octets; a minus sign before the magnitude of a negative one.
fn serial(integer: &[u8]) -> String {
    let negative = integer.first().is_some_and(|first| first & 0x80 != 0);
    let magnitude = if negative {
        negated(integer)
    } else {
        integer.to_vec()
    };
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    let kept = zeros.min(magnitude.len().saturating_sub(1));
    let digits = magnitude
        .iter()
        .skip(kept)
        .map(|byte| format!("{byte:02X}"));
    negative
        .then(|| "-".to_owned())
        .into_iter()
        .chain(digits)
        .collect()
}

/// Two's complement of a big-endian number.
fn negated(number: &[u8]) -> Vec<u8> {
    let mut carry = true;
    let mut negated: Vec<u8> = number
        .iter()
        .rev()
        .map(|byte| {
            let (sum, overflow) = (!byte).overflowing_add(u8::from(carry));
            carry = overflow;
            sum
        })
        .collect();
    negated.reverse();
    negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_is_uppercase_hex_of_whole_octets() {
        for (integer, expected) in [
            (&[0x02_u8][..], "02"),
            (&[0x00, 0xab, 0x0c], "AB0C"),
            (&[0x01, 0x00], "0100"),
            (&[0x00], "00"),
            (&[0xff], "-01"),
            (&[0x80, 0x00], "-8000"),
            (&[], ""),
        ] {
            assert_eq!(serial(integer), expected);
        }
    }

    #[test]
    fn alternative_names_keep_their_type_and_hide_control_characters() {
        let names = SubjectAltNames::parse(&[
            0x82, 4, b'a', 0, b'\n', b'b', 0x81, 3, b'c', b'@', b'd', 0x86, 2, b'u', b':', 0x87, 4,
            127, 0, 0, 1, 0x87, 3, 1, 2, 3, 0x82, 200,
        ]);
        assert_eq!(names.dns, ["a\\00\\0Ab"]);
        assert_eq!(names.email, ["c@d"]);
        assert_eq!(names.uri, ["u:"]);
        assert_eq!(names.ip, [IpAddr::from([127, 0, 0, 1])]);
    }
}
