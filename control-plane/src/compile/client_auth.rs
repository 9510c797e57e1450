//! An SSL profile as the workers enforce it.

use std::collections::BTreeMap;

use client_auth::{RevocationFailure, RevocationMethod, RevocationPolicy, RevocationScope};
use model::{
    ApplicationGateway, ClientAuth, ClientAuthMode, ListenerProtocol, ResourceName, SslProfile,
    TrustedClientCertificate,
};
use prost::Message;
use proto::config::v1 as proto;

use super::Lowering;
use crate::{certificate::sha256, extension::TrustEpochs};

/// Between the client's certificate and the anchor.
const MAX_INTERMEDIATES: u32 = 4;

/// What each profile that a listener uses demands of clients, by a hash of all that the workers get of it but for its
/// trust epoch and for CRLs, which are evidence and no demand.
pub fn demands(gateway: &ApplicationGateway) -> BTreeMap<ResourceName, [u8; 32]> {
    let nothing = TrustEpochs::default();
    let mut lowering = Lowering::new(&nothing);
    let profiles = gateway
        .listeners()
        .iter()
        .filter_map(|listener| match listener.protocol() {
            ListenerProtocol::Http => None,
            ListenerProtocol::Https { profile, .. } => profile.as_ref(),
        });
    profiles
        .filter_map(|profile| {
            let policy = lowering.policy(profile, profile.client_auth()?);
            Some((profile.name().clone(), sha256(&policy.encode_to_vec())))
        })
        .collect()
}

impl Lowering<'_> {
    /// The policy's name, if the profile asks for a client certificate.
    pub(super) fn client_auth(&mut self, profile: &SslProfile) -> Option<String> {
        let name = profile.name().to_string();
        let policy = proto::ClientAuthPolicy {
            trust_epoch: self.trust_epochs.of(profile.name()).unwrap_or_default(),
            ..self.policy(profile, profile.client_auth()?)
        };
        self.policies.insert(name.clone(), policy);
        Some(name)
    }

    /// The policy, without its trust epoch.
    fn policy(&mut self, profile: &SslProfile, asked: &ClientAuth) -> proto::ClientAuthPolicy {
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
        proto::ClientAuthPolicy {
            name: profile.name().to_string(),
            mode: mode.into(),
            client_cas: cas,
            verify_issuer: asked.verify_issuer(),
            refusal_form: proto::RefusalForm::TlsAlert.into(),
            max_intermediates: MAX_INTERMEDIATES,
            ..Default::default()
        }
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
