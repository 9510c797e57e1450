//! Deleting gateways.

use std::time::Duration;

use control_plane::{
    operation::{Operation, OperationKind, OperationState},
    store::{DeleteGateway, Precondition, Store, StoreError},
};
use model::ProvisioningState;
use tokio_util::sync::CancellationToken;

use crate::{
    database::{Database, on_both_databases},
    fixture::{
        gateway_id, now, operation, put, read, reconciler, update, wanted, with_group, with_worker,
        write,
    },
};

on_both_databases!(
    a_gateway_is_there_until_the_workers_have_removed_it,
    without_workers_a_gateway_goes_at_once,
    a_gateway_that_is_being_deleted_takes_no_writes,
    deleting_supersedes_a_put,
    deleting_what_is_not_there_is_no_operation,
    deleting_twice_is_one_operation,
    deletion_has_preconditions,
    a_gateway_whose_deletion_failed_goes_when_the_last_worker_lets_go,
    a_new_gateway_of_the_same_name_is_another_one,
);

async fn a_gateway_is_there_until_the_workers_have_removed_it(database: Database) {
    let store = database.open().await;
    let worker = with_worker(&store, "worker").await;
    create(&store).await;
    let begun = delete(&store).await.unwrap().unwrap();
    assert_eq!(
        (begun.kind, begun.generation),
        (OperationKind::DeleteGateway, 2)
    );
    let wanted = wanted(&store, "gw").await.unwrap();
    assert_eq!((wanted.generation, wanted.sha256), (2, None));
    reconciler(&store).pass(now()).await.unwrap();
    assert_eq!(state(&store).await, Some(ProvisioningState::Deleting));
    store.record_applied(&worker, &wanted, now()).await.unwrap();
    reconciler(&store).pass(now()).await.unwrap();
    assert_eq!(state(&store).await, None);
    assert_eq!(
        operation(&store, &begun.id).await.state,
        OperationState::Succeeded
    );
}

async fn without_workers_a_gateway_goes_at_once(database: Database) {
    let store = database.open().await;
    create(&store).await;
    delete(&store).await.unwrap().unwrap();
    reconciler(&store).pass(now()).await.unwrap();
    assert_eq!(state(&store).await, None);
    assert_eq!(wanted(&store, "gw").await, None);
}

async fn a_gateway_that_is_being_deleted_takes_no_writes(database: Database) {
    let store = database.open().await;
    create(&store).await;
    delete(&store).await.unwrap();
    for put in [put("gw", "b"), update("gw", "b", 1), update("gw", "b", 2)] {
        let refused = store.put_gateway(&write(), put).await;
        assert!(
            matches!(refused, Err(StoreError::Busy { .. })),
            "{refused:?}"
        );
    }
}

async fn deleting_supersedes_a_put(database: Database) {
    let store = database.open().await;
    let put = create(&store).await;
    delete(&store).await.unwrap();
    assert_eq!(
        operation(&store, &put.id).await.state,
        OperationState::Canceled
    );
}

async fn deleting_what_is_not_there_is_no_operation(database: Database) {
    let store = database.open().await;
    assert_eq!(delete(&store).await.unwrap(), None);
}

async fn deleting_twice_is_one_operation(database: Database) {
    let store = database.open().await;
    create(&store).await;
    let first = delete(&store).await.unwrap();
    assert_eq!(delete(&store).await.unwrap(), first);
}

async fn deletion_has_preconditions(database: Database) {
    let store = database.open().await;
    create(&store).await;
    let precondition = Precondition::ETag(vec!["W/\"other\"".to_owned()]);
    let delete = DeleteGateway {
        precondition,
        ..request()
    };
    let refused = store.delete_gateway(&write(), delete).await;
    assert!(
        matches!(refused, Err(StoreError::Precondition { .. })),
        "{refused:?}"
    );
}

async fn a_gateway_whose_deletion_failed_goes_when_the_last_worker_lets_go(database: Database) {
    let store = database.open().await;
    let worker = with_worker(&store, "worker").await;
    create(&store).await;
    let begun = delete(&store).await.unwrap().unwrap();
    store
        .renew_lease(&worker, begun.deadline + Duration::from_mins(1))
        .await
        .unwrap();
    reconciler(&store).pass(begun.deadline).await.unwrap();
    assert_eq!(
        operation(&store, &begun.id).await.state,
        OperationState::Failed
    );
    assert_eq!(state(&store).await, Some(ProvisioningState::Failed));
    let wanted = wanted(&store, "gw").await.unwrap();
    store.record_applied(&worker, &wanted, now()).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(reconciler(&store).run(stop.clone()));
    let here = &store;
    let is_gone = move || async move { state(here).await.is_none() };
    crate::fixture::eventually("the gateway is gone", is_gone).await;
    stop.cancel();
    running.await.unwrap();
}

async fn a_new_gateway_of_the_same_name_is_another_one(database: Database) {
    let store = database.open().await;
    let worker = with_worker(&store, "worker").await;
    create(&store).await;
    let older = wanted(&store, "gw").await.unwrap();
    store.end_session(&worker, now()).await.unwrap();
    delete(&store).await.unwrap();
    reconciler(&store).pass(now()).await.unwrap();
    let worker = with_worker(&store, "worker").await;
    let newer = create(&store).await;
    store.record_applied(&worker, &older, now()).await.unwrap();
    reconciler(&store).pass(now()).await.unwrap();
    let newer = operation(&store, &newer.id).await;
    assert_eq!(
        newer.state,
        OperationState::InProgress,
        "an answer about the older one ends nothing"
    );
}

async fn create(store: &Store) -> Operation {
    with_group(store).await;
    let committed = store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    committed.operation.unwrap()
}

fn request() -> DeleteGateway {
    DeleteGateway {
        id: gateway_id("GW"),
        precondition: Precondition::None,
        correlation_id: "correlation".to_owned(),
        now: now(),
        deadline: now() + Duration::from_secs(30),
    }
}

async fn delete(store: &Store) -> Result<Option<Operation>, StoreError> {
    store.delete_gateway(&write(), request()).await
}

async fn state(store: &Store) -> Option<ProvisioningState> {
    let found = store
        .find_gateway(&read(), &gateway_id("gw"))
        .await
        .unwrap();
    found.map(|gateway| gateway.provisioning_state)
}
