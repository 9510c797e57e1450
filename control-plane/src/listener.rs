//! Accepts connections for the API and the admin port and serves HTTP on them until told to stop.

use std::{convert::Infallible, error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// A bound socket with what is needed to serve it.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    slots: Arc<Semaphore>,
    max_age: Duration,
    metrics: Metrics,
}

/// Counters of one listener.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    open_connections: Gauge,
    accept_errors: Counter,
    handshake_failures: Counter,
}

/// The address of a connection's other end; an extension of every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl Metrics {
    /// Makes the counters visible under the current prefix of `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "open_connections",
            "Connections being served",
            metrics.open_connections.clone(),
        );
        registry.register(
            "accept_errors",
            "Failures to accept a connection",
            metrics.accept_errors.clone(),
        );
        registry.register(
            "handshake_failures",
            "TLS handshakes that failed or took too long",
            metrics.handshake_failures.clone(),
        );
        metrics
    }
}

impl Listener {
    /// Binds `address`; with `tls`, every connection is TLS.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<ServerConfig>,
        max_connections: usize,
        metrics: Metrics,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        Ok(Self {
            address: socket.local_addr()?,
            socket,
            tls: tls.map(|config| TlsAcceptor::from(Arc::new(config))),
            slots: Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS))),
            max_age: MAX_AGE,
            metrics,
        })
    }

    /// The bound address, with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`; then takes no new connection, lets requests under way finish, and cuts what is left after
    /// `drain`.
    pub async fn serve<S, B>(self, service: S, stop: CancellationToken, drain: Duration)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = connections.join_next() => report_panic(ended),
                accepted = self.accept() => if let Some((stream, peer, slot)) = accepted {
                    let connection = Connection {
                        peer,
                        tls: self.tls.clone(),
                        stop: stop.clone(),
                        max_age: self.max_age,
                        metrics: self.metrics.clone(),
                        slot,
                    };
                    connections.spawn(connection.run(stream, service.clone()));
                },
            }
        }
        drop(self.socket);
        let drained = time::timeout(drain, async {
            while let Some(ended) = connections.join_next().await {
                report_panic(ended);
            }
        });
        if drained.await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "drain deadline passed, cutting connections"
            );
        }
    }

    /// The next connection; `None` after a failure, which is counted and waited out so that a full descriptor table
    /// does not spin.
    async fn accept(&self) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        match self.socket.accept().await {
            Ok((stream, peer)) => Some((stream, peer, slot)),
            Err(error) => {
                self.metrics.accept_errors.inc();
                if !is_about_one_connection(&error) {
                    tracing::warn!(%error, address = %self.address, "cannot accept connections");
                    time::sleep(ACCEPT_PAUSE).await;
                }
                None
            }
        }
    }
}

struct Connection {
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    stop: CancellationToken,
    max_age: Duration,
    metrics: Metrics,
    slot: OwnedSemaphorePermit,
}

impl Connection {
    async fn run<S, B>(self, stream: TcpStream, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let _open = OpenConnection::count(&self.metrics.open_connections);
        // Replies are small and complete: waiting to fill segments only delays them.
        let _unsupported = stream.set_nodelay(true);
        let Some(acceptor) = self.tls.clone() else {
            return self.serve(stream, http1(), service).await;
        };
        let handshake = time::timeout(HANDSHAKE_DEADLINE, acceptor.accept(stream));
        let outcome = tokio::select! {
            () = self.stop.cancelled() => return,
            outcome = handshake => outcome,
        };
        match outcome {
            Ok(Ok(stream)) => {
                let protocol = if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    http2()
                } else {
                    http1()
                };
                self.serve(stream, protocol, service).await;
            }
            Ok(Err(error)) => self.refuse(&error),
            Err(elapsed) => self.refuse(&elapsed),
        }
    }

    fn refuse(&self, error: &dyn Error) {
        self.metrics.handshake_failures.inc();
        tracing::debug!(peer = %self.peer, %error, "TLS handshake failed");
    }

    async fn serve<I, S, B>(self, io: I, protocol: auto::Builder<TokioExecutor>, service: S)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let peer = Peer(self.peer);
        let service =
            tower::util::MapRequest::new(service, move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                request
            });
        let mut connection = std::pin::pin!(
            protocol.serve_connection(TokioIo::new(io), TowerToHyperService::new(service))
        );
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            // Who reads no replies, or only answers pings, would have the slot for ever.
            () = time::sleep(self.max_age) => {
                connection.as_mut().graceful_shutdown();
                time::timeout(self.max_age, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(peer = %self.peer, error, "connection ended with an error");
        }
        drop(self.slot);
    }
}

/// Counts a connection for as long as it lives, whatever ends it.
struct OpenConnection(Gauge);

impl OpenConnection {
    fn count(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn http1() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(MAX_HEADER_BYTES);
    builder
}

fn http2() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST_BYTES)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    builder
}

fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection task panicked");
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// Also bounds how long an idle HTTP/1.1 connection is kept.
const HEADER_DEADLINE: Duration = Duration::from_mins(1);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// A connection takes no more requests after this time, and is cut when the last ones take as long again.
const MAX_AGE: Duration = Duration::from_mins(5);
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_HEADER_LIST_BYTES: u32 = 64 * 1024;
const MAX_STREAMS: u32 = 100;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http_body_util::Full;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::Notify,
        task::JoinHandle,
    };

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    #[tokio::test]
    async fn a_request_under_way_is_answered_after_the_stop() {
        let started = Arc::new(Notify::new());
        let proceed = Arc::new(Notify::new());
        let (stop, address, serving) = serve(1, Arc::clone(&started), Arc::clone(&proceed)).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        started.notified().await;
        stop.cancel();
        proceed.notify_one();
        let mut reply = String::new();
        client.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn an_idle_connection_does_not_hold_up_the_stop() {
        let (stop, address, serving) = serve(1, Arc::default(), Arc::default()).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET").await.unwrap();
        stop.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_too_many_waits_for_a_free_slot() {
        let proceed = Arc::new(Notify::new());
        let (stop, address, serving) = serve(1, Arc::default(), Arc::clone(&proceed)).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(REQUEST).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        proceed.notify_one();
        proceed.notify_one();
        let mut head = [0; 12];
        first.read_exact(&mut head).await.unwrap();
        drop(first);
        proceed.notify_one();
        let mut reply = String::new();
        second.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        stop.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn who_does_not_read_loses_the_connection() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut listener = Listener::bind(any, None, 1, Metrics::default())
            .await
            .unwrap();
        listener.max_age = Duration::from_millis(100);
        let (stop, address) = (CancellationToken::new(), listener.address());
        let open = listener.metrics.open_connections.clone();
        let large = tower::service_fn(|_request: Request<Incoming>| async {
            let body = bytes::Bytes::from(vec![b'x'; 64 * 1024 * 1024]);
            Ok(Response::new(Full::new(body)))
        });
        let serving = tokio::spawn(listener.serve(large, stop.clone(), Duration::ZERO));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        client.readable().await.unwrap();
        let ended = time::timeout(Duration::from_secs(10), async {
            while open.get() != 0 {
                time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(ended.await.is_ok(), "the connection is still open");
        stop.cancel();
        serving.await.unwrap();
    }

    /// Answers each request when `proceed` is notified.
    async fn serve(
        max_connections: usize,
        started: Arc<Notify>,
        proceed: Arc<Notify>,
    ) -> (CancellationToken, SocketAddr, JoinHandle<()>) {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(any, None, max_connections, Metrics::default())
            .await
            .unwrap();
        let (stop, address) = (CancellationToken::new(), listener.address());
        let service = tower::service_fn(move |_request: Request<Incoming>| {
            let (started, proceed) = (Arc::clone(&started), Arc::clone(&proceed));
            async move {
                started.notify_one();
                proceed.notified().await;
                Ok(Response::new(Full::new(bytes::Bytes::from_static(b"done"))))
            }
        });
        let serving = tokio::spawn(listener.serve(service, stop.clone(), Duration::from_secs(30)));
        (stop, address, serving)
    }
}
