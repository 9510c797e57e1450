//! Who may connect, and how connections end.

use control_plane::{
    clock::Clock,
    operation::OperationState,
    settings::StreamSecurity,
    stream::{ConfigStream, StreamError},
};
use proto::config::v1::{AppliedGateway, Hello, Subscription, worker_message};
use tempfile::TempDir;
use tonic::Code;

use super::{
    rig::{Rig, authority, settings},
    worker::Worker,
};
use crate::{
    database::{Database, on_both_databases, on_postgres},
    fixture::{now, put},
};

on_both_databases!(
    the_newer_connection_of_a_worker_wins,
    a_worker_that_does_not_say_what_it_serves_is_refused,
    a_second_hello_is_refused,
    a_stopping_control_plane_ends_its_streams,
);

async fn the_newer_connection_of_a_worker_wins(database: Database) {
    let rig = Rig::start(&database).await;
    let mut older = rig.worker("worker").await;
    older.hear_synced().await;
    let mut newer = rig.worker("worker").await;
    newer.hear_synced().await;
    assert_eq!(older.hear_end().await.code(), Code::Aborted);
    let begun = rig.put(put("gw", "a")).await;
    let apply = newer.hear_apply().await;
    assert_eq!(rig.state(&begun).await, OperationState::InProgress);
    newer.ack(&apply).await;
    assert_eq!(rig.ended(&begun).await.state, OperationState::Succeeded);
    rig.stop().await;
}

async fn a_worker_that_does_not_say_what_it_serves_is_refused(database: Database) {
    let rig = Rig::start(&database).await;
    let hellos = [
        Hello {
            subscription: None,
            ..Worker::hello("worker")
        },
        Hello {
            subscription: Some(Subscription::default()),
            ..Worker::hello("worker")
        },
        Worker::hello("not a worker's id"),
        Hello {
            held_blobs: vec![vec![1]],
            ..Worker::hello("worker")
        },
        Hello {
            applied: vec![AppliedGateway {
                gateway_id: "/no\0thing".to_owned(),
                generation: 1,
                snapshot_sha256: vec![1; 32],
            }],
            ..Worker::hello("worker")
        },
    ];
    for hello in hellos {
        let mut worker = Worker::connect(rig.address, hello).await;
        let status = worker.hear_end().await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(!status.message().is_empty());
    }
    let begun = rig.put(put("gw", "a")).await;
    assert_eq!(
        rig.ended(&begun).await.state,
        OperationState::Succeeded,
        "none of them counts"
    );
    rig.stop().await;
}

async fn a_second_hello_is_refused(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    worker
        .say(worker_message::Message::Hello(Worker::hello("other")))
        .await;
    assert_eq!(worker.hear_end().await.code(), Code::InvalidArgument);
    rig.stop().await;
}

async fn a_stopping_control_plane_ends_its_streams(database: Database) {
    let rig = Rig::start(&database).await;
    let mut worker = rig.worker("worker").await;
    worker.hear_synced().await;
    let store = rig.store.clone();
    rig.stop().await;
    assert_eq!(worker.hear_end().await.code(), Code::Unavailable);
    // The lease is released: nobody waits for the worker.
    let committed = store
        .put_gateway(&crate::fixture::write(), put("gw", "a"))
        .await
        .unwrap();
    crate::fixture::reconciler(&store)
        .pass(crate::fixture::now())
        .await
        .unwrap();
    let ended = crate::fixture::operation(&store, &committed.operation.unwrap().id).await;
    assert_eq!(ended.state, OperationState::Succeeded);
}

#[tokio::test]
async fn plaintext_is_for_loopback_only() {
    let settings = settings("0.0.0.0:0", StreamSecurity::Plaintext);
    let folder = TempDir::new().unwrap();
    let (authority, clock) = (authority(&folder), Clock::fixed(now()));
    let refused = ConfigStream::bind(&settings, &authority, &clock).await;
    assert!(
        matches!(refused, Err(StreamError::PlaintextNotLocal(_))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_replica_serves_any_worker_on_postgres() {
    on_postgres(any_replica_serves_any_worker).await;
}

/// The PUT comes to one replica, the worker is connected to the other.
async fn any_replica_serves_any_worker(database: Database) {
    let (api, stream) = (Rig::start(&database).await, Rig::start(&database).await);
    let mut worker = stream.worker("worker").await;
    worker.hear_synced().await;
    let begun = api.put(put("gw", "a")).await;
    let apply = worker.hear_apply().await;
    worker.ack(&apply).await;
    assert_eq!(api.ended(&begun).await.state, OperationState::Succeeded);
    let mut moved = api.worker("worker").await;
    moved.hear_apply().await;
    api.stop().await;
    stream.stop().await;
}
