//! `Client-Cert` and `Client-Cert-Chain` (RFC 9440).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client_auth::PathCertificate;

/// One certificate: a byte sequence (RFC 8941, 3.3.5). No byte of the certificate gets out of it.
pub(super) fn client_cert(der: &[u8]) -> Vec<u8> {
    format!(":{}:", STANDARD.encode(der)).into()
}

/// A list of byte sequences: the issuer of the client's certificate first, each followed by its own (RFC 9440, 2.3).
pub(super) fn client_cert_chain(issuers: &[PathCertificate]) -> Vec<u8> {
    let items = issuers.iter().map(|issuer| client_cert(&issuer.der));
    items.collect::<Vec<_>>().join(&b", "[..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn issuer(der: &[u8]) -> PathCertificate {
        PathCertificate {
            subject: String::new(),
            key_id: [0; 32].into(),
            sha256: [0; 32].into(),
            der: der.into(),
        }
    }

    #[test]
    fn certificates_are_byte_sequences() {
        assert_eq!(client_cert(b"leaf"), b":bGVhZg==:");
        assert_eq!(client_cert_chain(&[]), b"");
        let chain = client_cert_chain(&[issuer(b"one"), issuer(b"two")]);
        assert_eq!(chain, b":b25l:, :dHdv:");
    }

    proptest! {
        // T-64
        #[test]
        fn nothing_gets_out_of_a_byte_sequence(der in prop::collection::vec(any::<u8>(), 0..200)) {
            let value = String::from_utf8(client_cert(&der)).unwrap();
            let inside = value.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')).unwrap();
            prop_assert!(inside.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
            prop_assert_eq!(STANDARD.decode(inside).unwrap(), der);
        }
    }
}
