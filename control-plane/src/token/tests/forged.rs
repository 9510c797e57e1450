//! Tokens that nobody who may sign has made, and such that are none.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::{ISSUER, NOW, claims, issuers, signer, signer::Signer, verify};
use crate::token::Refused;

/// A header that the real key signs.
fn check_header(header: &str, expected: Result<(), Refused>) {
    let signer = Signer::fixed();
    let issuers = issuers(&[signer.jwk()]);
    let token = signer.with_header(header, claims().to_string().as_bytes());
    let verified = verify(&issuers, &token, NOW).map(drop);
    assert_eq!(verified, expected, "{header}");
}

fn check_token(token: &str, expected: Refused) {
    let issuers = issuers(&[Signer::fixed().jwk()]);
    assert_eq!(verify(&issuers, token, NOW), Err(expected), "{token}");
}

#[test]
fn the_algorithm_is_not_for_the_token_to_choose() {
    for alg in [
        "none", "None", "NONE", "", "es256", "ES512", "HS256", "HS512", "PS256", "ES384",
    ] {
        let header = json!({"alg": alg, "kid": "k"}).to_string();
        check_header(&header, Err(Refused::Algorithm));
    }
    check_header(r#"{"alg":"RS256","kid":"k"}"#, Err(Refused::Algorithm));
    check_header(r#"{"kid":"k"}"#, Err(Refused::Malformed));
    check_header(r#"{"alg":null,"kid":"k"}"#, Err(Refused::Malformed));
    check_header(r#"{"alg":["ES256"],"kid":"k"}"#, Err(Refused::Malformed));
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let signer = Signer::fixed();
    let secrets = [
        signer.public_key(),
        signer.jwk().to_string().into_bytes(),
        Vec::new(),
    ];
    for secret in secrets {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        for alg in ["HS256", "ES256"] {
            let header = json!({"alg": alg, "kid": "k"}).to_string();
            let payload = claims().to_string();
            let token = signer::assemble(header.as_bytes(), payload.as_bytes(), |message| {
                hmac::sign(&key, message).as_ref().to_vec()
            });
            let expected = if alg == "HS256" {
                Refused::Algorithm
            } else {
                Refused::Signature
            };
            check_token(&token, expected);
        }
    }
    let header = json!({"alg": "none", "kid": "k"}).to_string();
    let unsigned = signer::assemble(header.as_bytes(), claims().to_string().as_bytes(), |_| {
        Vec::new()
    });
    check_token(&unsigned, Refused::Algorithm);
    let header = signer.header().to_string();
    let unsigned = signer::assemble(header.as_bytes(), claims().to_string().as_bytes(), |_| {
        Vec::new()
    });
    check_token(&unsigned, Refused::Signature);
}

#[test]
fn a_header_names_one_key_and_nothing_critical() {
    check_header(r#"{"alg":"ES256","kid":"k","typ":"JWT"}"#, Ok(()));
    check_header(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, Ok(()));
    check_header(r#"{"alg":"ES256","kid":"k"}"#, Ok(()));
    check_header(r#"{"alg":"ES256"}"#, Err(Refused::UnknownKey));
    check_header(r#"{"alg":"ES256","kid":"K"}"#, Err(Refused::UnknownKey));
    check_header(r#"{"alg":"ES256","kid":""}"#, Err(Refused::UnknownKey));
    check_header(r#"{"alg":"ES256","kid":7}"#, Err(Refused::Malformed));
    check_header(
        r#"{"alg":"ES256","kid":"k","kid":"k"}"#,
        Err(Refused::Malformed),
    );
    check_header(
        r#"{"alg":"ES256","alg":"ES256","kid":"k"}"#,
        Err(Refused::Malformed),
    );
    check_header(
        r#"{"alg":"ES256","kid":"k","crit":["exp"]}"#,
        Err(Refused::Malformed),
    );
    check_header(
        r#"{"alg":"ES256","kid":"k","crit":["b64"],"b64":false}"#,
        Err(Refused::Malformed),
    );
    check_header(
        r#"{"alg":"ES256","kid":"k","typ":"logout+jwt"}"#,
        Err(Refused::Malformed),
    );
    check_header(
        r#"{"alg":"ES256","kid":"k","typ":"dpop+jwt"}"#,
        Err(Refused::Malformed),
    );
}

#[test]
fn a_key_that_a_token_brings_along_does_not_count() {
    let stranger = Signer::ec("k");
    let mut header = stranger.header();
    header["jwk"] = stranger.jwk();
    header["jku"] = json!("https://stranger.example/keys");
    let token = stranger.with_header(&header.to_string(), claims().to_string().as_bytes());
    check_token(&token, Refused::Signature);
}

#[test]
fn no_bit_of_a_token_can_be_changed() {
    let signer = Signer::fixed();
    let token = signer.token(&claims());
    let issuers = issuers(&[signer.jwk()]);
    assert!(verify(&issuers, &token, NOW).is_ok());
    for index in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify(&issuers, &changed, NOW).is_err(), "byte {index}");
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let good = Signer::fixed().token(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        format!("{header}.{payload}"),
        format!("{good}.{signature}"),
        format!(".{good}"),
        format!(" {good}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}.{header}\n.{signature}"),
        format!("{header}.W10.{signature}"), // []
        "é.é.é".to_owned(),
    ] {
        check_token(&token, Refused::Malformed);
    }
    check_token(&format!("{good}="), Refused::Signature);
    check_token(&format!("{header}.{payload}."), Refused::Signature);
}

#[test]
fn a_token_has_at_most_8_kib() {
    let sized = |padding: usize| -> String {
        let all: Value = json!({"iss": ISSUER, "aud": "api", "exp": NOW + 9, "sub": "a", "groups": "g".repeat(padding)});
        Signer::fixed().token(&all)
    };
    let fits = (5000..7000)
        .rev()
        .map(sized)
        .find(|token| token.len() <= 8192)
        .unwrap();
    let issuers = issuers(&[Signer::fixed().jwk()]);
    assert!(fits.len() > 8188, "{}", fits.len());
    assert!(verify(&issuers, &fits, NOW).is_ok());
    check_token(&"a".repeat(8193), Refused::TooLong);
    check_token(&sized(7000), Refused::TooLong);
}
