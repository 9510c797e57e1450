//! Key sets of issuers.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::{NOW, claims, issuers, signer, signer::Signer, verify};
use crate::token::{Bearer, Refused, key_set::KeySet};

/// A token of `signer`, verified by these keys.
fn check(what: &str, signer: &Signer, keys: &[Value], expected: Result<(), Refused>) {
    let token = signer.token(&claims());
    let verified = verify(&issuers(keys), &token, NOW).map(drop);
    assert_eq!(verified, expected, "{what}");
}

fn with(key: &Value, name: &str, value: Value) -> Value {
    let mut changed = key.clone();
    changed[name] = value;
    changed
}

#[test]
fn keys_for_something_else_are_left_out() {
    let unknown = Err(Refused::UnknownKey);
    for signer in [Signer::ec("k"), Signer::rsa("k")] {
        let key = signer.jwk();
        let alg = signer.algorithm();
        check("as it is", &signer, std::slice::from_ref(&key), Ok(()));
        for (name, value, expected) in [
            ("alg", json!(alg), Ok(())),
            ("alg", json!("ES384"), unknown),
            ("alg", json!("PS256"), unknown),
            ("alg", json!("HS256"), unknown),
            ("alg", json!("RSA-OAEP"), unknown),
            ("use", json!("enc"), unknown),
            ("use", json!(""), unknown),
            ("use", json!(null), Ok(())),
            ("key_ops", json!(["verify"]), Ok(())),
            ("key_ops", json!(["encrypt"]), unknown),
            ("kty", json!("oct"), unknown),
            ("kid", json!(null), unknown),
            ("kid", json!("other"), unknown),
            ("x5c", json!("ignored"), Ok(())),
        ] {
            let what = format!("{name}: {value}");
            check(&what, &signer, &[with(&key, name, value)], expected);
        }
    }
}

#[test]
fn a_bad_key_does_not_take_the_others_along() {
    let signer = Signer::ec("k");
    let odd = [
        json!(7),
        json!({}),
        json!({"kty": "EC", "kid": "k", "crv": "P-256", "x": "AA", "y": "AA"}),
    ];
    let all: Vec<Value> = odd.into_iter().chain([signer.jwk()]).collect();
    check("among odd ones", &signer, &all, Ok(()));
}

#[test]
fn weak_and_broken_keys_are_left_out() {
    let unknown = Err(Refused::UnknownKey);
    let (rsa, ec) = (Signer::rsa("k"), Signer::ec("k"));
    let n = rsa.jwk()["n"].as_str().unwrap().to_owned();
    for (name, value, expected) in [
        ("n", json!(&n[..n.len() - 4]), unknown), // 2024 bits
        ("n", json!(""), unknown),
        ("n", json!("="), unknown),
        ("n", json!("A".repeat(1500)), unknown),  // zero
        ("e", json!("AQ"), unknown),              // 1
        ("e", json!("Ag"), unknown),              // 2
        ("e", json!("AQAAAAE"), unknown),         // beyond 32 bits
        ("e", json!("AAEAAQ"), Ok(())),           // 65537 with a leading zero
        ("n", json!(format!("AAAA{n}")), Ok(())), // with leading zeros
    ] {
        let what = format!("{name}: {value}");
        check(&what, &rsa, &[with(&rsa.jwk(), name, value)], expected);
    }
    for (name, value, expected) in [
        ("crv", json!("P-384"), unknown),
        ("crv", json!("secp256k1"), unknown),
        ("x", json!("AA"), unknown),
        // Of the right length, and not on the curve.
        ("x", json!("A".repeat(43)), Err(Refused::Signature)),
    ] {
        let what = format!("{name}: {value}");
        check(&what, &ec, &[with(&ec.jwk(), name, value)], expected);
    }
}

#[test]
fn of_two_keys_of_one_name_neither_is_used_unless_the_algorithm_tells_them_apart() {
    let (ec, other, rsa) = (Signer::ec("k"), Signer::ec("k"), Signer::rsa("k"));
    check(
        "two alike",
        &ec,
        &[ec.jwk(), other.jwk()],
        Err(Refused::UnknownKey),
    );
    check("two kinds", &ec, &[ec.jwk(), rsa.jwk()], Ok(()));
    check("two kinds", &rsa, &[ec.jwk(), rsa.jwk()], Ok(()));
}

#[test]
fn a_key_verifies_its_own_algorithm_only() {
    let (ec, rsa) = (Signer::ec("k"), Signer::rsa("k"));
    check(
        "EC token, RSA key",
        &ec,
        &[rsa.jwk()],
        Err(Refused::Algorithm),
    );
    check(
        "RSA token, EC key",
        &rsa,
        &[ec.jwk()],
        Err(Refused::Algorithm),
    );
    check(
        "of another",
        &ec,
        &[Signer::ec("k").jwk()],
        Err(Refused::Signature),
    );
}

/// A key of a kind that is not allowed by default.
fn check_kind(algorithm: Algorithm, key: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) {
    let header = json!({"alg": algorithm, "kid": "k"}).to_string();
    let payload = claims().to_string();
    let token = signer::assemble(header.as_bytes(), payload.as_bytes(), sign);
    let document = json!({"keys": [key]}).to_string();
    let by_default = KeySet::parse(document.as_bytes(), &[Algorithm::ES256]).unwrap();
    assert_eq!(by_default.count(), (0, 1), "{algorithm:?}");
    let keys = KeySet::parse(document.as_bytes(), &[algorithm]).unwrap();
    let opened = Bearer::parse(&token)
        .unwrap()
        .open(keys.find("k", algorithm).unwrap());
    assert_eq!(opened.map(drop), Ok(()), "{algorithm:?}");
}

#[test]
fn other_kinds_of_keys_verify_where_a_setting_allows_them() {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let ed = Ed25519KeyPair::generate().unwrap();
    let x = encode(ed.public_key().as_ref());
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x});
    check_kind(Algorithm::EdDSA, &key, |message| {
        ed.sign(message).as_ref().to_vec()
    });

    let ec = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let (x, y) = ec.public_key().as_ref()[1..].split_at(48);
    let key = json!({"kty": "EC", "crv": "P-384", "kid": "k", "x": encode(x), "y": encode(y)});
    check_kind(Algorithm::ES384, &key, |message| {
        let signature = ec.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().to_vec()
    });
}
