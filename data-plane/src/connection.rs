//! One client connection, from accept to close.

pub(crate) mod client;
pub(crate) mod handshake_log;
pub(crate) mod interned;
pub(crate) mod linger;
pub(crate) mod recheck;
pub(crate) mod registry;
pub(crate) mod round;
pub(crate) mod stream;
mod vetting;

use std::cell::Cell;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::access_log::record::{self, TlsFacts};
use crate::connection::registry::{Kind, Registered, Watch};
use crate::connection::stream::ClientStream;
use crate::connection::vetting::Vetting;
use crate::cores::core::{Core, Permit};
use crate::http::{h1, h2};
use crate::listener::accept::Origin;
use crate::rewrite::{Client, LeaveOut, Room, TlsNames};
use crate::route::{Authenticated, Site};
use crate::snapshot::{Bind, BindProtocol};
use crate::tls::{accept, names};

/// Names a client connection in logs; random, so unique among workers and their restarts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// A new name.
    pub fn random() -> Self {
        Self(fastrand::u64(..))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What all requests of one connection have in common.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) core: Rc<Core>,
    pub(crate) origin: Rc<Origin>,
    pub(crate) watch: Rc<Watch>,
    /// `ip:port` for `X-Forwarded-For`.
    pub(crate) client_text: Box<str>,
    /// What rules can ask about the client.
    pub(crate) client: Client,
    pub(crate) frontend_port: u16,
    /// Set exactly on TLS.
    pub(crate) authenticated: Option<Authenticated>,
    /// The constant part of access log lines.
    pub(crate) log: Box<[u8]>,
    /// Requests so far.
    pub(crate) served: Cell<u64>,
    /// Requests under way; HTTP/2 has many at a time.
    pub(crate) streams: Cell<u32>,
    /// HTTP/2 requests that did not come to their end.
    pub(crate) broken_off: Cell<u64>,
}

/// Starts the task of a connection.
pub(crate) fn spawn(
    core: Rc<Core>,
    origin: Rc<Origin>,
    stream: TcpStream,
    client: SocketAddr,
    permit: Permit,
) {
    let registered = core.registry.register(origin.socket, Kind::Connection);
    tokio::task::spawn_local(async move {
        let _panic = CountPanic(Rc::clone(&core));
        let _permit = permit;
        let watch = Rc::clone(registered.watch());
        let metrics = Arc::clone(&core.metrics);
        // In a box of its own: a future that is moved into another one takes its place there twice.
        let serving = Box::pin(serve(core, origin, registered, stream, client));
        watch.supervise(serving).await;
        if let Some(known) = watch.known_since() {
            metrics.cut_latency.observe(known.elapsed());
        }
    });
}

async fn serve(
    core: Rc<Core>,
    origin: Rc<Origin>,
    registered: Registered,
    stream: TcpStream,
    client: SocketAddr,
) {
    let client = SocketAddr::new(client.ip().to_canonical(), client.port());
    let id = ConnectionId::random();
    let site = origin.site.load_full();
    let bind = Arc::clone(site.bind());
    match bind.protocol {
        BindProtocol::Http => {
            drop(site);
            let connection = connection(core, origin, &registered, id, client, &bind, None);
            h1::serve(&connection, ClientStream::Plain(stream)).await;
        }
        BindProtocol::Https => {
            let accepting = accept::accept(&core, registered.watch(), &site, id, client, stream);
            let accepting = Box::pin(accepting);
            let Some(mut accepted) = accepting.await else {
                return;
            };
            let vetting = Vetting {
                core: &core,
                watch: registered.watch(),
                bind: &bind,
                accepted: &mut accepted,
            };
            let Some(authenticated) = Box::pin(vetting.vet()).await else {
                return;
            };
            let stream = accepted.stream;
            drop(accepted.virtual_host);
            let tls = Some((&*stream, authenticated));
            let connection = connection(core, origin, &registered, id, client, &bind, tls);
            drop(bind);
            connection.begin(&site);
            drop(site);
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                Box::pin(h2::serve(&connection, ClientStream::Tls(stream))).await;
            } else {
                h1::serve(&connection, ClientStream::Tls(stream)).await;
            }
        }
    }
}

fn connection(
    core: Rc<Core>,
    origin: Rc<Origin>,
    registered: &Registered,
    id: ConnectionId,
    client: SocketAddr,
    bind: &Bind,
    tls: Option<(&TlsStream<TcpStream>, Authenticated)>,
) -> Rc<Connection> {
    let facts = tls.as_ref().map(|(stream, authenticated)| {
        let session = stream.get_ref().1;
        let suite = session.negotiated_cipher_suite();
        TlsFacts {
            names: TlsNames {
                protocol: names::protocol(session.protocol_version()),
                cipher: suite.map_or("", |suite| names::cipher(suite.suite())),
            },
            client: authenticated.client.as_deref(),
        }
    });
    let log = if core.log.is_on() {
        record::connection_part(&core.instance, &bind.gateway_id, id, client, facts.as_ref())
    } else {
        Box::default()
    };
    Rc::new(Connection {
        id,
        watch: Rc::clone(registered.watch()),
        client_text: client.to_string().into(),
        client: Client::new(client, facts.map(|facts| facts.names)),
        frontend_port: bind.address.port(),
        authenticated: tls.map(|(_, authenticated)| authenticated),
        log,
        served: Cell::new(0),
        streams: Cell::new(0),
        broken_off: Cell::new(0),
        core,
        origin,
    })
}

impl Connection {
    /// From here on somebody looks whether the connection may go on. `site` is what its handshake was made under.
    fn begin(self: &Rc<Self>, site: &Arc<Site>) {
        let until = self.authenticated.as_ref();
        let until = until.and_then(|authenticated| authenticated.valid_until.get());
        self.watch.trust_until(until);
        self.watch.belongs_to(self);
        // Whoever looked at all connections when the configuration changed did not see this one.
        if !Arc::ptr_eq(site, &self.origin.site.load()) {
            self.recheck(self.core.time.now());
        }
    }

    /// How large a field may become that rules set.
    pub(crate) fn room(&self) -> Room<'_> {
        Room {
            max_bytes: self.core.limits.max_header_field_bytes,
            owner: self,
        }
    }
}

impl LeaveOut for Connection {
    fn left_out(&self, name: &str, bytes: usize) {
        self.core.metrics.fields_left_out.add(1);
        if self.client.is_first_left_out() {
            let maximum = self.core.limits.max_header_field_bytes;
            tracing::warn!(client = %self.client_text, field = name, bytes, maximum, "header field left out: it would be too large");
        }
    }
}

/// A panic ends one connection and is a defect: counted, and logged by the panic hook with its place.
pub(crate) struct CountPanic(pub(crate) Rc<Core>);

impl Drop for CountPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.metrics.panics.add(1);
            tracing::error!("a connection panicked");
        }
    }
}
