//! PKCS#7, as far as `publicCertData` needs it.

use rustls_pki_types::CertificateDer;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, constructed.
const CONTEXT_0: u8 = 0xa0;
/// INTEGER 1.
const VERSION: [u8; 3] = [0x02, 0x01, 0x01];
/// OBJECT IDENTIFIER 1.2.840.113549.1.7.1.
const DATA: [u8; 11] = [
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01,
];
/// OBJECT IDENTIFIER 1.2.840.113549.1.7.2.
const SIGNED_DATA: [u8; 11] = [
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02,
];

/// A `SignedData` without content and signers, in DER: the usual way to carry certificates only (RFC 2315 section 9,
/// RFC 5652 section 5.1).
pub(crate) fn certificates_only(certificates: &[CertificateDer<'_>]) -> Vec<u8> {
    let empty_set = tlv(SET, &[]);
    let content = tlv(SEQUENCE, &DATA);
    let all: Vec<u8> = certificates
        .iter()
        .flat_map(|der| der.iter().copied())
        .collect();
    let certificates = tlv(CONTEXT_0, &all);
    let signed_data = tlv(
        SEQUENCE,
        &[
            &VERSION[..],
            &empty_set,
            &content,
            &certificates,
            &empty_set,
        ]
        .concat(),
    );
    tlv(
        SEQUENCE,
        &[&SIGNED_DATA[..], &tlv(CONTEXT_0, &signed_data)].concat(),
    )
}

/// Tag, length, value.
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let significant: Vec<u8> = length
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect();
    let mut out = vec![tag];
    match significant.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(value);
    out
}
