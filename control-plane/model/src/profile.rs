//! SSL profiles: whom a listener lets in, and what TLS it speaks.

use std::sync::Arc;

use client_auth::{Mode, RevocationPolicy};

use crate::certificate::TrustedClientCertificate;
use crate::child::child;
use crate::draft;
use crate::name::ResourceName;
use crate::policy::{ClientAuthPolicy, Enforcement};
use crate::tls::TlsPolicy;

/// An SSL profile.
#[derive(Debug, Clone)]
pub struct SslProfile {
    pub(crate) name: ResourceName,
    pub(crate) tls_policy: Option<TlsPolicy>,
    pub(crate) client_auth: Option<ClientAuth>,
}

/// Asks for a client certificate, which must verify against one of the uploads unless the mode says otherwise.
#[derive(Debug, Clone)]
pub struct ClientAuth {
    pub(crate) mode: ClientAuthMode,
    pub(crate) trusted: Vec<Arc<TrustedClientCertificate>>,
    pub(crate) verify_issuer: bool,
    pub(crate) revocation: ClientRevocation,
    pub(crate) policy: ClientAuthPolicy,
}

/// Azure's `verifyClientAuthMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAuthMode {
    /// A certificate is required and must verify.
    Strict,
    /// A certificate is asked for and not verified; none is fine, too. Needs no upload.
    Passthrough,
}

/// Azure's `verifyClientRevocation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientRevocation {
    /// Revocation is not checked.
    None,
    /// The responder that the client's certificate names is asked; no answer is a refusal.
    Ocsp,
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
    /// What is asked of a client. A policy that only reports asks for what `Strict` would refuse, whatever Azure's mode
    /// is: either way nobody is refused.
    pub fn mode(&self) -> Mode {
        match (self.policy.enforcement, self.mode) {
            (Enforcement::ReportOnly, _) => Mode::ReportOnly,
            (Enforcement::Enforce, ClientAuthMode::Passthrough) => Mode::Passthrough,
            (Enforcement::Enforce, ClientAuthMode::Strict) => Mode::Strict,
        }
    }

    /// The uploads, in document order. Empty: nobody gets in.
    pub fn trusted(&self) -> &[Arc<TrustedClientCertificate>] {
        &self.trusted
    }

    /// `verifyClientCertIssuerDN`: the leaf must come straight from the deepest CA of an upload.
    pub fn verify_issuer(&self) -> bool {
        self.verify_issuer
    }

    /// How certificates below one of the uploads are checked for revocation.
    pub fn revocation_of(&self, upload: &ResourceName) -> RevocationPolicy {
        self.policy
            .revocation
            .of(upload)
            .in_profile(self.revocation)
    }

    /// What it demands beyond Azure's schema.
    pub fn policy(&self) -> &ClientAuthPolicy {
        &self.policy
    }
}

child!(draft::SslProfile, SSL_PROFILES, 100);
