//! Revocation lists as clients upload them: DER or PEM.

use base64::Engine;
use bytes::Bytes;
use client_auth::crl::MAX_CRL;
use rustls_pki_types::{CertificateRevocationListDer, pem::PemObject};

use super::upload::{self, LENIENT};

/// Why there is no list in an upload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RevocationListError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Larger than what is read.
    #[error("it is larger than {MAX_CRL} bytes")]
    TooLarge,
    /// Neither PEM nor base64.
    #[error("it is neither PEM nor base64")]
    NotBase64,
    /// PEM without a list, with several, or with something that cannot be read.
    #[error("its PEM does not hold exactly one readable X509 CRL")]
    NotOneList,
}

/// The DER of the list in a file, which may be PEM.
pub(crate) fn from_file(file: Bytes) -> Result<Bytes, RevocationListError> {
    let der = if is_pem(&file) {
        from_pem(&file)?
    } else {
        file
    };
    match der.len() {
        0 => Err(RevocationListError::Empty),
        length if length > MAX_CRL => Err(RevocationListError::TooLarge),
        _ => Ok(der),
    }
}

/// The DER of the list in `data`: a file in base64, or PEM as it is.
pub(crate) fn from_text(data: &str) -> Result<Bytes, RevocationListError> {
    let data = data.trim();
    if is_pem(data.as_bytes()) {
        return from_file(Bytes::copy_from_slice(data.as_bytes()));
    }
    // Perhaps in lines. A copy, where there are megabytes, only for those who need it.
    let in_lines = || {
        let mut digits = data.to_owned();
        digits.retain(|digit| !digit.is_ascii_whitespace());
        LENIENT.decode(digits)
    };
    let file = LENIENT.decode(data).or_else(|_| in_lines());
    from_file(Bytes::from(
        file.map_err(|_| RevocationListError::NotBase64)?,
    ))
}

/// A file is searched for PEM at its beginning only: in DER of megabytes, anything may stand somewhere.
fn is_pem(file: &[u8]) -> bool {
    let beginning = file.get(..MAX_PREAMBLE).unwrap_or(file);
    // DER begins with the tag of a SEQUENCE; `0` begins no PEM.
    file.first() != Some(&0x30) && upload::contains(beginning, b"-----BEGIN")
}

fn from_pem(file: &[u8]) -> Result<Bytes, RevocationListError> {
    let mut lists = CertificateRevocationListDer::pem_slice_iter(file);
    match (lists.next(), lists.next()) {
        (Some(Ok(list)), None) => Ok(Bytes::from(list.as_ref().to_vec())),
        _ => Err(RevocationListError::NotOneList),
    }
}

/// Of what may stand before the PEM, in bytes: openssl can write the list in words there.
const MAX_PREAMBLE: usize = 4096;

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    const DER: &[u8] = &[0x30, 3, 1, 2, 3];

    fn pem(label: &str) -> String {
        let body = BASE64_STANDARD.encode(DER);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    fn check(file: &[u8], expected: Result<&[u8], RevocationListError>) {
        let expected = expected.map(Bytes::copy_from_slice);
        assert_eq!(from_file(Bytes::copy_from_slice(file)), expected);
        let mut text = BASE64_STANDARD.encode(file);
        assert_eq!(from_text(&text), expected);
        text.insert(text.len() / 2, '\n');
        assert_eq!(from_text(&text), expected);
    }

    #[test]
    fn a_list_is_der_or_pem() {
        check(DER, Ok(DER));
        let pem = pem("X509 CRL");
        check(pem.as_bytes(), Ok(DER));
        check(format!("Certificate list:\n{pem}").as_bytes(), Ok(DER));
        assert_eq!(from_text(&pem), Ok(Bytes::from_static(DER)));
        check(
            pem.repeat(2).as_bytes(),
            Err(RevocationListError::NotOneList),
        );
        let other = self::pem("CERTIFICATE");
        check(other.as_bytes(), Err(RevocationListError::NotOneList));
        check(b"", Err(RevocationListError::Empty));
        assert_eq!(from_text("!"), Err(RevocationListError::NotBase64));
    }

    #[test]
    fn the_limit_is_that_of_the_reader() {
        let mut large = vec![0_u8; MAX_CRL + 1];
        large[0] = 0x30;
        assert_eq!(
            from_file(Bytes::from(large)),
            Err(RevocationListError::TooLarge)
        );
    }
}
