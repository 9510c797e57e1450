//! From the shared secret to the keys: TLS 1.2 (RFC 5246 section 5) and TLS 1.3 (RFC 8446 section 7.1), with SHA-256.

use aws_lc_rs::{digest, hmac};

use super::Version;
use super::bytes::sized;
use super::record::Direction;

/// SHA-256.
pub(super) fn hash(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

/// HMAC with SHA-256.
pub(super) fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// The pseudorandom function of TLS 1.2.
pub(super) fn prf(secret: &[u8], label: &str, seed: &[u8], length: usize) -> Vec<u8> {
    let seed = [label.as_bytes(), seed].concat();
    let (mut output, mut link) = (Vec::new(), seed.clone());
    while output.len() < length {
        link = hmac(secret, &link);
        output.extend(hmac(secret, &[&link[..], &seed].concat()));
    }
    output.truncate(length);
    output
}

/// HKDF-Expand-Label of TLS 1.3; one block of HKDF is as much as anything here needs.
pub(super) fn expand(secret: &[u8], label: &str, context: &[u8], length: u8) -> Vec<u8> {
    let label = sized(1, format!("tls13 {label}").as_bytes());
    let info = [&[0, length][..], &label, &sized(1, context), &[1]].concat();
    let mut block = hmac(secret, &info);
    block.truncate(usize::from(length));
    block
}

/// A secret of TLS 1.3 that depends on what was said so far.
pub(super) fn derive(secret: &[u8], label: &str, transcript: &[u8]) -> Vec<u8> {
    expand(secret, label, &hash(transcript), 32)
}

/// The handshake secret of TLS 1.3, without a pre-shared key.
pub(super) fn handshake_secret(shared: &[u8]) -> Vec<u8> {
    let early = hmac(&[0; 32], &[0; 32]);
    hmac(&derive(&early, "derived", b""), shared)
}

/// The master secret of TLS 1.3.
pub(super) fn master_secret(handshake: &[u8]) -> Vec<u8> {
    hmac(&derive(handshake, "derived", b""), &[0; 32])
}

/// The direction that a traffic secret of TLS 1.3 protects.
pub(super) fn direction(secret: &[u8]) -> Direction {
    let (key, iv) = (
        expand(secret, "key", b"", 16),
        expand(secret, "iv", b"", 12),
    );
    Direction::new(Version::V13, &key, &iv)
}
