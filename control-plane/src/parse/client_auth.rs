//! What an SSL profile asks of clients: Azure's `clientAuthConfiguration` and `trustedClientCertificates`.
//!
//! Azure demands a certificate when the profile refers to client CAs. Emptying that list must not open the door, so once
//! a profile demands a certificate its document says `verifyClientAuthMode: Strict`, and a profile that says so and has
//! no CA refuses everyone. To ask for no certificate, leave `clientAuthConfiguration` out (or detach the profile).
//!
//! Differs from Azure: there a profile with a TLS policy and without CAs asks for no certificate, whatever
//! `clientAuthConfiguration` says. Terraform always sends `clientAuthConfiguration`, so one that holds nothing but
//! defaults, beside a TLS policy and without CAs, still asks for none here, unless the stored profile demands one.

mod mode;

use model::{
    ChildId, ClientAuthMode, ClientAuthPolicy, ClientRevocation, GatewayId, ResourceName,
    ViolationCode, draft,
};
use serde_json::{Map, Value, json};

pub(super) use self::mode::keep as keep_mode;
use super::node::{Node, Refused};
use super::policy::stored as stored_policy;
use crate::extension::Policies;
use crate::violations::Findings;

const CONFIGURATION: &str = "clientAuthConfiguration";
const ISSUER: &str = "verifyClientCertIssuerDN";
const MODE: &str = "verifyClientAuthMode";
const REVOCATION: &str = "verifyClientRevocation";
const TRUSTED: &str = "trustedClientCertificates";
const STRICT: &str = "Strict";
const PASSTHROUGH: &str = "Passthrough";

/// Writes down in the profile that it demands a certificate.
pub(super) fn settle(profile: &mut Map<String, Value>) {
    if mode_of(profile) != Some(ClientAuthMode::Strict) {
        return;
    }
    let configuration = profile.entry(CONFIGURATION).or_insert_with(|| json!({}));
    if let Some(members) = configuration.as_object_mut()
        && !members.contains_key(MODE)
    {
        members.insert(MODE.to_owned(), json!(STRICT));
    }
}

/// Reads what the profile asks of clients; `Ok(None)`: nothing.
pub(super) fn read(
    node: &Node<'_>,
    trusted: Vec<ResourceName>,
    policies: &Policies,
    findings: &mut Findings,
) -> Result<Option<draft::ClientAuth>, Refused> {
    let Some(mode) = mode_of(node.members) else {
        return Ok(None);
    };
    if mode == ClientAuthMode::Passthrough {
        refuse_verification(node, findings)?;
    }
    let policy = policy(node, policies, findings)?;
    Ok(Some(draft::ClientAuth {
        mode,
        trusted,
        verify_issuer: pins_issuer(node.members),
        revocation: revocation_of(node.members),
        policy,
    }))
}

/// Reports a profile that says nothing. Azure's words, to the letter.
pub(super) fn says_nothing(gateway: &GatewayId, name: &str, path: &str, findings: &mut Findings) {
    let message = format!(
        "SslProfile {}/{name} must specify either SslPolicy or TrustedClientCertificates.",
        gateway.name()
    );
    let code =
        ViolationCode::ApplicationGatewaySslProfileMustSpecifySslPolicyOrTrustedClientCertificates;
    findings.add(code, path, message);
}

/// Azure verifies nothing in Passthrough, and its template says so. Who asks for both believes that something is
/// verified.
///
/// Differs from Azure: it is not documented whether the service refuses the combination.
fn refuse_verification(node: &Node<'_>, findings: &mut Findings) -> Result<(), Refused> {
    let contradictions = [
        (ISSUER, pins_issuer(node.members)),
        (REVOCATION, asks_for_ocsp(node.members)),
    ];
    let mut refused = false;
    for (member, _) in contradictions.iter().filter(|(_, asked)| *asked) {
        let member = format!("{CONFIGURATION}.{member}");
        node.invalid(
            &member,
            "verifyClientAuthMode Passthrough verifies nothing; use Strict, or leave this property out",
            findings,
        );
        refused = true;
    }
    if refused { Err(Refused) } else { Ok(()) }
}

/// The policy that extends the profile, or what holds without one.
fn policy(
    node: &Node<'_>,
    policies: &Policies,
    findings: &mut Findings,
) -> Result<ClientAuthPolicy, Refused> {
    let owner = node.owner;
    let Some(document) = policies.find(owner.name) else {
        return Ok(ClientAuthPolicy::default());
    };
    stored_policy(owner.gateway, owner.name, document).map_err(|violations| {
        let message = format!(
            "The client auth policy of {} can no longer be used; put another one, or delete it: {violations}.",
            owner.id()
        );
        findings.add(ViolationCode::InvalidPropertyValue, node.path, message);
        Refused
    })
}

/// What the profile asks for; `None`: no certificate.
pub(super) fn mode_of(profile: &Map<String, Value>) -> Option<ClientAuthMode> {
    match configured(profile, MODE).and_then(Value::as_str) {
        Some(PASSTHROUGH) => Some(ClientAuthMode::Passthrough),
        Some(_) => Some(ClientAuthMode::Strict),
        None => demands_by_itself(profile).then_some(ClientAuthMode::Strict),
    }
}

/// Whether a profile that names no mode demands a certificate all the same.
fn demands_by_itself(profile: &Map<String, Value>) -> bool {
    let lone_configuration =
        profile.contains_key(CONFIGURATION) && !profile.contains_key("sslPolicy");
    trusts_anyone(profile) || verifies(profile) || lone_configuration
}

fn trusts_anyone(profile: &Map<String, Value>) -> bool {
    let trusted = profile.get(TRUSTED).and_then(Value::as_array);
    trusted.is_some_and(|all| !all.is_empty())
}

/// Whether the profile asks for more than a path to a CA, which only makes sense when that is demanded.
fn verifies(profile: &Map<String, Value>) -> bool {
    pins_issuer(profile) || asks_for_ocsp(profile)
}

fn pins_issuer(profile: &Map<String, Value>) -> bool {
    configured(profile, ISSUER) == Some(&Value::Bool(true))
}

pub(super) fn revocation_of(profile: &Map<String, Value>) -> ClientRevocation {
    if asks_for_ocsp(profile) {
        ClientRevocation::Ocsp
    } else {
        ClientRevocation::None
    }
}

fn asks_for_ocsp(profile: &Map<String, Value>) -> bool {
    configured(profile, REVOCATION).is_some_and(|option| option != "None")
}

/// The names of the client CAs that the profile refers to; `None` for what is no reference.
pub(super) fn trusted(profile: &Map<String, Value>) -> Vec<Option<ResourceName>> {
    let name = |reference: &Value| {
        let id = ChildId::parse(reference.get("id")?.as_str()?).ok()?;
        Some(id.name().clone())
    };
    let all = profile.get(TRUSTED).and_then(Value::as_array);
    all.into_iter().flatten().map(name).collect()
}

fn configured<'a>(profile: &'a Map<String, Value>, member: &str) -> Option<&'a Value> {
    profile.get(CONFIGURATION)?.as_object()?.get(member)
}
