//! The client of the configuration stream: keeps a stream to the control plane open and answers what comes over it.
//! Losing the control plane changes nothing for traffic.

mod backoff;
mod channel;
mod enrolment;
mod session;
mod tls;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use proto::config::v1 as wire;
use proto::config::v1::config_stream_client::ConfigStreamClient;
use tokio::sync::{mpsc, watch};
use tokio::time;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tracing::{debug, error, info, warn};

use crate::admin::Readiness;
use crate::apply::Applier;
use crate::clock::Clock;
use crate::identity::Identity;
use crate::readiness_report::ReadinessReports;
use crate::settings::{Settings, Subscription};
use crate::telemetry::{Chain, Disconnect, Metrics};
use backoff::Backoff;
pub(crate) use enrolment::Enrolment;
use enrolment::EnrolmentError;
use session::Session;

/// The configuration stream of one worker.
#[derive(Debug)]
pub(crate) struct Client {
    worker_id: String,
    url: http::Uri,
    credentials: Credentials,
    clock: Clock,
    subscription: Subscription,
    readiness: Readiness,
    reports: ReadinessReports,
    metrics: Metrics,
}

/// How the two sides know each other.
#[derive(Debug)]
enum Credentials {
    /// Not at all.
    Plaintext,
    /// By an identity that the control plane gave.
    Enrolled(Box<Enrolment>),
}

/// How a stream ended that did not fail.
enum Ended {
    /// The worker stops.
    Stopping,
    /// There is a new certificate to connect with.
    Renewed,
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("the control plane cannot be reached")]
    Connect(#[source] tonic::transport::Error),
    #[error("the control plane did not answer within {} s", OPEN_TIMEOUT.as_secs())]
    Slow,
    #[error("the control plane ended the stream: {}", StatusChain(.0))]
    Status(Box<Status>),
    #[error("no certificate")]
    Enrolment(#[source] EnrolmentError),
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
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
        enrolment: Option<Enrolment>,
        clock: Clock,
    ) -> Self {
        let credentials = enrolment.map_or(Credentials::Plaintext, |enrolment| {
            Credentials::Enrolled(Box::new(enrolment))
        });
        Self {
            reports,
            worker_id: settings.worker_id.clone(),
            url: settings.control_plane.url.clone(),
            credentials,
            clock,
            subscription: settings.subscription.clone(),
            readiness,
            metrics,
        }
    }

    /// Keeps a stream open, and the certificate good, until `shutdown`; an apply that has begun is finished first.
    pub(crate) async fn run(&mut self, applier: &mut Applier, shutdown: &CancellationToken) {
        let renewal = match &self.credentials {
            Credentials::Enrolled(enrolment) => Some(enrolment.renewal()),
            Credentials::Plaintext => None,
        };
        let renewing = async {
            match renewal {
                Some(renewal) => renewal.run().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = renewing => {}
            () = self.keep_streaming(applier, shutdown) => {}
        }
    }

    async fn keep_streaming(&mut self, applier: &mut Applier, shutdown: &CancellationToken) {
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
            let error = match ended {
                Ok(Ended::Stopping) => return,
                Ok(Ended::Renewed) => {
                    debug!("connecting again with the new certificate");
                    continue;
                }
                Err(error) => error,
            };
            if error.is_revocation() {
                self.metrics.count_disconnect(error.reason());
                error!(cause = %Chain(&error), "this worker was revoked; it serves nothing any more");
                self.stop_serving(applier).await;
                return shutdown.cancelled().await;
            }
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

    /// Gives up everything: listeners close, open connections drain, and nothing of it stays on the disk. The control
    /// plane's certificate was verified, so nobody else can bring this about.
    async fn stop_serving(&mut self, applier: &mut Applier) {
        self.readiness.withdraw();
        if let Credentials::Enrolled(enrolment) = &mut self.credentials {
            enrolment.forget();
        }
        for gateway in applier.applied() {
            applier.remove(&gateway.gateway_id).await;
        }
        applier.forget_unserved(|_| false);
    }

    /// One stream from dialling to its end. `healthy` is set once the control plane has sent everything.
    async fn stream(
        &mut self,
        applier: &mut Applier,
        shutdown: &CancellationToken,
        healthy: &mut bool,
    ) -> Result<Ended, StreamError> {
        applier.restart();
        let (answers, outgoing) = mpsc::channel(ANSWERS);
        // There is room: the queue is new.
        let _queued = answers.try_send(self.hello(applier));
        let tls = tokio::select! {
            () = shutdown.cancelled() => return Ok(Ended::Stopping),
            tls = self.tls() => tls?,
        };
        let mut renewed = self.credentials.changes();
        let opened = tokio::select! {
            () = shutdown.cancelled() => return Ok(Ended::Stopping),
            opened = time::timeout(OPEN_TIMEOUT, self.open(tls, outgoing)) => opened,
        };
        let mut incoming = opened.map_err(|_| StreamError::Slow)??;
        self.metrics.connected.set(1);
        info!(control_plane = %self.url, "connected to the control plane");
        let mut session = Session::new(applier, answers, &self.metrics);
        let mut reporting = time::interval(REPORT_INTERVAL);
        reporting.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                () = shutdown.cancelled() => break,
                () = changed(&mut renewed) => return Ok(Ended::Renewed),
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
        Ok(Ended::Stopping)
    }

    /// What to connect with; joins where that is needed first.
    async fn tls(&mut self) -> Result<Option<Arc<rustls::ClientConfig>>, StreamError> {
        match &mut self.credentials {
            Credentials::Plaintext => Ok(None),
            Credentials::Enrolled(enrolment) => {
                let identity = enrolment.identity().await;
                let identity = identity.map_err(StreamError::Enrolment)?;
                if identity.not_after() <= self.clock.now() {
                    error!("this worker's certificate has ended: it needs a new join token");
                }
                let tls = tls::of_identity(&identity, &self.clock).map_err(StreamError::Tls)?;
                Ok(Some(tls))
            }
        }
    }

    async fn open(
        &self,
        tls: Option<Arc<rustls::ClientConfig>>,
        outgoing: mpsc::Receiver<wire::WorkerMessage>,
    ) -> Result<tonic::Streaming<wire::ControlMessage>, StreamError> {
        let channel = channel::connect(&self.url, tls)
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

impl Credentials {
    /// Reports a new identity, where there can be one.
    fn changes(&self) -> Option<Changes> {
        match self {
            Self::Plaintext => None,
            Self::Enrolled(enrolment) => Some(enrolment.keeper.changes()),
        }
    }
}

type Changes = watch::Receiver<Option<Arc<Identity>>>;

/// Waits for a new identity.
async fn changed(changes: &mut Option<Changes>) {
    let is_new = match changes {
        Some(changes) => changes.changed().await.is_ok(),
        None => false,
    };
    if !is_new {
        std::future::pending::<()>().await;
    }
}

/// Code, message and causes of a status.
struct StatusChain<'a>(&'a Status);

impl fmt::Display for StatusChain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.0.code(), self.0.message())?;
        match self.0.source() {
            Some(cause) => write!(formatter, ": {}", Chain(cause)),
            None => Ok(()),
        }
    }
}

/// Trailer with the closed word of a refusal; see `stream.proto`.
const REFUSAL: &str = "portcullis-refusal";

impl StreamError {
    /// Whether the control plane says that this worker was revoked.
    fn is_revocation(&self) -> bool {
        match self {
            Self::Status(status) => {
                let word = status.metadata().get(REFUSAL);
                word.is_some_and(|word| word == "revoked")
            }
            _ => false,
        }
    }

    fn reason(&self) -> Disconnect {
        match self {
            Self::Enrolment(EnrolmentError::Connect(_) | EnrolmentError::Slow)
            | Self::Connect(_)
            | Self::Slow => Disconnect::Connect,
            Self::Enrolment(_) | Self::Tls(_) => Disconnect::Refused,
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
