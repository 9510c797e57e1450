//! Accepts the workers' connections, so many at a time, and shakes hands with them.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use rustls_pki_types::CertificateDer;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::either::Either;
use tonic::transport::server::Connected;

/// A connection, which holds its place until it ends.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Either<TcpStream, Box<TlsStream<TcpStream>>>,
    peer: Peer,
    _place: OwnedSemaphorePermit,
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    /// Where it is.
    pub(super) address: SocketAddr,
    /// The client certificate that it showed; its chain and its key were verified.
    pub(super) certificate: Option<CertificateDer<'static>>,
}

/// The connections of `listener`, at most `limit` at a time; more wait in the listen queue, so that they cannot use up
/// the descriptors that the API and the database need. Never ends and gives no error: a listener that cannot accept is
/// tried again after a pause, without which a full descriptor table would keep a processor busy. A slow handshake holds
/// up no other one.
pub(super) fn incoming(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    limit: usize,
) -> impl Stream<Item = io::Result<Connection>> {
    let places = Arc::new(Semaphore::new(limit));
    let accepted = stream::unfold((listener, places), |(listener, places)| async {
        let place = Arc::clone(&places).acquire_owned().await.ok()?;
        let (stream, address) = accept(&listener).await;
        Some(((stream, address, place), (listener, places)))
    });
    accepted
        .map(move |(stream, address, place)| connection(stream, address, tls.clone(), place))
        .buffer_unordered(limit)
        .filter_map(async |connection| connection.map(Ok))
}

/// The connection, once the handshake is over; `None`: it failed, which is told.
async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    place: OwnedSemaphorePermit,
) -> Option<Connection> {
    let (stream, certificate) = match tls {
        None => (Either::Left(stream), None),
        Some(tls) => {
            let stream = handshake(&tls, stream, address).await?;
            let chain = stream.get_ref().1.peer_certificates();
            let leaf = chain.and_then(|chain| chain.first());
            let certificate = leaf.map(|leaf| leaf.clone().into_owned());
            (Either::Right(Box::new(stream)), certificate)
        }
    };
    Some(Connection {
        stream,
        peer: Peer {
            address,
            certificate,
        },
        _place: place,
    })
}

async fn handshake(
    tls: &TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            // A certificate that is refused is a worker's; all else may be anybody's.
            if is_about_certificate(&error) {
                tracing::warn!(peer = %address, %error, "a worker's certificate was refused");
            } else {
                tracing::debug!(peer = %address, %error, "a handshake failed");
            }
            None
        }
        Err(_elapsed) => {
            tracing::debug!(peer = %address, "a handshake took too long");
            None
        }
    }
}

fn is_about_certificate(error: &io::Error) -> bool {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Messages are complete: waiting to fill segments only delays them.
                let _unsupported = stream.set_nodelay(true);
                return (stream, address);
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections of workers");
                tokio::time::sleep(PAUSE).await;
            }
        }
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

const PAUSE: Duration = Duration::from_millis(200);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_connection_too_many_waits_for_the_end_of_another() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut connections = std::pin::pin!(incoming(listener, None, 1));
        let _first = TcpStream::connect(address).await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        let held = connections.next().await.unwrap().unwrap();
        let too_many = timeout(Duration::from_millis(50), connections.next()).await;
        assert!(too_many.is_err());
        drop(held);
        let next = timeout(Duration::from_secs(10), connections.next()).await;
        assert!(next.unwrap().unwrap().is_ok());
    }
}
