//! The connection under the stream: TLS 1.3, judged by the worker's clock.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Error};

/// A dead control plane is noticed within 30 s, and no middlebox forgets an idle stream.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Room for several blob chunks under way.
const WINDOW: u32 = 1 << 20;
/// Of a control plane URL that names none.
const PORT: u16 = 443;

/// Connects; without TLS where `tls` is absent.
pub(super) async fn connect(
    url: &http::Uri,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Channel, Error> {
    let endpoint = match &tls {
        None => Endpoint::from(url.clone()),
        // TLS is ours: the library, which does not know that, would want its own for https.
        Some(_) => Endpoint::from(without_tls(url)?).origin(url.clone()),
    };
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .tcp_nodelay(true);
    let Some(tls) = tls else {
        return endpoint.connect().await;
    };
    let connector = tower::service_fn(move |address| dial(address, Arc::clone(&tls)));
    endpoint.connect_with_connector(connector).await
}

/// The same place for the library.
fn without_tls(url: &http::Uri) -> Result<http::Uri, Error> {
    let authority = url.authority().map_or("", http::uri::Authority::as_str);
    let plain = Endpoint::from_shared(format!("http://{authority}"))?;
    Ok(plain.uri().clone())
}

async fn dial(
    address: http::Uri,
    tls: Arc<ClientConfig>,
) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
    let host = address.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let port = address.port_u16().unwrap_or(PORT);
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    Ok(TokioIo::new(stream))
}
