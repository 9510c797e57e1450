//! Tokens that are genuine, and what they say.

use serde_json::{Value, json};

use super::{NOW, claims, issuers, signer::Signer, verify};
use crate::token::Refused;

fn check(name: &str, value: Option<Value>, expected: Result<(), Refused>) {
    check_at(NOW, name, value, expected);
}

/// A token with one claim changed, or absent.
fn check_at(now: i64, name: &str, value: Option<Value>, expected: Result<(), Refused>) {
    let signer = Signer::fixed();
    let issuers = issuers(&[signer.jwk()]);
    let mut all = claims();
    match &value {
        Some(value) => all[name] = value.clone(),
        None => drop(all.as_object_mut().unwrap().remove(name)),
    }
    let verified = verify(&issuers, &signer.token(&all), now).map(drop);
    assert_eq!(verified, expected, "{name}: {value:?} at {now}");
}

#[test]
fn a_token_is_for_one_of_the_audiences() {
    check("aud", Some(json!("api://portcullis")), Ok(()));
    check("aud", Some(json!(["other", "api"])), Ok(()));
    check("aud", Some(json!("other")), Err(Refused::Audience));
    check("aud", Some(json!("API")), Err(Refused::Audience));
    check("aud", Some(json!("")), Err(Refused::Audience));
    check("aud", Some(json!([])), Err(Refused::Audience));
    check(
        "aud",
        Some(json!(["other", "another"])),
        Err(Refused::Audience),
    );
    check("aud", Some(json!(["api", 1])), Err(Refused::Malformed));
    check("aud", Some(json!(1)), Err(Refused::Malformed));
    check("aud", Some(json!({"api": "api"})), Err(Refused::Malformed));
    check("aud", None, Err(Refused::MissingClaim("aud")));
}

#[test]
fn the_issuer_is_compared_to_the_letter() {
    for other in [
        "https://issuer.example/tenant/",
        "https://issuer.example/Tenant",
        "https://issuer.example",
        "",
    ] {
        check("iss", Some(json!(other)), Err(Refused::UnknownIssuer));
    }
    check(
        "iss",
        Some(json!(["https://issuer.example/tenant"])),
        Err(Refused::Malformed),
    );
    check("iss", None, Err(Refused::MissingClaim("iss")));
}

#[test]
fn the_principal_is_a_short_text() {
    check("sub", Some(json!("a".repeat(256))), Ok(()));
    check("sub", Some(json!("a".repeat(257))), Err(Refused::Malformed));
    check("sub", Some(json!("a\nb")), Err(Refused::Malformed));
    check("sub", Some(json!(7)), Err(Refused::Malformed));
    check(
        "sub",
        Some(json!("")),
        Err(Refused::MissingClaim("principal")),
    );
    check("sub", None, Err(Refused::MissingClaim("principal")));
    check("name", Some(json!(7)), Err(Refused::Malformed));
    check("appid", Some(json!("a\u{0}b")), Err(Refused::Malformed));
}

#[test]
fn a_token_is_valid_from_its_begin_to_its_end_and_a_minute_more() {
    check_at(NOW + 59, "exp", Some(json!(NOW)), Ok(()));
    check_at(NOW + 60, "exp", Some(json!(NOW)), Err(Refused::Expired));
    check_at(NOW + 60, "exp", Some(json!(1_800_000_000.5)), Ok(()));
    check("exp", Some(json!(0)), Err(Refused::Expired));
    check("exp", Some(json!(-1)), Err(Refused::Expired));
    check("exp", Some(json!(u64::MAX)), Ok(()));
    check("exp", Some(json!("1900000000")), Err(Refused::Malformed));
    check("exp", Some(json!(null)), Err(Refused::Malformed));
    check("exp", None, Err(Refused::MissingClaim("exp")));
    for begin in ["nbf", "iat"] {
        check(begin, Some(json!(NOW + 60)), Ok(()));
        check(begin, Some(json!(NOW + 61)), Err(Refused::NotYetValid));
        check(begin, Some(json!(f64::MAX)), Err(Refused::NotYetValid));
        check(begin, Some(json!("1")), Err(Refused::Malformed));
        check(begin, None, Ok(()));
    }
}
