//! A gateway before its references are resolved. Each part is in order by itself; whether the parts fit each other is
//! for [`ApplicationGateway::new`](crate::ApplicationGateway::new) to say.

use crate::backend::{BackendAddressPool, BackendHost, DnsName, PathPrefix};
use crate::certificate::{SslCertificate, TrustedClientCertificate, TrustedRootCertificate};
use crate::child::Entry;
use crate::frontend::{FrontendIpConfiguration, FrontendPort};
use crate::host::HostPattern;
use crate::name::ResourceName;
use crate::policy::ClientAuthPolicy;
use crate::port::{Port, Priority, RequestTimeout};
use crate::profile::{ClientAuthMode, ClientRevocation};
use crate::rewrite::RewriteRuleSet;
use crate::tls::TlsPolicy;

/// All parts, each collection in document order.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the fields are the collections of the same names"
)]
pub struct ApplicationGateway {
    /// Whether clients may speak HTTP/2.
    pub http2: bool,
    /// The gateway's own policy, when it names one.
    pub tls_policy: Option<TlsPolicy>,
    pub frontend_ip_configurations: Vec<Entry<FrontendIpConfiguration>>,
    pub frontend_ports: Vec<Entry<FrontendPort>>,
    pub ssl_certificates: Vec<Entry<SslCertificate>>,
    pub trusted_client_certificates: Vec<Entry<TrustedClientCertificate>>,
    pub trusted_root_certificates: Vec<Entry<TrustedRootCertificate>>,
    pub ssl_profiles: Vec<Entry<SslProfile>>,
    pub probes: Vec<Entry<Probe>>,
    pub http_listeners: Vec<Entry<HttpListener>>,
    pub backend_address_pools: Vec<Entry<BackendAddressPool>>,
    pub backend_http_settings: Vec<Entry<BackendHttpSettings>>,
    pub request_routing_rules: Vec<Entry<RequestRoutingRule>>,
    pub rewrite_rule_sets: Vec<Entry<RewriteRuleSet>>,
}

/// A health probe: only its name matters so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its name.
    pub name: ResourceName,
}

/// An SSL profile.
#[derive(Debug, Clone)]
pub struct SslProfile {
    /// Its name.
    pub name: ResourceName,
    /// Its own policy.
    pub tls_policy: Option<TlsPolicy>,
    /// Whom it lets in.
    pub client_auth: Option<ClientAuth>,
}

/// Asks for a client certificate.
#[derive(Debug, Clone)]
pub struct ClientAuth {
    /// `verifyClientAuthMode`.
    pub mode: ClientAuthMode,
    /// Names of trusted client certificates.
    pub trusted: Vec<ResourceName>,
    /// `verifyClientCertIssuerDN`.
    pub verify_issuer: bool,
    /// `verifyClientRevocation`.
    pub revocation: ClientRevocation,
    /// What it demands beyond Azure's schema.
    pub policy: ClientAuthPolicy,
}

/// An HTTP listener.
#[derive(Debug, Clone)]
pub struct HttpListener {
    /// Its name.
    pub name: ResourceName,
    /// Name of the frontend IP configuration.
    pub frontend_ip_configuration: ResourceName,
    /// Name of the frontend port.
    pub frontend_port: ResourceName,
    /// Empty for a basic listener.
    pub hosts: Vec<HostPattern>,
    /// What it speaks.
    pub protocol: ListenerProtocol,
}

/// What a listener speaks.
#[derive(Debug, Clone)]
pub enum ListenerProtocol {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https {
        /// Name of the SSL certificate.
        certificate: ResourceName,
        /// Name of the SSL profile.
        profile: Option<ResourceName>,
    },
}

/// Backend HTTP settings.
#[derive(Debug, Clone)]
pub struct BackendHttpSettings {
    /// Their name.
    pub name: ResourceName,
    /// The port of every target.
    pub port: Port,
    /// How long a target may take.
    pub request_timeout: RequestTimeout,
    /// The Host that targets see.
    pub host: BackendHost,
    /// Put before the request's path.
    pub path: Option<PathPrefix>,
    /// Name of the probe.
    pub probe: Option<ResourceName>,
    /// What is spoken.
    pub protocol: BackendProtocol,
}

/// What is spoken to backends.
#[derive(Debug, Clone)]
pub enum BackendProtocol {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https {
        /// Names of trusted root certificates.
        roots: Vec<ResourceName>,
        /// The name to send and to verify.
        server_name: Option<DnsName>,
    },
}

/// A basic rule.
#[derive(Debug, Clone)]
pub struct RequestRoutingRule {
    /// Its name.
    pub name: ResourceName,
    /// Where it stands among the rules.
    pub priority: Priority,
    /// Name of the listener.
    pub listener: ResourceName,
    /// Name of the pool.
    pub pool: ResourceName,
    /// Name of the settings.
    pub settings: ResourceName,
    /// Name of the rewrite rule set.
    pub rewrite_rule_set: Option<ResourceName>,
}
