//! The built-in issuer.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use control_plane::{
    clock::Clock,
    settings::SignInSettings,
    store::{Store, StoreError},
    token::{Grant, IssuerName, Issuers, IssuersError, Refused},
};
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection, Executor};
use time::Duration as Days;

use crate::{
    database::{Database, on_both_databases},
    fixture::now,
};

on_both_databases!(
    a_token_speaks_for_the_principal_that_it_was_issued_to,
    replicas_take_each_others_tokens,
    keys_turn_and_living_tokens_stay_valid,
    a_deleted_key_ends_its_tokens,
    keys_of_another_master_key_stop_the_start,
);

const HOUR: Duration = Duration::from_hours(1);

async fn open(store: &Store) -> Issuers {
    try_open(store).await.unwrap()
}

async fn try_open(store: &Store) -> Result<Issuers, IssuersError> {
    let settings = SignInSettings {
        token_lifetime: Some(HOUR),
        issuers: Vec::new(),
    };
    Issuers::open(&settings, store.clone(), Clock::fixed(now())).await
}

fn grant(lifetime: Duration) -> Grant {
    Grant {
        object_id: "11111111-1111-4111-8111-111111111111".to_owned(),
        application_id: "22222222-2222-4222-8222-222222222222".to_owned(),
        name: "deployer".to_owned(),
        lifetime,
    }
}

async fn token(issuers: &Issuers, at: time::OffsetDateTime) -> String {
    let issued = issuers.built_in().unwrap().issue(at, grant(HOUR)).await;
    issued.unwrap().token.to_string()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn a_token_speaks_for_the_principal_that_it_was_issued_to(database: Database) {
    let issuers = open(&database.open().await).await;
    let built_in = issuers.built_in().unwrap();
    let issued = built_in.issue(now(), grant(HOUR)).await.unwrap();
    assert_eq!(issued.expires_in, HOUR);
    assert!(!format!("{issued:?}").contains(issued.token.as_str()));
    let verified = issuers.verify(now(), &issued.token).await.unwrap();
    assert_eq!(verified.issuer, IssuerName::built_in());
    assert_eq!(verified.subject, "11111111-1111-4111-8111-111111111111");
    let application = Some("22222222-2222-4222-8222-222222222222");
    assert_eq!(verified.application.as_deref(), application);
    assert_eq!(verified.name.as_deref(), Some("deployer"));
    assert_eq!(verified.tenant.as_deref(), Some(built_in.tenant()));
    assert_eq!(issuers.tenant(), built_in.tenant());
    let end = now() + HOUR;
    assert_eq!(verified.expires_at, end.replace_microsecond(0).unwrap());

    let keys = built_in.key_set(now()).await.unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    let (key, header) = (&keys["keys"][0], part(&issued.token, 0));
    assert_eq!(
        header,
        json!({"typ": "JWT", "alg": "ES256", "kid": key["kid"]})
    );
    assert_eq!((&key["kty"], &key["use"]), (&json!("EC"), &json!("sig")));
    assert!(key.get("d").is_none(), "no private part");

    let tenant = built_in.tenant();
    let claims = part(&issued.token, 1);
    assert_eq!(
        claims["iss"],
        format!("urn:portcullis:{tenant}:token-service")
    );
    assert_eq!(claims["aud"], format!("urn:portcullis:{tenant}"));
    assert_eq!(claims["sub"], claims["oid"]);
    assert_eq!(claims["azp"], claims["appid"]);
    assert_eq!(
        (&claims["ver"], &claims["idtyp"]),
        (&json!("1.0"), &json!("app"))
    );
    let second = part(&token(&issuers, now()).await, 1);
    assert_ne!(second["jti"], claims["jti"]);

    let long = grant(Duration::from_hours(100));
    let shortened = built_in.issue(now(), long).await.unwrap();
    assert_eq!(shortened.expires_in, HOUR);
}

async fn replicas_take_each_others_tokens(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    let (here, there) = tokio::join!(open(&here), open(&there));
    assert_eq!(here.tenant(), there.tenant());
    let token = token(&here, now()).await;
    assert!(there.verify(now(), &token).await.is_ok());
    let keys = [&here, &there].map(|issuers| issuers.built_in().unwrap().key_set(now()));
    let [mine, yours] = keys;
    assert_eq!(mine.await.unwrap(), yours.await.unwrap());
}

async fn keys_turn_and_living_tokens_stay_valid(database: Database) {
    let issuers = open(&database.open().await).await;
    let built_in = issuers.built_in().unwrap();
    let kids = async |days: i64| -> Vec<String> {
        let keys = built_in.key_set(now() + Days::days(days)).await.unwrap();
        let keys = keys["keys"].as_array().unwrap().clone();
        keys.iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    };
    let kid = |token: &str| part(token, 0)["kid"].as_str().unwrap().to_owned();

    let first = kids(0).await;
    let published = kids(29).await;
    assert_eq!((published.len(), &published[0]), (2, &first[0]));
    let before = now() + Days::days(30) - Days::SECOND;
    let old = token(&issuers, before).await;
    assert_eq!(kid(&old), first[0], "the next key does not sign yet");
    let after = now() + Days::days(30);
    let new = token(&issuers, after).await;
    assert_eq!(kid(&new), published[1]);
    for token in [&old, &new] {
        assert!(issuers.verify(after, token).await.is_ok());
    }
    let late = after + Days::hours(25);
    assert_eq!(kids(32).await, published[1..], "the first key is forgotten");
    let refused = issuers.verify(late, &old).await;
    assert_eq!(refused, Err(Refused::UnknownKey));
}

async fn a_deleted_key_ends_its_tokens(database: Database) {
    let store = database.open().await;
    let issuers = open(&store).await;
    let token = token(&issuers, now()).await;
    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    let delete = "delete from signing_keys";
    connection.execute(delete).await.unwrap();
    let reopened = open(&store).await;
    let refused = reopened.verify(now(), &token).await;
    assert_eq!(refused, Err(Refused::UnknownKey));
}

async fn keys_of_another_master_key_stop_the_start(database: Database) {
    open(&database.open().await).await;
    let refused = try_open(&database.open_with_other_key().await).await;
    assert!(
        matches!(
            refused,
            Err(IssuersError::Store(StoreError::Corrupt { .. }))
        ),
        "{refused:?}"
    );
}
