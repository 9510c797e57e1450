//! A control plane without an API: store, reconciler and configuration stream.

use std::net::SocketAddr;

use control_plane::{
    clock::Clock,
    operation::{Operation, OperationState},
    reconcile::{self, Reconciler},
    settings::{StreamSecurity, StreamSettings, WorkerCaKey, WorkerCaSettings},
    store::{PutGateway, Store},
    stream::{ConfigStream, Metrics},
    tls::WorkerAuthority,
};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::worker::Worker;
use crate::{
    database::Database,
    fixture::{eventually, now, operation, with_group, write},
};

/// A worker CA in `folder`.
pub(super) fn authority(folder: &TempDir) -> WorkerAuthority {
    let [certificate, key] = ["ca.pem", "ca.key"].map(|name| folder.path().join(name));
    WorkerAuthority::load_or_create(now(), &certificate, &key).unwrap()
}

pub(super) fn settings(listen: &str, security: StreamSecurity) -> StreamSettings {
    StreamSettings {
        listen: listen.parse().unwrap(),
        security,
        worker_ca: WorkerCaSettings {
            certificate: "unused".into(),
            key: WorkerCaKey::File("unused".into()),
        },
    }
}

pub(super) struct Rig {
    pub(super) store: Store,
    pub(super) address: SocketAddr,
    pub(super) clock: Clock,
    pub(super) shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Rig {
    /// Starts one replica with a worker CA and a clock.
    pub(super) async fn start_as(
        database: &Database,
        security: StreamSecurity,
        authority: &WorkerAuthority,
        clock: Clock,
    ) -> Self {
        let store = database.open().await;
        with_group(&store).await;
        let settings = settings("127.0.0.1:0", security);
        let stream = ConfigStream::bind(&settings, authority, &clock)
            .await
            .unwrap();
        let address = stream.address();
        let shutdown = CancellationToken::new();
        let metrics = Metrics::register(&mut Registry::default());
        let serving = stream.serve(store.clone(), clock.clone(), metrics, shutdown.clone());
        let metrics = reconcile::Metrics::register(&mut Registry::default());
        let reconciler = Reconciler::new(store.clone(), clock.clone(), metrics);
        let listening = {
            let (store, shutdown) = (store.clone(), shutdown.clone());
            async move { store.run_listener(shutdown).await }
        };
        let tasks = vec![
            tokio::spawn(async move { serving.await.unwrap() }),
            tokio::spawn(reconciler.run(shutdown.clone())),
            tokio::spawn(listening),
        ];
        Self {
            store,
            address,
            clock,
            shutdown,
            tasks,
        }
    }

    pub(super) async fn start(database: &Database) -> Self {
        let (folder, clock) = (TempDir::new().unwrap(), Clock::fixed(now()));
        Self::start_as(
            database,
            StreamSecurity::Plaintext,
            &authority(&folder),
            clock,
        )
        .await
    }

    /// A worker that serves everything and has nothing.
    pub(super) async fn worker(&self, name: &str) -> Worker {
        Worker::connect(self.address, Worker::hello(name)).await
    }

    pub(super) async fn put(&self, put: PutGateway) -> Operation {
        let committed = self.store.put_gateway(&write(), put).await.unwrap();
        committed.operation.unwrap()
    }

    pub(super) async fn state(&self, begun: &Operation) -> OperationState {
        operation(&self.store, &begun.id).await.state
    }

    /// Waits for an operation's end.
    pub(super) async fn ended(&self, begun: &Operation) -> Operation {
        let is_over = move || async move { operation(&self.store, &begun.id).await.is_over() };
        eventually("the operation is over", is_over).await;
        operation(&self.store, &begun.id).await
    }

    /// Stops and waits until all is over.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}
