//! Ticket keys on the stream: the same on every worker, known before they seal, gone when no ticket needs them.

use proto::config::v1::{Hello, Subscription, TicketKey, TicketKeys};
use time::Duration;

use super::{rig::Rig, worker::Worker};
use crate::{
    database::{Database, on_both_databases},
    fixture::{gateway_id, put, update},
};

on_both_databases!(
    every_worker_of_a_gateway_gets_the_same_keys,
    a_key_is_known_before_it_seals_and_opens_until_its_tickets_are_dead,
    replicas_agree_on_the_keys,
    a_worker_gets_the_keys_of_its_gateways_only,
    a_change_of_the_gateway_changes_no_key,
);

async fn every_worker_of_a_gateway_gets_the_same_keys(database: Database) {
    let rig = Rig::start(&database).await;
    rig.put(put("GW", "a")).await;
    let mut one = rig.worker("one").await;
    let first = one.hear_keys().await;
    assert_eq!(first.gateway_id, gateway_id("GW").to_string());
    let [TicketKey { id, secret }] = first.keys.as_slice() else {
        panic!("{first:?}");
    };
    assert_eq!((id.len(), secret.len()), (16, 32));
    let shown = format!("{first:?}");
    assert!(!shown.contains(&format!("{:?}", &secret[..4]).replace(['[', ']'], "")));
    let mut two = rig.worker("two").await;
    assert_eq!(two.hear_keys().await, first);
    let mut again = rig.worker("one").await;
    assert_eq!(again.hear_keys().await, first, "a stream begins anew");
    rig.stop().await;
}

async fn a_key_is_known_before_it_seals_and_opens_until_its_tickets_are_dead(database: Database) {
    let rig = Rig::start(&database).await;
    rig.put(put("gw", "a")).await;
    let mut worker = rig.worker("worker").await;
    let first = ids(&worker.hear_keys().await);
    rig.clock.advance(Duration::minutes(55));
    let second = ids(&worker.hear_keys().await);
    assert_eq!((second.len(), &second[0]), (2, &first[0]), "it opens only");
    rig.clock.advance(Duration::minutes(5));
    let third = ids(&worker.hear_keys().await);
    assert_eq!(third, [second[1].clone(), second[0].clone()], "it seals");
    rig.clock.advance(Duration::minutes(10));
    let fourth = ids(&worker.hear_keys().await);
    assert_eq!(fourth, [third[0].clone()], "the old one is dead");
    let key = gateway_id("gw").key();
    let stored = rig.store.ticket_key_slots_of(&key).await.unwrap();
    assert_eq!(stored.len(), 1, "and deleted: {stored:?}");
    rig.stop().await;
}

async fn replicas_agree_on_the_keys(database: Database) {
    let (here, there) = (Rig::start(&database).await, Rig::start(&database).await);
    let (mut one, mut two) = (here.worker("one").await, there.worker("two").await);
    one.hear_synced().await;
    two.hear_synced().await;
    here.put(put("gw", "a")).await;
    let (first, same) = (one.hear_keys().await, two.hear_keys().await);
    assert_eq!(first, same);
    for clock in [&here.clock, &there.clock] {
        clock.advance(Duration::minutes(56));
    }
    let (second, same) = (one.hear_keys().await, two.hear_keys().await);
    assert_eq!(second.keys.len(), 2);
    assert_eq!(second, same);
    here.stop().await;
    there.stop().await;
}

async fn a_worker_gets_the_keys_of_its_gateways_only(database: Database) {
    let rig = Rig::start(&database).await;
    for name in ["mine", "nobodys"] {
        rig.put(put(name, "a")).await;
    }
    let hello = Hello {
        subscription: Some(Subscription {
            gateway_ids: vec![gateway_id("mine").to_string()],
            scopes: Vec::new(),
        }),
        ..Worker::hello("worker")
    };
    let mut worker = Worker::connect(rig.address, hello).await;
    let keys = worker.hear_keys().await;
    assert_eq!(keys.gateway_id, gateway_id("mine").to_string());
    let made = rig.store.ticket_key_slots().await.unwrap();
    assert_eq!(
        made.into_keys().collect::<Vec<_>>(),
        [gateway_id("mine").key()]
    );
    rig.stop().await;
}

async fn a_change_of_the_gateway_changes_no_key(database: Database) {
    let rig = Rig::start(&database).await;
    rig.put(put("gw", "a")).await;
    let mut worker = rig.worker("worker").await;
    let first = worker.hear_keys().await;
    rig.put(update("gw", "b", 1)).await;
    rig.put(put("other", "a")).await;
    let next: TicketKeys = worker.hear_keys().await;
    assert_eq!(next.gateway_id, gateway_id("other").to_string());
    assert_ne!(ids(&next), ids(&first));
    rig.stop().await;
}

fn ids(keys: &TicketKeys) -> Vec<Vec<u8>> {
    keys.keys.iter().map(|key| key.id.clone()).collect()
}
