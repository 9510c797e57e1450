//! PKCS#12.

use p12_keystore::Pkcs12Archive;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

/// All certificates and all keys of a PFX file; `None` if it or the password is wrong.
///
/// Opens what OpenSSL and Windows write: PBES2 with AES, and PBES1 with triple DES or RC2. An absent password is the
/// empty one.
pub(super) fn open(
    bytes: &[u8],
    password: &str,
) -> Option<(
    Vec<CertificateDer<'static>>,
    Vec<Zeroizing<PrivateKeyDer<'static>>>,
)> {
    let archive = Pkcs12Archive::from_pkcs12(bytes, password).ok()?;
    let certificate =
        |bag: &p12_keystore::CertificateBag| CertificateDer::from(bag.cert.as_der().to_vec());
    let key = |bag: &p12_keystore::PrivateKeyBag| {
        let key = PrivatePkcs8KeyDer::from(bag.key.as_der().to_vec());
        Zeroizing::new(PrivateKeyDer::from(key))
    };
    Some((
        archive.certs.iter().map(certificate).collect(),
        archive.keys.iter().map(key).collect(),
    ))
}
