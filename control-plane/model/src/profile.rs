//! SSL profiles: whom a listener lets in, and what TLS it speaks.

use std::sync::Arc;

use crate::certificate::TrustedClientCertificate;
use crate::child::child;
use crate::draft;
use crate::name::ResourceName;
use crate::tls::TlsPolicy;

/// An SSL profile.
#[derive(Debug, Clone)]
pub struct SslProfile {
    pub(crate) name: ResourceName,
    pub(crate) tls_policy: Option<TlsPolicy>,
    pub(crate) client_auth: Option<ClientAuth>,
}

/// Demands a client certificate that verifies against one of the uploads.
#[derive(Debug, Clone)]
pub struct ClientAuth {
    pub(crate) trusted: Vec<Arc<TrustedClientCertificate>>,
    pub(crate) verify_issuer: bool,
}

impl SslProfile {
    /// Its name.
    pub fn name(&self) -> &ResourceName {
        &self.name
    }

    /// Its own policy; the gateway's holds when there is none.
    pub fn tls_policy(&self) -> Option<&TlsPolicy> {
        self.tls_policy.as_ref()
    }

    /// Whom it lets in; `None` asks for no certificate.
    pub fn client_auth(&self) -> Option<&ClientAuth> {
        self.client_auth.as_ref()
    }
}

impl ClientAuth {
    /// The uploads, in document order. Empty: nobody gets in.
    pub fn trusted(&self) -> &[Arc<TrustedClientCertificate>] {
        &self.trusted
    }

    /// `verifyClientCertIssuerDN`: the leaf must come straight from the deepest CA of an upload.
    pub fn verify_issuer(&self) -> bool {
        self.verify_issuer
    }
}

child!(draft::SslProfile, SSL_PROFILES, 100);
