//! One worker's connection, from Hello to its end.

use std::{sync::Arc, time::Duration};

use proto::config::v1::{ControlMessage, WorkerMessage, control_message::Message as ToWorker};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use tonic::{Status, Streaming};
use tracing::Instrument;

use self::{ticket_keys::KeysForWorker, worker::Worker};
use super::{
    hello::Hello,
    metrics::End,
    service::{Connections, Parts},
    speaker::{self, Speaker},
};
use crate::{
    store::{Session, StoreError, Topic},
    telemetry::Chain,
    worker_identity::{ShownCertificate, Unauthorised},
};

mod ticket_keys;
mod worker;

/// A worker that is silent for so long does not count any more.
const LEASE: Duration = Duration::from_secs(15);
const LEASE_REFRESH: Duration = Duration::from_secs(5);
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Makes up for lost wake-ups about worker identities, and notices that a certificate has ended.
const IDENTITY_CHECK: Duration = Duration::from_secs(5);
const IDENTITY_RETRY: Duration = Duration::from_secs(1);

type Outbox = mpsc::Sender<Result<ControlMessage, Status>>;

/// Why a session ended, and what the worker is told, if it can still be told.
struct Ended {
    reason: End,
    status: Option<Status>,
}

/// Serves one stream until it ends.
pub(super) async fn run(
    parts: Parts,
    connections: Arc<Connections>,
    speaker: Speaker,
    mut inbound: Streaming<WorkerMessage>,
    outbox: Outbox,
) {
    // From before the first look, so that no change is missed.
    let identities = parts.store.watch(Topic::WorkerIdentities);
    let hello = match first_message(&parts, &speaker, &mut inbound).await {
        Ok(hello) => hello,
        Err(ended) => {
            let cause = ended.status.as_ref().map(Status::message);
            tracing::warn!(reason = ?ended.reason, cause, "a worker was not let in");
            return finish(&parts, &outbox, ended).await;
        }
    };
    let session = hello.session.clone();
    let span = tracing::info_span!("session", worker_id = session.worker);
    async {
        let replaced = connections.enter(&session.worker, &session.id);
        parts.metrics.sessions.inc();
        let ended = tokio::select! {
            ended = serve(&parts, hello, &mut inbound, &outbox) => ended,
            ended = keep_lease(&parts, &session) => ended,
            ended = watch_identity(&parts, &speaker, &session, identities) => ended,
            () = replaced.cancelled() => Ended::replaced(),
            () = parts.shutdown.cancelled() => Ended {
                reason: End::Shutdown,
                status: Some(Status::unavailable("the control plane stops")),
            },
        };
        parts.metrics.sessions.dec();
        if connections.leave(&session.worker, &session.id) {
            parts.metrics.forget_worker(&session.worker);
        }
        if let Err(error) = parts.store.end_session(&session, parts.clock.now()).await {
            tracing::warn!(
                error = %Chain(&error),
                "the lease cannot be released"
            );
        }
        if let End::Unauthorised = ended.reason {
            let cause = ended.status.as_ref().map(Status::message);
            tracing::warn!(cause, "a worker was cut off");
        }
        tracing::info!(reason = ?ended.reason, "worker disconnected");
        finish(&parts, &outbox, ended).await;
    }
    .instrument(span)
    .await;
}

async fn first_message(
    parts: &Parts,
    speaker: &Speaker,
    inbound: &mut Streaming<WorkerMessage>,
) -> Result<Hello, Ended> {
    let message = tokio::select! {
        message = tokio::time::timeout(HELLO_TIMEOUT, inbound.message()) => message,
        () = parts.shutdown.cancelled() => return Err(Ended::lost()),
    };
    match message {
        Ok(Ok(Some(message))) => {
            let hello = Hello::parse(message).map_err(Ended::refused)?;
            match speaker {
                Speaker::Anyone => {}
                Speaker::Nobody => {
                    let status = Status::unauthenticated(speaker::NO_CERTIFICATE);
                    return Err(Ended::refused(status));
                }
                Speaker::Identity(shown) => authorise(parts, shown, &hello.session).await??,
            }
            Ok(hello)
        }
        Ok(Ok(None)) => Err(Ended::closed()),
        Ok(Err(_)) => Err(Ended::lost()),
        Err(_) => Err(Ended::refused(Status::deadline_exceeded("no Hello came"))),
    }
}

/// Decides whether the identity of a certificate may have the session that it asks for, as things are now.
async fn authorise(
    parts: &Parts,
    shown: &ShownCertificate,
    session: &Session,
) -> Result<Result<(), Unauthorised>, StoreError> {
    let identity = parts.store.identity_of(shown, parts.clock.now()).await?;
    Ok(
        identity
            .and_then(|identity| identity.check_request(&session.worker, &session.subscription)),
    )
}

/// Ends when the worker's identity does not allow the session any more: it was revoked or deleted, joined anew, sees
/// less, or its certificate has ended.
async fn watch_identity(
    parts: &Parts,
    speaker: &Speaker,
    session: &Session,
    mut identities: watch::Receiver<()>,
) -> Ended {
    let Speaker::Identity(shown) = speaker else {
        return std::future::pending().await;
    };
    loop {
        let left = Duration::try_from(shown.not_after - parts.clock.now()).unwrap_or_default();
        tokio::select! {
            changed = identities.changed() => if changed.is_err() {
                return Ended::lost();
            },
            () = tokio::time::sleep(left.min(IDENTITY_CHECK)) => {}
        }
        match authorise(parts, shown, session).await {
            Ok(Ok(())) => {}
            Ok(Err(refused)) => return Ended::from(refused),
            Err(error) => {
                tracing::warn!(
                    error = %Chain(&error),
                    "a worker's identity cannot be looked at"
                );
                tokio::time::sleep(IDENTITY_RETRY).await;
            }
        }
    }
}

/// Tells the worker why, if the connection takes it at once; the stream ends with the outbox.
async fn finish(parts: &Parts, outbox: &Outbox, ended: Ended) {
    parts.metrics.record_end(ended.reason);
    if let Some(status) = ended.status {
        let told = outbox
            .send_timeout(Err(status), Duration::from_millis(500))
            .await;
        if told.is_err() {
            tracing::debug!("the worker does not read why its stream ends");
        }
    }
}

/// Moves the lease while the session lives; ends when a newer connection has it.
async fn keep_lease(parts: &Parts, session: &Session) -> Ended {
    loop {
        tokio::time::sleep(LEASE_REFRESH).await;
        match parts
            .store
            .renew_lease(session, parts.clock.now() + LEASE)
            .await
        {
            Ok(true) => {}
            Ok(false) => return Ended::replaced(),
            Err(error) => {
                tracing::warn!(
                    error = %Chain(&error),
                    "the lease cannot be renewed"
                );
            }
        }
    }
}

/// Waits for a read of what is wanted that began after the worker connected: what was put before that is told before
/// `Synced`, also when the publisher's last read is a moment old.
async fn refresh(parts: &Parts) {
    let (asking, answered) = oneshot::channel();
    if parts.refresh.send(asking).await.is_ok() {
        let _publisher_gone = answered.await;
    }
}

async fn serve(
    parts: &Parts,
    hello: Hello,
    inbound: &mut Streaming<WorkerMessage>,
    outbox: &Outbox,
) -> Ended {
    let _seat = parts.audience.enter(&hello.session);
    let (mut published, mut keys) = (parts.published.clone(), parts.keys.clone());
    let mut keys_for_worker = KeysForWorker::new(hello.session.subscription.clone());
    refresh(parts).await;
    let mut worker = match Worker::begin(parts, hello, &mut published).await {
        Ok(worker) => worker,
        Err(ended) => return ended,
    };
    keys_for_worker.see(&keys.borrow_and_update().clone());
    let mut outgoing = None;
    loop {
        if outgoing.is_none() {
            outgoing = keys_for_worker.next().map(ToWorker::TicketKeys);
        }
        if outgoing.is_none() {
            outgoing = match worker.next_message().await {
                Ok(message) => message,
                Err(ended) => return ended,
            };
        }
        let heard = tokio::select! {
            room = outbox.reserve(), if outgoing.is_some() => match (room, outgoing.take()) {
                (Ok(room), Some(message)) => {
                    room.send(Ok(ControlMessage { message: Some(message) }));
                    Ok(())
                }
                (Ok(_), None) => Ok(()),
                (Err(_), _) => Err(Ended::lost()),
            },
            message = inbound.message() => match message {
                Ok(Some(message)) => worker.hear(message).await,
                Ok(None) => Err(Ended::closed()),
                Err(status) => {
                    tracing::debug!(%status, "the stream broke");
                    Err(Ended::lost())
                }
            },
            changed = published.changed() => match changed {
                Ok(()) => {
                    worker.see(&published.borrow_and_update().clone());
                    Ok(())
                }
                Err(_) => Err(Ended::lost()),
            },
            changed = keys.changed() => match changed {
                Ok(()) => {
                    keys_for_worker.see(&keys.borrow_and_update().clone());
                    Ok(())
                }
                Err(_) => Err(Ended::lost()),
            },
            () = until(worker.answer_due()) => Err(Ended::refused(Status::deadline_exceeded("no answer came"))),
        };
        if let Err(ended) = heard {
            return ended;
        }
    }
}

/// Sleeps until then, or for ever.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

impl Ended {
    fn closed() -> Self {
        Self {
            reason: End::Closed,
            status: None,
        }
    }

    fn lost() -> Self {
        Self {
            reason: End::Lost,
            status: None,
        }
    }

    fn refused(status: Status) -> Self {
        Self {
            reason: End::Refused,
            status: Some(status),
        }
    }

    fn replaced() -> Self {
        Self {
            reason: End::Replaced,
            status: Some(Status::aborted("a newer connection of this worker is open")),
        }
    }
}

impl From<Unauthorised> for Ended {
    fn from(refused: Unauthorised) -> Self {
        Self {
            reason: End::Unauthorised,
            status: Some(speaker::status(&refused)),
        }
    }
}

/// The worker connects again and says what it has, so nothing that could not be recorded is lost.
impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        tracing::error!(
            error = %Chain(&error),
            "a session cannot go on"
        );
        Self {
            reason: End::Store,
            status: Some(Status::unavailable("the control plane's store is away")),
        }
    }
}
