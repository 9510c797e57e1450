//! Signing keys: sealed, bound to their place, one for each place; and the tenant, one for all.

use control_plane::{
    rotation::Slot,
    store::{Store, StoreError},
    token::SigningKey,
};
use sqlx::{AnyConnection, Connection, Executor};
use uuid::Uuid;

use crate::{
    database::{Database, on_both_databases},
    fixture::now,
};

on_both_databases!(
    a_key_opens_as_it_was_stored,
    of_two_replicas_one_makes_the_next_key,
    a_key_does_not_open_elsewhere,
    all_replicas_are_the_same_tenant,
    nobody_else_can_be_written_into_the_installation,
);

const TENANT: &str = "7d1f4b1e-0000-4000-8000-000000000001";

fn slot(sequence: i64, key: &SigningKey) -> Slot {
    Slot {
        sequence,
        id: key.id,
        used_from: now(),
    }
}

async fn add(store: &Store, sequence: i64, key: &SigningKey) -> bool {
    let slot = slot(sequence, key);
    let added = store.add_signing_key(TENANT, &slot, key, now());
    added.await.unwrap()
}

async fn a_key_opens_as_it_was_stored(database: Database) {
    let store = database.open().await;
    let keys = [1, 2].map(|_| SigningKey::generate().unwrap());
    assert!(add(&store, 1, &keys[0]).await);
    assert!(add(&store, 2, &keys[1]).await);
    let slots = store.signing_key_slots().await.unwrap();
    assert_eq!(slots, [slot(1, &keys[0]), slot(2, &keys[1])]);
    for (slot, key) in slots.iter().zip(&keys) {
        let found = store.find_signing_key(TENANT, slot).await.unwrap().unwrap();
        assert_eq!((found.id, found.pkcs8()), (key.id, key.pkcs8()));
    }
    store.delete_signing_key(&slots[0]).await.unwrap();
    let gone = store.find_signing_key(TENANT, &slots[0]).await.unwrap();
    assert!(gone.is_none());
    assert_eq!(store.signing_key_slots().await.unwrap(), slots[1..]);
}

async fn of_two_replicas_one_makes_the_next_key(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    let (mine, yours) = (
        SigningKey::generate().unwrap(),
        SigningKey::generate().unwrap(),
    );
    let (first, second) = tokio::join!(add(&here, 1, &mine), add(&there, 1, &yours));
    assert!(first != second, "{first} {second}");
    let winner = if first { &mine } else { &yours };
    for store in [here, there] {
        assert_eq!(store.signing_key_slots().await.unwrap(), [slot(1, winner)]);
    }
}

async fn a_key_does_not_open_elsewhere(database: Database) {
    let store = database.open().await;
    let (one, two) = (
        SigningKey::generate().unwrap(),
        SigningKey::generate().unwrap(),
    );
    add(&store, 1, &one).await;
    add(&store, 2, &two).await;
    let refused = |found: Result<Option<SigningKey>, StoreError>| {
        assert!(
            matches!(found, Err(StoreError::Corrupt { .. })),
            "{found:?}"
        );
    };
    refused(store.find_signing_key("another", &slot(1, &one)).await);
    let other = database.open_with_other_key().await;
    refused(other.find_signing_key(TENANT, &slot(1, &one)).await);

    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    let copy =
        "update signing_keys set sealed = (select sealed from signing_keys where sequence = 1)";
    connection.execute(copy).await.unwrap();
    refused(store.find_signing_key(TENANT, &slot(2, &two)).await);
    let found = store.find_signing_key(TENANT, &slot(1, &one)).await;
    assert!(found.unwrap().is_some());
}

async fn all_replicas_are_the_same_tenant(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    let (first, second) = tokio::join!(here.tenant(now()), there.tenant(now()));
    let tenant = first.unwrap();
    assert_eq!(second.unwrap(), tenant);
    assert_eq!(tenant.parse::<Uuid>().unwrap().to_string(), tenant);
    assert_eq!(database.open().await.tenant(now()).await.unwrap(), tenant);
}

async fn nobody_else_can_be_written_into_the_installation(database: Database) {
    let store = database.open().await;
    store.tenant(now()).await.unwrap();
    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    let second = "insert into installation (id, tenant_id, created_at) values (2, 'other', 0)";
    let refused = connection.execute(second).await.unwrap_err().to_string();
    assert!(refused.contains("installation_one_row"), "{refused}");
}
