//! Wires the worker together: starts everything in order, and stops it in order.
//!
//! Everything but the request path lives on one thread with a runtime of its own, so that a slow scrape or a large
//! snapshot never holds up a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::admin::{Admin, Readiness};
use crate::apply::Applier;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::convert::Converter;
use crate::cores::{self, ProxySettings};
use crate::identity::{IdentityFile, Keeper};
use crate::listener::Listeners;
use crate::revocation::{self, Revocation};
use crate::settings::{Settings, StreamSecurity};
use crate::state::StateStore;
use crate::state::saver::{self, Writer};
use crate::stream::{Client, Enrolment};
use crate::telemetry;
use crate::tls::tickets::keys::TicketKeys;
use crate::tls::upstream_config::SystemRoots;

/// A worker that runs. Dropping it stops the worker as [`Running::shutdown`] does, without waiting.
#[derive(Debug)]
pub struct Running {
    admin_address: SocketAddr,
    readiness: Readiness,
    shutdown: CancellationToken,
    ended: oneshot::Receiver<Result<(), RunError>>,
}

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The admin port cannot be had.
    #[error("the admin port {address} cannot be opened")]
    Admin {
        /// The address of the settings.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The identity in the state directory cannot be used.
    #[error("the identity of this worker cannot be used")]
    Identity(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The worker has never joined and has no token to join with.
    #[error(
        "this worker has not joined yet: it needs a join token (--join-token-file), which the control plane makes"
    )]
    NoIdentity,
    /// The request path cannot run.
    #[error("the request path cannot start")]
    Cores(#[from] cores::StartError),
    /// The thread for everything else cannot run.
    #[error("the control thread cannot start")]
    Thread(#[source] std::io::Error),
    /// The control thread ended before it had started everything.
    #[error("the control thread broke down")]
    Panicked,
}

/// Why a worker ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A task broke down: a bug. The worker stops, to be restarted.
    #[error("the task `{0}` broke down")]
    Panicked(&'static str),
}

/// What the parts need to begin.
struct Parts {
    admin: Admin,
    applier: Applier,
    client: Client,
    writer: Option<Writer>,
    revocation: revocation::Service,
}

/// Starts a worker and returns when its admin port is open and the last known good configuration, if there is one, is in
/// force. The control plane need not be there.
///
/// # Errors
/// [`StartError`]; nothing runs then.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    start_with_clock(settings, Clock::system()).await
}

/// As [`start`], with a clock that a test moves.
///
/// # Errors
/// As [`start`].
pub async fn start_with_clock(settings: Settings, clock: Clock) -> Result<Running, StartError> {
    let shutdown = CancellationToken::new();
    let (started, start) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Thread)?;
    let token = shutdown.clone();
    let body = move || {
        let outcome = runtime.block_on(run(settings, clock, token, started));
        // Blocking work that hangs must not hold up the end of the process.
        runtime.shutdown_background();
        // Nobody may be waiting.
        let _unheard = end.send(outcome);
    };
    thread::Builder::new()
        .name("control".to_owned())
        .spawn(body)
        .map_err(StartError::Thread)?;
    let (admin_address, readiness) = start.await.map_err(|_| StartError::Panicked)??;
    Ok(Running {
        admin_address,
        readiness,
        shutdown,
        ended,
    })
}

impl Running {
    /// Where health, readiness and metrics are served.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Whether the worker knows what it serves and is not stopping.
    pub fn is_ready(&self) -> bool {
        self.readiness.is_set()
    }

    /// Asks the worker to stop: no more accepting, requests drain, the state is written.
    pub fn shutdown(&self) {
        self.shutdown.cancel();
    }

    /// Cancelled, it stops the worker: for callers that wait at the same time.
    pub fn stopper(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Waits for the worker's end.
    ///
    /// # Errors
    /// [`RunError`] when it ended without being asked to.
    pub async fn wait(mut self) -> Result<(), RunError> {
        (&mut self.ended)
            .await
            .unwrap_or(Err(RunError::Panicked("control")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

type Started = oneshot::Sender<Result<(SocketAddr, Readiness), StartError>>;

/// The life of the control thread.
async fn run(
    settings: Settings,
    clock: Clock,
    shutdown: CancellationToken,
    started: Started,
) -> Result<(), RunError> {
    raise_file_limit();
    let readiness = Readiness::new(shutdown.clone());
    let (parts, address) = match assemble(&settings, clock, &readiness).await {
        Ok(assembled) => assembled,
        Err(error) => {
            // The caller has the error, and nothing runs.
            let _unheard = started.send(Err(error));
            return Ok(());
        }
    };
    info!(worker = settings.worker_id, admin = %address, "worker started");
    if started.send(Ok((address, readiness))).is_err() {
        shutdown.cancel();
    }
    run_parts(parts, &settings, &shutdown).await
}

/// The identity of before, or the token to get one with; `None`: the stream needs neither.
fn enrolment(settings: &Settings, clock: &Clock) -> Result<Option<Enrolment>, StartError> {
    let StreamSecurity::Enrolled { token } = &settings.control_plane.security else {
        return Ok(None);
    };
    let file = settings
        .state
        .as_ref()
        .map(|state| IdentityFile::new(state, &settings.worker_id));
    let keeper = Keeper::load(file).map_err(|error| StartError::Identity(Box::new(error)))?;
    if keeper.current().is_none() && token.is_none() {
        return Err(StartError::NoIdentity);
    }
    Ok(Some(Enrolment {
        url: settings.control_plane.url.clone(),
        worker_id: settings.worker_id.clone(),
        keeper,
        clock: clock.clone(),
        token: token.clone(),
        request: None,
    }))
}

/// Opens everything, then puts the saved configuration in force: until that is done no client is served.
async fn assemble(
    settings: &Settings,
    clock: Clock,
    readiness: &Readiness,
) -> Result<(Parts, SocketAddr), StartError> {
    let stream_clock = clock.clone();
    let enrolment = enrolment(settings, &clock)?;
    let (revocation, revocation_service) =
        Revocation::new(settings.revocation.clone(), clock.clone());
    let listeners = Listeners::start(&ProxySettings {
        threads: settings.threads,
        limits: settings.limits.clone(),
        access_log: settings.access_log.clone(),
        instance: Arc::from(settings.worker_id.as_str()),
        clock: clock.clone(),
        revocation: revocation.clone(),
    })?;
    let mut registry = telemetry::registry();
    let metrics = telemetry::Metrics::register(&mut registry);
    listeners.metrics().register(&mut registry);
    revocation.register(&mut registry);
    let reports = listeners.metrics().shared().readiness_reports;
    let admin_error = |source| StartError::Admin {
        address: settings.admin_listen,
        source,
    };
    let admin = Admin::bind(settings.admin_listen, registry, readiness.clone())
        .await
        .map_err(admin_error)?;
    let address = admin.address().map_err(admin_error)?;
    let store = settings
        .state
        .as_ref()
        .map(|state| StateStore::new(state, &settings.worker_id));
    let (saver, writer) = store
        .clone()
        .map(|store| saver::channel(store, metrics.clone()))
        .unzip();
    let converter = Converter {
        public_address: settings.public_address,
        clock,
        system_roots: SystemRoots::default(),
        ticket_keys: TicketKeys::default(),
    };
    let mut applier = Applier::new(
        listeners,
        converter,
        Blobs::new(settings.blobs),
        saver,
        revocation,
        metrics.clone(),
    );
    if let Some(store) = store {
        match store.load() {
            Ok(state) => applier.restore(state).await,
            Err(error) => {
                error!(
                    error = %telemetry::Chain(&error),
                    "the saved state cannot be used; serving nothing until the control plane is there"
                );
            }
        }
    }
    if applier.serves_something() {
        readiness.set();
    }
    let client = Client::new(
        settings,
        readiness.clone(),
        reports,
        metrics,
        enrolment,
        stream_clock,
    );
    Ok((
        Parts {
            admin,
            applier,
            client,
            writer,
            revocation: revocation_service,
        },
        address,
    ))
}

/// Runs until `shutdown`, or until a task breaks down; then stops everything.
///
/// The stream ends before the drain and not after it: a worker that will not apply anything any more must not keep
/// operations of the control plane waiting.
async fn run_parts(
    parts: Parts,
    settings: &Settings,
    shutdown: &CancellationToken,
) -> Result<(), RunError> {
    let Parts {
        admin,
        mut applier,
        mut client,
        writer,
        revocation,
    } = parts;
    // The admin port lives until the very end, for probes. So does what draining connections may ask.
    let last_shutdown = CancellationToken::new();
    let mut background = JoinSet::new();
    let token = last_shutdown.clone();
    background.spawn(async move {
        admin.run(token).await;
        "admin"
    });
    let token = last_shutdown.clone();
    background.spawn(async move {
        revocation.run(token).await;
        "revocation"
    });
    if let Some(writer) = writer {
        background.spawn(async move {
            writer.run().await;
            "state writer"
        });
    }
    let mut stream = JoinSet::new();
    let token = shutdown.clone();
    stream.spawn(async move {
        client.run(&mut applier, &token).await;
        applier
    });
    let mut outcome = Ok(());
    let applier = tokio::select! {
        applier = stream.join_next() => applier,
        Some(ended) = background.join_next() => {
            outcome = Err(broken(ended));
            shutdown.cancel();
            stream.join_next().await
        }
    };
    match applier {
        Some(Ok(applier)) => {
            info!(
                deadline_s = settings.limits.drain_deadline.as_secs(),
                "stopping; connections drain"
            );
            // Dropping the rest of the applier lets the writer finish.
            applier
                .into_listeners()
                .shutdown(settings.limits.drain_deadline)
                .await;
        }
        Some(Err(error)) => outcome = outcome.and(Err(broken(Err(error)))),
        None => {}
    }
    last_shutdown.cancel();
    while let Some(ended) = background.join_next().await {
        if ended.is_err() {
            outcome = outcome.and(Err(broken(ended)));
        }
    }
    info!("worker stopped");
    outcome
}

/// A task ended that should have gone on.
fn broken(ended: Result<&'static str, JoinError>) -> RunError {
    let (task, error) = match ended {
        Ok(task) => (task, None),
        Err(error) => ("unnamed", Some(error)),
    };
    error!(
        task,
        error = error.as_ref().map(tracing::field::display),
        "a task broke down"
    );
    RunError::Panicked(task)
}

/// Each connection needs a file descriptor or two; the soft limit of many systems is 1024.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!(%error, "the limit of open files stays at {:?}", limit.current);
    }
}
