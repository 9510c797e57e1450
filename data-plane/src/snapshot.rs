//! The worker's immutable configuration: what `convert` makes of a [`proto::config::v1::GatewaySnapshot`] and what
//! connections and requests read. Live state (pools, health, counters) lives elsewhere, keyed by the names here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// One gateway, ready to serve: everything that can fail has been done.
#[derive(Debug)]
pub struct Snapshot {
    /// ARM resource id, in the casing of its creation.
    pub gateway_id: Arc<str>,
    /// One entry for each socket address; addresses are unique.
    pub binds: Vec<Arc<Bind>>,
}

/// One address and port with the virtual hosts behind it.
#[derive(Debug)]
pub struct Bind {
    /// The address to listen on.
    pub address: SocketAddr,
    /// ARM name of the frontend port, to be named in a refusal.
    pub frontend_port: Arc<str>,
    /// ARM resource id of the gateway.
    pub gateway_id: Arc<str>,
    /// Whether clients speak TLS here.
    pub protocol: BindProtocol,
    /// Whether HTTP/2 is offered to clients (HTTPS only).
    pub http2: bool,
    /// In order of rule priority: the first that matches a host serves it.
    pub virtual_hosts: Vec<Arc<VirtualHost>>,
}

/// What clients speak on a bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindProtocol {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// One listener.
#[derive(Debug)]
pub struct VirtualHost {
    /// ARM name of the listener.
    pub listener: Arc<str>,
    /// The hosts it serves.
    pub hosts: HostPatterns,
    /// Present exactly when the bind is HTTPS.
    pub tls: Option<VirtualHostTls>,
    /// Absent: no rule uses the listener, requests get 404.
    pub route: Option<Route>,
}

/// The hosts that a virtual host serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPatterns {
    /// Every host, and requests without one (a basic listener).
    Any,
    /// These, lower-case, at least one; `*` is any run of characters, `?` is one character.
    These(Vec<Box<str>>),
}

/// The TLS side of a virtual host.
#[derive(Debug)]
pub struct VirtualHostTls {
    /// Built once per snapshot; its session storage and tickets are shared with no other virtual host.
    pub config: Arc<rustls::ServerConfig>,
    /// Names what a connection was authenticated against: SHA-256 over the client-auth policy in force, and a fixed
    /// value where no client certificate is asked for. A connection serves a request only while this is equal to
    /// what its handshake was made under.
    pub policy_hash: [u8; 32],
    /// Whether a client certificate is required.
    pub client_auth: bool,
    /// ARM name of the SSL profile that asks for client certificates, for log lines.
    pub ssl_profile: Option<Arc<str>>,
}

/// Where requests go.
#[derive(Debug)]
pub struct Route {
    /// ARM name of the request routing rule.
    pub rule: Arc<str>,
    /// The upstream.
    pub upstream: Arc<Upstream>,
}

/// A pool together with the settings it is used with.
#[derive(Debug)]
pub struct Upstream {
    /// `{gateway id, lower-case}/{pool}/{settings}/{hash of everything below}`: the key of its live state. A change
    /// of any field makes a new key, so connections made under other settings are never reused.
    pub key: Arc<str>,
    /// ARM name of the backend address pool.
    pub pool: Arc<str>,
    /// ARM name of the backend HTTP settings.
    pub settings: Arc<str>,
    /// IP literals or DNS names. Empty: requests get 502.
    pub endpoints: Vec<Arc<str>>,
    /// The port of every endpoint.
    pub port: u16,
    /// From the last byte of the request to the last byte of the response head.
    pub request_timeout: Duration,
    /// Present: the upstream speaks TLS.
    pub tls: Option<UpstreamTls>,
    /// The Host that the upstream sees.
    pub host: UpstreamHost,
    /// Put before the request's path; empty or starting and ending with `/`.
    pub path_prefix: Box<str>,
}

/// The Host that an upstream sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamHost {
    /// What the client sent.
    Client,
    /// The endpoint's own name or address.
    Endpoint,
    /// This name.
    Fixed(Box<str>),
}

/// How an HTTPS upstream is verified.
#[derive(Debug)]
pub struct UpstreamTls {
    /// Verifies against the uploaded roots, or the system's where none were uploaded.
    pub config: Arc<rustls::ClientConfig>,
    /// The name to send and verify; absent: the host that the upstream sees.
    pub server_name: Option<Box<str>>,
}
