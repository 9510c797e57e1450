//! What keys and signatures on a path must be.

use std::collections::BTreeSet;

use crate::policy::FieldHasher;

/// What keys and signatures on a path must be, beyond what is accepted at all.
///
/// Sizes are demanded of every key of a path: the client's, those of intermediates, and the anchor's. Algorithms are
/// demanded of every signature that is verified, which leaves out the anchor's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strength {
    /// Bits of an RSA modulus. Less than 2048 is never accepted.
    pub min_rsa_bits: u16,
    /// Bits of an elliptic curve: 256, 384 or 521; Ed25519 counts as 256. ML-DSA keys have none.
    pub min_ec_bits: u16,
    /// Algorithms that certificates may be signed with. None: nobody gets in.
    pub signature_algorithms: BTreeSet<SignatureAlgorithm>,
}

/// How a certificate is signed: every algorithm that is accepted at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512,
    /// RSASSA-PSS with SHA-256.
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512.
    RsaPssSha512,
    /// ECDSA with SHA-256, on any accepted curve.
    EcdsaSha256,
    /// ECDSA with SHA-384, on any accepted curve.
    EcdsaSha384,
    /// ECDSA with SHA-512, on any accepted curve.
    EcdsaSha512,
    /// Ed25519.
    Ed25519,
    /// ML-DSA-44.
    MlDsa44,
    /// ML-DSA-65.
    MlDsa65,
    /// ML-DSA-87.
    MlDsa87,
}

impl SignatureAlgorithm {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// A stable name, as in the API: `RsaPkcs1Sha256`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::RsaPkcs1Sha256 => "RsaPkcs1Sha256",
            Self::RsaPkcs1Sha384 => "RsaPkcs1Sha384",
            Self::RsaPkcs1Sha512 => "RsaPkcs1Sha512",
            Self::RsaPssSha256 => "RsaPssSha256",
            Self::RsaPssSha384 => "RsaPssSha384",
            Self::RsaPssSha512 => "RsaPssSha512",
            Self::EcdsaSha256 => "EcdsaSha256",
            Self::EcdsaSha384 => "EcdsaSha384",
            Self::EcdsaSha512 => "EcdsaSha512",
            Self::Ed25519 => "Ed25519",
            Self::MlDsa44 => "MlDsa44",
            Self::MlDsa65 => "MlDsa65",
            Self::MlDsa87 => "MlDsa87",
        }
    }
}

impl Default for Strength {
    /// RSA of 2048 bits, curves of 256 bits, every algorithm.
    fn default() -> Self {
        Self {
            min_rsa_bits: 2048,
            min_ec_bits: 256,
            signature_algorithms: SignatureAlgorithm::ALL.into(),
        }
    }
}

impl Strength {
    pub(crate) fn hash_into(&self, hasher: &mut FieldHasher) {
        hasher.number(self.min_rsa_bits.into());
        hasher.number(self.min_ec_bits.into());
        hasher.number(self.signature_algorithms.len());
        for algorithm in &self.signature_algorithms {
            hasher.field(algorithm.label().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_algorithm_once() {
        let distinct: BTreeSet<_> = SignatureAlgorithm::ALL.iter().map(|a| a.label()).collect();
        assert_eq!(distinct.len(), SignatureAlgorithm::ALL.len());
        assert!(SignatureAlgorithm::ALL.is_sorted());
    }
}
