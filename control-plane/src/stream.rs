//! The configuration stream: tells workers what to serve and records what they answer.
//!
//! A publisher keeps the newest wanted state of all gateways; one session per connected worker compares it with what
//! that worker has and sends the difference. The store holds all facts, so any replica can serve any worker.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use proto::config::v1::{
    config_stream_server::ConfigStreamServer, enrolment_server::EnrolmentServer,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::Server;

pub use self::metrics::Metrics;
use self::{
    audience::Audience, enrolment::Enrolment, incoming::incoming, publisher::Publisher,
    service::Service, speaker::Trust, ticket_keys::TicketKeys,
};
use crate::{
    clock::Clock,
    settings::{StreamSecurity, StreamSettings},
    store::Store,
    tls::WorkerAuthority,
};

mod audience;
mod blobs;
mod enrolment;
mod hello;
mod incoming;
mod metrics;
mod plan;
mod publisher;
mod readiness;
mod service;
mod session;
mod speaker;
mod ticket_keys;
mod tls;

const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A worker has one stream; a few more are room for reconnecting ones.
const STREAMS_PER_CONNECTION: u32 = 4;

/// Sessions that may wait for a fresh read at once; further ones wait for a place.
const REFRESHES: usize = 64;

/// Each worker has one connection.
const MAX_CONNECTIONS: usize = 1000;

/// A certificate request fits.
const MAX_ENROLMENT_MESSAGE: usize = 64 * 1024;

/// A Hello with ten thousand gateways and their blobs fits.
const MAX_WORKER_MESSAGE: usize = 4 * 1024 * 1024;

/// The bound listener of the configuration stream.
#[derive(Debug)]
pub struct ConfigStream {
    listener: TcpListener,
    address: SocketAddr,
    security: Security,
}

/// How connections are protected, and what that proves.
struct Security {
    tls: Option<TlsAcceptor>,
    trust: Trust,
    /// Where workers can join.
    enrolling: Option<Enrolling>,
}

/// What it takes to give certificates to workers.
struct Enrolling {
    authority: WorkerAuthority,
    lifetime: Duration,
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
    Tls(#[source] rustls::Error),
    /// No certificate can be issued for the stream.
    #[error("the worker CA cannot issue a certificate for the configuration stream")]
    Issue(#[source] rcgen::Error),
}

impl ConfigStream {
    /// Binds the address and prepares TLS; `clock` judges certificates.
    ///
    /// # Errors
    /// [`StreamError`], all but `Serve`.
    pub async fn bind(
        settings: &StreamSettings,
        authority: &WorkerAuthority,
        clock: &Clock,
    ) -> Result<Self, StreamError> {
        let security = Security::prepare(settings, authority, clock)?;
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
            security,
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
        let Security {
            tls,
            trust,
            enrolling,
        } = self.security;
        let enrolment = enrolling.map(|enrolling| {
            let (store, clock) = (store.clone(), clock.clone());
            let service = Enrolment::new(store, clock, metrics.clone(), enrolling);
            EnrolmentServer::new(service).max_decoding_message_size(MAX_ENROLMENT_MESSAGE)
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
            trust,
            shutdown: shutdown.clone(),
        });
        let service = ConfigStreamServer::from_arc(Arc::new(service))
            .max_decoding_message_size(MAX_WORKER_MESSAGE);
        let incoming = incoming(self.listener, tls, MAX_CONNECTIONS);
        let serving = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .max_concurrent_streams(STREAMS_PER_CONNECTION)
            .add_service(service)
            .add_optional_service(enrolment)
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

impl Security {
    fn prepare(
        settings: &StreamSettings,
        authority: &WorkerAuthority,
        clock: &Clock,
    ) -> Result<Self, StreamError> {
        match &settings.security {
            StreamSecurity::Plaintext if settings.listen.ip().is_loopback() => Ok(Self {
                tls: None,
                trust: Trust::Anyone,
                enrolling: None,
            }),
            StreamSecurity::Plaintext => Err(StreamError::PlaintextNotLocal(settings.listen)),
            StreamSecurity::WorkerCa {
                names,
                certificate_lifetime,
            } => Ok(Self {
                tls: Some(tls::of_worker_ca(authority, names, clock)?),
                trust: Trust::Identities,
                enrolling: Some(Enrolling {
                    authority: authority.clone(),
                    lifetime: *certificate_lifetime,
                }),
            }),
        }
    }
}

impl std::fmt::Debug for Security {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Security")
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}
