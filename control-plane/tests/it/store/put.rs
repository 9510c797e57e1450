//! Putting, finding and listing gateways.

use std::sync::Arc;

use control_plane::{
    operation::{OperationState, SUPERSEDED},
    store::{Change, Page, Precondition, PutGateway, Scope, Store, StoreError},
};
use model::{OperationalState, ProvisioningState, ResourceGroupId};
use serde_json::json;

use crate::{
    database::{Database, on_both_databases},
    fixture::{gateway_id, group, operation, put, read, reconciler, update, with_group, write},
};

on_both_databases!(
    a_gateway_that_was_put_is_found_in_any_casing,
    the_casing_of_the_creation_is_kept,
    an_equal_put_changes_nothing,
    a_put_of_what_was_refused_is_a_new_generation,
    a_put_based_on_another_generation_is_a_conflict,
    preconditions_are_checked_in_the_transaction,
    a_newer_put_supersedes_the_operation_of_the_older,
    a_gateway_needs_its_resource_group,
    lists_come_in_pages,
    fifty_concurrent_puts_lose_no_update,
    fifty_concurrent_puts_with_if_match_have_one_winner_each_round,
    what_was_put_survives_a_restart,
);

async fn a_gateway_that_was_put_is_found_in_any_casing(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    assert_eq!(find(&store, "GW").await, None);
    let committed = store.put_gateway(&write(), put("GW", "a")).await.unwrap();
    assert_eq!(committed.change, Change::Created);
    let gateway = committed.gateway;
    assert_eq!(gateway.generation, 1);
    assert_eq!(gateway.provisioning_state, ProvisioningState::Updating);
    assert_eq!(gateway.operational_state, OperationalState::Starting);
    assert_eq!(find(&store, "gw").await, Some(gateway));
}

async fn the_casing_of_the_creation_is_kept(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let created = store.put_gateway(&write(), put("Gw", "a")).await.unwrap();
    let changed = store
        .put_gateway(&write(), update("gW", "b", 1))
        .await
        .unwrap();
    assert_eq!(changed.change, Change::Updated);
    assert_eq!(changed.gateway.id.name().as_str(), "Gw");
    assert_eq!(changed.gateway.generation, 2);
    assert_eq!(changed.gateway.resource_guid, created.gateway.resource_guid);
    assert_ne!(changed.gateway.etag, created.gateway.etag);
}

async fn an_equal_put_changes_nothing(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let created = store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    let again = store
        .put_gateway(&write(), update("gw", "a", 1))
        .await
        .unwrap();
    assert_eq!(again.change, Change::Unchanged);
    assert_eq!(again.gateway, created.gateway);
    assert_eq!(again.operation, created.operation);
    reconciler(&store)
        .pass(crate::fixture::now())
        .await
        .unwrap();
    let settled = store
        .put_gateway(&write(), update("gw", "a", 1))
        .await
        .unwrap();
    assert_eq!(settled.change, Change::Unchanged);
    assert_eq!(settled.operation, None);
    assert_eq!(
        settled.gateway.provisioning_state,
        ProvisioningState::Succeeded
    );
}

async fn a_put_of_what_was_refused_is_a_new_generation(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    crate::fixture::with_worker(&store, "silent").await;
    let committed = store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    let deadline = committed.operation.unwrap().deadline;
    let session_lives = crate::fixture::with_worker(&store, "silent").await;
    store
        .renew_lease(&session_lives, deadline + time::Duration::SECOND)
        .await
        .unwrap();
    reconciler(&store).pass(deadline).await.unwrap();
    let failed = find(&store, "gw").await.unwrap();
    assert_eq!(failed.provisioning_state, ProvisioningState::Failed);
    let again = store
        .put_gateway(&write(), update("gw", "a", 1))
        .await
        .unwrap();
    assert_eq!(
        (again.change, again.gateway.generation),
        (Change::Updated, 2)
    );
}

async fn a_put_based_on_another_generation_is_a_conflict(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let early = store.put_gateway(&write(), update("gw", "a", 1)).await;
    assert!(
        matches!(early, Err(StoreError::Conflict { .. })),
        "{early:?}"
    );
    store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    for stale in [put("gw", "b"), update("gw", "b", 2)] {
        let refused = store.put_gateway(&write(), stale).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(find(&store, "gw").await.unwrap().generation, 1);
}

async fn preconditions_are_checked_in_the_transaction(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let with = |precondition, put| PutGateway {
        precondition,
        ..put
    };
    let refused = store
        .put_gateway(&write(), with(Precondition::Exists, put("gw", "a")))
        .await;
    assert!(
        matches!(refused, Err(StoreError::Precondition { current: None, .. })),
        "{refused:?}"
    );
    let created = store
        .put_gateway(&write(), with(Precondition::Absent, put("gw", "a")))
        .await
        .unwrap();
    let etag = created.gateway.etag;
    let other = Precondition::ETag(vec!["W/\"other\"".to_owned()]);
    for precondition in [Precondition::Absent, other] {
        let refused = store
            .put_gateway(&write(), with(precondition, update("gw", "b", 1)))
            .await;
        let Err(StoreError::Precondition { current, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(current, Some(etag.clone()));
    }
    let precondition = Precondition::ETag(vec![etag]);
    store
        .put_gateway(&write(), with(precondition, update("gw", "b", 1)))
        .await
        .unwrap();
}

async fn a_newer_put_supersedes_the_operation_of_the_older(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let older = store
        .put_gateway(&write(), put("gw", "a"))
        .await
        .unwrap()
        .operation
        .unwrap();
    let newer = store
        .put_gateway(&write(), update("gw", "b", 1))
        .await
        .unwrap()
        .operation
        .unwrap();
    let older = operation(&store, &older.id).await;
    assert_eq!(older.state, OperationState::Canceled);
    assert!(older.ended_at.is_some());
    let error = older.error.unwrap();
    assert_eq!(error.code, SUPERSEDED);
    assert!(
        error.message.contains(&older.id) && error.message.contains(&newer.id),
        "{error:?}"
    );
    assert_eq!(
        operation(&store, &newer.id).await.state,
        OperationState::InProgress
    );
}

async fn a_gateway_needs_its_resource_group(database: Database) {
    let store = database.open().await;
    let refused = store.put_gateway(&write(), put("gw", "a")).await;
    let Err(StoreError::NotFound { id }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(id, group().to_string());
}

async fn lists_come_in_pages(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    for name in ["c", "A", "b"] {
        store.put_gateway(&write(), put(name, "x")).await.unwrap();
    }
    for scope in [
        Scope::ResourceGroup(group()),
        Scope::Subscription(group().subscription().clone()),
    ] {
        let page = |after| Page { after, limit: 2 };
        let first = store
            .list_gateways(&read(), &scope, &page(None))
            .await
            .unwrap();
        assert_eq!(names(&first.items), ["A", "b"]);
        assert!(first.next.is_some());
        let second = store
            .list_gateways(&read(), &scope, &page(first.next))
            .await
            .unwrap();
        assert_eq!(names(&second.items), ["c"]);
        assert_eq!(second.next, None);
    }
    let other = format!("{}x", group());
    let other = Scope::ResourceGroup(ResourceGroupId::parse(&other).unwrap());
    let page = Page {
        after: None,
        limit: 2,
    };
    let none = store.list_gateways(&read(), &other, &page).await.unwrap();
    assert_eq!(none.items, []);
}

async fn fifty_concurrent_puts_lose_no_update(database: Database) {
    let store = Arc::new(database.open().await);
    with_group(&store).await;
    // Half of them in another process, as it were, without a common turn.
    let other = Arc::new(database.open().await);
    let tasks = (0..50).map(|index| {
        let store = if index % 2 == 0 { &store } else { &other };
        tokio::spawn(increment(Arc::clone(store)))
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let gateway = find(&store, "gw").await.unwrap();
    assert_eq!(
        gateway.document,
        json!({ "properties": { "content": "50" } })
    );
    assert_eq!(gateway.generation, 50);
    assert_one_truth(&store).await;
}

/// Adds one to the number in the document, as a handler does: read, decide, put, and again after a conflict.
async fn increment(store: Arc<Store>) {
    loop {
        let _turn = store.turn(&gateway_id("gw").key()).await;
        let put = match find(&store, "gw").await {
            None => put("gw", "1"),
            Some(gateway) => {
                let content = gateway.document["properties"]["content"].as_str().unwrap();
                let next = content.parse::<u32>().unwrap() + 1;
                update("gw", &next.to_string(), gateway.generation)
            }
        };
        match store.put_gateway(&write(), put).await {
            Ok(_) => return,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn fifty_concurrent_puts_with_if_match_have_one_winner_each_round(database: Database) {
    let store = Arc::new(database.open().await);
    with_group(&store).await;
    store.put_gateway(&write(), put("gw", "0")).await.unwrap();
    for round in 1..=3_i64 {
        let etag = find(&store, "gw").await.unwrap().etag;
        let tasks = (0..50).map(|index| {
            let put = PutGateway {
                precondition: Precondition::ETag(vec![etag.clone()]),
                ..update("gw", &format!("{round}.{index}"), round)
            };
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.put_gateway(&write(), put).await })
        });
        let mut winners = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            match task.await.unwrap() {
                Ok(committed) => winners.push(committed.gateway),
                Err(StoreError::Precondition { .. } | StoreError::Conflict { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(find(&store, "gw").await, winners.pop());
    }
    assert_one_truth(&store).await;
}

/// What workers are told is what is stored, and every operation ends, the last one well.
async fn assert_one_truth(store: &Store) {
    let gateway = find(store, "gw").await.unwrap();
    let wanted = crate::fixture::wanted(store, "gw").await.unwrap();
    assert_eq!(wanted.generation, gateway.generation);
    let content = store
        .find_content(&read(), &wanted.key, wanted.generation)
        .await
        .unwrap()
        .unwrap();
    let value = gateway.document["properties"]["content"].as_str().unwrap();
    assert_eq!(
        content.snapshot,
        format!("snapshot of gw: {value}").into_bytes()
    );
    let older = store
        .find_content(&read(), &wanted.key, wanted.generation - 1)
        .await
        .unwrap();
    assert_eq!(older, None);
    reconciler(store).pass(crate::fixture::now()).await.unwrap();
    let gateway = find(store, "gw").await.unwrap();
    assert_eq!(gateway.provisioning_state, ProvisioningState::Succeeded);
    let put = update("gw", value, gateway.generation);
    let settled = store.put_gateway(&write(), put).await.unwrap();
    assert_eq!(
        (settled.change, settled.operation),
        (Change::Unchanged, None)
    );
}

async fn what_was_put_survives_a_restart(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let committed = store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    store.close().await;
    let store = database.open().await;
    assert_eq!(find(&store, "gw").await, Some(committed.gateway));
    let operation = committed.operation.unwrap();
    assert_eq!(
        crate::fixture::operation(&store, &operation.id).await,
        operation
    );
}

async fn find(store: &Store, name: &str) -> Option<control_plane::store::StoredGateway> {
    store
        .find_gateway(&read(), &gateway_id(name))
        .await
        .unwrap()
}

fn names(gateways: &[control_plane::store::StoredGateway]) -> Vec<&str> {
    gateways
        .iter()
        .map(|gateway| gateway.id.name().as_str())
        .collect()
}
