//! Opens what the control plane stands on: database and sockets.

use std::net::{IpAddr, SocketAddr};

use prometheus_client::registry::Registry;
use rustls::ServerConfig;

use super::StartError;
use crate::{
    clock::Clock,
    listener::{self, Listener},
    seal::{KeyUse, Keyring, MasterKey},
    settings::{
        self, ApiSettings, ApiTransport, MasterKeySettings, MasterKeySource, Settings, WorkerCaKey,
        WorkerCaSettings,
    },
    store::Store,
    stream::ConfigStream,
    tls::{ApiCertificate, WorkerAuthority, create_private_dir},
};

/// Everything that listens.
pub(super) struct Sockets {
    pub(super) api: Listener,
    /// Absent with plain HTTP.
    pub(super) certificate: Option<ApiCertificate>,
    pub(super) admin: Listener,
    pub(super) stream: ConfigStream,
    pub(super) authority: WorkerAuthority,
}

impl Sockets {
    pub(super) async fn open(
        clock: &Clock,
        settings: &Settings,
        registry: &mut Registry,
    ) -> Result<Self, StartError> {
        let authority = worker_authority(clock, settings)?;
        let stream = ConfigStream::bind(&settings.stream, &authority, clock).await?;
        let (api, certificate) = api_listener(clock, settings, registry).await?;
        let metrics = listener::Metrics::register(registry.sub_registry_with_prefix("admin"));
        let admin = bind(
            "the admin port",
            settings.admin_listen,
            None,
            ADMIN_CONNECTIONS,
            metrics,
        )
        .await?;
        Ok(Self {
            api,
            certificate,
            admin,
            stream,
            authority,
        })
    }

    /// For people and for `portcullis dev`: a name of the certificate, not a wildcard address.
    pub(super) fn api_url(&self, settings: &ApiSettings) -> String {
        let address = self.api.address();
        let ip = address.ip();
        let host = match ip {
            _ if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        settings
            .public_url
            .clone()
            .unwrap_or_else(|| format!("{}://{host}:{}", scheme(settings), address.port()))
    }
}

/// Creates the state directory and the master key where they are missing, and opens the database. A start without a key
/// that sealed something in it would serve gateways without their private keys: it is refused.
pub(super) async fn store(settings: &Settings) -> Result<Store, StartError> {
    create_private_dir(&settings.state_dir).map_err(|source| StartError::StateDir {
        directory: settings.state_dir.clone(),
        source,
    })?;
    let keys = keyring(&settings.store.master_key)?;
    let store = Store::open(settings.store.database_url.reveal(), keys).await?;
    let sealed = store.sealed_by().await.map_err(StartError::Sealed)?;
    let missing = sealed.iter().filter(|by| by.usage == KeyUse::Missing);
    let mut named = missing.filter_map(|by| {
        let (envelopes, table) = (by.envelopes, by.table);
        Some(format!("{} ({envelopes} in {table})", by.key?))
    });
    match named.next() {
        None => Ok(store),
        Some(first) => Err(StartError::MissingMasterKeys(
            named.fold(first, |all, key| format!("{all}, {key}")),
        )),
    }
}

fn keyring(settings: &MasterKeySettings) -> Result<Keyring, StartError> {
    let current = match &settings.current {
        MasterKeySource::Loaded(key) => key.clone(),
        MasterKeySource::CreateAt(path) => {
            settings::MasterKey::load_or_create(path).map_err(StartError::MasterKey)?
        }
    };
    let key = |key: &settings::MasterKey| MasterKey::new(&key.0).map_err(StartError::Seal);
    let previous = settings.previous.iter().map(key);
    let keys = Keyring::new(key(&current)?, previous.collect::<Result<_, _>>()?);
    tracing::info!(?keys, "secrets are sealed");
    Ok(keys)
}

/// Loads the worker CA, or makes it at first start.
pub(super) fn worker_authority(
    clock: &Clock,
    settings: &Settings,
) -> Result<WorkerAuthority, StartError> {
    let WorkerCaSettings { certificate, key } = &settings.stream.worker_ca;
    let authority = match key {
        WorkerCaKey::File(key) => WorkerAuthority::load_or_create(clock.now(), certificate, key),
        WorkerCaKey::Loaded(key) => {
            // A key that is no text is no PEM either, and is refused as such.
            let key = std::str::from_utf8(key).unwrap_or_default();
            WorkerAuthority::load(clock.now(), certificate, key, "the given key")
        }
    };
    authority.map_err(StartError::WorkerAuthority)
}

async fn api_listener(
    clock: &Clock,
    settings: &Settings,
    registry: &mut Registry,
) -> Result<(Listener, Option<ApiCertificate>), StartError> {
    let metrics = listener::Metrics::register(registry.sub_registry_with_prefix("api"));
    let certificate = match &settings.api.transport {
        ApiTransport::PlainHttp => None,
        ApiTransport::HttpsFromFiles {
            identity,
            chain_file,
            key_file,
        } => Some(ApiCertificate::from_files(
            identity.clone(),
            chain_file,
            key_file,
        )),
        ApiTransport::HttpsOwnCa { names } => Some(ApiCertificate::own(
            clock.now(),
            &settings.state_dir,
            names,
        )?),
    };
    let tls = certificate
        .as_ref()
        .map(ApiCertificate::server_config)
        .transpose()
        .map_err(StartError::Tls)?;
    let listener = bind(
        "the API",
        settings.api.listen,
        tls,
        settings.api.max_connections,
        metrics,
    )
    .await?;
    Ok((listener, certificate))
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

/// Scheme of the API's URLs.
pub(super) fn scheme(settings: &ApiSettings) -> &'static str {
    match settings.transport {
        ApiTransport::PlainHttp => "http",
        ApiTransport::HttpsFromFiles { .. } | ApiTransport::HttpsOwnCa { .. } => "https",
    }
}

const ADMIN_CONNECTIONS: usize = 64;
