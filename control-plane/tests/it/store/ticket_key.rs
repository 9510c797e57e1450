//! Ticket keys: sealed, bound to their gateway, one for each place.

use control_plane::{
    rotation::Slot,
    store::{Store, StoreError, WantedGateway},
    ticket_key::TicketKey,
};
use sqlx::{AnyConnection, Connection, Executor};

use crate::{
    database::{Database, on_both_databases},
    fixture::{delete, now, put, read, reconciler, wanted, with_group, write},
};

on_both_databases!(
    a_key_opens_as_it_was_stored,
    of_two_replicas_one_makes_the_next_key,
    a_key_does_not_open_elsewhere,
    keys_go_with_their_gateway,
    a_later_gateway_of_the_same_name_gets_keys_of_its_own,
);

async fn gateway(store: &Store, name: &str) -> WantedGateway {
    store.put_gateway(&write(), put(name, "a")).await.unwrap();
    wanted(store, name).await.unwrap()
}

async fn add(store: &Store, gateway: &WantedGateway, sequence: i64, key: &TicketKey) -> bool {
    store
        .add_ticket_key(gateway, sequence, now(), key, now())
        .await
        .unwrap()
}

async fn slots(store: &Store, gateway: &WantedGateway) -> Vec<Slot> {
    let slots = store.ticket_key_slots_of(&gateway.key).await.unwrap();
    let mut all = store.ticket_key_slots().await.unwrap();
    assert_eq!(all.remove(&gateway.key).unwrap_or_default(), slots);
    slots
}

async fn a_key_opens_as_it_was_stored(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let gateway = gateway(&store, "gw").await;
    let (one, two) = (TicketKey::random().unwrap(), TicketKey::random().unwrap());
    assert!(add(&store, &gateway, 1, &one).await);
    assert!(add(&store, &gateway, 2, &two).await);
    let slots = slots(&store, &gateway).await;
    assert_eq!([slots[0].sequence, slots[1].sequence], [1, 2]);
    assert_eq!(slots[0].used_from, now());
    for (slot, key) in slots.iter().zip([one, two]) {
        let found = store.find_ticket_key(&read(), &gateway.key, slot).await;
        let found = found.unwrap().unwrap();
        assert_eq!((found.id, found.secret), (key.id, key.secret));
    }
    store
        .delete_ticket_key(&gateway.key, &slots[0])
        .await
        .unwrap();
    let gone = store
        .find_ticket_key(&read(), &gateway.key, &slots[0])
        .await;
    assert!(gone.unwrap().is_none());
}

async fn of_two_replicas_one_makes_the_next_key(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    with_group(&here).await;
    let gateway = gateway(&here, "gw").await;
    let (mine, yours) = (TicketKey::random().unwrap(), TicketKey::random().unwrap());
    let (first, second) = tokio::join!(
        add(&here, &gateway, 1, &mine),
        add(&there, &gateway, 1, &yours)
    );
    assert!(first != second, "{first} {second}");
    let stored = slots(&here, &gateway).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].id, if first { mine.id } else { yours.id });
    assert_eq!(slots(&there, &gateway).await, stored);
}

async fn a_key_does_not_open_elsewhere(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let (mine, yours) = (
        gateway(&store, "mine").await,
        gateway(&store, "yours").await,
    );
    let key = TicketKey::random().unwrap();
    add(&store, &mine, 1, &key).await;
    add(&store, &yours, 1, &TicketKey::random().unwrap()).await;
    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    let copy = "update ticket_keys set id = (select id from ticket_keys where gateway_id like '%/mine'), \
                sealed = (select sealed from ticket_keys where gateway_id like '%/mine')";
    connection.execute(copy).await.unwrap();
    let slot = &slots(&store, &yours).await[0];
    assert_eq!(slot.id, key.id);
    let refused = store.find_ticket_key(&read(), &yours.key, slot).await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt { .. })),
        "{refused:?}"
    );
    let other = database.open_with_other_key().await;
    let refused = other.find_ticket_key(&read(), &mine.key, slot).await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt { .. })),
        "{refused:?}"
    );
    let found = store.find_ticket_key(&read(), &mine.key, slot).await;
    assert!(found.unwrap().is_some());
}

async fn keys_go_with_their_gateway(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let gateway = gateway(&store, "gw").await;
    add(&store, &gateway, 1, &TicketKey::random().unwrap()).await;
    delete(&store, "gw").await;
    let late = add(&store, &gateway, 2, &TicketKey::random().unwrap()).await;
    assert!(!late, "of a gateway that is being deleted");
    reconciler(&store).pass(now()).await.unwrap();
    assert_eq!(slots(&store, &gateway).await, []);
    let late = add(&store, &gateway, 2, &TicketKey::random().unwrap()).await;
    assert!(!late, "of a gateway that is gone");
}

async fn a_later_gateway_of_the_same_name_gets_keys_of_its_own(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let earlier = gateway(&store, "gw").await;
    delete(&store, "gw").await;
    reconciler(&store).pass(now()).await.unwrap();
    let later = gateway(&store, "gw").await;
    assert!(!add(&store, &earlier, 1, &TicketKey::random().unwrap()).await);
    assert!(add(&store, &later, 1, &TicketKey::random().unwrap()).await);
}
