//! External issuers, whose keys come over TLS.

use std::fs;

use control_plane::{
    clock::Clock,
    settings::{ServeArgs, Settings, SignInSettings},
    token::{Issuers, Refused, SigningKey, Verified},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::provider::{DISCOVERY, KEYS, Provider};
use crate::{
    database::{Database, on_sqlite},
    fixture::now,
};

/// Issuers whose keys are kept by a task, and the clock of all of it.
struct Rig {
    issuers: Issuers,
    clock: Clock,
    _tasks: JoinSet<()>,
}

impl Rig {
    async fn start(database: &Database, provider: &Provider, more: Value) -> Self {
        Self::with_ca(database, provider, &provider.ca_pem, more).await
    }

    async fn with_ca(database: &Database, provider: &Provider, ca: &str, more: Value) -> Self {
        let clock = Clock::fixed(now());
        let settings = settings(provider, ca, more);
        let store = database.open().await;
        let issuers = Issuers::open(&settings, store, clock.clone())
            .await
            .unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(issuers.clone().run(CancellationToken::new()));
        Self {
            issuers,
            clock,
            _tasks: tasks,
        }
    }

    async fn verify(&self, token: &str) -> Result<Verified, Refused> {
        self.issuers.verify(self.clock.now(), token).await
    }
}

/// As read from a file.
fn settings(provider: &Provider, ca: &str, more: Value) -> SignInSettings {
    let folder = TempDir::new().unwrap();
    let (ca_file, file) = (
        folder.path().join("ca.pem"),
        folder.path().join("oidc.json"),
    );
    fs::write(&ca_file, ca).unwrap();
    let mut issuer = json!({"name": "local", "issuer": provider.issuer(), "audiences": ["api"], "caFile": ca_file});
    for (name, value) in more.as_object().unwrap() {
        issuer[name] = value.clone();
    }
    fs::write(&file, json!({"issuers": [issuer]}).to_string()).unwrap();
    let args = ServeArgs {
        oidc_issuers_file: Some(file),
        no_built_in_issuer: true,
        stream_allow_plaintext: true,
        ..ServeArgs::default()
    };
    Settings::check(args).unwrap().sign_in
}

fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_found_through_discovery() {
    on_sqlite(|database| async move {
        let key = key();
        let provider = Provider::started(&[&key]).await;
        let rig = Rig::start(&database, &provider, json!({})).await;
        let verified = rig.verify(&provider.token(&key)).await.unwrap();
        assert_eq!(verified.issuer.as_str(), "local");
        assert_eq!(verified.subject, "alice");
        assert!(rig.issuers.built_in().is_none(), "switched off");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_is_picked_up() {
    on_sqlite(|database| async move {
        let (old, new) = (key(), key());
        let provider = Provider::started(&[&old]).await;
        let rig = Rig::start(&database, &provider, json!({})).await;
        rig.verify(&provider.token(&old)).await.unwrap();
        provider.publish(&[&new]);
        let token = provider.token(&new);
        assert_eq!(
            rig.verify(&token).await,
            Err(Refused::UnknownKey),
            "too soon"
        );
        rig.clock.advance(Duration::seconds(30));
        assert!(rig.verify(&token).await.is_ok());
        let withdrawn = rig.verify(&provider.token(&old)).await;
        assert_eq!(withdrawn, Err(Refused::UnknownKey));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invented_keys_make_one_fetch_in_thirty_seconds() {
    on_sqlite(|database| async move {
        let known = key();
        let provider = Provider::started(&[&known]).await;
        let rig = Rig::start(&database, &provider, json!({})).await;
        rig.verify(&provider.token(&known)).await.unwrap();
        for round in 1..=3 {
            let tokens: Vec<String> = (0..50).map(|_| provider.token(&key())).collect();
            for _ in 0..2 {
                let verified = join_all(tokens.iter().map(|token| rig.verify(token))).await;
                assert!(
                    verified
                        .iter()
                        .all(|verified| *verified == Err(Refused::UnknownKey))
                );
            }
            assert_eq!(provider.asked(KEYS), round);
            assert_eq!(provider.asked(DISCOVERY), round);
            rig.clock.advance(Duration::seconds(30));
        }
        assert!(rig.verify(&provider.token(&known)).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_away_at_the_start_lets_nobody_in_until_it_is_back() {
    on_sqlite(|database| async move {
        let key = key();
        let mut provider = Provider::new(&[&key]).await;
        let rig = Rig::start(&database, &provider, json!({})).await;
        let token = provider.token(&key);
        assert_eq!(rig.verify(&token).await, Err(Refused::KeysUnavailable));
        provider.start().await;
        rig.clock.advance(Duration::seconds(30));
        assert!(rig.verify(&token).await.is_ok());
    })
    .await;
}

/// What is wrong with an issuer: nobody gets in.
async fn check(database: &Database, what: &str, spoil: impl FnOnce(&Provider) + Send) {
    let key = key();
    let provider = Provider::started(&[&key]).await;
    spoil(&provider);
    let rig = Rig::start(database, &provider, json!({})).await;
    let verified = rig.verify(&provider.token(&key)).await;
    assert_eq!(verified, Err(Refused::KeysUnavailable), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_are_not_as_they_should_be_let_nobody_in() {
    on_sqlite(|database| async move {
        let discovery = |issuer: &str, keys: &str| json!({"issuer": issuer, "jwks_uri": keys});
        check(&database, "another issuer", |provider| {
            let issuer = format!("{}/", provider.issuer());
            let keys = format!("{}{KEYS}", provider.issuer());
            provider.answer_json(DISCOVERY, &discovery(&issuer, &keys));
        })
        .await;
        check(&database, "keys without TLS", |provider| {
            let keys = format!("{}{KEYS}", provider.issuer().replace("https", "http"));
            provider.answer_json(DISCOVERY, &discovery(&provider.issuer(), &keys));
        })
        .await;
        check(&database, "no place of keys", |provider| {
            provider.answer_json(DISCOVERY, &json!({"issuer": provider.issuer()}));
        })
        .await;
        for path in [DISCOVERY, KEYS] {
            check(&database, "an error", |provider| {
                provider.answer(path, "500 Internal Server Error", "", b"{}");
            })
            .await;
            check(&database, "a redirect", |provider| {
                let fields = format!("Location: {}/elsewhere\r\n", provider.issuer());
                provider.answer(path, "302 Found", &fields, b"");
                provider.answer_json("/elsewhere", &json!({"keys": []}));
            })
            .await;
            check(&database, "no JSON", |provider| {
                provider.answer(path, "200 OK", "", b"<html>");
            })
            .await;
            check(&database, "a huge body", |provider| {
                let body = format!("{{\"keys\": []{}}}", " ".repeat(256 * 1024));
                provider.answer(path, "200 OK", "", body.as_bytes());
            })
            .await;
            check(&database, "less than announced", |provider| {
                provider.answer(path, "200 OK", "Content-Length: 9999\r\n", b"{}");
            })
            .await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_with_a_certificate_of_another_ca_lets_nobody_in() {
    on_sqlite(|database| async move {
        let key = key();
        let provider = Provider::started(&[&key]).await;
        let other = Provider::new(&[]).await;
        let rig = Rig::with_ca(&database, &provider, &other.ca_pem, json!({})).await;
        let verified = rig.verify(&provider.token(&key)).await;
        assert_eq!(verified, Err(Refused::KeysUnavailable));
        assert_eq!(provider.asked(DISCOVERY), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_can_be_elsewhere_without_discovery() {
    on_sqlite(|database| async move {
        let key = key();
        let provider = Provider::started(&[&key]).await;
        let keys = json!({"jwksUri": format!("{}{KEYS}", provider.issuer())});
        let rig = Rig::start(&database, &provider, keys).await;
        assert!(rig.verify(&provider.token(&key)).await.is_ok());
        assert_eq!(provider.asked(DISCOVERY), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_without_keys_any_more_lets_nobody_in() {
    on_sqlite(|database| async move {
        let key = key();
        let provider = Provider::started(&[&key]).await;
        let rig = Rig::start(&database, &provider, json!({})).await;
        let token = provider.token(&key);
        rig.verify(&token).await.unwrap();
        provider.publish(&[]);
        rig.clock.advance(Duration::seconds(30));
        let unknown = provider.token(&self::key());
        assert_eq!(rig.verify(&unknown).await, Err(Refused::UnknownKey));
        assert_eq!(rig.verify(&token).await, Err(Refused::UnknownKey));
    })
    .await;
}
