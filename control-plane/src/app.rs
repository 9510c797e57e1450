//! Wires the parts of the control plane together, and starts and stops them in order.

mod task;

use std::{io, net::SocketAddr, path::PathBuf, pin::Pin, time::Duration};

use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

pub use self::task::TaskEnded;
use self::task::{Phase, Tasks};
use crate::{
    admin::Admin,
    api::{self, Api, ApiParts},
    clock::Clock,
    init::InitError,
    listener::{self, Listener},
    seal,
    settings::{self, ApiSettings, ApiTransport, MasterKeySource, Settings},
    store::{OpenError, Store},
    tls::{AuthorityError, OwnCertificate, create_private_dir, server_config},
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
    /// The master key cannot seal.
    #[error("cannot use the master key")]
    Seal(#[source] seal::SealError),
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
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
    /// The own CA or its certificate cannot be used.
    #[error("cannot prepare the API's own certificate")]
    OwnCertificate(#[from] AuthorityError),
}

/// Starts everything that `settings` asks for; returns when all sockets are open.
///
/// # Errors
/// [`StartError`].
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    let clock = Clock::system();
    create_private_dir(&settings.state_dir).map_err(|source| StartError::StateDir {
        directory: settings.state_dir.clone(),
        source,
    })?;
    let store = open_store(&settings).await?;
    let mut registry = Registry::with_prefix("portcullis");
    let (listener, ca_file) = api_listener(&clock, &settings, &mut registry).await?;
    let admin_metrics = listener::Metrics::register(registry.sub_registry_with_prefix("admin"));
    let admin_listener = bind(
        "the admin port",
        settings.admin_listen,
        None,
        ADMIN_CONNECTIONS,
        admin_metrics,
    )
    .await?;
    let api_url = api_url(&settings.api, listener.address());
    let api = Api::new(ApiParts {
        store: store.clone(),
        operation_deadline: settings.operation_deadline,
        clock,
        metrics: api::Metrics::register(registry.sub_registry_with_prefix("api")),
        public_url: settings.api.public_url.clone(),
        scheme: scheme(&settings.api),
    });
    let admin_address = admin_listener.address();

    let mut tasks = Tasks::new();
    let front = tasks.token(Phase::Front);
    let admin = Admin::new(registry, readiness(store.clone(), front.clone()));
    let drain = settings.drain_deadline;
    tasks.spawn("api", Phase::Front, async move {
        listener.serve(api.router(), front, drain).await;
        Ok(())
    });
    let background = tasks.token(Phase::Background);
    tasks.spawn("admin", Phase::Background, async move {
        let service = tower::service_fn(move |request| {
            let admin = admin.clone();
            async move { admin.answer(request).await }
        });
        admin_listener
            .serve(service, background, Duration::ZERO)
            .await;
        Ok(())
    });
    let stream_address = settings.stream.listen;
    tracing::info!(api_url, ca_file = ca_file.as_ref().map(|file| tracing::field::display(file.display())),
        %stream_address, %admin_address, "the control plane serves");
    Ok(Running {
        api_url,
        ca_file,
        stream_address,
        admin_address,
        tasks,
        store,
        drain_deadline: drain,
    })
}

impl Running {
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
}

async fn open_store(settings: &Settings) -> Result<Store, StartError> {
    let key = match &settings.store.master_key {
        MasterKeySource::Loaded(key) => key.clone(),
        MasterKeySource::CreateAt(path) => {
            settings::MasterKey::load_or_create(path).map_err(StartError::MasterKey)?
        }
    };
    let key = seal::MasterKey::new(&key.0).map_err(StartError::Seal)?;
    Ok(Store::open(settings.store.database_url.reveal(), key).await?)
}

async fn api_listener(
    clock: &Clock,
    settings: &Settings,
    registry: &mut Registry,
) -> Result<(Listener, Option<PathBuf>), StartError> {
    let metrics = listener::Metrics::register(registry.sub_registry_with_prefix("api"));
    let (tls, ca_file) = match &settings.api.transport {
        ApiTransport::PlainHttp => (None, None),
        ApiTransport::HttpsFromFiles(identity) => (
            Some(server_config(identity).map_err(StartError::Tls)?),
            None,
        ),
        ApiTransport::HttpsOwnCa { names } => {
            let own = OwnCertificate::load_or_issue(clock.now(), &settings.state_dir, names)?;
            (
                Some(server_config(&own.identity).map_err(StartError::Tls)?),
                Some(own.ca_file),
            )
        }
    };
    let listener = bind(
        "the API",
        settings.api.listen,
        tls,
        settings.api.max_connections,
        metrics,
    )
    .await?;
    Ok((listener, ca_file))
}

async fn bind(
    purpose: &'static str,
    address: SocketAddr,
    tls: Option<ServerConfig>,
    max_connections: usize,
    metrics: listener::Metrics,
) -> Result<Listener, StartError> {
    Listener::bind(address, tls, max_connections, metrics)
        .await
        .map_err(|source| StartError::Listen {
            purpose,
            address,
            source,
        })
}

fn readiness(store: Store, stopping: CancellationToken) -> impl Fn() -> Ready + Clone {
    move || {
        let (store, stopping) = (store.clone(), stopping.is_cancelled());
        Box::pin(async move {
            if stopping {
                return Err("stopping".to_owned());
            }
            store.check().await.map_err(|error| error.to_string())
        })
    }
}

type Ready = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

fn scheme(settings: &ApiSettings) -> &'static str {
    match settings.transport {
        ApiTransport::PlainHttp => "http",
        ApiTransport::HttpsFromFiles(_) | ApiTransport::HttpsOwnCa { .. } => "https",
    }
}

/// For people and for `portcullis dev`: a name of the certificate, not a wildcard address.
fn api_url(settings: &ApiSettings, address: SocketAddr) -> String {
    let host = if address.ip().is_loopback() || address.ip().is_unspecified() {
        "localhost".to_owned()
    } else {
        SocketAddr::new(address.ip(), 0)
            .to_string()
            .trim_end_matches(":0")
            .to_owned()
    };
    settings
        .public_url
        .clone()
        .unwrap_or_else(|| format!("{}://{host}:{}", scheme(settings), address.port()))
}

const ADMIN_CONNECTIONS: usize = 64;
/// A task cuts its own connections at the drain deadline; this is what it may take on top.
const DRAIN_SLACK: Duration = Duration::from_secs(2);
