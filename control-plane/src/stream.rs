//! The configuration stream: tells workers what to serve and records what they answer.
//!
//! A publisher keeps the newest wanted state of all gateways; one session per connected worker compares it with what
//! that worker has and sends the difference. The store holds all facts, so any replica can serve any worker.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use proto::config::v1::config_stream_server::ConfigStreamServer;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

pub use self::metrics::Metrics;
use self::{
    audience::Audience, incoming::incoming, publisher::Publisher, service::Service,
    ticket_keys::TicketKeys,
};
use crate::{
    clock::Clock,
    settings::{StreamSecurity, StreamSettings},
    store::Store,
};

mod audience;
mod blobs;
mod hello;
mod incoming;
mod metrics;
mod name;
mod plan;
mod publisher;
mod readiness;
mod service;
mod session;
mod ticket_keys;

const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A worker has one stream; a few more are room for reconnecting ones.
const STREAMS_PER_CONNECTION: u32 = 4;

/// Sessions that may wait for a fresh read at once; further ones wait for a place.
const REFRESHES: usize = 64;

/// Each worker has one connection.
const MAX_CONNECTIONS: usize = 1000;

/// A Hello with ten thousand gateways and their blobs fits.
const MAX_WORKER_MESSAGE: usize = 4 * 1024 * 1024;

/// The bound listener of the configuration stream.
#[derive(Debug)]
pub struct ConfigStream {
    listener: TcpListener,
    address: SocketAddr,
    server: Server,
    mutual_tls: bool,
}

/// Why the configuration stream cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for the configuration stream")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Plaintext on an address that others can reach.
    #[error("the configuration stream without TLS is for loopback addresses only, not for {0}")]
    PlaintextNotLocal(SocketAddr),
    /// Serving ended.
    #[error("the configuration stream cannot be served")]
    Serve(#[source] tonic::transport::Error),
    /// Certificate, key or CA cannot be used.
    #[error("the configuration stream's certificates cannot be used")]
    Tls(#[source] tonic::transport::Error),
}

impl ConfigStream {
    /// Binds the address and prepares TLS.
    ///
    /// # Errors
    /// [`StreamError`], all but `Serve`.
    pub async fn bind(settings: &StreamSettings) -> Result<Self, StreamError> {
        let server = server(settings)?;
        let bind_error = |source| StreamError::Bind {
            address: settings.listen,
            source,
        };
        let listener = TcpListener::bind(settings.listen)
            .await
            .map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        Ok(Self {
            listener,
            address,
            server,
            mutual_tls: matches!(settings.security, StreamSecurity::MutualTls { .. }),
        })
    }

    /// Where it listens; the port is never 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`; then ends all sessions, so that the workers connect elsewhere, and returns when the last
    /// lease is released. The caller sets a deadline around it.
    ///
    /// # Errors
    /// [`StreamError::Serve`].
    pub async fn serve(
        self,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        shutdown: CancellationToken,
    ) -> Result<(), StreamError> {
        let (sender, published) = watch::channel(None);
        let (refresh, refreshes) = mpsc::channel(REFRESHES);
        let publishing = Publisher::new(store.clone(), sender, refreshes).run();
        let (sender, keys) = watch::channel(Arc::default());
        let audience = Audience::default();
        let keeping = TicketKeys::new(ticket_keys::Parts {
            store: store.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            audience: audience.clone(),
            wanted: published.clone(),
            published: sender,
        });
        let sessions = TaskTracker::new();
        let service = Service::new(service::Parts {
            store,
            clock,
            metrics,
            published,
            keys,
            audience,
            refresh,
            sessions: sessions.clone(),
            mutual_tls: self.mutual_tls,
            shutdown: shutdown.clone(),
        });
        let service = ConfigStreamServer::from_arc(Arc::new(service))
            .max_decoding_message_size(MAX_WORKER_MESSAGE);
        let incoming = incoming(self.listener, MAX_CONNECTIONS);
        let mut server = self.server;
        let serving = server
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());
        let ended = tokio::select! {
            ended = serving => ended.map_err(StreamError::Serve),
            () = publishing => Ok(()),
            () = keeping.run() => Ok(()),
        };
        shutdown.cancel();
        sessions.close();
        sessions.wait().await;
        ended
    }
}

fn server(settings: &StreamSettings) -> Result<Server, StreamError> {
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(STREAMS_PER_CONNECTION);
    match &settings.security {
        StreamSecurity::Plaintext if settings.listen.ip().is_loopback() => Ok(server),
        StreamSecurity::Plaintext => Err(StreamError::PlaintextNotLocal(settings.listen)),
        StreamSecurity::MutualTls {
            identity,
            client_ca_pem,
        } => {
            let tls = ServerTlsConfig::new()
                .identity(Identity::from_pem(identity.chain_pem(), identity.key_pem()))
                .client_ca_root(Certificate::from_pem(client_ca_pem))
                .timeout(HANDSHAKE_TIMEOUT);
            server.tls_config(tls).map_err(StreamError::Tls)
        }
    }
}
