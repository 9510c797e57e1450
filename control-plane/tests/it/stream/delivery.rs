//! What workers are sent.

use control_plane::{operation::OperationState, store::PutGateway};
use model::OperationalState;
use proto::config::v1::{AppliedGateway, BlobKind, Hello, Subscription};

use super::{rig::Rig, worker::Worker};
use crate::{
    database::{Database, on_both_databases},
    fixture::{blob, gateway_id, put, read, sha256, update, with_keys, write},
};

on_both_databases!(
    a_worker_gets_snapshot_certificates_and_keys,
    what_comes_after_the_connection_is_pushed,
    a_large_gateway_comes_in_chunks,
    a_blob_travels_once,
    held_blobs_are_not_sent,
    missing_blobs_are_sent_and_the_message_is_repeated,
    a_worker_that_asks_for_foreign_blobs_refuses_the_gateway,
    a_newer_generation_replaces_an_unsent_one,
    a_slow_worker_ends_up_with_the_newest_generation,
    a_worker_that_has_the_snapshot_is_sent_nothing,
    a_worker_gets_only_what_it_subscribes_to,
    many_gateways_are_sent_before_synced,
    a_gateway_that_cannot_be_read_holds_no_other_one_up,
);

async fn a_worker_gets_snapshot_certificates_and_keys(database: Database) {
    let rig = Rig::start(&database).await;
    let certificates = blob(b"certificates".to_vec());
    let mut put = with_keys(put("GW", "a"), &["key"], &["key"]);
    put.compiled.blobs = vec![certificates.clone()];
    let snapshot = (put.compiled.sha256, put.compiled.snapshot.clone());
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    let begun = rig.put(put).await;
    let apply = worker.hear_apply().await;
    assert_eq!((apply.nonce, apply.generation), (1, 1));
    assert_eq!(apply.gateway_id, gateway_id("GW").to_string());
    assert_eq!(apply.snapshot_sha256, snapshot.0);
    let key = sha256(b"key");
    assert_eq!(apply.blobs, [certificates.sha256.to_vec(), key.to_vec()]);
    let sent = [
        (snapshot.0, (BlobKind::Snapshot, snapshot.1)),
        (
            certificates.sha256,
            (BlobKind::Certificates, certificates.bytes),
        ),
        (key, (BlobKind::PrivateKey, b"key".to_vec())),
    ];
    assert_eq!(worker.blobs, sent.into());
    worker.ack(&apply).await;
    assert_eq!(rig.ended(&begun).await.state, OperationState::Succeeded);
    let gateway = rig
        .store
        .find_gateway(&read(), &gateway_id("gw"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(gateway.operational_state, OperationalState::Running);
    rig.stop().await;
}

async fn what_comes_after_the_connection_is_pushed(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    for generation in 1..=3 {
        let content = generation.to_string();
        let put = match generation {
            1 => put("gw", &content),
            _ => update("gw", &content, generation - 1),
        };
        let begun = rig.put(put).await;
        let apply = worker.hear_apply().await;
        assert_eq!(i64::try_from(apply.generation).unwrap(), generation);
        worker.ack(&apply).await;
        assert_eq!(rig.ended(&begun).await.state, OperationState::Succeeded);
    }
    rig.stop().await;
}

async fn a_large_gateway_comes_in_chunks(database: Database) {
    let rig = Rig::start(&database).await;
    let mut put = put("gw", "a");
    let sizes = [1, 256 * 1024, 256 * 1024 + 1, 5_000_000];
    put.compiled.blobs = sizes.map(|size| blob(vec![7; size])).to_vec();
    rig.put(put).await;
    let mut worker = rig.worker("worker").await;
    let apply = worker.hear_apply().await;
    assert_eq!(apply.blobs.len(), sizes.len());
    for name in &apply.blobs {
        let (_, bytes) = &worker.blobs[name.as_slice()];
        assert_eq!(sha256(bytes).as_slice(), name);
    }
    rig.stop().await;
}

async fn a_blob_travels_once(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    let (one, two) = (blob(vec![1; 1000]), blob(vec![2; 1000]));
    let with = |put, blobs: &[_]| {
        let mut put: control_plane::store::PutGateway = put;
        put.compiled.blobs = blobs.to_vec();
        put
    };
    rig.put(with(put("gw", "a"), std::slice::from_ref(&one)))
        .await;
    let first = worker.hear_apply().await;
    assert!(worker.blobs.contains_key(&one.sha256));
    worker.ack(&first).await;
    rig.put(with(update("gw", "b", 1), &[one.clone(), two.clone()]))
        .await;
    let second = worker.hear_apply().await;
    assert_eq!(second.blobs.len(), 2);
    assert!(!worker.blobs.contains_key(&one.sha256) && worker.blobs.contains_key(&two.sha256));
    worker.ack(&second).await;
    // Nothing needs the first one now, so the worker has dropped it: it travels again.
    rig.put(with(update("gw", "c", 2), &[two])).await;
    let third = worker.hear_apply().await;
    assert_eq!(worker.blobs.len(), 1, "the snapshot only");
    worker.ack(&third).await;
    rig.put(with(update("gw", "d", 3), std::slice::from_ref(&one)))
        .await;
    worker.hear_apply().await;
    assert!(worker.blobs.contains_key(&one.sha256));
    rig.stop().await;
}

async fn held_blobs_are_not_sent(database: Database) {
    let rig = Rig::start(&database).await;
    let held = blob(vec![1; 1000]);
    let mut put = put("gw", "a");
    put.compiled.blobs = vec![held.clone()];
    let snapshot = put.compiled.sha256;
    rig.put(put).await;
    let hello = Hello {
        held_blobs: vec![held.sha256.to_vec()],
        ..Worker::hello("worker")
    };
    let mut worker = Worker::connect(rig.address, hello).await;
    worker.hear_apply().await;
    assert_eq!(worker.blobs.keys().collect::<Vec<_>>(), [&snapshot]);
    rig.stop().await;
}

async fn missing_blobs_are_sent_and_the_message_is_repeated(database: Database) {
    let rig = Rig::start(&database).await;
    let lost = blob(vec![1; 1000]);
    let mut put = put("gw", "a");
    put.compiled.blobs = vec![lost.clone()];
    let begun = rig.put(put).await;
    let hello = Hello {
        held_blobs: vec![lost.sha256.to_vec()],
        ..Worker::hello("worker")
    };
    let mut worker = Worker::connect(rig.address, hello).await;
    let apply = worker.hear_apply().await;
    worker.hear_synced().await;
    worker.miss(apply.nonce, &[lost.sha256]).await;
    assert_eq!(worker.hear_apply().await, apply);
    assert_eq!(worker.blobs.keys().collect::<Vec<_>>(), [&lost.sha256]);
    worker.ack(&apply).await;
    assert_eq!(rig.ended(&begun).await.state, OperationState::Succeeded);
    rig.stop().await;
}

async fn a_worker_that_asks_for_foreign_blobs_refuses_the_gateway(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    let begun = rig.put(put("gw", "a")).await;
    let apply = worker.hear_apply().await;
    worker.miss(apply.nonce, &[[9; 32]]).await;
    assert_eq!(rig.ended(&begun).await.state, OperationState::Failed);
    rig.stop().await;
}

async fn a_newer_generation_replaces_an_unsent_one(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    let first = rig.put(put("gw", "a")).await;
    let one = worker.hear_apply().await;
    let second = rig.put(update("gw", "b", 1)).await;
    let third = rig.put(update("gw", "c", 2)).await;
    worker.ack(&one).await;
    let next = worker.hear_apply().await;
    assert_eq!(
        (next.generation, next.nonce),
        (3, 2),
        "the second was never sent"
    );
    worker.ack(&next).await;
    assert_eq!(rig.ended(&third).await.state, OperationState::Succeeded);
    for superseded in [first, second] {
        assert_eq!(rig.state(&superseded).await, OperationState::Canceled);
    }
    rig.stop().await;
}

async fn a_slow_worker_ends_up_with_the_newest_generation(database: Database) {
    let rig = Rig::start(&database).await;
    let mut large = put("gw", "1");
    large.compiled.blobs = (0..8).map(|byte| blob(vec![byte; 1_000_000])).collect();
    rig.put(large).await;
    // It does not read: the first generation is stuck half-way.
    let mut worker = rig.worker("worker").await;
    let mut newest = None;
    for generation in 2..=20 {
        let put = update("gw", &generation.to_string(), generation - 1);
        newest = Some(rig.put(put).await);
    }
    let newest = newest.unwrap();
    assert_eq!(rig.state(&newest).await, OperationState::InProgress);
    let mut applied = 0;
    while rig.state(&newest).await == OperationState::InProgress {
        if let super::worker::Heard::Apply(apply) = worker.hear().await {
            applied += 1;
            worker.ack(&apply).await;
            if apply.generation == 20 {
                break;
            }
        }
    }
    assert!(
        applied <= 2,
        "{applied} generations were sent to a worker that was too slow for them"
    );
    assert_eq!(rig.ended(&newest).await.state, OperationState::Succeeded);
    rig.stop().await;
}

async fn a_worker_that_has_the_snapshot_is_sent_nothing(database: Database) {
    let rig = Rig::start(&database).await;
    let mut silent = rig.worker("worker").await;
    silent.hear_synced().await;
    let begun = rig.put(put("gw", "a")).await;
    let apply = silent.hear_apply().await;
    let hello = Hello {
        applied: vec![AppliedGateway {
            gateway_id: apply.gateway_id.to_uppercase(),
            generation: apply.generation,
            snapshot_sha256: apply.snapshot_sha256,
        }],
        ..Worker::hello("worker")
    };
    let mut worker = Worker::connect(rig.address, hello).await;
    worker.hear_synced().await;
    assert_eq!(rig.ended(&begun).await.state, OperationState::Succeeded);
    // The same content in a newer generation needs no message either.
    let mut tagged = update("gw", "a", 1);
    tagged.document = serde_json::json!({ "tags": {} });
    let tagged = rig.put(tagged).await;
    assert_eq!(rig.ended(&tagged).await.state, OperationState::Succeeded);
    let third = rig.put(update("gw", "b", 2)).await;
    let apply = worker.hear_apply().await;
    assert_eq!(apply.generation, 3);
    worker.ack(&apply).await;
    assert_eq!(rig.ended(&third).await.state, OperationState::Succeeded);
    rig.stop().await;
}

async fn a_worker_gets_only_what_it_subscribes_to(database: Database) {
    let rig = Rig::start(&database).await;
    for name in ["mine", "other"] {
        rig.put(put(name, "a")).await;
    }
    let id = gateway_id("mine").to_string();
    let hello = Hello {
        subscription: Some(Subscription {
            gateway_ids: vec![id.to_uppercase()],
            scopes: Vec::new(),
        }),
        applied: vec![AppliedGateway {
            gateway_id: gateway_id("other").to_string(),
            generation: 7,
            snapshot_sha256: vec![1; 32],
        }],
        ..Worker::hello("worker")
    };
    let mut worker = Worker::connect(rig.address, hello).await;
    let (mut applied, mut removed) = (None, None);
    loop {
        match worker.hear().await {
            super::worker::Heard::Apply(apply) => {
                worker.ack(&apply).await;
                applied = Some(apply.gateway_id);
            }
            super::worker::Heard::Remove(remove) => {
                let (id, generation) = (remove.gateway_id, remove.generation);
                worker.ack_as(remove.nonce, &id, generation).await;
                removed = Some((id, generation));
            }
            super::worker::Heard::Synced => break,
        }
    }
    assert_eq!(applied, Some(id));
    assert_eq!(removed, Some((gateway_id("other").to_string(), 7)));
    rig.stop().await;
}

async fn many_gateways_are_sent_before_synced(database: Database) {
    let rig = Rig::start(&database).await;
    for index in 0..30 {
        rig.put(put(&format!("gw{index}"), "a")).await;
    }
    let mut worker = rig.worker("worker").await;
    for nonce in 1..=30 {
        let apply = worker.hear_apply().await;
        assert_eq!(apply.nonce, nonce);
        worker.ack(&apply).await;
    }
    worker.hear_synced().await;
    rig.stop().await;
}

async fn a_gateway_that_cannot_be_read_holds_no_other_one_up(database: Database) {
    let rig = Rig::start(&database).await;
    let sealed_elsewhere = with_keys(put("a", "a"), &["key"], &["key"]);
    let other = database.open_with_other_key().await;
    other.put_gateway(&write(), sealed_elsewhere).await.unwrap();
    rig.store
        .put_gateway(&write(), put("b", "b"))
        .await
        .unwrap();
    let mut worker = rig.worker("worker").await;
    let apply = worker.hear_apply().await;
    assert_eq!(apply.gateway_id, gateway_id("b").to_string());
    worker.ack(&apply).await;
    worker.hear_synced().await;
    let retried = PutGateway {
        expected_generation: Some(1),
        ..with_keys(put("a", "again"), &[], &["key"])
    };
    let ended = rig.ended(&rig.put(retried).await).await;
    assert_eq!(ended.state, OperationState::Failed, "{ended:?}");
    rig.stop().await;
}
