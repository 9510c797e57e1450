//! Extensions that rcgen does not know.

use rcgen::CustomExtension;

/// `id-pe-authorityInfoAccess` (RFC 5280, 4.2.2.1).
const AUTHORITY_INFO_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
/// `id-pkix-ocsp-nocheck` (RFC 6960, 4.2.2.2.1).
const NO_CHECK: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
/// `id-ad-ocsp` in DER (RFC 5280, 4.2.2.1).
const OCSP: &[u8] = &[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];

const SEQUENCE: u8 = 0x30;
/// `[6] IMPLICIT IA5String`: a URI among general names.
const URI: u8 = 0x86;
const NULL: [u8; 2] = [0x05, 0x00];

/// Where to ask about the certificate's revocation.
pub(super) fn responder(url: &str) -> CustomExtension {
    let location = element(URI, url.as_bytes());
    let description = element(SEQUENCE, &[OCSP, &location].concat());
    let content = element(SEQUENCE, &description);
    CustomExtension::from_oid_content(AUTHORITY_INFO_ACCESS, content)
}

/// The revocation of the responder's certificate itself need not be checked.
pub(super) fn no_check() -> CustomExtension {
    CustomExtension::from_oid_content(NO_CHECK, NULL.to_vec())
}

/// One DER element of less than 128 bytes.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("short");
    assert!(length < 0x80, "an extension of a test is short");
    [&[tag, length], content].concat()
}
