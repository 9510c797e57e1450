//! Gateways for tests of the store and of the stream: content that no worker interprets.

use std::time::Duration;

use aws_lc_rs::digest;
use control_plane::{
    clock::Clock,
    compile::{Blob, Compiled},
    extension::Extensions,
    operation::Operation,
    parse::SecretBlob,
    permit::{Permit, Read, Write},
    reconcile::{Metrics, Reconciler},
    store::{
        DeleteGateway, Precondition, PutGateway, PutResourceGroup, Session, Store, WantedGateway,
    },
    subscription::Subscription,
};
use model::{GatewayId, ResourceGroupId, Secret};
use prometheus_client::registry::Registry;
use proto::config::v1::BlobKind;
use serde_json::json;
use time::OffsetDateTime;

pub(crate) const GROUP: &str =
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/Group";

pub(crate) fn read() -> Permit<Read> {
    Permit::for_control_plane()
}

pub(crate) fn write() -> Permit<Write> {
    Permit::for_installation("test/write")
}

/// A fixed time, to the microsecond.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap()
}

pub(crate) fn group() -> ResourceGroupId {
    ResourceGroupId::parse(GROUP).unwrap()
}

pub(crate) fn gateway_id(name: &str) -> GatewayId {
    let id = format!("{GROUP}/providers/Microsoft.Network/applicationGateways/{name}");
    GatewayId::parse(&id).unwrap()
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap()
}

pub(crate) fn secret(text: &str) -> SecretBlob {
    SecretBlob {
        sha256: sha256(text.as_bytes()),
        pkcs8: Secret::new(text.as_bytes().to_vec()),
    }
}

pub(crate) fn blob(bytes: Vec<u8>) -> Blob {
    Blob {
        sha256: sha256(&bytes),
        kind: BlobKind::Certificates,
        bytes,
    }
}

/// The first version of a gateway; `content` makes its document and its snapshot.
pub(crate) fn put(name: &str, content: &str) -> PutGateway {
    let snapshot = format!("snapshot of {name}: {content}").into_bytes();
    PutGateway {
        id: gateway_id(name),
        document: json!({ "properties": { "content": content } }),
        extensions: Extensions::default(),
        new_list: None,
        secrets: Vec::new(),
        keys: Vec::new(),
        compiled: Compiled {
            sha256: sha256(&snapshot),
            snapshot,
            blobs: Vec::new(),
            keys: Vec::new(),
            revocation_lists: Vec::new(),
        },
        stopped: false,
        expected_generation: None,
        precondition: Precondition::None,
        correlation_id: "correlation".to_owned(),
        now: now(),
        deadline: now() + Duration::from_secs(30),
    }
}

/// The version after `generation`.
pub(crate) fn update(name: &str, content: &str, generation: i64) -> PutGateway {
    PutGateway {
        expected_generation: Some(generation),
        ..put(name, content)
    }
}

pub(crate) async fn with_group(store: &Store) {
    let put = PutResourceGroup {
        id: group(),
        location: "westeurope".to_owned(),
        tags: [("team".to_owned(), "edge".to_owned())].into(),
        now: now(),
    };
    store.put_resource_group(&write(), put).await.unwrap();
}

/// `put` with private keys that document and snapshot refer to.
pub(crate) fn with_keys(put: PutGateway, given: &[&str], referred: &[&str]) -> PutGateway {
    let keys: Vec<_> = referred.iter().map(|key| sha256(key.as_bytes())).collect();
    PutGateway {
        secrets: given.iter().map(|key| secret(key)).collect(),
        compiled: Compiled {
            keys: keys.clone(),
            ..put.compiled
        },
        keys,
        ..put
    }
}

/// Begins the deletion of a gateway.
pub(crate) async fn delete(store: &Store, name: &str) {
    let delete = DeleteGateway {
        id: gateway_id(name),
        precondition: Precondition::None,
        correlation_id: "correlation".to_owned(),
        now: now(),
        deadline: now(),
    };
    store.delete_gateway(&write(), delete).await.unwrap();
}

pub(crate) fn reconciler(store: &Store) -> Reconciler {
    let metrics = Metrics::register(&mut Registry::default());
    Reconciler::new(store.clone(), Clock::fixed(now()), metrics)
}

/// A connected worker that serves everything, as the store sees it.
pub(crate) async fn with_worker(store: &Store, name: &str) -> Session {
    let session = Session {
        worker: name.to_owned(),
        id: uuid::Uuid::new_v4().to_string(),
        version: "1".to_owned(),
        subscription: Subscription::parse(&[], &["/".to_owned()]).unwrap(),
    };
    let lease = now() + Duration::from_secs(15);
    store
        .begin_session(&session, &[], now(), lease)
        .await
        .unwrap();
    session
}

/// What workers shall do with a gateway.
pub(crate) async fn wanted(store: &Store, name: &str) -> Option<WantedGateway> {
    let key = gateway_id(name).key();
    let mut all = store.wanted_gateways(&read()).await.unwrap();
    all.retain(|wanted| wanted.key == key);
    all.pop()
}

pub(crate) async fn operation(store: &Store, id: &str) -> Operation {
    let found = store.find_operation(&read(), id, Duration::ZERO).await;
    found.unwrap().unwrap()
}

/// Waits for a condition, for at most ten seconds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert!(in_time.is_ok(), "not in time: {what}");
}
