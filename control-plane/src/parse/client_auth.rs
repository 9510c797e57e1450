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

use model::{ClientAuthMode, ClientRevocation, GatewayId, ResourceName, ViolationCode, draft};
use serde_json::{Map, Value, json};

pub(super) use self::mode::keep as keep_mode;
use super::node::{Node, Refused};
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
    findings: &mut Findings,
) -> Result<Option<draft::ClientAuth>, Refused> {
    let Some(mode) = mode_of(node.members) else {
        return Ok(None);
    };
    if mode == ClientAuthMode::Passthrough {
        refuse_verification(node, findings)?;
    }
    let revocation = if asks_for_ocsp(node.members) {
        ClientRevocation::Ocsp
    } else {
        ClientRevocation::None
    };
    Ok(Some(draft::ClientAuth {
        mode,
        trusted,
        verify_issuer: pins_issuer(node.members),
        revocation,
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

/// What the profile asks for; `None`: no certificate.
fn mode_of(profile: &Map<String, Value>) -> Option<ClientAuthMode> {
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

fn asks_for_ocsp(profile: &Map<String, Value>) -> bool {
    configured(profile, REVOCATION).is_some_and(|option| option != "None")
}

fn configured<'a>(profile: &'a Map<String, Value>, member: &str) -> Option<&'a Value> {
    profile.get(CONFIGURATION)?.as_object()?.get(member)
}
