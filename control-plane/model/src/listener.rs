//! HTTP listeners.

use std::sync::Arc;

use crate::certificate::SslCertificate;
use crate::child::child;
use crate::draft;
use crate::frontend::{FrontendIpConfiguration, FrontendPort};
use crate::host::HostPattern;
use crate::name::ResourceName;
use crate::profile::SslProfile;
use crate::rule::RequestRoutingRule;
use crate::tls::TlsPolicy;

/// An HTTP listener with all that it refers to.
#[derive(Debug, Clone)]
pub struct HttpListener {
    pub(crate) name: ResourceName,
    pub(crate) frontend_ip_configuration: Arc<FrontendIpConfiguration>,
    pub(crate) frontend_port: Arc<FrontendPort>,
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) protocol: ListenerProtocol,
    pub(crate) rule: Option<Arc<RequestRoutingRule>>,
}

/// What a listener speaks.
#[derive(Debug, Clone)]
pub enum ListenerProtocol {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https {
        /// What it shows to clients.
        certificate: Arc<SslCertificate>,
        /// Whom it lets in; `None` asks for no certificate.
        profile: Option<Arc<SslProfile>>,
        /// The policy in effect: the profile's, else the gateway's, else Azure's default.
        tls_policy: TlsPolicy,
    },
}

impl HttpListener {
    /// Its name.
    pub fn name(&self) -> &ResourceName {
        &self.name
    }

    /// The address it listens on.
    pub fn frontend_ip_configuration(&self) -> &FrontendIpConfiguration {
        &self.frontend_ip_configuration
    }

    /// The port it listens on.
    pub fn frontend_port(&self) -> &FrontendPort {
        &self.frontend_port
    }

    /// The hosts it serves, in document order; empty for a basic listener, which serves every host.
    pub fn hosts(&self) -> &[HostPattern] {
        &self.hosts
    }

    /// What it speaks.
    pub fn protocol(&self) -> &ListenerProtocol {
        &self.protocol
    }

    /// The rule that uses it; requests have nowhere to go when there is none.
    pub fn rule(&self) -> Option<&RequestRoutingRule> {
        self.rule.as_deref()
    }
}

child!(draft::HttpListener, HTTP_LISTENERS, 200);
