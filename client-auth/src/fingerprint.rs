//! Digests that identify certificates and keys.

use std::fmt;

use aws_lc_rs::digest;

/// SHA-256 of a certificate's DER bytes, or of a public key's.
pub type Sha256Fingerprint = Fingerprint<32>;

/// SHA-1 of a certificate's DER bytes: a name that Azure shows and users look up, never a proof.
pub type Sha1Fingerprint = Fingerprint<20>;

/// A digest of `N` bytes; displayed as lowercase hex without separators.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint<const N: usize>([u8; N]);

impl<const N: usize> Fingerprint<N> {
    /// The raw digest.
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl Sha256Fingerprint {
    /// Hashes `bytes` with SHA-256.
    pub fn of(bytes: &[u8]) -> Self {
        Self(truncated(digest::digest(&digest::SHA256, bytes).as_ref()))
    }
}

impl Sha1Fingerprint {
    /// Hashes `bytes` with SHA-1.
    pub fn of(bytes: &[u8]) -> Self {
        Self(truncated(
            digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref(),
        ))
    }
}

impl<const N: usize> From<[u8; N]> for Fingerprint<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}

impl<const N: usize> fmt::Display for Fingerprint<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Fingerprint<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The first `N` bytes of a digest, which has exactly as many.
pub(crate) fn truncated<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = *from;
    }
    bytes
}
