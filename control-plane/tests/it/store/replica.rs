//! Several replicas on one database.

use std::time::Duration;

use control_plane::{operation::OperationState, store::Topic};
use sqlx::{Connection, Executor, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::{
    database::{Database, on_postgres},
    fixture::{now, put, read, reconciler, wanted, with_group, with_worker, write},
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_about_a_gateway_that_goes_away_meanwhile_is_ignored_on_postgres() {
    on_postgres(an_answer_about_a_gateway_that_goes_away_meanwhile_is_ignored).await;
}

async fn an_answer_about_a_gateway_that_goes_away_meanwhile_is_ignored(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    let session = with_worker(&store, "worker").await;
    let wanted = wanted(&store, "gw").await.unwrap();
    // Another replica removes the gateway and has not committed yet.
    let mut other = PgConnection::connect(database.url()).await.unwrap();
    other.execute("begin").await.unwrap();
    other.execute("delete from gateways").await.unwrap();
    let recording = {
        let store = store.clone();
        tokio::spawn(async move { store.record_applied(&session, &wanted, now()).await })
    };
    let waits = "select count(*) from pg_stat_activity where datname = current_database() \
                 and wait_event_type = 'Lock'";
    let mut observer = PgConnection::connect(database.url()).await.unwrap();
    let waiting = async {
        let mut count = 0;
        while count == 0 && !recording.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let counted = sqlx::query_scalar::<_, i64>(waits);
            count = counted.fetch_one(&mut observer).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .expect("the answer waits for the removal");
    other.execute("commit").await.unwrap();
    recording.await.unwrap().unwrap();
}
