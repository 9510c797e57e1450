//! Operations end by what workers say.

use std::time::Duration;

use control_plane::{
    clock::Clock,
    operation::{Operation, OperationState},
    reconcile::{Metrics, REFUSED, Reconciler, Refusal, SILENT},
    store::{Change, InForce, Store},
};
use model::{OperationalState, ProvisioningState};
use prometheus_client::registry::Registry;

use crate::{
    database::{Database, on_both_databases},
    fixture::{
        gateway_id, now, operation, put, read, reconciler, sha256, update, wanted, with_group,
        with_worker, write,
    },
};

on_both_databases!(
    without_workers_a_put_succeeds,
    a_put_succeeds_when_every_worker_has_applied_it,
    a_refusal_fails_the_operation_and_the_gateway,
    the_deadline_fails_the_operation_and_names_the_worker,
    a_worker_without_lease_does_not_count,
    after_a_restart_workers_have_time_to_come_back,
    a_worker_of_another_scope_does_not_count,
    a_newer_connection_of_a_worker_takes_over,
    a_worker_that_comes_back_with_the_wanted_snapshot_has_applied_it,
    a_worker_that_comes_back_with_nothing_has_applied_nothing,
    an_equal_snapshot_in_a_newer_generation_counts_as_applied,
    an_answer_for_an_older_generation_does_not_end_a_newer_operation,
    the_end_of_an_operation_can_be_waited_for,
);

async fn without_workers_a_put_succeeds(database: Database) {
    let store = database.open().await;
    let begun = begin(&store).await;
    let ended = settled(&store, &begun).await;
    assert_eq!(ended.state, OperationState::Succeeded);
    assert_eq!(ended.ended_at, Some(now()));
    assert_states(
        &store,
        ProvisioningState::Succeeded,
        OperationalState::Starting,
    )
    .await;
}

async fn a_put_succeeds_when_every_worker_has_applied_it(database: Database) {
    let store = database.open().await;
    let (one, two) = (
        with_worker(&store, "one").await,
        with_worker(&store, "two").await,
    );
    let begun = begin(&store).await;
    let wanted = wanted(&store, "gw").await.unwrap();
    store.record_applied(&one, &wanted, now()).await.unwrap();
    assert_eq!(
        settled(&store, &begun).await.state,
        OperationState::InProgress
    );
    assert_states(
        &store,
        ProvisioningState::Updating,
        OperationalState::Running,
    )
    .await;
    store.record_applied(&two, &wanted, now()).await.unwrap();
    assert_eq!(
        settled(&store, &begun).await.state,
        OperationState::Succeeded
    );
    assert_states(
        &store,
        ProvisioningState::Succeeded,
        OperationalState::Running,
    )
    .await;
}

async fn a_refusal_fails_the_operation_and_the_gateway(database: Database) {
    let store = database.open().await;
    let worker = with_worker(&store, "worker-1").await;
    let begun = begin(&store).await;
    let wanted = wanted(&store, "gw").await.unwrap();
    let refusal = Refusal {
        generation: 1,
        resource: "frontendPorts/https".to_owned(),
        property: "port".to_owned(),
        reason: "address in use".to_owned(),
    };
    store
        .record_refused(&worker, &wanted, &refusal, now())
        .await
        .unwrap();
    let ended = settled(&store, &begun).await;
    assert_eq!(ended.state, OperationState::Failed);
    let error = ended.error.unwrap();
    assert_eq!(error.code, REFUSED);
    assert_eq!(error.target.as_deref(), Some("frontendPorts/https.port"));
    assert!(
        error.message.contains("worker-1") && error.message.contains("address in use"),
        "{error:?}"
    );
    assert_states(
        &store,
        ProvisioningState::Failed,
        OperationalState::Starting,
    )
    .await;
}

async fn the_deadline_fails_the_operation_and_names_the_worker(database: Database) {
    let store = database.open().await;
    let worker = with_worker(&store, "worker-1").await;
    let begun = begin(&store).await;
    store
        .renew_lease(&worker, begun.deadline + Duration::from_secs(1))
        .await
        .unwrap();
    reconciler(&store)
        .pass(begun.deadline - Duration::from_millis(1))
        .await
        .unwrap();
    assert_eq!(
        operation(&store, &begun.id).await.state,
        OperationState::InProgress
    );
    reconciler(&store).pass(begun.deadline).await.unwrap();
    let error = operation(&store, &begun.id).await.error.unwrap();
    assert_eq!(error.code, SILENT);
    assert!(error.message.contains("worker-1"), "{error:?}");
    assert!(
        wanted(&store, "gw").await.unwrap().sha256.is_some(),
        "it stays wanted"
    );
}

async fn a_worker_without_lease_does_not_count(database: Database) {
    let store = database.open().await;
    let gone = with_worker(&store, "gone").await;
    let begun = begin(&store).await;
    assert_eq!(
        settled(&store, &begun).await.state,
        OperationState::InProgress
    );
    store.end_session(&gone, now()).await.unwrap();
    assert_eq!(
        settled(&store, &begun).await.state,
        OperationState::Succeeded
    );
}

async fn after_a_restart_workers_have_time_to_come_back(database: Database) {
    let store = database.open().await;
    let gone = with_worker(&store, "gone").await;
    let begun = begin(&store).await;
    store.end_session(&gone, now()).await.unwrap();
    let start = now() + Duration::from_secs(1);
    let metrics = Metrics::register(&mut Registry::default());
    let restarted = Reconciler::new(store.clone(), Clock::fixed(start), metrics);
    restarted
        .pass(start + Duration::from_secs(9))
        .await
        .unwrap();
    let waiting = operation(&store, &begun.id).await;
    assert_eq!(waiting.state, OperationState::InProgress);
    restarted
        .pass(start + Duration::from_secs(10))
        .await
        .unwrap();
    let ended = operation(&store, &begun.id).await;
    assert_eq!(ended.state, OperationState::Succeeded);
}

async fn a_worker_of_another_scope_does_not_count(database: Database) {
    let store = database.open().await;
    let mut session = with_worker(&store, "elsewhere").await;
    let scope = "/subscriptions/22222222-2222-2222-2222-222222222222".to_owned();
    session.subscription = control_plane::subscription::Subscription::parse(&[], &[scope]).unwrap();
    let lease = now() + Duration::from_secs(15);
    store
        .begin_session(&session, &[], now(), lease)
        .await
        .unwrap();
    let begun = begin(&store).await;
    assert_eq!(
        settled(&store, &begun).await.state,
        OperationState::Succeeded
    );
}

async fn a_newer_connection_of_a_worker_takes_over(database: Database) {
    let store = database.open().await;
    let older = with_worker(&store, "worker").await;
    let newer = with_worker(&store, "worker").await;
    let begun = begin(&store).await;
    let wanted = wanted(&store, "gw").await.unwrap();
    let lease = now() + Duration::from_secs(20);
    assert!(!store.renew_lease(&older, lease).await.unwrap());
    assert!(store.renew_lease(&newer, lease).await.unwrap());
    store.record_applied(&older, &wanted, now()).await.unwrap();
    store.end_session(&older, now()).await.unwrap();
    assert_eq!(
        settled(&store, &begun).await.state,
        OperationState::InProgress
    );
    store.record_applied(&newer, &wanted, now()).await.unwrap();
    assert_eq!(
        settled(&store, &begun).await.state,
        OperationState::Succeeded
    );
}

async fn a_worker_that_comes_back_with_the_wanted_snapshot_has_applied_it(database: Database) {
    let store = database.open().await;
    let session = with_worker(&store, "worker").await;
    let begun = begin(&store).await;
    let wanted = wanted(&store, "gw").await.unwrap();
    let held = |sha256| InForce {
        gateway: wanted.key.clone(),
        sha256,
    };
    let lease = now() + Duration::from_secs(15);
    let other = [held(sha256(b"something else"))];
    assert_eq!(
        store
            .begin_session(&session, &other, now(), lease)
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        settled(&store, &begun).await.state,
        OperationState::InProgress
    );
    let same = [held(wanted.sha256.unwrap())];
    let recorded = store
        .begin_session(&session, &same, now(), lease)
        .await
        .unwrap();
    assert_eq!(recorded, std::slice::from_ref(&wanted));
    assert_eq!(
        settled(&store, &begun).await.state,
        OperationState::Succeeded
    );
}

async fn a_worker_that_comes_back_with_nothing_has_applied_nothing(database: Database) {
    let store = database.open().await;
    let session = with_worker(&store, "worker").await;
    begin(&store).await;
    let wanted = wanted(&store, "gw").await.unwrap();
    store
        .record_applied(&session, &wanted, now())
        .await
        .unwrap();
    assert_states(
        &store,
        ProvisioningState::Updating,
        OperationalState::Running,
    )
    .await;
    with_worker(&store, "worker").await;
    assert_states(
        &store,
        ProvisioningState::Updating,
        OperationalState::Starting,
    )
    .await;
}

async fn an_equal_snapshot_in_a_newer_generation_counts_as_applied(database: Database) {
    let store = database.open().await;
    let session = with_worker(&store, "worker").await;
    begin(&store).await;
    let wanted = wanted(&store, "gw").await.unwrap();
    store
        .record_applied(&session, &wanted, now())
        .await
        .unwrap();
    let mut tagged = update("gw", "a", 1);
    tagged.document = serde_json::json!({ "tags": { "a": "b" } });
    let committed = store.put_gateway(&write(), tagged).await.unwrap();
    assert_eq!(committed.change, Change::Updated);
    assert_eq!(
        committed.gateway.operational_state,
        OperationalState::Running
    );
    let ended = settled(&store, &committed.operation.unwrap()).await;
    assert_eq!(ended.state, OperationState::Succeeded);
}

async fn an_answer_for_an_older_generation_does_not_end_a_newer_operation(database: Database) {
    let store = database.open().await;
    let session = with_worker(&store, "worker").await;
    begin(&store).await;
    let older = wanted(&store, "gw").await.unwrap();
    let newer = store
        .put_gateway(&write(), update("gw", "b", 1))
        .await
        .unwrap();
    store.record_applied(&session, &older, now()).await.unwrap();
    let refusal = Refusal {
        generation: 1,
        resource: String::new(),
        property: String::new(),
        reason: "too late".to_owned(),
    };
    store
        .record_refused(&session, &older, &refusal, now())
        .await
        .unwrap();
    let newer = newer.operation.unwrap();
    assert_eq!(
        settled(&store, &newer).await.state,
        OperationState::InProgress
    );
}

async fn the_end_of_an_operation_can_be_waited_for(database: Database) {
    let store = database.open().await;
    let begun = begin(&store).await;
    let none = store
        .find_operation(&read(), "unknown", Duration::from_mins(1))
        .await;
    assert_eq!(none.unwrap(), None);
    let short = Duration::from_millis(10);
    let waited = store
        .find_operation(&read(), &begun.id, short)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(waited.state, OperationState::InProgress);
    let waiting = {
        let (store, id) = (store.clone(), begun.id.clone());
        tokio::spawn(async move {
            store
                .find_operation(&read(), &id, Duration::from_mins(1))
                .await
        })
    };
    reconciler(&store).pass(now()).await.unwrap();
    let ended = waiting.await.unwrap().unwrap().unwrap();
    assert_eq!(ended.state, OperationState::Succeeded);
}

async fn begin(store: &Store) -> Operation {
    with_group(store).await;
    let committed = store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    committed.operation.unwrap()
}

/// The operation after all open ones were judged.
async fn settled(store: &Store, begun: &Operation) -> Operation {
    reconciler(store).pass(now()).await.unwrap();
    operation(store, &begun.id).await
}

async fn assert_states(
    store: &Store,
    provisioning: ProvisioningState,
    operational: OperationalState,
) {
    let gateway = store
        .find_gateway(&read(), &gateway_id("gw"))
        .await
        .unwrap()
        .unwrap();
    let states = (gateway.provisioning_state, gateway.operational_state);
    assert_eq!(states, (provisioning, operational));
}
