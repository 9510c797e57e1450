//! Which signatures on certificates are accepted, and verifying one.

use std::sync::LazyLock;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use rustls_pki_types::{SignatureVerificationAlgorithm, alg_id};
use webpki::aws_lc_rs as algorithms;

use crate::certificate::{PublicKey, Signed};
use crate::signature_cache::Remembered;
use crate::{SignatureAlgorithm, SignatureChecks, Strength};

/// A set of accepted algorithms.
pub(crate) type Algorithms<'a> = &'a [&'static dyn SignatureVerificationAlgorithm];

/// Why a signature is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureFault {
    /// The algorithm is not accepted at all.
    UnsupportedAlgorithm,
    /// It does not verify with this key.
    Invalid,
}

/// One accepted algorithm, for one type of key.
struct Accepted {
    name: SignatureAlgorithm,
    plain: &'static dyn SignatureVerificationAlgorithm,
    /// The same behind the memory of good signatures.
    remembered: &'static dyn SignatureVerificationAlgorithm,
}

/// Declares the accepted algorithms once plain and once behind the memory of good signatures.
macro_rules! accepted {
    ($($name:ident: $($algorithm:ident),+;)+) => {
        static ACCEPTED: &[Accepted] = &[$($(Accepted {
            name: SignatureAlgorithm::$name,
            plain: algorithms::$algorithm,
            remembered: &Remembered(algorithms::$algorithm),
        }),+),+];
    };
}

// The first ones are found fastest. RSA keys have 2048 to 8192 bits.
accepted!(
    EcdsaSha256: ECDSA_P256_SHA256;
    EcdsaSha384: ECDSA_P384_SHA384;
    RsaPkcs1Sha256: RSA_PKCS1_2048_8192_SHA256;
    RsaPkcs1Sha384: RSA_PKCS1_2048_8192_SHA384;
    RsaPkcs1Sha512: RSA_PKCS1_2048_8192_SHA512;
    Ed25519: ED25519;
    EcdsaSha256: ECDSA_P384_SHA256, ECDSA_P521_SHA256;
    EcdsaSha384: ECDSA_P256_SHA384, ECDSA_P521_SHA384;
    EcdsaSha512: ECDSA_P256_SHA512, ECDSA_P384_SHA512, ECDSA_P521_SHA512;
    RsaPssSha256: RSA_PSS_2048_8192_SHA256_LEGACY_KEY;
    RsaPssSha384: RSA_PSS_2048_8192_SHA384_LEGACY_KEY;
    RsaPssSha512: RSA_PSS_2048_8192_SHA512_LEGACY_KEY;
    MlDsa44: ML_DSA_44;
    MlDsa65: ML_DSA_65;
    MlDsa87: ML_DSA_87;
);

/// Every accepted algorithm, with or without the memory of good signatures.
pub(crate) fn algorithms(checks: SignatureChecks) -> Algorithms<'static> {
    static PLAIN: LazyLock<Vec<&dyn SignatureVerificationAlgorithm>> =
        LazyLock::new(|| allowed(SignatureChecks::Always, &Strength::default()));
    static REMEMBERED: LazyLock<Vec<&dyn SignatureVerificationAlgorithm>> =
        LazyLock::new(|| allowed(SignatureChecks::Remembered, &Strength::default()));
    match checks {
        SignatureChecks::Remembered => &REMEMBERED,
        SignatureChecks::Always => &PLAIN,
    }
}

/// The algorithms that `strength` allows, with or without the memory of good signatures.
pub(crate) fn allowed(
    checks: SignatureChecks,
    strength: &Strength,
) -> Vec<&'static dyn SignatureVerificationAlgorithm> {
    ACCEPTED
        .iter()
        .filter(|accepted| strength.signature_algorithms.contains(&accepted.name))
        .map(|accepted| match checks {
            SignatureChecks::Remembered => accepted.remembered,
            SignatureChecks::Always => accepted.plain,
        })
        .collect()
}

/// Whether any key could verify the signature here.
pub(crate) fn is_supported(signed: &Signed<'_>) -> bool {
    is_allowed(signed, &Strength::default())
}

/// Whether `strength` allows the algorithm of a signature, whoever made it.
pub(crate) fn is_allowed(signed: &Signed<'_>, strength: &Strength) -> bool {
    ACCEPTED
        .iter()
        .filter(|accepted| accepted.plain.signature_alg_id().as_ref() == signed.algorithm)
        .any(|accepted| strength.signature_algorithms.contains(&accepted.name))
}

/// Verifies what `signed` says with `key`.
///
/// # Errors
/// [`SignatureFault::UnsupportedAlgorithm`] when no key could verify it here, else [`SignatureFault::Invalid`].
pub(crate) fn verify(
    signed: &Signed<'_>,
    key: &PublicKey<'_>,
    accepted: Algorithms<'_>,
) -> Result<(), SignatureFault> {
    let mut fault = SignatureFault::UnsupportedAlgorithm;
    for algorithm in accepted {
        if algorithm.signature_alg_id().as_ref() != signed.algorithm {
            continue;
        }
        fault = SignatureFault::Invalid;
        if algorithm.public_key_alg_id().as_ref() == key.algorithm {
            return algorithm
                .verify_signature(key.bits, signed.message, signed.signature)
                .map_err(|_| SignatureFault::Invalid);
        }
    }
    Err(fault)
}

/// Whether a certificate is signed with its own key.
///
/// Only this question accepts SHA-1 with RSA: many roots in use were made with it. The signature of a root gives no
/// security, since the root is trusted because somebody uploaded it (RFC 5280 section 6.2); it only tells a root from
/// an intermediate certificate.
pub(crate) fn is_signed_with(signed: &Signed<'_>, key: &PublicKey<'_>) -> bool {
    if signed.algorithm == SHA1_WITH_RSA {
        return key.algorithm == alg_id::RSA_ENCRYPTION.as_ref()
            && UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key.bits)
                .verify(signed.message, signed.signature)
                .is_ok();
    }
    verify(signed, key, algorithms(SignatureChecks::Always)).is_ok()
}

/// Contents of the `AlgorithmIdentifier` of `sha1WithRSAEncryption` (RFC 3279 section 2.2.1).
const SHA1_WITH_RSA: &[u8] = &[
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00,
];
