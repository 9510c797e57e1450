//! Backends that answer as a test wants.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::client::decode_chunks;
use super::pki::{self, Ca};

/// A request as the backend got it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        super::client::field(&self.head, name)
    }
}

/// What the backend does with a request.
pub(crate) enum Answer {
    /// Sends these bytes and waits for the next request.
    Keep(Vec<u8>),
    /// Sends these bytes and closes.
    Close(Vec<u8>),
    /// Sends nothing, ever.
    Silence,
}

/// A backend on a port of its own.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Backend {
    /// Answers each request by `answer`.
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), answer).await
    }

    pub(crate) async fn start_at(
        address: SocketAddr,
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (answer, log, count) = (
            Arc::new(answer),
            Arc::clone(&seen),
            Arc::clone(&connections),
        );
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(converse(stream, Arc::clone(&answer), Arc::clone(&log)));
            }
        });
        Self {
            address,
            seen,
            connections,
            task,
        }
    }

    /// Echoes the body, or says `hello`.
    pub(crate) async fn echo() -> Self {
        Self::start(|seen| {
            let body = if seen.body.is_empty() {
                b"hello".to_vec()
            } else {
                seen.body.clone()
            };
            Answer::Keep(ok(&body))
        })
        .await
    }

    /// Says `name` to everything.
    pub(crate) async fn named(name: &'static str) -> Self {
        Self::start(move |_| Answer::Keep(ok(name.as_bytes()))).await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The same backend over TLS, as `name`: takes TLS off and passes the rest on.
pub(crate) async fn behind_tls(backend: SocketAddr, ca: &Ca, name: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = (*pki::server(ca.server(name), None)).clone();
    config.alpn_protocols = Vec::new();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut inner = TcpStream::connect(backend).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut stream, &mut inner).await);
                }
            });
        }
    });
    address
}

/// A response with a body.
pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    let mut response =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    response.extend_from_slice(body);
    response
}

async fn converse(
    mut stream: TcpStream,
    answer: Arc<impl Fn(&Seen) -> Answer + Send + Sync + 'static>,
    log: Arc<Mutex<Vec<Seen>>>,
) {
    let mut buffered = Vec::new();
    while let Some(seen) = read_request(&mut stream, &mut buffered).await {
        log.lock().unwrap().push(seen.clone());
        match answer(&seen) {
            Answer::Keep(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Answer::Close(bytes) => {
                drop(stream.write_all(&bytes).await);
                return;
            }
            Answer::Silence => {
                drop(stream.read_to_end(&mut buffered).await);
                return;
            }
        }
    }
}

/// Reads one request; `None` at the end of the connection.
pub(crate) async fn read_request(stream: &mut TcpStream, buffered: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some(end) = buffered.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(buffered[..end + 4].to_vec()).unwrap();
            let rest = &buffered[end + 4..];
            let body = if let Some(length) = super::client::field(&head, "content-length") {
                let length: usize = length.parse().unwrap();
                (rest.len() >= length).then(|| (rest[..length].to_vec(), length))
            } else if super::client::field(&head, "transfer-encoding").is_some() {
                decode_chunks(rest)
            } else {
                Some((Vec::new(), 0))
            };
            if let Some((body, used)) = body {
                buffered.drain(..end + 4 + used);
                return Some(Seen { head, body });
            }
        }
        if stream.read_buf(buffered).await.ok()? == 0 {
            return None;
        }
    }
}
