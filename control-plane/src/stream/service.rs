//! The gRPC service: starts one session for each stream.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Mutex, PoisonError},
};

use futures_util::FutureExt;
use proto::config::v1::{ControlMessage, WorkerMessage, config_stream_server};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Response, Status, Streaming};

use super::{
    audience::Audience,
    incoming::Peer,
    metrics::Metrics,
    publisher::{Published, Refresh},
    session,
    speaker::{Speaker, Trust},
    ticket_keys::PublishedKeys,
};
use crate::{clock::Clock, store::Store};

/// Messages that wait for the connection; with chunks of 256 KiB this bounds the memory of a slow worker.
const OUTBOX: usize = 4;

/// What sessions need.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) published: watch::Receiver<Published>,
    pub(super) keys: watch::Receiver<PublishedKeys>,
    pub(super) audience: Audience,
    pub(super) refresh: Refresh,
    pub(super) sessions: TaskTracker,
    pub(super) shutdown: CancellationToken,
    /// What a client certificate stands for.
    pub(super) trust: Trust,
}

pub(super) struct Service {
    parts: Parts,
    connections: std::sync::Arc<Connections>,
}

/// Which connection each worker has on this replica, so that a newer one ends the older at once.
#[derive(Default)]
pub(super) struct Connections {
    by_worker: Mutex<HashMap<String, Connection>>,
}

struct Connection {
    session: String,
    replaced: CancellationToken,
}

impl Service {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts,
            connections: std::sync::Arc::default(),
        }
    }
}

#[tonic::async_trait]
impl config_stream_server::ConfigStream for Service {
    type ConnectStream = ReceiverStream<Result<ControlMessage, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<WorkerMessage>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        if self.parts.shutdown.is_cancelled() {
            return Err(Status::unavailable("the control plane stops"));
        }
        let (outbox, messages) = mpsc::channel(OUTBOX);
        let (parts, connections) = (self.parts.clone(), self.connections.clone());
        let speaker = Speaker::proven_by(request.extensions().get::<Peer>(), parts.trust);
        let session = session::run(parts, connections, speaker, request.into_inner(), outbox);
        self.parts.sessions.spawn(async move {
            if AssertUnwindSafe(session).catch_unwind().await.is_err() {
                tracing::error!("a session of the configuration stream panicked");
            }
        });
        Ok(Response::new(ReceiverStream::new(messages)))
    }
}

impl Connections {
    /// Notes the worker's newest connection and ends the older one. The token tells when it is replaced in turn.
    pub(super) fn enter(&self, worker: &str, session: &str) -> CancellationToken {
        let replaced = CancellationToken::new();
        let connection = Connection {
            session: session.to_owned(),
            replaced: replaced.clone(),
        };
        let mut by_worker = self
            .by_worker
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(older) = by_worker.insert(worker.to_owned(), connection) {
            older.replaced.cancel();
        }
        replaced
    }

    /// Forgets a connection; `false`: a newer one has taken its place.
    pub(super) fn leave(&self, worker: &str, session: &str) -> bool {
        let mut by_worker = self
            .by_worker
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_newest = by_worker
            .get(worker)
            .is_some_and(|own| own.session == session);
        if is_newest {
            by_worker.remove(worker);
        }
        is_newest
    }
}
