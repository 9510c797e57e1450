//! The client of the configuration stream: keeps a stream to the control plane open and answers what comes over it.
//! Losing the control plane changes nothing for traffic.

mod backoff;
mod channel;
mod session;

use std::time::Duration;

use proto::config::v1 as wire;
use proto::config::v1::config_stream_client::ConfigStreamClient;
use tokio::sync::mpsc;
use tokio::time;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tracing::{debug, info, warn};

use crate::admin::Readiness;
use crate::apply::Applier;
use crate::readiness_report::ReadinessReports;
use crate::settings::{ControlPlane, Settings, Subscription};
use crate::telemetry::{Chain, Disconnect, Metrics};
use backoff::Backoff;
use session::Session;

/// The configuration stream of one worker.
#[derive(Debug)]
pub(crate) struct Client {
    worker_id: String,
    control_plane: ControlPlane,
    subscription: Subscription,
    readiness: Readiness,
    reports: ReadinessReports,
    metrics: Metrics,
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("the control plane cannot be reached")]
    Connect(#[source] tonic::transport::Error),
    #[error("the control plane did not answer within {} s", OPEN_TIMEOUT.as_secs())]
    Slow,
    #[error("the control plane ended the stream: {}: {}", .0.code(), .0.message())]
    Status(Box<Status>),
    #[error("the control plane broke the protocol: {0}")]
    Protocol(String),
    #[error("the control plane closed the stream")]
    Closed,
}

/// Answers under way to the control plane; it waits for one at a time.
const ANSWERS: usize = 16;
/// From dialling to the response head.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the control plane hears what report-only profiles would have refused, if there is something to hear.
const REPORT_INTERVAL: Duration = Duration::from_secs(3);
/// How long a stopping worker waits for the control plane to end the stream.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// `ApplyGateway` lists every blob of a gateway by 32 bytes; this is room for a million.
const MAX_MESSAGE: usize = 40 << 20;

impl Client {
    pub(crate) fn new(
        settings: &Settings,
        readiness: Readiness,
        reports: ReadinessReports,
        metrics: Metrics,
    ) -> Self {
        Self {
            reports,
            worker_id: settings.worker_id.clone(),
            control_plane: settings.control_plane.clone(),
            subscription: settings.subscription.clone(),
            readiness,
            metrics,
        }
    }

    /// Keeps a stream open until `shutdown`; an apply that has begun is finished first.
    pub(crate) async fn run(&self, applier: &mut Applier, shutdown: &CancellationToken) {
        let mut backoff = Backoff::default();
        let mut told = false;
        while !shutdown.is_cancelled() {
            applier.retry().await;
            if applier.serves_something() {
                self.readiness.set();
            }
            let mut healthy = false;
            let ended = self.stream(applier, shutdown, &mut healthy).await;
            self.metrics.connected.set(0);
            let Err(error) = ended else { return };
            let acts_well = !matches!(error.reason(), Disconnect::Refused | Disconnect::Protocol);
            if healthy && acts_well {
                backoff = Backoff::default();
                told = false;
            }
            self.metrics.count_disconnect(error.reason());
            let delay = backoff.next_delay(fastrand::f64());
            told = tell(&error, delay, told);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = time::sleep(delay) => {}
            }
        }
    }

    /// One stream from dialling to its end. `Ok`: the worker stops. `healthy` is set once the control plane has sent
    /// everything.
    async fn stream(
        &self,
        applier: &mut Applier,
        shutdown: &CancellationToken,
        healthy: &mut bool,
    ) -> Result<(), StreamError> {
        applier.restart();
        let (answers, outgoing) = mpsc::channel(ANSWERS);
        // There is room: the queue is new.
        let _queued = answers.try_send(self.hello(applier));
        let opened = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            opened = time::timeout(OPEN_TIMEOUT, self.open(outgoing)) => opened,
        };
        let mut incoming = opened.map_err(|_| StreamError::Slow)??;
        self.metrics.connected.set(1);
        info!(control_plane = %self.control_plane.url, "connected to the control plane");
        let mut session = Session::new(applier, answers, &self.metrics);
        let mut reporting = time::interval(REPORT_INTERVAL);
        reporting.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                () = shutdown.cancelled() => break,
                _ = reporting.tick() => {
                    session.report(&self.reports).await?;
                    continue;
                }
                message = incoming.message() => message.map_err(Box::new).map_err(StreamError::Status)?,
            };
            let message = message.ok_or(StreamError::Closed)?;
            let synced = session.receive(message).await?;
            *healthy |= synced;
            if session.is_ready(synced) {
                self.readiness.set();
            }
        }
        drop(session);
        // The answers have ended; the control plane ends its side when it has seen them.
        let _ended = time::timeout(CLOSE_TIMEOUT, async {
            while let Ok(Some(_)) = incoming.message().await {}
        })
        .await;
        Ok(())
    }

    async fn open(
        &self,
        outgoing: mpsc::Receiver<wire::WorkerMessage>,
    ) -> Result<tonic::Streaming<wire::ControlMessage>, StreamError> {
        let channel = channel::connect(&self.control_plane)
            .await
            .map_err(StreamError::Connect)?;
        let mut client = ConfigStreamClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        let response = client.connect(ReceiverStream::new(outgoing)).await;
        response
            .map(tonic::Response::into_inner)
            .map_err(Box::new)
            .map_err(StreamError::Status)
    }

    fn hello(&self, applier: &Applier) -> wire::WorkerMessage {
        let hello = wire::Hello {
            worker_id: self.worker_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            subscription: Some(wire::Subscription {
                gateway_ids: self.subscription.gateways.clone(),
                scopes: self.subscription.scopes.clone(),
            }),
            applied: applier.applied(),
            held_blobs: applier.held_blobs(),
        };
        wire::WorkerMessage {
            message: Some(wire::worker_message::Message::Hello(hello)),
        }
    }
}

impl StreamError {
    fn reason(&self) -> Disconnect {
        match self {
            Self::Connect(_) | Self::Slow => Disconnect::Connect,
            Self::Closed => Disconnect::Closed,
            Self::Protocol(_) => Disconnect::Protocol,
            Self::Status(status) => match status.code() {
                Code::Unauthenticated
                | Code::PermissionDenied
                | Code::InvalidArgument
                | Code::FailedPrecondition
                | Code::AlreadyExists
                // Another worker of the same id took over.
                | Code::Aborted
                | Code::Unimplemented => Disconnect::Refused,
                _ => Disconnect::Transport,
            },
        }
    }
}

/// Logs the end of a stream. That the control plane ends one, or goes away, is expected; only when it stays away is an
/// outage told, once. What an operator must act on is always told. Says whether an outage has been told.
fn tell(error: &StreamError, delay: Duration, told: bool) -> bool {
    let cause = Chain(error);
    let retry_ms = delay.as_millis();
    match error.reason() {
        Disconnect::Connect if !told => {
            warn!(
                %cause,
                retry_ms, "no control plane; serving what is in force"
            );
            true
        }
        Disconnect::Connect | Disconnect::Closed | Disconnect::Transport => {
            debug!(%cause, retry_ms, "configuration stream ended");
            told
        }
        Disconnect::Refused | Disconnect::Protocol => {
            warn!(
                %cause,
                retry_ms, "configuration stream failed; serving what is in force"
            );
            told
        }
    }
}
