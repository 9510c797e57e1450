//! The worker's immutable configuration: what `convert` makes of a [`proto::config::v1::GatewaySnapshot`] and what
//! connections and requests read. Live state (pools, health, counters) lives elsewhere, keyed by the names here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use client_auth::{Authenticator, Mode};

use crate::revocation::UploadedLists;
use crate::rewrite::{ReservedFields, RewriteRuleSet};

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
    /// Request fields that no client of the gateway may send, besides those that every worker removes by itself.
    pub reserved_fields: Arc<ReservedFields>,
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
    /// Absent: no client certificate is asked for.
    pub client_auth: Option<Arc<ClientAuth>>,
}

/// One SSL profile: whom it lets in, and what comes of the decision.
#[derive(Debug)]
pub struct ClientAuth {
    /// ARM name, for log lines and reports.
    pub ssl_profile: Arc<str>,
    /// Decides about clients; its policy has the mode.
    pub authenticator: Arc<Authenticator>,
    /// How a refusal looks to the client.
    pub refusal_form: RefusalForm,
    /// How long after the original authentication a session may be resumed. Absent: never.
    pub resumption_lifetime: Option<Duration>,
    /// Whether the `CertificateRequest` tells the names of the CAs.
    pub send_ca_names: bool,
    /// What backends are told about the client besides what rewrites tell them.
    pub identity_headers: IdentityHeaders,
    /// Changes with everything that influences a verdict and never returns to an earlier value. A session ticket of another
    /// epoch counts no more.
    pub trust_epoch: u64,
    /// CRLs that were uploaded for the client CAs: evidence, not policy.
    pub crls: Arc<UploadedLists>,
}

/// How a refusal looks to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalForm {
    /// The handshake fails with the alert that fits.
    TlsAlert,
    /// The handshake succeeds, and every request gets HTTP 400 (Azure's form).
    HttpStatus,
}

/// Header fields that tell backends about the client. All false: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdentityHeaders {
    /// `Client-Cert` (RFC 9440).
    pub client_cert: bool,
    /// `Client-Cert-Chain` (RFC 9440).
    pub client_cert_chain: bool,
    /// `X-Forwarded-Client-Cert` (Envoy).
    pub xfcc: bool,
}

impl Snapshot {
    /// The CRLs that were uploaded for the SSL profiles in use, each profile's once.
    pub(crate) fn uploaded_lists(&self) -> Vec<Arc<UploadedLists>> {
        let mut found: Vec<Arc<UploadedLists>> = Vec::new();
        let virtual_hosts = self.binds.iter().flat_map(|bind| &bind.virtual_hosts);
        let tls = virtual_hosts.filter_map(|host| host.tls.as_ref());
        for client_auth in tls.filter_map(|tls| tls.client_auth.as_ref()) {
            if !found
                .iter()
                .any(|known| Arc::ptr_eq(known, &client_auth.crls))
            {
                found.push(Arc::clone(&client_auth.crls));
            }
        }
        found
    }
}

impl ClientAuth {
    /// What is asked of a client.
    pub fn mode(&self) -> Mode {
        self.authenticator.policy().mode
    }

    /// Whether a client that may not in fails the handshake.
    pub fn refuses_in_handshake(&self) -> bool {
        match (self.mode(), self.refusal_form) {
            (Mode::Strict | Mode::Passthrough, RefusalForm::TlsAlert) => true,
            (Mode::ReportOnly, _) | (_, RefusalForm::HttpStatus) => false,
        }
    }
}

/// Where requests go.
#[derive(Debug)]
pub struct Route {
    /// ARM name of the request routing rule.
    pub rule: Arc<str>,
    /// The upstream.
    pub upstream: Arc<Upstream>,
    /// What is changed on the way. Absent: nothing.
    pub rewrites: Option<Arc<RewriteRuleSet>>,
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
