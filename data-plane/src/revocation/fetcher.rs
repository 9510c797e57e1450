//! One HTTP exchange with a responder or a distribution point: bounded in time and size, and only with addresses that the
//! [`Guard`] admits.
//!
//! Redirects are not followed: a responder that answers at all can answer where the certificate says it is, and each hop
//! would be one more address that somebody else chooses.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::location::{Location, LocationError};
use super::network::Guard;
use super::resolver::Resolver;
use crate::clock::Clock;
use crate::telemetry::Chain;
use crate::tls::upstream_config::{self, RootsError, SystemRoots};

/// Makes exchanges; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Fetcher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    guard: Guard,
    resolver: Resolver,
    clock: Clock,
    roots: SystemRoots,
    tls: OnceLock<Arc<ClientConfig>>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) location: Location,
    /// Media type and bytes.
    pub(super) body: Option<(&'static str, Bytes)>,
    /// Media type that is asked for.
    pub(super) accept: &'static str,
    /// Bytes that the answer's body may have.
    pub(super) limit: usize,
}

/// An answer with status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Media type in lower case, without parameters. Empty: none was given.
    pub(super) media_type: String,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer. What the other side wrote is shortened and escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the URL is not used: {0}")]
    Location(#[from] LocationError),
    #[error("{0} may not be connected to (see --revocation-allow-network)")]
    Denied(IpAddr),
    #[error("the name cannot be resolved: {0}")]
    Resolve(String),
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
    #[error("content of type `{0}`")]
    MediaType(String),
    #[error("more than {0} bytes")]
    TooLarge(usize),
    #[error("not HTTP as it should be: {0}")]
    Protocol(String),
}

impl FetchError {
    /// A closed set of labels for metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Location(_) => "bad_url",
            Self::Denied(_) => "denied_address",
            Self::Resolve(_) => "unresolved",
            Self::Connect { .. } => "unreachable",
            Self::Tls(_) => "tls",
            Self::Deadline => "timeout",
            Self::Status(_) => "status",
            Self::Redirect(_) => "redirect",
            Self::MediaType(_) => "media_type",
            Self::TooLarge(_) => "too_large",
            Self::Protocol(_) => "protocol",
        }
    }

    /// Whether the other side is there, whatever it says.
    pub(super) fn was_reached(&self) -> bool {
        match self {
            Self::Status(_)
            | Self::Redirect(_)
            | Self::MediaType(_)
            | Self::TooLarge(_)
            | Self::Protocol(_) => true,
            Self::Location(_)
            | Self::Denied(_)
            | Self::Resolve(_)
            | Self::Connect { .. }
            | Self::Tls(_)
            | Self::Deadline => false,
        }
    }

    /// Whether somebody answered, but not as they might answer a request of another method.
    pub(super) fn depends_on_method(&self) -> bool {
        match self {
            Self::Status(_) | Self::Redirect(_) | Self::MediaType(_) | Self::Protocol(_) => true,
            Self::Location(_)
            | Self::Denied(_)
            | Self::Resolve(_)
            | Self::Connect { .. }
            | Self::Tls(_)
            | Self::Deadline
            | Self::TooLarge(_) => false,
        }
    }
}

impl Fetcher {
    pub(super) fn new(guard: Guard, resolver: Resolver, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            guard,
            resolver,
            clock,
            roots: SystemRoots::default(),
            tls: OnceLock::new(),
        }))
    }

    /// Makes one exchange, which has ended at `deadline` in any case.
    ///
    /// # Errors
    /// [`FetchError`]: there is no answer, or none with status 200.
    pub(super) async fn fetch(
        &self,
        question: Question,
        deadline: Instant,
    ) -> Result<Answer, FetchError> {
        match timeout_at(deadline, Box::pin(self.exchange(question, deadline))).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(FetchError::Deadline),
        }
    }

    async fn exchange(&self, question: Question, deadline: Instant) -> Result<Answer, FetchError> {
        let location = &question.location;
        let stream = self.connect(location, deadline).await?;
        if !location.tls {
            return converse(stream, question).await;
        }
        let config = self
            .tls()
            .map_err(|error| FetchError::Tls(error.to_string()))?;
        let stream = TlsConnector::from(config)
            .connect(location.server_name()?, stream)
            .await
            .map_err(|error| FetchError::Tls(shown(&error.to_string())))?;
        converse(stream, question).await
    }

    /// Connects to one of the addresses of the host: exactly to what was looked at, so that a name cannot be one thing
    /// when it is judged and another when it is used.
    async fn connect(
        &self,
        location: &Location,
        deadline: Instant,
    ) -> Result<TcpStream, FetchError> {
        let addresses = self.addresses(location).await?;
        let mut last = FetchError::Resolve("it has no address".to_owned());
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

    /// The addresses of the host that may be connected to; at least one.
    async fn addresses(&self, location: &Location) -> Result<Vec<SocketAddr>, FetchError> {
        let found = match location.address() {
            Some(address) => vec![address],
            None => self.0.resolver.look_up(&location.host).await?,
        };
        let denied = found
            .iter()
            .find(|found| !self.0.guard.admits(**found))
            .copied();
        let admitted: Vec<SocketAddr> = found
            .into_iter()
            .filter(|address| self.0.guard.admits(*address))
            .take(MAX_ADDRESSES)
            .map(|address| SocketAddr::new(address, location.port))
            .collect();
        match denied {
            Some(denied) if admitted.is_empty() => Err(FetchError::Denied(denied)),
            Some(_) | None => Ok(admitted),
        }
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, TlsUnavailable> {
        if let Some(config) = self.0.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = upstream_config::build(self.0.roots.load()?, &self.0.clock)?;
        Ok(Arc::clone(self.0.tls.get_or_init(|| Arc::new(config))))
    }

    /// Trusts these roots for https instead of the system's.
    #[cfg(test)]
    pub(super) fn trust(&self, roots: rustls::RootCertStore) {
        let config = upstream_config::build(Arc::new(roots), &self.0.clock).expect("a client");
        self.0
            .tls
            .set(Arc::new(config))
            .expect("nothing was fetched yet");
    }
}

/// Why https cannot be spoken.
#[derive(Debug, thiserror::Error)]
enum TlsUnavailable {
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error(transparent)]
    Configuration(#[from] rustls::Error),
}

/// Sends the question and reads the whole answer.
async fn converse<S>(stream: S, question: Question) -> Result<Answer, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limit = question.limit;
    let request = request(question)?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_FIELDS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(protocol)?;
    // Ends with this function, whether or not the other side does.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(protocol)?;
    match response.status().as_u16() {
        200 => read(response, limit).await,
        status @ 300..=399 => Err(FetchError::Redirect(status)),
        status => Err(FetchError::Status(status)),
    }
}

fn request(question: Question) -> Result<Request<Full<Bytes>>, FetchError> {
    let Question {
        method,
        location,
        body,
        accept,
        ..
    } = question;
    let mut request = Request::builder()
        .method(method)
        .uri(location.path.as_str())
        .header(HOST, &*location.authority)
        .header(USER_AGENT, "portcullis")
        .header(ACCEPT, accept)
        .header(CONNECTION, "close");
    if let Some((media_type, _)) = &body {
        request = request.header(CONTENT_TYPE, *media_type);
    }
    let body = body.map(|(_, bytes)| bytes).unwrap_or_default();
    request
        .body(Full::new(body))
        .map_err(|error| FetchError::Protocol(error.to_string()))
}

async fn read(response: Response<Incoming>, limit: usize) -> Result<Answer, FetchError> {
    let (head, mut incoming) = response.into_parts();
    let length = head.headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
    let announced = length
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse::<u64>().ok());
    if announced.is_some_and(|announced| announced > limit as u64) {
        return Err(FetchError::TooLarge(limit));
    }
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(part) = frame.map_err(protocol)?.into_data() else {
            continue;
        };
        if body.len().saturating_add(part.len()) > limit {
            return Err(FetchError::TooLarge(limit));
        }
        body.extend_from_slice(&part);
    }
    let media_type = head.headers.get(CONTENT_TYPE);
    Ok(Answer {
        media_type: media_type.map(media_type_of).unwrap_or_default(),
        body,
    })
}

/// `Application/OCSP-Response; charset=x` as `application/ocsp-response`.
fn media_type_of(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    let essence = text.split(';').next().unwrap_or_default();
    shown(essence.trim()).to_ascii_lowercase()
}

fn protocol(error: hyper::Error) -> FetchError {
    FetchError::Protocol(shown(&Chain(&error).to_string()))
}

/// What another side wrote, fit for a log line.
fn shown(text: &str) -> String {
    text.chars()
        .take(MAX_SHOWN)
        .flat_map(char::escape_debug)
        .collect()
}

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_FIELDS: usize = 64;
const MAX_SHOWN: usize = 200;

#[cfg(test)]
mod tests;
