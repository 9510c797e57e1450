//! One GET of a document of an issuer: bounded in time and size, without redirects and proxies.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{
    Request,
    header::{ACCEPT, CONNECTION, HOST, USER_AGENT},
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::location::Location;
use crate::telemetry::Chain;

/// Makes requests; one for each issuer, which has roots of its own.
#[derive(Debug)]
pub(super) struct Fetcher {
    tls: Arc<ClientConfig>,
}

/// Why there is no document. What the other side wrote is shortened and escaped.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{host} cannot be resolved: {reason}")]
    Resolve { host: String, reason: String },
    #[error("{address} cannot be connected to: {reason}")]
    Connect { address: SocketAddr, reason: String },
    #[error("no TLS connection: {0}")]
    Tls(String),
    #[error("no complete answer in time")]
    Deadline,
    #[error("status {0}")]
    Status(u16),
    #[error("status {0}, and redirects are not followed")]
    Redirect(u16),
    #[error("more than {MAX_BODY} bytes")]
    TooLarge,
    #[error("not HTTP as it should be: {0}")]
    Protocol(String),
}

impl Fetcher {
    /// Trusts `roots` and nothing else.
    ///
    /// # Errors
    /// rustls finds the provider impossible.
    pub(super) fn new(roots: Arc<RootCertStore>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(tls) })
    }

    /// The body of an answer with status 200; it has ended at `deadline` in any case.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(super) async fn get(
        &self,
        location: &Location,
        deadline: Instant,
    ) -> Result<Bytes, FetchError> {
        match timeout_at(deadline, Box::pin(self.exchange(location, deadline))).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(FetchError::Deadline),
        }
    }

    async fn exchange(&self, location: &Location, deadline: Instant) -> Result<Bytes, FetchError> {
        let stream = connect(location, deadline).await?;
        if !location.tls {
            return converse(stream, location).await;
        }
        let name = ServerName::try_from(location.host.clone());
        let name = name.map_err(|error| FetchError::Tls(error.to_string()))?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        let stream = stream.await;
        converse(
            stream.map_err(|error| FetchError::Tls(shown(&error.to_string())))?,
            location,
        )
        .await
    }
}

async fn connect(location: &Location, deadline: Instant) -> Result<TcpStream, FetchError> {
    let unresolved = |reason: String| FetchError::Resolve {
        host: location.host.clone(),
        reason,
    };
    let found = tokio::net::lookup_host((location.host.as_str(), location.port)).await;
    let found = found.map_err(|error| unresolved(error.to_string()))?;
    let addresses: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
    let mut last = unresolved("it has no address".to_owned());
    for (tried, address) in addresses.iter().enumerate() {
        // One address that does not answer leaves time for the others.
        let left = deadline.saturating_duration_since(Instant::now());
        let share = u32::try_from(addresses.len() - tried).unwrap_or(1);
        let until = Instant::now() + left / share;
        let reason = match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => "no answer in time".to_owned(),
        };
        let address = *address;
        last = FetchError::Connect { address, reason };
    }
    Err(last)
}

async fn converse<S>(stream: S, location: &Location) -> Result<Bytes, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = Request::get(location.path.as_str())
        .header(HOST, &location.authority)
        .header(USER_AGENT, "portcullis")
        .header(ACCEPT, "application/json")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| FetchError::Protocol(error.to_string()))?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(protocol)?;
    // Ends with this function, whether or not the other side does.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(protocol)?;
    match response.status().as_u16() {
        200 => {}
        status @ 300..=399 => return Err(FetchError::Redirect(status)),
        status => return Err(FetchError::Status(status)),
    }
    match Limited::new(response.into_body(), MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(match error.downcast::<hyper::Error>() {
            Ok(error) => protocol(*error),
            Err(_too_large) => FetchError::TooLarge,
        }),
    }
}

fn protocol(error: hyper::Error) -> FetchError {
    FetchError::Protocol(shown(&Chain(&error).to_string()))
}

/// What another side wrote, fit for a log line.
pub(super) fn shown(text: &str) -> String {
    let short = text.chars().take(MAX_SHOWN);
    short.flat_map(char::escape_debug).collect()
}

/// The key sets of large issuers have 20 KiB.
const MAX_BODY: usize = 256 * 1024;
const MAX_HEAD: usize = 16 * 1024;
const MAX_FIELDS: usize = 64;
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;
const MAX_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::token::PlainHttp;

    #[tokio::test]
    async fn who_takes_a_connection_and_says_nothing_is_given_up_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fetcher = Fetcher::new(Arc::new(RootCertStore::empty())).unwrap();
        for scheme in ["http", "https"] {
            let location = Location::parse(&format!("{scheme}://{address}"), PlainHttp::OnLoopback);
            let deadline = Instant::now() + Duration::from_millis(50);
            let outcome = fetcher.get(&location.unwrap(), deadline).await;
            assert_eq!(outcome, Err(FetchError::Deadline), "{scheme}");
        }
    }

    #[test]
    fn what_others_write_is_shortened_and_escaped() {
        assert_eq!(shown("a\nb\u{1b}"), "a\\nb\\u{1b}");
        assert_eq!(shown(&"a".repeat(999)).len(), MAX_SHOWN);
    }
}
