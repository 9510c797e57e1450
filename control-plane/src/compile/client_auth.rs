//! An SSL profile as the workers enforce it.

use client_auth::{RevocationFailure, RevocationMethod, RevocationPolicy, RevocationScope};
use model::{ClientAuthMode, SslProfile, TrustedClientCertificate};
use proto::config::v1 as proto;

use super::Lowering;

/// Between the client's certificate and the anchor.
const MAX_INTERMEDIATES: u32 = 4;

impl Lowering {
    /// The policy's name, if the profile asks for a client certificate.
    pub(super) fn client_auth(&mut self, profile: &SslProfile) -> Option<String> {
        let asked = profile.client_auth()?;
        let name = profile.name().to_string();
        let mode = match asked.mode() {
            ClientAuthMode::Strict => proto::ClientAuthMode::Strict,
            ClientAuthMode::Passthrough => proto::ClientAuthMode::Passthrough,
        };
        let revocation = revocation(&asked.revocation_policy());
        let cas = asked
            .trusted()
            .iter()
            .map(|trusted| self.client_ca(trusted, revocation.clone()))
            .collect();
        let policy = proto::ClientAuthPolicy {
            name: name.clone(),
            mode: mode.into(),
            client_cas: cas,
            verify_issuer: asked.verify_issuer(),
            refusal_form: proto::RefusalForm::TlsAlert.into(),
            max_intermediates: MAX_INTERMEDIATES,
            ..Default::default()
        };
        self.policies.insert(name.clone(), policy);
        Some(name)
    }

    fn client_ca(
        &mut self,
        trusted: &TrustedClientCertificate,
        revocation: Option<proto::RevocationPolicy>,
    ) -> proto::ClientCa {
        proto::ClientCa {
            bundle: Some(proto::TrustBundle {
                name: trusted.name.to_string(),
                sha256: self.certificate_list(trusted.bundle.certificates()),
            }),
            revocation,
            crls: Vec::new(),
        }
    }
}

/// `None`: revocation is not checked.
fn revocation(policy: &RevocationPolicy) -> Option<proto::RevocationPolicy> {
    let method = match policy.method {
        RevocationMethod::None => return None,
        RevocationMethod::Ocsp => proto::RevocationMethod::Ocsp,
        RevocationMethod::Crl => proto::RevocationMethod::Crl,
        RevocationMethod::OcspThenCrl => proto::RevocationMethod::OcspThenCrl,
    };
    let scope = match policy.scope {
        RevocationScope::Leaf => proto::RevocationScope::Leaf,
        RevocationScope::Chain => proto::RevocationScope::Chain,
    };
    let grace = match policy.failure {
        RevocationFailure::Hard => 0,
        RevocationFailure::Soft { grace } => grace.as_secs(),
    };
    Some(proto::RevocationPolicy {
        method: method.into(),
        scope: scope.into(),
        // Bounded where it is read: a week.
        soft_fail_grace_seconds: u32::try_from(grace).unwrap_or(0),
        responder_url: policy.responder.clone().unwrap_or_default(),
        nonce: policy.nonce,
        fetch_crls: policy.fetch_crls,
    })
}
