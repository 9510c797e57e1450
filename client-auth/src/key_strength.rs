//! Which public keys are accepted.

use rustls_pki_types::alg_id;

use crate::certificate::PublicKey;
use crate::der_value::{INTEGER, SEQUENCE, Values};

/// Smallest RSA modulus in bits.
const RSA_MIN_BITS: usize = 2048;
/// Largest RSA modulus in bits: what is larger costs the server more than it gives.
const RSA_MAX_BITS: usize = 8192;

/// Checks type and size of a key without any arithmetic on it.
///
/// Accepted are RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 and P-521, Ed25519, and ML-DSA.
///
/// # Errors
/// A sentence for the operator.
pub(crate) fn check(key: &PublicKey<'_>) -> Result<(), String> {
    if key.algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
        return check_rsa(key.bits);
    }
    let accepted = [
        alg_id::ECDSA_P256,
        alg_id::ECDSA_P384,
        alg_id::ECDSA_P521,
        alg_id::ED25519,
        alg_id::ML_DSA_44,
        alg_id::ML_DSA_65,
        alg_id::ML_DSA_87,
    ];
    if accepted.iter().any(|id| id.as_ref() == key.algorithm) {
        return Ok(());
    }
    Err("the public key is of a type that is not accepted".to_owned())
}

fn check_rsa(bits: &[u8]) -> Result<(), String> {
    let modulus = rsa_modulus(bits).map_err(|_| "the RSA public key is malformed".to_owned())?;
    let size = bit_length(modulus);
    if (RSA_MIN_BITS..=RSA_MAX_BITS).contains(&size) {
        return Ok(());
    }
    Err(format!(
        "the RSA public key has {size} bits, accepted are {RSA_MIN_BITS} to {RSA_MAX_BITS}"
    ))
}

/// The modulus of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_modulus(bits: &[u8]) -> Result<&[u8], der::Error> {
    let mut fields = Values::only(bits, SEQUENCE)?.values()?;
    Ok(fields.expect(INTEGER)?.value)
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
