//! Certificate requests of workers (PKCS#10, RFC 2986).

use aws_lc_rs::digest;
use rcgen::{CertificateSigningRequestParams, SubjectPublicKeyInfo};
use rustls_pki_types::CertificateSigningRequestDer;
use x509_parser::{
    certification_request::X509CertificationRequest, prelude::FromDer, public_key::PublicKey, x509,
};

/// Longest request, in bytes.
pub const MAX_REQUEST: usize = 16 * 1024;

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const ED25519: &str = "1.3.101.112";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";

/// A public key that whoever sent the request has the private key of. All else that a request says is left out.
#[derive(Debug)]
pub struct CertificateRequest {
    key: SubjectPublicKeyInfo,
    key_sha256: [u8; 32],
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// No PKCS#10, too long, or with extensions that mean nothing here.
    #[error("the certificate request is no PKCS#10 in DER of at most {MAX_REQUEST} bytes")]
    Malformed,
    /// Not signed with the key that it is for.
    #[error("the certificate request is not signed with its own key")]
    Signature,
    /// Another kind of key.
    #[error(
        "the key of a certificate request is ECDSA P-256 or P-384, Ed25519, or RSA of 2048 to 8192 bits"
    )]
    Key,
}

impl CertificateRequest {
    /// Checks form, kind of key, and signature.
    ///
    /// # Errors
    /// [`InvalidRequest`].
    pub fn parse(der: &[u8]) -> Result<Self, InvalidRequest> {
        if der.len() > MAX_REQUEST {
            return Err(InvalidRequest::Malformed);
        }
        let (rest, request) =
            X509CertificationRequest::from_der(der).map_err(|_| InvalidRequest::Malformed)?;
        if !rest.is_empty() {
            return Err(InvalidRequest::Malformed);
        }
        let spki = &request.certification_request_info.subject_pki;
        if !is_strong(spki) {
            return Err(InvalidRequest::Key);
        }
        match CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(der)) {
            Ok(_) => {}
            Err(rcgen::Error::InvalidCertificationRequestSignature) => {
                return Err(InvalidRequest::Signature);
            }
            Err(_) => return Err(InvalidRequest::Malformed),
        }
        let key = SubjectPublicKeyInfo::from_der(spki.raw).map_err(|_| InvalidRequest::Key)?;
        let mut key_sha256 = [0; 32];
        key_sha256.copy_from_slice(digest::digest(&digest::SHA256, spki.raw).as_ref());
        Ok(Self { key, key_sha256 })
    }

    /// The key to certify.
    pub fn key(&self) -> &SubjectPublicKeyInfo {
        &self.key
    }

    /// SHA-256 of the key, as `SubjectPublicKeyInfo`.
    pub fn key_sha256(&self) -> [u8; 32] {
        self.key_sha256
    }
}

fn is_strong(spki: &x509::SubjectPublicKeyInfo<'_>) -> bool {
    let parameters = spki.algorithm.parameters.as_ref();
    match spki.algorithm.algorithm.to_id_string().as_str() {
        ED25519 => true,
        EC => {
            let curve = parameters.and_then(|curve| curve.as_oid().ok());
            curve.is_some_and(|curve| [P256, P384].contains(&curve.to_id_string().as_str()))
        }
        RSA => match spki.parsed() {
            Ok(PublicKey::RSA(key)) => RSA_BITS.contains(&bits(key.modulus)),
            _ => false,
        },
        _ => false,
    }
}

/// Of a big-endian number.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let significant = number.get(zeros..).unwrap_or_default();
    let unused = significant.first().map_or(0, |first| first.leading_zeros());
    (significant.len() * 8).saturating_sub(unused as usize)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PublicKeyData, SignatureAlgorithm};

    use super::*;

    fn request(algorithm: &'static SignatureAlgorithm) -> (KeyPair, Vec<u8>) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let params = CertificateParams::new(vec!["anything.example".to_owned()]).unwrap();
        let der = params.serialize_request(&key).unwrap().der().to_vec();
        (key, der)
    }

    #[test]
    fn strong_keys_are_certified() {
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
            &rcgen::PKCS_RSA_SHA256,
        ] {
            let (key, der) = request(algorithm);
            let parsed = CertificateRequest::parse(&der).unwrap();
            assert_eq!(
                parsed.key().subject_public_key_info(),
                key.subject_public_key_info()
            );
        }
    }

    #[test]
    fn other_keys_are_not() {
        let (_, der) = request(&rcgen::PKCS_ECDSA_P521_SHA512);
        let refused = CertificateRequest::parse(&der).unwrap_err();
        assert_eq!(refused, InvalidRequest::Key);
    }

    #[test]
    fn a_request_for_the_key_of_somebody_else_is_refused() {
        let (mine, yours) = (
            request(&rcgen::PKCS_ECDSA_P256_SHA256),
            request(&rcgen::PKCS_ECDSA_P256_SHA256),
        );
        let (my_key, your_key) = (mine.0.public_key_raw(), yours.0.public_key_raw());
        let at = mine.1.windows(my_key.len()).position(|part| part == my_key);
        let at = at.unwrap();
        let mut forged = mine.1.clone();
        forged[at..at + your_key.len()].copy_from_slice(your_key);
        let refused = CertificateRequest::parse(&forged).unwrap_err();
        assert_eq!(refused, InvalidRequest::Signature);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let (_, der) = request(&rcgen::PKCS_ECDSA_P256_SHA256);
        let longer = [der.as_slice(), &[0]].concat();
        for bytes in [
            &b""[..],
            b"nothing",
            &der[..der.len() - 1],
            &longer,
            &vec![0x30; MAX_REQUEST + 1],
        ] {
            let refused = CertificateRequest::parse(bytes).unwrap_err();
            assert_eq!(refused, InvalidRequest::Malformed);
        }
    }

    #[test]
    fn bits_are_counted_from_the_first_one() {
        for (number, expected) in [(&[][..], 0), (&[0, 0], 0), (&[1], 1), (&[0, 0x80, 0], 16)] {
            assert_eq!(bits(number), expected, "{number:?}");
        }
    }
}
