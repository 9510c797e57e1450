//! Assertions as clients make them, and each way in which one can be wrong.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaEncoding, RsaKeyPair,
    },
};
use jsonwebtoken::EncodingKey;
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256,
    RsaKeySize,
};
use serde_json::{Value, json};

use super::*;

const CLIENT: &str = "22222222-2222-4222-8222-222222222222";
const AUDIENCE: &str = "https://gateway.example/tenant/oauth2/v2.0/token";
const NOW: i64 = 1_700_000_000;

/// A key with its certificate.
struct Client {
    der: Vec<u8>,
    key: Key,
}

enum Key {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    /// Of a kind that signs nothing here.
    Other,
}

impl Client {
    fn new(pair: &KeyPair, key: Key) -> Self {
        let params = CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
        Self {
            der: params.self_signed(pair).unwrap().der().to_vec(),
            key,
        }
    }

    fn ec() -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let pkcs8 = pair.serialize_der();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8);
        Self::new(&pair, Key::Ec(key.unwrap()))
    }

    fn rsa() -> Self {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let key = RsaKeyPair::from_pkcs8(&pair.serialize_der()).unwrap();
        Self::new(&pair, Key::Rsa(key))
    }

    fn sha256(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(sha256(&self.der))
    }

    fn sha1(&self) -> String {
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der);
        BASE64_URL_SAFE_NO_PAD.encode(sha1)
    }

    fn header(&self, algorithm: &str) -> Value {
        json!({ "alg": algorithm, "typ": "JWT", "x5t#S256": self.sha256() })
    }

    /// Signed by `algorithm`, whatever the header says.
    fn sign(&self, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.key {
            Key::Ec(key) => key
                .sign(&random, message.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Key::Rsa(key) => {
                let padding: &dyn RsaEncoding = match algorithm {
                    Algorithm::PS256 => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; key.public_modulus_len()];
                let signed = key.sign(padding, &random, message.as_bytes(), &mut signature);
                signed.unwrap();
                signature
            }
            Key::Other => Vec::new(),
        };
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// Good but for the claims.
    fn assertion(&self, claims: &Value) -> String {
        self.sign(Algorithm::ES256, &self.header("ES256"), claims)
    }

    fn check(&self, text: &str, expected: Result<(), AssertionError>) {
        let verified = Assertion::parse(text).and_then(|assertion| {
            let audiences = ["https://gateway.example".to_owned(), AUDIENCE.to_owned()];
            let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
            assertion.verify(now, CLIENT, &audiences, &self.der)
        });
        assert_eq!(verified, expected, "{text}");
    }
}

fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn claims() -> Value {
    json!({ "iss": CLIENT, "sub": CLIENT, "aud": AUDIENCE, "exp": NOW + 600, "nbf": NOW, "jti": "1" })
}

fn with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[claim] = value;
    claims
}

#[test]
fn each_allowed_algorithm_proves_the_key_that_it_is_for() {
    let (rsa, ec) = (Client::rsa(), Client::ec());
    for (client, algorithm, name) in [
        (&rsa, Algorithm::RS256, "RS256"),
        (&rsa, Algorithm::PS256, "PS256"),
        (&ec, Algorithm::ES256, "ES256"),
    ] {
        let good = client.sign(algorithm, &client.header(name), &claims());
        client.check(&good, Ok(()));
    }
    let swapped = rsa.sign(Algorithm::RS256, &rsa.header("PS256"), &claims());
    rsa.check(&swapped, Err(AssertionError::Signature));
    for (client, algorithm, name) in [
        (&rsa, Algorithm::RS384, "RS384"),
        (&rsa, Algorithm::RS512, "RS512"),
        (&rsa, Algorithm::RS256, "ES256"),
        (&ec, Algorithm::ES256, "RS256"),
        (&ec, Algorithm::ES256, "ES384"),
        (&ec, Algorithm::ES256, "EdDSA"),
    ] {
        let refused = client.sign(algorithm, &client.header(name), &claims());
        client.check(&refused, Err(AssertionError::Algorithm));
    }
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let p384 = Client::new(&p384, Key::Other);
    let refused = ec.sign(Algorithm::ES256, &p384.header("ES256"), &claims());
    p384.check(&refused, Err(AssertionError::Algorithm));
}

#[test]
fn what_is_not_signed_by_a_private_key_proves_nothing() {
    let client = Client::ec();
    for name in ["none", "None", "", "HS256", "HS384", "HS512", "es256"] {
        let header = client.header(name);
        client.check(
            &format!("{}.", message(&header, &claims())),
            Err(AssertionError::Algorithm),
        );
        let signed = client.sign(Algorithm::ES256, &header, &claims());
        client.check(&signed, Err(AssertionError::Algorithm));
        let secret = EncodingKey::from_secret(&client.der);
        let message = message(&header, &claims());
        let mac = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256);
        let text = format!("{message}.{}", mac.unwrap());
        client.check(&text, Err(AssertionError::Algorithm));
    }
    let unsigned = format!("{}.", message(&client.header("ES256"), &claims()));
    client.check(&unsigned, Err(AssertionError::Signature));
    let other = Client::ec().sign(Algorithm::ES256, &client.header("ES256"), &claims());
    client.check(&other, Err(AssertionError::Signature));
}

#[test]
fn claims_are_the_clients_own_and_for_this_endpoint() {
    let client = Client::ec();
    let check = |claims: &Value, expected| client.check(&client.assertion(claims), expected);
    check(&with("aud", json!("https://gateway.example")), Ok(()));
    check(&with("sub", json!(CLIENT.to_uppercase())), Ok(()));
    for audience in [
        "",
        "https://gateway.example/",
        "https://other.example",
        CLIENT,
    ] {
        check(&with("aud", json!(audience)), Err(AssertionError::Audience));
    }
    let other = json!("33333333-3333-4333-8333-333333333333");
    for claim in ["iss", "sub"] {
        check(&with(claim, other.clone()), Err(AssertionError::Issuer));
        check(&with(claim, json!("")), Err(AssertionError::Issuer));
    }
    for claim in ["iss", "sub", "aud", "exp"] {
        check(&with(claim, Value::Null), Err(AssertionError::Malformed));
        check(
            &with(claim, json!([CLIENT])),
            Err(AssertionError::Malformed),
        );
    }
}

#[test]
fn an_assertion_is_good_for_a_short_time() {
    let client = Client::ec();
    for (claim, seconds, expected) in [
        ("exp", -59, Ok(())),
        ("exp", -60, Err(AssertionError::Expired)),
        ("exp", -3600, Err(AssertionError::Expired)),
        ("exp", i64::MIN + NOW, Err(AssertionError::Expired)),
        ("exp", 900, Ok(())),
        ("exp", 901, Err(AssertionError::Lifetime)),
        ("exp", i64::MAX - NOW, Err(AssertionError::Lifetime)),
        ("nbf", -3600, Ok(())),
        ("nbf", 60, Ok(())),
        ("nbf", 61, Err(AssertionError::NotYetValid)),
        ("nbf", i64::MAX - NOW, Err(AssertionError::NotYetValid)),
    ] {
        let at = NOW.wrapping_add(seconds);
        client.check(&client.assertion(&with(claim, json!(at))), expected);
    }
    let mut without = claims();
    without.as_object_mut().unwrap().remove("nbf");
    client.check(&client.assertion(&without), Ok(()));
}

#[test]
fn fractions_of_seconds_are_taken_and_do_not_count() {
    let client = Client::ec();
    let check = |claim: &str, value: Value, expected| {
        client.check(&client.assertion(&with(claim, value)), expected);
    };
    let now = 1_700_000_000.0;
    check("exp", json!(now + 600.75), Ok(()));
    check("nbf", json!(now + 0.5), Ok(()));
    check("exp", json!(now - 60.5), Err(AssertionError::Expired));
    check("exp", json!(1e300), Err(AssertionError::Lifetime));
    check("exp", json!(-1e300), Err(AssertionError::Expired));
}

#[test]
fn the_header_names_the_certificate_and_nothing_critical() {
    let (client, other) = (Client::ec(), Client::ec());
    for (header, named) in [
        (json!({ "x5t#S256": client.sha256() }), true),
        (json!({ "x5t": client.sha1() }), true),
        (json!({ "x5t": format!("{}=", client.sha1()) }), true),
        (
            json!({ "x5t": client.sha1(), "x5t#S256": client.sha256() }),
            true,
        ),
        (
            json!({ "x5t": other.sha1(), "x5t#S256": client.sha256() }),
            false,
        ),
        (
            json!({ "x5t": client.sha1(), "x5t#S256": other.sha256() }),
            false,
        ),
        (json!({ "x5t": other.sha1() }), false),
        (json!({ "x5t#S256": other.sha256() }), false),
        (json!({ "x5t": client.sha256() }), false),
        (json!({ "x5t": "" }), false),
        (json!({ "kid": client.sha256() }), false),
        (json!({}), false),
    ] {
        let mut all = json!({ "alg": "ES256" });
        for (name, value) in header.as_object().unwrap() {
            all[name] = value.clone();
        }
        let text = client.sign(Algorithm::ES256, &all, &claims());
        let assertion = Assertion::parse(&text).unwrap();
        assert_eq!(assertion.names(&client.der), named, "{header}");
    }
    let mut critical = client.header("ES256");
    critical["crit"] = json!(["exp"]);
    let text = client.sign(Algorithm::ES256, &critical, &claims());
    client.check(&text, Err(AssertionError::Malformed));
}

#[test]
fn what_is_no_assertion_is_malformed() {
    let client = Client::ec();
    let good = client.assertion(&claims());
    let long = format!("{good}{}", "A".repeat(MAX_ASSERTION));
    for text in [
        "",
        ".",
        "..",
        "a.b.c",
        "a.b",
        &good.replace('.', ""),
        &format!("{good}.x"),
        &long,
    ] {
        client.check(text, Err(AssertionError::Malformed));
    }
    let (message, signature) = good.rsplit_once('.').unwrap();
    for signature in ["", "A", &format!("{signature}="), &signature[1..]] {
        client.check(
            &format!("{message}.{signature}"),
            Err(AssertionError::Signature),
        );
    }
}

#[test]
fn an_assertion_is_remembered_until_nobody_takes_it_any_more() {
    let client = Client::ec();
    let text = client.assertion(&claims());
    let assertion = Assertion::parse(&text).unwrap();
    assert_eq!(assertion.ends_at().unix_timestamp(), NOW + 600 + 60);
    let other = client.assertion(&with("jti", json!("2")));
    assert_ne!(
        Assertion::parse(&other).unwrap().sha256(),
        assertion.sha256()
    );
}

/// The order of P-256 (FIPS 186-5, SP 800-186).
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// The other signature that verifies wherever this one does: (r, n - s).
fn twin(signature: &str) -> String {
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let order = hex::decode(ORDER).unwrap();
    let mut borrow = 0;
    for index in (0..32).rev() {
        let digit = i16::from(order[index]) - i16::from(bytes[32 + index]) - borrow;
        borrow = i16::from(digit < 0);
        bytes[32 + index] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn another_signature_of_the_same_claims_is_the_same_assertion() {
    let client = Client::ec();
    let good = client.assertion(&claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other = format!("{message}.{}", twin(signature));
    assert_ne!(other, good);
    client.check(&other, Ok(()));
    let sha256 = |text: &str| Assertion::parse(text).unwrap().sha256();
    assert_eq!(sha256(&other), sha256(&good));
}
