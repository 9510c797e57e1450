//! The admin port: `/healthz`, `/readyz` and `/metrics` over plain HTTP, on a runtime that serves no requests of
//! clients.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Whether new clients should come: the worker has a configuration to serve, be it an empty one, and is not stopping.
/// Cloning shares it.
#[derive(Clone, Debug)]
pub struct Readiness {
    configured: Arc<AtomicBool>,
    withdrawn: Arc<AtomicBool>,
    stopping: CancellationToken,
}

/// The bound admin port.
pub(crate) struct Admin {
    listener: TcpListener,
    registry: Arc<Registry>,
    readiness: Readiness,
}

/// Longest that a request head may take, and a whole connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(1);
const MAX_CONNECTIONS: usize = 64;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

impl Readiness {
    /// Not ready yet, and never again once `stopping` is cancelled.
    pub(crate) fn new(stopping: CancellationToken) -> Self {
        Self {
            configured: Arc::default(),
            withdrawn: Arc::default(),
            stopping,
        }
    }

    /// The worker knows what it serves.
    pub(crate) fn set(&self) {
        self.configured.store(true, Ordering::Release);
    }

    /// The worker was revoked: never again.
    pub(crate) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
    }

    /// Whether the worker knows what it serves, was not revoked, and is not stopping.
    pub fn is_set(&self) -> bool {
        self.configured.load(Ordering::Acquire)
            && !self.withdrawn.load(Ordering::Acquire)
            && !self.stopping.is_cancelled()
    }

    fn obstacle(&self) -> &'static str {
        if self.stopping.is_cancelled() {
            "stopping\n"
        } else if self.withdrawn.load(Ordering::Acquire) {
            "revoked\n"
        } else {
            "no configuration yet\n"
        }
    }
}

impl Admin {
    /// Binds the port.
    pub(crate) async fn bind(
        address: SocketAddr,
        registry: Registry,
        readiness: Readiness,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            listener,
            registry: Arc::new(registry),
            readiness,
        })
    }

    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until cancelled; survives failing accepts.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => return,
                Some(_) = connections.join_next() => continue,
                accepted = self.listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(
                        stream,
                        Arc::clone(&self.registry),
                        self.readiness.clone(),
                    ));
                }
                Err(error) => {
                    warn!(%error, "admin port cannot accept");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, registry: Arc<Registry>, readiness: Readiness) {
    let service = service_fn(move |request| {
        let response = answer(&request, &registry, &readiness);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    match time::timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => debug!(%error, "admin connection failed"),
    }
}

fn answer(
    request: &Request<Incoming>,
    registry: &Registry,
    readiness: &Readiness,
) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return reply(
            StatusCode::METHOD_NOT_ALLOWED,
            PLAIN,
            "method not allowed\n",
        );
    }
    match request.uri().path() {
        "/healthz" => reply(StatusCode::OK, PLAIN, "ok\n"),
        "/readyz" if readiness.is_set() => reply(StatusCode::OK, PLAIN, "ready\n"),
        "/readyz" => reply(StatusCode::SERVICE_UNAVAILABLE, PLAIN, readiness.obstacle()),
        "/metrics" => metrics(registry),
        _ => reply(StatusCode::NOT_FOUND, PLAIN, "not found\n"),
    }
}

fn metrics(registry: &Registry) -> Response<Full<Bytes>> {
    let mut body = String::new();
    match text::encode(&mut body, registry) {
        Ok(()) => reply(StatusCode::OK, OPENMETRICS, body),
        Err(_) => reply(
            StatusCode::INTERNAL_SERVER_ERROR,
            PLAIN,
            "metrics cannot be written\n",
        ),
    }
}

fn reply(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response
}
