//! What becomes of workers' answers.

use std::time::Duration;

use control_plane::{
    operation::OperationState,
    reconcile::REFUSED,
    store::{DeleteGateway, Precondition},
};

use proto::config::v1::Hello;
use tonic::Code;

use super::{rig::Rig, worker::Worker};
use crate::{
    database::{Database, on_both_databases},
    fixture::{gateway_id, now, put, read, update, write},
};

on_both_databases!(
    a_nack_fails_the_operation_and_is_not_repeated,
    answers_with_a_wrong_nonce_gateway_or_generation_are_ignored,
    an_operation_waits_for_the_slowest_worker,
    a_deleted_gateway_is_removed_from_the_worker_then_from_the_store,
    a_worker_that_leaves_does_not_hold_operations_up,
    whatever_a_worker_gives_as_reason_is_recorded,
    a_worker_that_only_talks_nonsense_is_disconnected,
);

async fn a_nack_fails_the_operation_and_is_not_repeated(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker-1").await;
    worker.hear_synced().await;
    let begun = rig.put(put("gw", "a")).await;
    let apply = worker.hear_apply().await;
    worker.nack(&apply, "address in use").await;
    let ended = rig.ended(&begun).await;
    let error = ended.error.unwrap();
    assert_eq!(error.code, REFUSED);
    assert_eq!(error.target.as_deref(), Some("frontendPorts/https.port"));
    assert!(
        error.message.contains("worker-1") && error.message.contains("address in use"),
        "{error:?}"
    );
    let retried = rig.put(update("gw", "a", 1)).await;
    let again = worker.hear_apply().await;
    assert_eq!(
        (again.generation, again.nonce),
        (2, 2),
        "the refused one was not sent in between"
    );
    worker.ack(&again).await;
    assert_eq!(rig.ended(&retried).await.state, OperationState::Succeeded);
    rig.stop().await;
}

async fn whatever_a_worker_gives_as_reason_is_recorded(database: Database) {
    let rig = Rig::start(&database).await;
    let hello = Hello {
        version: "1\0".to_owned(),
        ..Worker::hello("worker")
    };
    let mut worker = Worker::connect(rig.address, hello).await;
    worker.hear_synced().await;
    let begun = rig.put(put("gw", "a")).await;
    let apply = worker.hear_apply().await;
    worker.nack(&apply, "no\0 such\x1b[2J file\n").await;
    let message = rig.ended(&begun).await.error.unwrap().message;
    assert!(message.ends_with("no  such [2J file "), "{message:?}");
    rig.stop().await;
}

async fn a_worker_that_only_talks_nonsense_is_disconnected(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    for nonce in 0..100 {
        worker.ack_as(nonce, "nothing", 1).await;
    }
    assert_eq!(worker.hear_end().await.code(), Code::InvalidArgument);
    rig.stop().await;
}

async fn answers_with_a_wrong_nonce_gateway_or_generation_are_ignored(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    let begun = rig.put(put("gw", "a")).await;
    let apply = worker.hear_apply().await;
    worker.ack_as(apply.nonce + 1, &apply.gateway_id, 1).await;
    worker
        .ack_as(apply.nonce, &gateway_id("other").to_string(), 1)
        .await;
    worker.ack_as(apply.nonce, &apply.gateway_id, 2).await;
    worker.miss(apply.nonce + 1, &[[1; 32]]).await;
    // Once blobs come for the right nonce, the answers before it have been heard.
    worker
        .miss(
            apply.nonce,
            &[apply.snapshot_sha256.clone().try_into().unwrap()],
        )
        .await;
    assert_eq!(worker.hear_apply().await, apply);
    assert_eq!(rig.state(&begun).await, OperationState::InProgress);
    worker.ack(&apply).await;
    assert_eq!(rig.ended(&begun).await.state, OperationState::Succeeded);
    worker.ack(&apply).await;
    rig.put(update("gw", "b", 1)).await;
    assert_eq!(worker.hear_apply().await.generation, 2);
    rig.stop().await;
}

async fn an_operation_waits_for_the_slowest_worker(database: Database) {
    let rig = Rig::start(&database).await;
    let (mut fast, mut slow) = (rig.worker("fast").await, rig.worker("slow").await);
    fast.hear_synced().await;
    slow.hear_synced().await;
    let begun = rig.put(put("gw", "a")).await;
    let apply = fast.hear_apply().await;
    fast.ack(&apply).await;
    let short = Duration::from_millis(50);
    let waited = rig
        .store
        .find_operation(&read(), &begun.id, short)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(waited.state, OperationState::InProgress);
    let apply = slow.hear_apply().await;
    slow.ack(&apply).await;
    assert_eq!(rig.ended(&begun).await.state, OperationState::Succeeded);
    rig.stop().await;
}

async fn a_deleted_gateway_is_removed_from_the_worker_then_from_the_store(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    rig.put(put("gw", "a")).await;
    let apply = worker.hear_apply().await;
    worker.ack(&apply).await;
    let delete = DeleteGateway {
        id: gateway_id("gw"),
        precondition: Precondition::None,
        correlation_id: String::new(),
        now: now(),
        deadline: now() + Duration::from_secs(30),
    };
    let begun = rig
        .store
        .delete_gateway(&write(), delete)
        .await
        .unwrap()
        .unwrap();
    let remove = worker.hear_remove().await;
    assert_eq!((remove.generation, remove.nonce), (2, 2));
    assert_eq!(rig.state(&begun).await, OperationState::InProgress);
    assert!(
        rig.store
            .find_gateway(&read(), &gateway_id("gw"))
            .await
            .unwrap()
            .is_some()
    );
    worker
        .ack_as(remove.nonce, &remove.gateway_id, remove.generation)
        .await;
    assert_eq!(rig.ended(&begun).await.state, OperationState::Succeeded);
    assert_eq!(
        rig.store
            .find_gateway(&read(), &gateway_id("gw"))
            .await
            .unwrap(),
        None
    );
    // The same name again is a new gateway.
    let begun = rig.put(put("gw", "a")).await;
    let apply = worker.hear_apply().await;
    worker.ack(&apply).await;
    assert_eq!(rig.ended(&begun).await.state, OperationState::Succeeded);
    rig.stop().await;
}

async fn a_worker_that_leaves_does_not_hold_operations_up(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    let begun = rig.put(put("gw", "a")).await;
    worker.hear_apply().await;
    assert_eq!(rig.state(&begun).await, OperationState::InProgress);
    drop(worker);
    assert_eq!(rig.ended(&begun).await.state, OperationState::Succeeded);
    rig.stop().await;
}
