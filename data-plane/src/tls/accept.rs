//! The TLS handshake with a client.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client_auth::{Decision, Sha256Fingerprint};
use rustls::{HandshakeKind, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::connection::ConnectionId;
use crate::connection::handshake_log::HandshakeLog;
use crate::connection::linger;
use crate::connection::registry::{Expired, Watch};
use crate::cores::core::Core;
use crate::http::head::Version;
use crate::http::host::canonical_name;
use crate::http::refusal::Refusal;
use crate::http::reply;
use crate::route::Site;
use crate::snapshot::{ClientAuth, VirtualHost, VirtualHostTls};
use crate::tls::handshake::{CURRENT, Handshake};
use crate::tls::tickets::Resumption;

/// A handshake that succeeded.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: Box<TlsStream<TcpStream>>,
    pub(crate) virtual_host: Arc<VirtualHost>,
    /// About the client; present exactly where a certificate was asked for.
    pub(crate) decision: Option<Decision>,
    /// Whether a session was resumed.
    pub(crate) resumed: bool,
    pub(crate) connection: ConnectionId,
    pub(crate) peer: SocketAddr,
    pub(crate) started: Instant,
}

/// Makes the handshake. A failure is counted, logged with its reason, and told to the client by nothing but the alert.
pub(crate) async fn accept(
    core: &Core,
    watch: &Watch,
    site: &Site,
    id: ConnectionId,
    peer: SocketAddr,
    mut stream: TcpStream,
) -> Option<Accepted> {
    let started = core.time.now();
    watch.arm(core.time.deadline(core.limits.handshake_timeout));
    let handshake = Rc::new(Handshake::new(id).knowing(&core.revocation));
    let mut chosen = None;
    let failure = match watch.race(speaks_tls(&stream)).await {
        Ok(Ok(true)) => {
            let making = Box::pin(make(core, site, stream, &handshake, &mut chosen));
            match watch
                .race(CURRENT.scope(Rc::clone(&handshake), making))
                .await
            {
                Ok(Ok(Made {
                    stream,
                    virtual_host,
                    decision,
                    resumed,
                })) => {
                    core.metrics.handshakes.add(1);
                    return Some(Accepted {
                        stream,
                        virtual_host,
                        decision,
                        resumed,
                        connection: id,
                        peer,
                        started,
                    });
                }
                Ok(Err((failure, rest))) => {
                    if let Some(mut stream) = rest {
                        linger::close(core, watch, &mut stream).await;
                    }
                    failure
                }
                Err(Expired) => Failure::Deadline,
            }
        }
        Ok(Ok(false)) => {
            answer_plain_http(core, watch, &mut stream).await;
            Failure::PlainHttp
        }
        Ok(Err(error)) => Failure::Io(error),
        Err(Expired) => Failure::Deadline,
    };
    let failed = Failed {
        id,
        peer,
        gateway: &site.bind().gateway_id,
        virtual_host: chosen.as_deref(),
        duration: core.time.now().duration_since(started),
    };
    failed.report(core, &handshake, &failure);
    None
}

/// What [`make`] makes.
struct Made {
    stream: Box<TlsStream<TcpStream>>,
    virtual_host: Arc<VirtualHost>,
    decision: Option<Decision>,
    resumed: bool,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("deadline passed")]
    Deadline,
    #[error("{0}")]
    Io(io::Error),
    #[error("no listener has a certificate")]
    NoListener,
    #[error("plain http on a port with tls")]
    PlainHttp,
    #[error("too many handshakes at a time")]
    TooMany,
    #[error("the verifier left no decision")]
    Undecided,
}

async fn make(
    core: &Core,
    site: &Site,
    stream: TcpStream,
    handshake: &Rc<Handshake>,
    chosen: &mut Option<Arc<VirtualHost>>,
) -> Result<Made, (Failure, Option<TcpStream>)> {
    let mut acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream);
    let start = match (&mut acceptor).await {
        Ok(start) => start,
        Err(error) => return Err((Failure::Io(error), acceptor.take_io())),
    };
    // Only now: clients that say nothing, which cost nothing, must not take the places of those that do.
    let Some(_place) = core.shared.handshakes.enter(core.limits.max_handshakes) else {
        return Err((Failure::TooMany, None));
    };
    let hello = start.client_hello();
    // A name that is none is treated like no name.
    let name = hello
        .server_name()
        .and_then(|name| canonical_name(name).ok());
    let virtual_host = site.for_client_hello(name.as_deref()).cloned();
    handshake.asks_for(name.as_deref());
    drop(name);
    let with_tls = virtual_host
        .as_ref()
        .and_then(|host| host.tls.as_ref().map(|tls| (host, tls)));
    let Some((host, tls)) = with_tls else {
        return Err((Failure::NoListener, Some(start.io)));
    };
    *chosen = Some(Arc::clone(host));
    let config = Arc::clone(&tls.config);
    let stream = start
        .into_stream(config)
        .into_fallible()
        .await
        .map_err(|(error, io)| (Failure::Io(error), Some(io)))?;
    let resumed = count_resumption(core, handshake, stream.get_ref().1);
    let decision = decide(handshake, stream.get_ref().1, tls, resumed);
    let decision = decision.map_err(|failure| (failure, None))?;
    Ok(Made {
        stream: Box::new(stream),
        virtual_host: Arc::clone(host),
        decision,
        resumed,
    })
}

/// Whether a session was resumed; also counts what came of a ticket, if the client had one.
fn count_resumption(core: &Core, handshake: &Handshake, session: &ServerConnection) -> bool {
    let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    let came_of_it = match (resumed, handshake.declined()) {
        (true, _) => Some(Resumption::Resumed),
        (false, Some(decline)) => Some(Resumption::Declined(decline)),
        (false, None) if handshake.has_opened() => Some(Resumption::NotTaken),
        (false, None) => None,
    };
    if let Some(came_of_it) = came_of_it {
        core.metrics.resumption(came_of_it);
    }
    resumed
}

/// The decision about the client of a handshake that succeeded. Present exactly where one is called for.
///
/// # Errors
/// [`Failure::Undecided`]: what rustls did and what was decided do not belong together, and nobody passes.
fn decide(
    handshake: &Handshake,
    session: &ServerConnection,
    tls: &VirtualHostTls,
    resumed: bool,
) -> Result<Option<Decision>, Failure> {
    let shown = session.peer_certificates().and_then(<[_]>::first);
    let decided = handshake.take_decision();
    let decision = if resumed {
        let opened = handshake.take_opened().ok_or(Failure::Undecided)?;
        let leaf = shown.map(|leaf| *Sha256Fingerprint::of(leaf).as_bytes());
        let version = session.protocol_version().map(u16::from);
        let claims = &opened.claims;
        if claims.leaf != leaf || version != Some(claims.version) || decided.is_some() {
            return Err(Failure::Undecided);
        }
        opened.decision
    } else {
        match (&tls.client_auth, shown, decided) {
            (Some(client_auth), None, None) => Some(client_auth.authenticator.decide_absent()),
            (Some(_), Some(_), Some(decision)) => Some(decision),
            (None, None, None) => None,
            (_, _, _) => return Err(Failure::Undecided),
        }
    };
    if decision.is_some() == tls.client_auth.is_some() {
        Ok(decision)
    } else {
        Err(Failure::Undecided)
    }
}

/// Whether the first byte is that of a TLS handshake record. A client that closes first is an error.
async fn speaks_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; 1];
    if stream.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // Letters begin an HTTP method; anything else gets rustls' alert.
    Ok(!first.first().is_some_and(u8::is_ascii_uppercase))
}

/// Tells a client that forgot TLS what it did wrong, as far as it listens.
async fn answer_plain_http(core: &Core, watch: &Watch, stream: &mut TcpStream) {
    let mut page = Vec::new();
    core.metrics.refused(Refusal::PlainHttp);
    reply::write_refusal(
        &mut page,
        Refusal::PlainHttp,
        Version::Http11,
        false,
        false,
        &core.time,
    );
    let answering = async {
        let mut request = [0; 1024];
        // How much came makes no difference to the answer.
        let _read = stream.read(&mut request).await?;
        stream.write_all(&page).await
    };
    if let Ok(Ok(())) = watch.race(answering).await {
        linger::close(core, watch, stream).await;
    }
}

/// Whose handshake failed, and where.
struct Failed<'a> {
    id: ConnectionId,
    peer: SocketAddr,
    gateway: &'a str,
    virtual_host: Option<&'a VirtualHost>,
    duration: Duration,
}

impl Failed<'_> {
    /// One line and one count; of handshakes that were too many, one line a second.
    fn report(&self, core: &Core, handshake: &Handshake, failure: &Failure) {
        if matches!(failure, Failure::TooMany) {
            core.metrics.handshake_failed(failure.label());
            let overload = &core.shared.overload;
            overload.handshake_refused(core.time.now(), &core.limits);
            return;
        }
        if failure.is_of_the_certificate() && self.refused(core, handshake) {
            return;
        }
        let listener = self.virtual_host.map(|host| &*host.listener);
        let ssl_profile = self.client_auth().map(|it| &*it.ssl_profile);
        let (id, peer, gateway, reason) = (self.id, self.peer, self.gateway, failure.label());
        core.metrics.handshake_failed(reason);
        tracing::info!(connection = %id, %peer, gateway, listener, ssl_profile, reason, detail = %failure, "handshake failed");
    }

    /// Tells of a client that was refused for what it showed, or did not show. False: there is no such decision.
    fn refused(&self, core: &Core, handshake: &Handshake) -> bool {
        let (Some(client_auth), Some(virtual_host)) = (self.client_auth(), self.virtual_host)
        else {
            return false;
        };
        if !client_auth.refuses_in_handshake() {
            return false;
        }
        let absent = || client_auth.authenticator.decide_absent();
        let decision = handshake.take_decision().unwrap_or_else(absent);
        let Err(refusal) = &decision.verdict else {
            return false;
        };
        core.metrics.handshake_failed(refusal.reason.label());
        core.metrics.client_refused(refusal.reason);
        let log = HandshakeLog {
            connection: self.id,
            peer: self.peer,
            gateway: self.gateway,
            listener: &virtual_host.listener,
            client_auth,
            resumed: false,
            duration: self.duration,
        };
        log.refused(&decision, refusal);
        true
    }

    fn client_auth(&self) -> Option<&ClientAuth> {
        let tls = self.virtual_host.and_then(|host| host.tls.as_ref());
        tls.and_then(|tls| tls.client_auth.as_deref())
    }
}

impl Failure {
    /// Whether the handshake ended over the client's certificate, and not over its signature or anything else.
    fn is_of_the_certificate(&self) -> bool {
        let Self::Io(error) = self else { return false };
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        matches!(
            inner,
            Some(rustls::Error::NoCertificatesPresented | rustls::Error::InvalidCertificate(_))
        )
    }

    /// A closed set of labels.
    fn label(&self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::NoListener => "no_listener",
            Self::PlainHttp => "plain_http",
            Self::TooMany => "too_many",
            Self::Undecided => "undecided",
            Self::Io(error) => match error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            {
                None => "connection_lost",
                Some(rustls::Error::NoCertificatesPresented) => "no_certificate",
                Some(rustls::Error::InvalidCertificate(_)) => "invalid_certificate",
                Some(rustls::Error::AlertReceived(_)) => "alert_received",
                Some(rustls::Error::PeerIncompatible(_)) => "incompatible",
                Some(rustls::Error::PeerMisbehaved(_)) => "misbehaved",
                Some(
                    rustls::Error::InappropriateMessage { .. }
                    | rustls::Error::InappropriateHandshakeMessage { .. }
                    | rustls::Error::InvalidMessage(_),
                ) => "invalid_message",
                Some(rustls::Error::DecryptError) => "decrypt_error",
                Some(_) => "other",
            },
        }
    }
}
