//! What is probably not meant, but can be.

use client_auth::Severity;
use model::{ClientAuthMode, ClientAuthPolicy, Enforcement, GatewayId, ResourceName};
use serde_json::Value;

use super::revocation::UPLOADS;
use super::{Profile, identity, stored};

/// A remark about a policy that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What kind of remark.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Path of the property that it is about; empty: the policy as a whole.
    pub target: String,
}

/// All remarks about the stored policy `policy` of `profile`, whose gateway has `document`.
pub fn warnings(
    gateway: &GatewayId,
    profile: &ResourceName,
    document: &Value,
    policy: &Value,
) -> Vec<Warning> {
    let mut found = Vec::new();
    let facts = Profile::find(document, profile);
    match stored(gateway, profile, policy) {
        Ok(policy) => {
            if let Some(facts) = &facts {
                effect(facts, &policy, &mut found);
                revocation(facts, &policy, &mut found);
            }
            rules(&policy, &mut found);
        }
        Err(violations) => found.extend(violations.iter().map(|violation| Warning {
            code: "UnusableClientAuthPolicy",
            message: violation.message.clone(),
            target: violation.target.clone(),
        })),
    }
    if facts.is_none() {
        found.insert(0, dormant());
    }
    found
}

fn dormant() -> Warning {
    Warning {
        code: "SslProfileNotFound",
        message:
            "There is no SSL profile of this name, so the policy has no effect until there is one."
                .to_owned(),
        target: String::new(),
    }
}

/// Whether the profile lets the policy have an effect.
fn effect(profile: &Profile, policy: &ClientAuthPolicy, found: &mut Vec<Warning>) {
    let (code, message) = match (profile.mode, policy.enforcement) {
        (None, _) => (
            "ClientCertificateNotRequested",
            "The SSL profile asks for no client certificate, so the policy has no effect.",
        ),
        (Some(ClientAuthMode::Passthrough), Enforcement::Enforce) => (
            "NothingVerifiedInPassthrough",
            "The SSL profile has verifyClientAuthMode Passthrough, so nothing that the policy demands is verified.",
        ),
        (Some(_), _) => return,
    };
    found.push(Warning {
        code,
        message: message.to_owned(),
        target: "properties.mode".to_owned(),
    });
}

fn revocation(profile: &Profile, policy: &ClientAuthPolicy, found: &mut Vec<Warning>) {
    for (index, (name, _)) in policy.revocation.of_uploads.iter().enumerate() {
        if !profile.trusts(name) {
            found.push(Warning {
                code: "TrustedClientCertificateNotInSslProfile",
                message: format!(
                    "The SSL profile does not refer to {name}, so the rule has no effect until it does."
                ),
                target: format!("properties.revocation.{UPLOADS}[{index}].name"),
            });
        }
    }
}

fn rules(policy: &ClientAuthPolicy, found: &mut Vec<Warning>) {
    let rules = &policy.identity;
    let suspicious = rules.lint().into_iter();
    let suspicious = suspicious.filter(|finding| finding.problem.severity() == Severity::Warning);
    found.extend(suspicious.map(|finding| Warning {
        code: "SuspiciousIdentityRule",
        message: format!("The {}.", identity::message(rules, &finding)),
        target: identity::target(&finding),
    }));
}
