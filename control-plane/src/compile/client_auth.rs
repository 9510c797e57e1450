//! An SSL profile as the workers enforce it.

mod identity;
mod revocation;
mod strength;

use std::collections::BTreeMap;

use client_auth::Mode;
use model::{
    ApplicationGateway, ClientAuth, IdentityHeaders, ListenerProtocol, RefusalForm, ResourceName,
    SslProfile, TrustedClientCertificate,
};
use prost::Message;
use proto::config::v1 as proto;

use super::Lowering;
use crate::{certificate::sha256, extension::Extensions};

/// What each profile that a listener uses demands of clients, by a hash of all that the workers get of it but for its
/// trust epoch and for CRLs, which are evidence and no demand.
pub fn demands(gateway: &ApplicationGateway) -> BTreeMap<ResourceName, [u8; 32]> {
    let nothing = Extensions::default();
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

/// The request fields that identity headers of these profiles are, in lower case.
pub(super) fn identity_fields(profiles: &[SslProfile]) -> impl Iterator<Item = String> {
    let of_profile = |profile: &SslProfile| {
        let headers = profile.client_auth()?.policy().identity_headers;
        let fields = [
            (headers.client_cert, "client-cert"),
            (headers.client_cert_chain, "client-cert-chain"),
            (headers.xfcc, "x-forwarded-client-cert"),
        ];
        Some(fields.into_iter().filter(|(is_set, _)| *is_set))
    };
    let fields = profiles.iter().filter_map(of_profile).flatten();
    fields.map(|(_, name)| name.to_owned())
}

impl Lowering<'_> {
    /// The policy's name, if the profile asks for a client certificate.
    pub(super) fn client_auth(&mut self, profile: &SslProfile) -> Option<String> {
        let name = profile.name().to_string();
        let policy = proto::ClientAuthPolicy {
            trust_epoch: self
                .extensions
                .trust_epochs()
                .of(profile.name())
                .unwrap_or_default(),
            ..self.policy(profile, profile.client_auth()?)
        };
        self.policies.insert(name.clone(), policy);
        Some(name)
    }

    /// The policy, without its trust epoch.
    fn policy(&mut self, profile: &SslProfile, asked: &ClientAuth) -> proto::ClientAuthPolicy {
        let policy = asked.policy();
        let resumption = policy.resumption.map(|lifetime| proto::SessionResumption {
            lifetime_seconds: lifetime.seconds(),
        });
        proto::ClientAuthPolicy {
            name: profile.name().to_string(),
            mode: mode(asked.mode()).into(),
            verify_issuer: asked.verify_issuer(),
            client_cas: self.client_cas(asked),
            refusal_form: refusal_form(policy.refusal_form).into(),
            partial_chains: policy.partial_chains,
            max_intermediates: policy.max_intermediates.number().into(),
            key_strength: strength::lower(&policy.strength),
            identity_rules: identity::lower(&policy.identity),
            session_resumption: resumption,
            omit_ca_names: !policy.send_ca_names,
            identity_headers: identity_headers(policy.identity_headers),
            trust_epoch: 0,
        }
    }

    fn client_cas(&mut self, asked: &ClientAuth) -> Vec<proto::ClientCa> {
        let lower = |trusted: &std::sync::Arc<TrustedClientCertificate>| proto::ClientCa {
            bundle: Some(proto::TrustBundle {
                name: trusted.name.to_string(),
                sha256: self.certificate_list(trusted.bundle.certificates()),
            }),
            revocation: revocation::lower(&asked.revocation_of(&trusted.name)),
            crls: self.revocation_lists(trusted),
        };
        asked.trusted().iter().map(lower).collect()
    }

    /// Uploaded lists, but for those whose CA is not trusted any more.
    fn revocation_lists(
        &mut self,
        trusted: &TrustedClientCertificate,
    ) -> Vec<proto::RevocationList> {
        let lists = self.extensions.revocation_lists().of(&trusted.name);
        let mut lowered = Vec::new();
        for list in lists.filter(|list| list.is_active(&trusted.bundle)) {
            self.revocation_lists.insert(list.head.sha256);
            lowered.push(proto::RevocationList {
                name: list.name.to_string(),
                sha256: list.head.sha256.to_vec(),
            });
        }
        lowered
    }
}

fn mode(mode: Mode) -> proto::ClientAuthMode {
    match mode {
        Mode::Strict => proto::ClientAuthMode::Strict,
        Mode::Passthrough => proto::ClientAuthMode::Passthrough,
        Mode::ReportOnly => proto::ClientAuthMode::ReportOnly,
    }
}

fn refusal_form(form: RefusalForm) -> proto::RefusalForm {
    match form {
        RefusalForm::TlsAlert => proto::RefusalForm::TlsAlert,
        RefusalForm::HttpStatus => proto::RefusalForm::HttpStatus,
    }
}

/// `None`: no identity header.
fn identity_headers(headers: IdentityHeaders) -> Option<proto::IdentityHeaders> {
    let IdentityHeaders {
        client_cert,
        client_cert_chain,
        xfcc,
    } = headers;
    (headers != IdentityHeaders::default()).then_some(proto::IdentityHeaders {
        client_cert,
        client_cert_chain,
        xfcc,
    })
}
