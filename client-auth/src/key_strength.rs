//! Which public keys are accepted.

use std::collections::BTreeSet;

use rustls_pki_types::{AlgorithmIdentifier, alg_id};

use crate::Strength;
use crate::certificate::PublicKey;
use crate::der_value::{INTEGER, SEQUENCE, Values};

/// Smallest RSA modulus in bits.
const RSA_MIN_BITS: usize = 2048;
/// Largest RSA modulus in bits: what is larger costs the server more than it gives.
const RSA_MAX_BITS: usize = 8192;

/// Checks that a key is of a type and size that is accepted at all.
///
/// # Errors
/// A sentence for the operator.
pub(crate) fn check(key: &PublicKey<'_>) -> Result<(), String> {
    let least = Strength {
        min_rsa_bits: 0,
        min_ec_bits: 0,
        signature_algorithms: BTreeSet::new(),
    };
    check_demanded(key, &least)
}

/// Checks type and size of a key without any arithmetic on it.
///
/// Accepted are RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 and P-521, Ed25519, and ML-DSA; of these what `strength`
/// demands.
///
/// # Errors
/// A sentence for the operator.
pub(crate) fn check_demanded(key: &PublicKey<'_>, strength: &Strength) -> Result<(), String> {
    if key.algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
        return check_rsa(key.bits, strength.min_rsa_bits.into());
    }
    let is = |id: &AlgorithmIdentifier| id.as_ref() == key.algorithm;
    if let Some((_, bits)) = CURVES.iter().find(|(id, _)| is(id)) {
        return check_curve(*bits, strength.min_ec_bits);
    }
    if LATTICES.iter().any(is) {
        return Ok(());
    }
    Err("the public key is of a type that is not accepted".to_owned())
}

/// Elliptic curves and their sizes in bits. Ed25519, a curve over 255 bits, is as strong as P-256.
const CURVES: &[(AlgorithmIdentifier, u16)] = &[
    (alg_id::ECDSA_P256, 256),
    (alg_id::ECDSA_P384, 384),
    (alg_id::ECDSA_P521, 521),
    (alg_id::ED25519, 256),
];

/// ML-DSA. The weakest parameter set is as strong as SHA-256 against collisions (FIPS 204 section 4).
const LATTICES: &[AlgorithmIdentifier] = &[alg_id::ML_DSA_44, alg_id::ML_DSA_65, alg_id::ML_DSA_87];

fn check_rsa(bits: &[u8], min_bits: usize) -> Result<(), String> {
    let (modulus, exponent) =
        rsa_numbers(bits).map_err(|_| "the RSA public key is malformed".to_owned())?;
    if !is_usable_exponent(exponent) {
        return Err("the exponent of the RSA public key is even, or 1".to_owned());
    }
    let size = bit_length(modulus);
    let min_bits = min_bits.max(RSA_MIN_BITS);
    if (min_bits..=RSA_MAX_BITS).contains(&size) {
        return Ok(());
    }
    Err(format!(
        "the RSA public key has {size} bits, accepted are {min_bits} to {RSA_MAX_BITS}"
    ))
}

fn check_curve(bits: u16, min_bits: u16) -> Result<(), String> {
    if bits >= min_bits {
        return Ok(());
    }
    Err(format!(
        "the public key is on a curve of {bits} bits, at least {min_bits} are demanded"
    ))
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_numbers(bits: &[u8]) -> Result<(&[u8], &[u8]), der::Error> {
    let mut fields = Values::only(bits, SEQUENCE)?.values()?;
    let numbers = (fields.expect(INTEGER)?.value, fields.expect(INTEGER)?.value);
    fields.finish()?;
    Ok(numbers)
}

/// An exponent of 1 signs anything; an even one is none (RFC 8017 section 3.1).
fn is_usable_exponent(exponent: &[u8]) -> bool {
    let is_odd = exponent.last().is_some_and(|last| last & 1 == 1);
    is_odd && bit_length(exponent) > 1
}

fn bit_length(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    match number.get(zeros) {
        Some(first) => (number.len() - zeros) * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_length_ignores_the_sign_octet() {
        assert_eq!(bit_length(&[0, 0x80, 0]), 16);
        assert_eq!(bit_length(&[0x01, 0xff]), 9);
        assert_eq!(bit_length(&[0, 0]), 0);
        assert_eq!(bit_length(&[]), 0);
    }
}
