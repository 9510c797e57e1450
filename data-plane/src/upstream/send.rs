//! Finding a backend that answers a request: round robin, the next endpoint where one takes no connection, and another
//! attempt where a kept connection turns out to be closed and the request can safely be sent again.

use std::future::poll_fn;
use std::ops::Range;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rustls_pki_types::ServerName;

use crate::connection::registry::Watch;
use crate::cores::core::Core;
use crate::http::head::BodyLength;
use crate::http::refusal::Refusal;
use crate::rewrite::Pending;
use crate::snapshot::{Upstream, UpstreamHost};
use crate::upstream::exchange::{Exchange, ExchangeError, Place};
use crate::upstream::pool::{ConnectError, Endpoint, Pool};
use crate::upstream::response::{Asked, Facts, InvalidResponse, ResponseHead};
use crate::upstream::upload::{RequestBody, Upload};

/// A request ready to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) pool: Rc<Pool>,
    /// The endpoint that the head was written for.
    pub(crate) endpoint: usize,
    pub(crate) head: Vec<u8>,
    /// Where in `head` the value of `Host` stands.
    pub(crate) host: Range<usize>,
    /// Whether that value is the endpoint's name.
    pub(crate) host_is_endpoint: bool,
    /// The host that the client named, or that a rule put in its place, canonical; for the verification of upstream
    /// certificates.
    pub(crate) client_host: Option<Box<str>>,
    pub(crate) body: BodyLength,
    pub(crate) asked: Asked,
    pub(crate) idempotent: bool,
    /// What becomes of the response.
    pub(crate) rewrites: Option<Pending>,
}

/// A request whose response has begun.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    pub(crate) exchange: Exchange,
    pub(crate) facts: Facts,
    pub(crate) result: T,
    /// From the last byte of the request to the head of the response; zero where the response came first.
    pub(crate) latency: Duration,
}

/// Sends a request and waits for the head of its response, which is given to `use_head`.
///
/// # Errors
/// The refusal to answer with.
pub(crate) async fn send<T>(
    core: &Rc<Core>,
    watch: &Watch,
    mut outgoing: Outgoing,
    source: &mut impl RequestBody,
    mut use_head: impl FnMut(&ResponseHead<'_>, &Upload) -> Result<T, InvalidResponse>,
) -> Result<Answered<T>, Refusal> {
    let pool = Rc::clone(&outgoing.pool);
    let mut endpoints_left = pool.endpoints();
    // Once a kept connection was found closed, the others to the same endpoint may be as well.
    let mut fresh_only = false;
    while endpoints_left > 0 {
        let endpoint = pool
            .endpoint(outgoing.endpoint)
            .ok_or(Refusal::NoEndpoints)?;
        let server_name = server_name(pool.upstream(), &outgoing, &endpoint.name)?;
        let kept = if fresh_only {
            None
        } else {
            pool.take(outgoing.endpoint, server_name.as_ref())
        };
        let reused = kept.is_some();
        let stream = match kept {
            Some(stream) => {
                core.metrics.upstream_reuses.add(1);
                stream
            }
            None => match connect(core, watch, &pool, endpoint, server_name.clone()).await {
                Ok(stream) => stream,
                Err(error) => {
                    core.metrics.upstream_connect_errors.add(1);
                    log_connect_error(&pool, &endpoint.name, &error);
                    endpoints_left -= 1;
                    outgoing.move_on();
                    continue;
                }
            },
        };
        let place = Place {
            pool: Rc::clone(&pool),
            endpoint: outgoing.endpoint,
            server_name,
        };
        let upload = Upload::new(std::mem::take(&mut outgoing.head), outgoing.body);
        let mut exchange = Exchange::new(core, place, stream, upload);
        match begin(core, watch, &mut exchange, &outgoing, source, &mut use_head).await {
            Ok((facts, result, latency)) => {
                core.metrics.upstream_latency.observe(latency);
                return Ok(Answered {
                    exchange,
                    facts,
                    result,
                    latency,
                });
            }
            Err(Failed::Exchange(ExchangeError::ClosedEarly))
                if reused && outgoing.may_be_sent_again(&exchange) =>
            {
                outgoing.head = exchange.into_head();
                fresh_only = true;
            }
            Err(failed) => return Err(failed.refusal(exchange.upload())),
        }
    }
    Err(if pool.endpoints() == 0 {
        Refusal::NoEndpoints
    } else {
        Refusal::ConnectFailed
    })
}

enum Failed {
    Exchange(ExchangeError),
    Expired,
}

impl Failed {
    fn refusal(self, upload: &Upload) -> Refusal {
        match self {
            Self::Exchange(error) => refusal(error),
            Self::Expired if upload.is_done() || upload.waits_for_upstream() => {
                Refusal::UpstreamTimeout
            }
            Self::Expired => Refusal::BodyTimeout,
        }
    }
}

/// What an error of the exchange becomes.
pub(crate) fn refusal(error: ExchangeError) -> Refusal {
    match error {
        ExchangeError::Client(refusal) => refusal,
        ExchangeError::ClosedEarly | ExchangeError::Closed => Refusal::UpstreamClosed,
        ExchangeError::Invalid => Refusal::UpstreamInvalid,
    }
}

impl Outgoing {
    /// Goes to the next endpoint.
    fn move_on(&mut self) {
        self.endpoint = (self.endpoint + 1)
            .checked_rem(self.pool.endpoints())
            .unwrap_or(0);
        if self.host_is_endpoint
            && let Some(endpoint) = self.pool.endpoint(self.endpoint)
            && self.host.end <= self.head.len()
        {
            let name = endpoint.name.as_bytes();
            self.head.splice(self.host.clone(), name.iter().copied());
            self.host.end = self.host.start + name.len();
        }
    }

    /// Never after a byte of a body, and never what could take effect twice (RFC 9110, 9.2.2).
    fn may_be_sent_again(&self, exchange: &Exchange) -> bool {
        !exchange.upload().has_started() || (self.idempotent && self.body == BodyLength::None)
    }
}

async fn connect(
    core: &Core,
    watch: &Watch,
    pool: &Pool,
    endpoint: &Endpoint,
    server_name: Option<ServerName<'static>>,
) -> Result<crate::upstream::stream::UpstreamStream, ConnectError> {
    core.metrics.upstream_connects.add(1);
    watch.arm(core.time.deadline(core.limits.upstream_connect_timeout));
    let connecting = Box::pin(pool.connect(endpoint, server_name, core.time.coarse()));
    watch
        .race(connecting)
        .await
        .unwrap_or(Err(ConnectError::Timeout))
}

async fn begin<T>(
    core: &Core,
    watch: &Watch,
    exchange: &mut Exchange,
    outgoing: &Outgoing,
    source: &mut impl RequestBody,
    mut use_head: impl FnMut(&ResponseHead<'_>, &Upload) -> Result<T, InvalidResponse>,
) -> Result<(Facts, T, Duration), Failed> {
    watch.arm(core.time.deadline(core.limits.request_receive_timeout));
    let timeout = outgoing.pool.upstream().request_timeout;
    let mut sent: Option<Instant> = None;
    let (facts, result) = poll_fn(|cx| {
        if watch.check().is_err() {
            return Poll::Ready(Err(Failed::Expired));
        }
        let on_sent = || {
            sent = Some(core.time.now());
            watch.arm(core.time.deadline(timeout));
        };
        exchange
            .poll_head(cx, outgoing.asked, source, &mut use_head, on_sent)
            .map_err(Failed::Exchange)
    })
    .await?;
    let latency = sent.map_or(Duration::ZERO, |sent| core.time.now().duration_since(sent));
    Ok((facts, result, latency))
}

/// The name that an HTTPS upstream has to prove, and is sent as SNI unless it is an address.
fn server_name(
    upstream: &Upstream,
    outgoing: &Outgoing,
    endpoint: &str,
) -> Result<Option<ServerName<'static>>, Refusal> {
    let Some(tls) = &upstream.tls else {
        return Ok(None);
    };
    let name = match (&tls.server_name, &upstream.host, &outgoing.client_host) {
        (Some(name), _, _)
        | (None, UpstreamHost::Fixed(name), _)
        | (None, UpstreamHost::Client, Some(name)) => name,
        (None, UpstreamHost::Endpoint, _) | (None, UpstreamHost::Client, None) => endpoint,
    };
    let name = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    ServerName::try_from(name.to_owned())
        .map(Some)
        .map_err(|_| Refusal::ConnectFailed)
}

fn log_connect_error(pool: &Pool, endpoint: &str, error: &ConnectError) {
    let upstream = pool.upstream();
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(%error, cause, pool = %upstream.pool, settings = %upstream.settings, endpoint, "cannot connect to a backend");
}
