//! Wires the parts of the control plane together, and starts and stops them in order.

mod open;
mod task;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::Pin,
    time::Duration,
};

use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

pub use self::task::TaskEnded;
use self::{
    open::Sockets,
    task::{Phase, TaskResult, Tasks},
};
use crate::{
    admin::Admin,
    api::{self, Api, ApiParts},
    bootstrap::{self, BootstrapError},
    clock::Clock,
    enrolment::{self, AddWorker, AddWorkerError, Added},
    expiry::{self, ExpiryWatch},
    init::InitError,
    reconcile::{self, Reconciler},
    reseal::{self, Resealer},
    seal,
    settings::Settings,
    store::{BrokenChain, OpenError, Store, StoreError},
    stream::{self, StreamError},
    telemetry::Chain,
    tls::{ApiCertificate, AuthorityError, WorkerAuthority},
    token::{Issuers, IssuersError},
};

/// A control plane that serves. Dropping it cuts everything off; call [`Running::shutdown`] to drain.
pub struct Running {
    /// Where the REST API is, without a trailing slash: `https://localhost:8443`.
    pub api_url: String,
    /// Absolute path of the CA certificate that clients of the API trust; absent when the certificate came from
    /// settings, or with plain HTTP.
    pub ca_file: Option<PathBuf>,
    /// Bound address of the configuration stream.
    pub stream_address: SocketAddr,
    /// Bound address of the admin port.
    pub admin_address: SocketAddr,
    tasks: Tasks,
    store: Store,
    authority: WorkerAuthority,
    drain_deadline: Duration,
}

/// Why the control plane did not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket cannot be bound.
    #[error("cannot listen on {address} for {purpose}")]
    Listen {
        /// What the socket is for.
        purpose: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The master key cannot be created.
    #[error("cannot create the master key")]
    MasterKey(#[source] InitError),
    /// Secrets in the database need a master key that was not given.
    #[error(
        "secrets in the database were sealed with master keys that are not given: {0}; give each as \
         --previous-master-key-file, -env or -command"
    )]
    MissingMasterKeys(String),
    /// What is sealed cannot be looked through.
    #[error("cannot look through the sealed secrets")]
    Sealed(#[source] StoreError),
    /// The master key cannot seal.
    #[error("cannot use the master key")]
    Seal(#[source] seal::SealError),
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The issuers of tokens cannot be opened.
    #[error("cannot open the issuers of tokens")]
    Issuers(#[from] IssuersError),
    /// The configuration stream cannot be offered.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The state directory cannot be created.
    #[error("cannot create the state directory {directory}")]
    StateDir {
        /// Which.
        directory: PathBuf,
        /// What the file system says.
        #[source]
        source: io::Error,
    },
    /// The API's certificate cannot be served.
    #[error("cannot serve the API's certificate")]
    Tls(#[source] rustls::Error),
    /// The audit cannot be read.
    #[error("cannot read the audit")]
    Audit(#[source] StoreError),
    /// There is no first owner.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The own CA or its certificate cannot be used.
    #[error("cannot prepare the API's own certificate")]
    OwnCertificate(#[from] AuthorityError),
    /// The worker CA cannot be used.
    #[error("cannot prepare the worker CA")]
    WorkerAuthority(#[source] AuthorityError),
}

/// Starts everything that `settings` asks for; returns when all sockets are open.
///
/// # Errors
/// [`StartError`].
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    let clock = Clock::system();
    let mut registry = Registry::with_prefix("portcullis");
    let store = open::store(&settings).await?;
    let issuers = Issuers::open(&settings.sign_in, store.clone(), clock.clone()).await?;
    bootstrap::ensure_owner(
        &store,
        &settings.bootstrap,
        &settings.state_dir,
        issuers.tenant(),
        clock.now(),
    )
    .await?;
    let sockets = Sockets::open(&clock, &settings, &mut registry).await?;
    let running = Running {
        api_url: sockets.api_url(&settings.api),
        ca_file: sockets
            .certificate
            .as_ref()
            .and_then(ApiCertificate::ca_file)
            .map(Path::to_owned),
        stream_address: sockets.stream.address(),
        admin_address: sockets.admin.address(),
        tasks: Tasks::new(),
        store,
        authority: sockets.authority.clone(),
        drain_deadline: settings.drain_deadline,
    };
    let running = running.spawn(&clock, &settings, registry, sockets, issuers);
    let ca_file = running
        .ca_file
        .as_deref()
        .map(|file| tracing::field::display(file.display()));
    let (stream_address, admin_address) = (running.stream_address, running.admin_address);
    tracing::info!(api_url = running.api_url, ca_file, %stream_address, %admin_address, "the control plane serves");
    Ok(running)
}

/// Checks the chain of audit events in the database of `settings`; the number of events.
///
/// # Errors
/// [`StartError`] when the database cannot be opened or read; the inner error names the first event that does not fit.
pub async fn verify_audit(settings: &Settings) -> Result<Result<i64, BrokenChain>, StartError> {
    let store = open::store(settings).await?;
    let verified = store.verify_audit().await;
    store.close().await;
    verified.map_err(StartError::Audit)
}

/// Makes the identity and the join token of a worker in the database of `settings`, whether a control plane runs on it
/// or not.
///
/// # Errors
/// [`AddError`].
pub async fn add_worker(settings: &Settings, add: AddWorker) -> Result<Added, AddError> {
    let clock = Clock::system();
    let store = open::store(settings).await?;
    let authority = open::worker_authority(&clock, settings)?;
    let added = enrolment::add_worker(clock.now(), &store, &authority, add).await;
    store.close().await;
    Ok(added?)
}

/// Why a worker could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The database or the worker CA cannot be used.
    #[error(transparent)]
    Open(#[from] StartError),
    /// Identity or token could not be made.
    #[error("cannot add the worker")]
    Add(#[from] AddWorkerError),
}

impl Running {
    /// Makes the identity and the join token of a worker.
    ///
    /// # Errors
    /// [`AddWorkerError`].
    pub async fn add_worker(&self, add: AddWorker) -> Result<Added, AddWorkerError> {
        let now = Clock::system().now();
        enrolment::add_worker(now, &self.store, &self.authority, add).await
    }

    /// Waits until a part ends that should not; the caller ends the process then.
    pub async fn wait(&mut self) -> TaskEnded {
        self.tasks.ended().await
    }

    /// Stops taking requests, lets those under way finish within the drain deadline, then stops the rest.
    ///
    /// # Errors
    /// The first part that ended badly.
    pub async fn shutdown(self) -> Result<(), TaskEnded> {
        tracing::info!("the control plane stops");
        let stopped = self.tasks.stop(self.drain_deadline + DRAIN_SLACK).await;
        self.store.close().await;
        stopped
    }

    fn spawn(
        mut self,
        clock: &Clock,
        settings: &Settings,
        mut registry: Registry,
        sockets: Sockets,
        issuers: Issuers,
    ) -> Self {
        let Sockets {
            api: listener,
            admin: admin_listener,
            stream,
            certificate,
            authority: _,
        } = sockets;
        let [front, serving, background] =
            [Phase::Front, Phase::Stream, Phase::Background].map(|p| self.tasks.token(p));
        let store = self.store.clone();

        let api = Api::new(ApiParts {
            store: store.clone(),
            clock: clock.clone(),
            metrics: api::Metrics::register(registry.sub_registry_with_prefix("api")),
            issuers: issuers.clone(),
            operation_deadline: settings.operation_deadline,
            public_url: settings.api.public_url.clone(),
            worker_ca_pin: *self.authority.pin(),
            scheme: open::scheme(&settings.api),
        });
        let (stop, drain) = (front.clone(), self.drain_deadline);
        self.tasks.spawn("api", Phase::Front, async move {
            listener.serve(api.router(), stop, drain).await;
            Ok(())
        });

        let metrics = stream::Metrics::register(registry.sub_registry_with_prefix("stream"));
        let serve = stream.serve(store.clone(), clock.clone(), metrics, serving.clone());
        self.tasks.spawn(
            "config stream",
            Phase::Stream,
            async move { Ok(serve.await?) },
        );

        let metrics = reconcile::Metrics::register(registry.sub_registry_with_prefix("reconcile"));
        let reconciler = Reconciler::new(store.clone(), clock.clone(), metrics);
        self.tasks.spawn("reconciler", Phase::Stream, async move {
            reconciler.run(serving).await;
            Ok(())
        });

        // Named as a whole: `portcullis_revocation_lists`.
        let metrics = expiry::Metrics::register(&mut registry);
        let watch = ExpiryWatch::new(store.clone(), clock.clone(), metrics);
        let stop = background.clone();
        self.tasks
            .spawn("revocation list expiry", Phase::Background, async move {
                watch.run(stop).await;
                Ok(())
            });

        let metrics = reseal::Metrics::register(registry.sub_registry_with_prefix("seal"));
        let resealer = Resealer::new(store.clone(), metrics);
        let stop = background.clone();
        self.tasks.spawn(
            "rotation of the master key",
            Phase::Background,
            async move {
                resealer.run(stop).await;
                Ok(())
            },
        );

        let (hearing, stop) = (store.clone(), background.clone());
        self.tasks
            .spawn("database wake-ups", Phase::Background, async move {
                hearing.run_listener(stop).await;
                Ok(())
            });

        let keeping = issuers.run(background.clone());
        self.tasks
            .spawn("keys of issuers", Phase::Background, async move {
                keeping.await;
                Ok(())
            });

        if let Some(certificate) = certificate {
            let renewal = renew(certificate, clock.clone(), background.clone());
            self.tasks
                .spawn("certificate renewal", Phase::Background, renewal);
        }

        let admin = Admin::new(registry, readiness(store, front));
        self.tasks.spawn("admin", Phase::Background, async move {
            let service = tower::service_fn(move |request| {
                let admin = admin.clone();
                async move { admin.answer(request).await }
            });
            admin_listener
                .serve(service, background, Duration::ZERO)
                .await;
            Ok(())
        });
        self
    }
}

/// Looks for a fresher certificate every hour.
async fn renew(certificate: ApiCertificate, clock: Clock, stop: CancellationToken) -> TaskResult {
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(RENEWAL_INTERVAL) => {}
        }
        let (certificate, now) = (certificate.clone(), clock.now());
        match tokio::task::spawn_blocking(move || certificate.refresh(now)).await? {
            Ok(true) => tracing::info!("the API shows another certificate from now on"),
            Ok(false) => {}
            Err(error) => tracing::warn!(
                error = %Chain(&error),
                "the API's certificate cannot be refreshed; the old one stays"
            ),
        }
    }
}

fn readiness(store: Store, stopping: CancellationToken) -> impl Fn() -> Ready + Clone {
    move || {
        let (store, stopping) = (store.clone(), stopping.is_cancelled());
        Box::pin(async move {
            if stopping {
                return Err("stopping".to_owned());
            }
            match tokio::time::timeout(READINESS_DEADLINE, store.check()).await {
                Ok(checked) => checked.map_err(|error| error.to_string()),
                Err(_) => Err("the database does not answer".to_owned()),
            }
        })
    }
}

type Ready = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Shorter than the usual deadline of whoever asks, so that they hear why.
const READINESS_DEADLINE: Duration = Duration::from_secs(2);
/// A task cuts its own connections at the drain deadline; this is what it may take on top.
const DRAIN_SLACK: Duration = Duration::from_secs(2);
const RENEWAL_INTERVAL: Duration = Duration::from_hours(1);
