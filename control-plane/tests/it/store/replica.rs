//! Several replicas on one database.

use std::time::Duration;

use control_plane::{operation::OperationState, store::Topic};
use tokio_util::sync::CancellationToken;

use crate::{
    database::{Database, on_postgres},
    fixture::{now, put, read, reconciler, with_group, write},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_wakes_the_other_replicas_on_postgres() {
    on_postgres(a_commit_wakes_the_other_replicas).await;
}

async fn a_commit_wakes_the_other_replicas(database: Database) {
    let (here, there) = (database.open().await, database.open().await);
    let stop = CancellationToken::new();
    let listening = {
        let (there, stop) = (there.clone(), stop.clone());
        tokio::spawn(async move { there.run_listener(stop).await })
    };
    let mut heard = there.watch(Topic::Gateways);
    // The listener reports once when it stands.
    tokio::time::timeout(Duration::from_secs(10), heard.changed())
        .await
        .unwrap()
        .unwrap();
    with_group(&here).await;
    let committed = here.put_gateway(&write(), put("gw", "a")).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), heard.changed())
        .await
        .unwrap()
        .unwrap();
    let id = committed.operation.unwrap().id;
    let waiting = {
        let there = there.clone();
        tokio::spawn(async move {
            there
                .find_operation(&read(), &id, Duration::from_secs(10))
                .await
        })
    };
    reconciler(&here).pass(now()).await.unwrap();
    let ended = waiting.await.unwrap().unwrap().unwrap();
    assert_eq!(ended.state, OperationState::Succeeded);
    stop.cancel();
    listening.await.unwrap();
}
