//! Puts the certificates of an upload in the order of a TLS handshake.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// What the order needs of a certificate.
struct Parsed<'a> {
    der: &'a CertificateDer<'static>,
    certificate: X509Certificate<'a>,
}

/// Why there is no chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChainError {
    /// This entry, counted from 0, is no X.509 certificate.
    NotACertificate(usize),
    /// No certificate has the wanted public key.
    NoLeaf,
}

/// The certificate with this public key (the content of its `subjectPublicKey`) and its issuers one after the other, as
/// far as the upload goes. What is not on that path is left out.
pub(super) fn ordered(
    certificates: &[CertificateDer<'static>],
    public_key: &[u8],
) -> Result<Vec<CertificateDer<'static>>, ChainError> {
    let mut left = certificates
        .iter()
        .enumerate()
        .map(parsed)
        .collect::<Result<Vec<_>, _>>()?;
    let leaf =
        |entry: &Parsed<'_>| entry.certificate.public_key().subject_public_key.data == public_key;
    let mut next = left.iter().position(leaf);
    let mut chain = Vec::new();
    while let Some(at) = next {
        let current = left.swap_remove(at);
        let issuer = current.certificate.issuer().as_raw();
        let self_issued = current.certificate.subject().as_raw() == issuer;
        let is_issuer = |entry: &Parsed<'_>| entry.certificate.subject().as_raw() == issuer;
        next = if self_issued {
            None
        } else {
            left.iter().position(is_issuer)
        };
        chain.push(current.der.clone());
    }
    if chain.is_empty() {
        Err(ChainError::NoLeaf)
    } else {
        Ok(chain)
    }
}

fn parsed<'a>(
    (index, der): (usize, &'a CertificateDer<'static>),
) -> Result<Parsed<'a>, ChainError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(Parsed { der, certificate }),
        _ => Err(ChainError::NotACertificate(index)),
    }
}
