//! What is taken and what is refused, by an issuer with known keys.

mod claims;
mod forged;
mod keys;
mod signer;

use std::sync::Arc;

use futures_util::FutureExt;
use jsonwebtoken::Algorithm;
use proptest::prelude::*;
use rustls::RootCertStore;
use serde_json::{Value, json};
use time::OffsetDateTime;

use self::signer::Signer;
use super::{
    External, Fetcher, Inner, IssuerName, Issuers, Location, PlainHttp, Refused, Verified,
};
use crate::{
    clock::Clock,
    settings::{IssuerSettings, Roots},
};

const ISSUER: &str = "https://issuer.example/tenant";
const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

/// Takes tokens for `api` and `api://portcullis`, under RS256 and ES256, signed by these keys.
fn issuers(keys: &[Value]) -> Issuers {
    let roots = Arc::new(RootCertStore::empty());
    let settings = IssuerSettings {
        name: IssuerName::external("example").unwrap(),
        issuer: ISSUER.to_owned(),
        audiences: vec!["api".to_owned(), "api://portcullis".to_owned()],
        algorithms: vec![Algorithm::RS256, Algorithm::ES256],
        principal_claim: "sub".to_owned(),
        roots: Roots::Own(Arc::clone(&roots)),
        leeway: time::Duration::MINUTE,
        discovery: Location::discovery(ISSUER, PlainHttp::Never).unwrap(),
        jwks_uri: None,
        plain_http: PlainHttp::Never,
    };
    let external = External::new(settings, Fetcher::new(roots).unwrap());
    let document = json!({ "keys": keys }).to_string();
    Issuers(Arc::new(Inner {
        clock: Clock::fixed(at(NOW)),
        tenant: String::new(),
        built_in: None,
        external: vec![external.with_keys(at(NOW), document.as_bytes())],
    }))
}

/// All that a token needs.
fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "api", "exp": NOW + 3600, "nbf": NOW, "iat": NOW, "sub": "alice"})
}

/// Without waiting for anything: the keys are there.
fn verify(issuers: &Issuers, token: &str, now: i64) -> Result<Verified, Refused> {
    let verified = issuers.verify(at(now), token).now_or_never();
    verified.expect("no key is fetched")
}

#[test]
fn a_token_speaks_for_the_principal_that_its_issuer_names() {
    let signer = Signer::ec("k");
    let issuers = issuers(&[signer.jwk()]);
    let mut all = claims();
    all["azp"] = json!("client");
    all["preferred_username"] = json!("alice@example");
    all["tid"] = json!("tenant");
    let verified = verify(&issuers, &signer.token(&all), NOW);
    let expected = Verified {
        issuer: IssuerName::external("example").unwrap(),
        subject: "alice".to_owned(),
        application: Some("client".to_owned()),
        name: Some("alice@example".to_owned()),
        tenant: Some("tenant".to_owned()),
        expires_at: at(NOW + 3600),
    };
    assert_eq!(verified, Ok(expected));
}

#[tokio::test]
async fn keys_are_honoured_for_a_day_without_the_issuer() {
    let signer = Signer::ec("k");
    let issuers = issuers(&[signer.jwk()]);
    let mut lasting = claims();
    lasting["exp"] = json!(NOW + 1_000_000);
    let token = signer.token(&lasting);
    // The issuer is asked meanwhile, and nobody answers here.
    let day = 24 * 3600;
    assert!(verify(&issuers, &token, NOW + day - 1).is_ok());
    let late = issuers.verify(at(NOW + day), &token).now_or_never();
    assert_eq!(late, None, "it waits for the keys");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_lets_anybody_in(token in "\\PC*") {
        let issuers = issuers(&[]);
        prop_assert!(verify(&issuers, &token, NOW).is_err());
    }

    #[test]
    fn no_parts_make_it_panic_or_let_anybody_in(
        header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>(),
    ) {
        let signer = Signer::fixed();
        let issuers = issuers(&[signer.jwk()]);
        let good = json!({"alg": "ES256", "kid": "k"}).to_string().into_bytes();
        let full = claims().to_string().into_bytes();
        for (header, payload) in [(&header, &payload), (&good, &payload), (&header, &full), (&good, &full)] {
            let token = signer::assemble(header, payload, |_| signature.clone());
            prop_assert!(verify(&issuers, &token, NOW).is_err());
        }
    }

    #[test]
    fn signed_nonsense_does_not_make_it_panic(payload in "\\PC{0,200}", number in any::<f64>()) {
        let signer = Signer::fixed();
        let issuers = issuers(&[signer.jwk()]);
        let _ = verify(&issuers, &signer.raw(payload.as_bytes()), NOW);
        for name in ["iss", "aud", "exp", "nbf", "iat", "sub"] {
            for value in [json!(payload), json!(number), json!([payload]), json!({"a": payload}), json!(null)] {
                let mut changed = claims();
                changed[name] = value;
                let _ = verify(&issuers, &signer.token(&changed), NOW);
            }
        }
    }
}
