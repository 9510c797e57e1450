//! Client authentication: from the policies of the snapshot to what verifiers and connections use.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use client_auth::Authenticator;
use prost::Message;
use proto::config::v1 as wire;

use super::cache::Key;
use super::{Conversion, Rejected, client_policy, unique};
use crate::snapshot::{ClientAuth, IdentityHeaders, RefusalForm};

const PROFILES: &str = "sslProfiles";
pub(super) const CLIENT_CAS: &str = "trustedClientCertificates";
/// Sessions live no longer than this, whatever the policy says.
const MAX_RESUMPTION_SECONDS: u32 = 300;

impl Conversion<'_> {
    /// Prepares every client authentication policy, used or not.
    pub(super) fn build_client_auths(&mut self) -> Result<(), Rejected> {
        let mut seen = HashSet::new();
        for policy in &self.gateway.client_auth_policies {
            let name = policy.name.as_str();
            unique(&mut seen, name, PROFILES)?;
            let client_auth = self.client_auth(policy)?;
            self.client_auths.insert(name, Arc::new(client_auth));
        }
        Ok(())
    }

    fn client_auth(&mut self, policy: &wire::ClientAuthPolicy) -> Result<ClientAuth, Rejected> {
        // Lists are evidence and no policy: what was decided before stays decided.
        let mut without_lists = policy.clone();
        for client_ca in &mut without_lists.client_cas {
            client_ca.crls.clear();
        }
        let key = Key::new("client-auth policy")
            .field(&without_lists.encode_to_vec())
            .finish();
        let material = self.material;
        let authenticator = self.built.authenticators.take_or_build(key, || {
            client_policy::policy(policy, material).map(Authenticator::new)
        })?;
        let headers = policy.identity_headers.unwrap_or_default();
        Ok(ClientAuth {
            ssl_profile: Arc::from(policy.name.as_str()),
            authenticator,
            refusal_form: refusal_form(policy)?,
            resumption_lifetime: resumption_lifetime(policy)?,
            send_ca_names: !policy.omit_ca_names,
            identity_headers: IdentityHeaders {
                client_cert: headers.client_cert,
                client_cert_chain: headers.client_cert_chain,
                xfcc: headers.xfcc,
            },
            trust_epoch: policy.trust_epoch,
            crls: self.uploaded_lists(policy)?,
        })
    }
}

fn refusal_form(policy: &wire::ClientAuthPolicy) -> Result<RefusalForm, Rejected> {
    match wire::RefusalForm::try_from(policy.refusal_form) {
        Ok(wire::RefusalForm::TlsAlert) => Ok(RefusalForm::TlsAlert),
        Ok(wire::RefusalForm::HttpStatus) => Ok(RefusalForm::HttpStatus),
        Ok(wire::RefusalForm::Unspecified) | Err(_) => {
            let reason = format!("refusal form {} is not known", policy.refusal_form);
            Err(reject(policy, "refusalForm", reason))
        }
    }
}

fn resumption_lifetime(policy: &wire::ClientAuthPolicy) -> Result<Option<Duration>, Rejected> {
    let Some(resumption) = policy.session_resumption else {
        return Ok(None);
    };
    let seconds = resumption.lifetime_seconds;
    if !(1..=MAX_RESUMPTION_SECONDS).contains(&seconds) {
        let reason = format!("a session lifetime of {seconds} s is not possible");
        return Err(reject(policy, "sessionResumption", reason));
    }
    Ok(Some(Duration::from_secs(seconds.into())))
}

fn reject(policy: &wire::ClientAuthPolicy, property: &str, reason: String) -> Rejected {
    Rejected::new(PROFILES, &policy.name, property, reason)
}
