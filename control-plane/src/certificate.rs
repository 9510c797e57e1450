//! Certificates and keys as clients upload them: PFX, PEM and DER, plain or in base64.

mod chain;
mod pfx;
mod pkcs7;
mod private_key;
pub(crate) mod revocation_list;
mod server;
mod trusted;
mod upload;

pub(crate) use pkcs7::certificates_only;
pub(crate) use server::ServerCertificate;
pub(crate) use trusted::{Anchor, ClientCaError, backend_roots, bundle_in, client_ca};

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}
