//! What keys and signatures on a path must be.

use client_auth::{SignatureAlgorithm, Strength};
use proto::config::v1 as proto;

/// `None`: the worker's own minimum.
pub(super) fn lower(strength: &Strength) -> Option<proto::KeyStrength> {
    let accepts_all = strength.signature_algorithms.len() == SignatureAlgorithm::ALL.len();
    let named = strength.signature_algorithms.iter();
    (*strength != Strength::default()).then(|| proto::KeyStrength {
        min_rsa_bits: strength.min_rsa_bits.into(),
        min_ec_bits: strength.min_ec_bits.into(),
        signature_algorithms: named
            .filter(|_| !accepts_all)
            .map(|named| algorithm(*named).into())
            .collect(),
    })
}

fn algorithm(algorithm: SignatureAlgorithm) -> proto::SignatureAlgorithm {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => proto::SignatureAlgorithm::RsaPkcs1Sha256,
        SignatureAlgorithm::RsaPkcs1Sha384 => proto::SignatureAlgorithm::RsaPkcs1Sha384,
        SignatureAlgorithm::RsaPkcs1Sha512 => proto::SignatureAlgorithm::RsaPkcs1Sha512,
        SignatureAlgorithm::RsaPssSha256 => proto::SignatureAlgorithm::RsaPssSha256,
        SignatureAlgorithm::RsaPssSha384 => proto::SignatureAlgorithm::RsaPssSha384,
        SignatureAlgorithm::RsaPssSha512 => proto::SignatureAlgorithm::RsaPssSha512,
        SignatureAlgorithm::EcdsaSha256 => proto::SignatureAlgorithm::EcdsaSha256,
        SignatureAlgorithm::EcdsaSha384 => proto::SignatureAlgorithm::EcdsaSha384,
        SignatureAlgorithm::EcdsaSha512 => proto::SignatureAlgorithm::EcdsaSha512,
        SignatureAlgorithm::Ed25519 => proto::SignatureAlgorithm::Ed25519,
        SignatureAlgorithm::MlDsa44 => proto::SignatureAlgorithm::MlDsa44,
        SignatureAlgorithm::MlDsa65 => proto::SignatureAlgorithm::MlDsa65,
        SignatureAlgorithm::MlDsa87 => proto::SignatureAlgorithm::MlDsa87,
    }
}
