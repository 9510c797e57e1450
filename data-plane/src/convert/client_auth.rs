//! Client authentication: from the policies of the snapshot to what verifiers and connections use.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use client_auth::Authenticator;
use prost::Message;
use proto::config::v1 as wire;

use super::cache::Key;
use super::{Conversion, Rejected, client_policy, unique};
use crate::blobs::Digest;
use crate::snapshot::{ClientAuth, IdentityHeaders, RefusalForm, UploadedCrl};

const PROFILES: &str = "sslProfiles";
const CLIENT_CAS: &str = "trustedClientCertificates";
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
        let key = Key::new("client-auth policy")
            .field(&policy.encode_to_vec())
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
            crls: uploaded_crls(policy)?,
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

fn uploaded_crls(policy: &wire::ClientAuthPolicy) -> Result<Vec<UploadedCrl>, Rejected> {
    let mut crls = Vec::new();
    for client_ca in &policy.client_cas {
        let name = client_ca.bundle.as_ref().map_or("", |bundle| &bundle.name);
        let ca: Arc<str> = Arc::from(name);
        for crl in &client_ca.crls {
            let sha256 = Digest::try_from(crl.sha256.as_slice()).map_err(|_| {
                let reason = format!(
                    "CRL `{}` is not named by a SHA-256",
                    crl.name.escape_debug()
                );
                Rejected::new(CLIENT_CAS, name, "certificateRevocationLists", reason)
            })?;
            crls.push(UploadedCrl {
                name: Arc::from(crl.name.as_str()),
                ca: Arc::clone(&ca),
                sha256,
            });
        }
    }
    Ok(crls)
}

fn reject(policy: &wire::ClientAuthPolicy, property: &str, reason: String) -> Rejected {
    Rejected::new(PROFILES, &policy.name, property, reason)
}
