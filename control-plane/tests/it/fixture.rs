//! Gateways for tests of the store and of the stream: content that no worker interprets.

use std::time::Duration;

use aws_lc_rs::digest;
use control_plane::{
    compile::{Blob, Compiled},
    parse::SecretBlob,
    permit::{Permit, Read, Write},
    store::{Precondition, PutGateway, PutResourceGroup, Store},
};
use model::{GatewayId, ResourceGroupId, Secret};
use proto::config::v1::BlobKind;
use serde_json::json;
use time::OffsetDateTime;

pub(crate) const GROUP: &str =
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/Group";

pub(crate) fn read() -> Permit<Read> {
    Permit::for_caller()
}

pub(crate) fn write() -> Permit<Write> {
    Permit::for_caller()
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
        secrets: Vec::new(),
        keys: Vec::new(),
        compiled: Compiled {
            sha256: sha256(&snapshot),
            snapshot,
            blobs: Vec::new(),
            keys: Vec::new(),
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
