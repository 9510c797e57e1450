//! Resource groups.

use std::time::Duration;

use control_plane::{
    operation::{Operation, OperationState},
    reconcile::REMAINING,
    store::{Change, DeleteResourceGroup, Page, PutResourceGroup, Store, StoreError},
};
use model::ResourceGroupId;

use crate::{
    database::{Database, on_both_databases},
    fixture::{
        GROUP, gateway_id, group, now, operation, put, read, reconciler, with_group, with_worker,
        write,
    },
};

on_both_databases!(
    a_group_is_created_and_replaced,
    groups_are_listed_by_subscription,
    deleting_a_group_deletes_its_gateways,
    a_group_outlives_the_deadline_with_its_gateways,
    a_group_that_is_being_deleted_takes_no_writes,
);

async fn a_group_is_created_and_replaced(database: Database) {
    let store = database.open().await;
    let put = |id: &str, tag: &str| PutResourceGroup {
        id: ResourceGroupId::parse(id).unwrap(),
        location: "westeurope".to_owned(),
        tags: [("tag".to_owned(), tag.to_owned())].into(),
        now: now(),
    };
    let (change, created) = store
        .put_resource_group(&write(), put(GROUP, "a"))
        .await
        .unwrap();
    assert_eq!(
        (change, created.tags["tag"].as_str()),
        (Change::Created, "a")
    );
    let shouted = GROUP.replace("Group", "GROUP");
    let (change, replaced) = store
        .put_resource_group(&write(), put(&shouted, "b"))
        .await
        .unwrap();
    assert_eq!(
        (change, replaced.tags["tag"].as_str()),
        (Change::Updated, "b")
    );
    assert_eq!(replaced.id.to_string(), GROUP);
    let moved = PutResourceGroup {
        location: "elsewhere".to_owned(),
        ..put(GROUP, "c")
    };
    let refused = store.put_resource_group(&write(), moved).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
    let found = store.find_resource_group(&read(), &group()).await.unwrap();
    assert_eq!(found, Some(replaced));
}

async fn groups_are_listed_by_subscription(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let page = Page {
        after: None,
        limit: 10,
    };
    let subscription = group().subscription().clone();
    let listed = store
        .list_resource_groups(&read(), &subscription, &page)
        .await
        .unwrap();
    assert_eq!((listed.items.len(), listed.next), (1, None));
    let other = model::SubscriptionId::parse("22222222-2222-2222-2222-222222222222").unwrap();
    let listed = store
        .list_resource_groups(&read(), &other, &page)
        .await
        .unwrap();
    assert_eq!(listed.items, []);
}

async fn deleting_a_group_deletes_its_gateways(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    for name in ["one", "two"] {
        store.put_gateway(&write(), put(name, "a")).await.unwrap();
    }
    let begun = delete(&store).await.unwrap().unwrap();
    assert_eq!(delete(&store).await.unwrap(), Some(begun.clone()));
    for _ in 0..2 {
        reconciler(&store).pass(now()).await.unwrap();
    }
    assert_eq!(
        operation(&store, &begun.id).await.state,
        OperationState::Succeeded
    );
    assert_eq!(
        store
            .find_gateway(&read(), &gateway_id("one"))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        store.find_resource_group(&read(), &group()).await.unwrap(),
        None
    );
    assert_eq!(delete(&store).await.unwrap(), None);
}

async fn a_group_outlives_the_deadline_with_its_gateways(database: Database) {
    let store = database.open().await;
    let worker = with_worker(&store, "silent").await;
    with_group(&store).await;
    store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    let begun = delete(&store).await.unwrap().unwrap();
    store
        .renew_lease(&worker, begun.deadline + Duration::from_mins(1))
        .await
        .unwrap();
    reconciler(&store).pass(begun.deadline).await.unwrap();
    let failed = operation(&store, &begun.id).await;
    assert_eq!(failed.error.unwrap().code, REMAINING);
    assert!(
        store
            .find_resource_group(&read(), &group())
            .await
            .unwrap()
            .unwrap()
            .deleting
    );
    let again = delete(&store).await.unwrap().unwrap();
    assert_ne!(again.id, begun.id);
}

async fn a_group_that_is_being_deleted_takes_no_writes(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    delete(&store).await.unwrap();
    let refused = store.put_gateway(&write(), put("gw", "a")).await;
    assert!(
        matches!(refused, Err(StoreError::Busy { .. })),
        "{refused:?}"
    );
    let again = PutResourceGroup {
        id: group(),
        location: "westeurope".to_owned(),
        tags: [].into(),
        now: now(),
    };
    let refused = store.put_resource_group(&write(), again).await;
    assert!(
        matches!(refused, Err(StoreError::Busy { .. })),
        "{refused:?}"
    );
}

async fn delete(store: &Store) -> Result<Option<Operation>, StoreError> {
    let delete = DeleteResourceGroup {
        id: group(),
        correlation_id: "correlation".to_owned(),
        now: now(),
        deadline: now() + Duration::from_secs(30),
    };
    store.delete_resource_group(&write(), delete).await
}
