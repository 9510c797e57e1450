//! Client auth policies: what an SSL profile demands beyond Azure's schema.

mod identity;
mod profile;
mod revocation;
mod warning;

use client_auth::{SignatureAlgorithm, Strength};
use model::{
    ClientAuthPolicy, Collection, Enforcement, GatewayId, IdentityHeaders, MaxIntermediates,
    RefusalForm, ResourceName, SessionLifetime, Violation, ViolationCode as Code,
};
use serde_json::{Map, Value};

pub(crate) use self::profile::Profile;
pub use self::warning::{Warning, warnings};
use super::node::{Node, Owner, Refused};
use crate::defaults;
use crate::extension::Policies;
use crate::violations::{Findings, Violations};
use crate::wire;

/// The end of the id of every policy.
pub const ID_SUFFIX: &str = "/providers/Portcullis.Security/clientAuthPolicies/default";

/// The only name that a policy can have.
pub const NAME: &str = "default";

/// Matchers of all policies of a gateway together: each write of the gateway prepares them all.
const MATCHERS_IN_GATEWAY: usize = 4_000;

/// What the policy of a profile is parsed against.
#[derive(Debug, Clone, Copy)]
pub struct PolicyContext<'a> {
    /// The gateway that the profile belongs to.
    pub gateway: &'a GatewayId,
    /// The profile.
    pub profile: &'a ResourceName,
    /// The stored document of the gateway.
    pub document: &'a Value,
    /// The policies of the gateway.
    pub policies: &'a Policies,
}

/// Parses the body of `PUT .../sslProfiles/{profile}/providers/Portcullis.Security/clientAuthPolicies/default`, which
/// replaces the policy as a whole; gives what to store.
///
/// Preparing regular expressions takes time that the body chooses, within limits: call it where blocking is allowed.
///
/// # Errors
/// Every violation, with targets.
pub fn client_auth_policy(context: &PolicyContext<'_>, body: &Value) -> Result<Value, Violations> {
    let mut findings = Findings::default();
    let mut document = wire::client_auth_policy(body, &mut findings);
    name(&mut document, &mut findings);
    let profile = Profile::find(context.document, context.profile);
    let owner = owner(context.gateway, context.profile);
    revocation::settle_methods(&mut document, profile.as_ref(), owner, &mut findings);
    forget_all_algorithms(&mut document);
    defaults::complete_policy(&mut document);
    let policy = read(&document, owner, &mut findings);
    if let Some(policy) = &policy {
        identity::lint(&policy.identity, owner, &mut findings);
        revocation::refuse_unknown_uploads(policy, profile.as_ref(), owner, &mut findings);
    }
    limit_matchers(context, &document, &mut findings);
    findings.finish()?;
    Ok(Value::Object(document))
}

/// The policy of a stored document.
///
/// # Errors
/// What is wrong with it. Only documents that were accepted are stored, so this takes a release that accepts less.
pub(super) fn stored(
    gateway: &GatewayId,
    profile: &ResourceName,
    document: &Value,
) -> Result<ClientAuthPolicy, Violations> {
    let mut findings = Findings::default();
    let nothing = Map::new();
    let members = document.as_object().unwrap_or(&nothing);
    let policy = read(members, owner(gateway, profile), &mut findings);
    findings.finish()?;
    policy.ok_or_else(|| {
        let message = "The stored client auth policy cannot be read.";
        Violation::new(Code::InvalidPropertyValue, "properties", message).into()
    })
}

fn owner<'a>(gateway: &'a GatewayId, profile: &'a ResourceName) -> Owner<'a> {
    Owner {
        gateway,
        collection: Collection::SSL_PROFILES,
        name: profile,
        extension: ID_SUFFIX,
    }
}

/// The name may be left out, and is not stored.
fn name(document: &mut Map<String, Value>, findings: &mut Findings) {
    let sent = document.shift_remove("name");
    let sent = sent.as_ref().and_then(Value::as_str);
    if sent.is_some_and(|sent| !sent.eq_ignore_ascii_case(NAME)) {
        let message = format!("A client auth policy has the name {NAME}.");
        findings.add(Code::InvalidResourceName, "name", message);
    }
}

/// All algorithms are the default, whatever a later release will add.
fn forget_all_algorithms(document: &mut Map<String, Value>) {
    const ALGORITHMS: &str = "signatureAlgorithms";
    let properties = document
        .get_mut("properties")
        .and_then(Value::as_object_mut);
    let strength =
        properties.and_then(|properties| properties.get_mut("keyStrength")?.as_object_mut());
    let Some(strength) = strength else {
        return;
    };
    let sent = strength.get(ALGORITHMS).and_then(Value::as_array);
    let is_sent = |algorithm: SignatureAlgorithm| {
        sent.is_some_and(|sent| sent.iter().any(|name| name == algorithm.label()))
    };
    if SignatureAlgorithm::ALL.into_iter().all(is_sent) {
        strength.shift_remove(ALGORITHMS);
    }
}

fn read(
    document: &Map<String, Value>,
    owner: Owner<'_>,
    findings: &mut Findings,
) -> Option<ClientAuthPolicy> {
    let nothing = Map::new();
    let properties = document.get("properties").and_then(Value::as_object);
    let node = Node {
        members: properties.unwrap_or(&nothing),
        path: "properties",
        owner,
    };
    let max_intermediates = node.number(
        "maxIntermediateCertificates",
        MaxIntermediates::new,
        findings,
    );
    let strength = node.inside("keyStrength", |node| strength(node, findings));
    let identity = node.inside("identityRules", |node| identity::rules(node, findings));
    let revocation = node.inside("revocation", |node| revocation::rules(node, findings));
    let resumption = node.inside("sessionResumption", |node| resumption(node, findings));
    let identity_headers = node.inside("identityHeaders", |node| IdentityHeaders {
        client_cert: node.flag("clientCert"),
        client_cert_chain: node.flag("clientCertChain"),
        xfcc: node.flag("xfcc"),
    });
    Some(ClientAuthPolicy {
        enforcement: match node.text("mode") {
            Some("ReportOnly") => Enforcement::ReportOnly,
            _ => Enforcement::Enforce,
        },
        refusal_form: match node.text("refusalForm") {
            Some("HttpStatus") => RefusalForm::HttpStatus,
            _ => RefusalForm::TlsAlert,
        },
        partial_chains: node.flag("allowPartialChains"),
        max_intermediates: max_intermediates?,
        strength: strength?,
        identity: identity?,
        revocation: revocation?,
        resumption: resumption.ok()?,
        send_ca_names: node.flag("sendCaNames"),
        identity_headers,
    })
}

fn strength(node: &Node<'_>, findings: &mut Findings) -> Option<Strength> {
    let rsa = node.number("minimumRsaKeySize", rsa_bits, findings);
    let ec = node.number("minimumEcKeySize", ec_bits, findings);
    let algorithms = "signatureAlgorithms";
    let named = node.array(algorithms);
    let is_empty = node.members.contains_key(algorithms) && named.is_empty();
    if is_empty && !findings.concern(&node.at(algorithms)) {
        node.invalid(
            algorithms,
            "without an algorithm nobody could get in; leave the property out to accept all",
            findings,
        );
        return None;
    }
    let is_named =
        |algorithm: &SignatureAlgorithm| named.iter().any(|name| name == algorithm.label());
    let all = SignatureAlgorithm::ALL.into_iter();
    Some(Strength {
        min_rsa_bits: rsa?,
        min_ec_bits: ec?,
        signature_algorithms: all
            .filter(|algorithm| named.is_empty() || is_named(algorithm))
            .collect(),
    })
}

fn rsa_bits(bits: i64) -> Result<u16, &'static str> {
    match u16::try_from(bits) {
        Ok(bits @ 2048..=8192) => Ok(bits),
        _ => Err("it is 2048 to 8192"),
    }
}

fn ec_bits(bits: i64) -> Result<u16, &'static str> {
    match u16::try_from(bits) {
        Ok(bits @ (256 | 384 | 521)) => Ok(bits),
        _ => Err("it is 256, 384 or 521"),
    }
}

/// `Ok(None)`: no session is ever resumed.
fn resumption(
    node: &Node<'_>,
    findings: &mut Findings,
) -> Result<Option<SessionLifetime>, Refused> {
    let lifetime = node.number("lifetimeSeconds", SessionLifetime::new, findings);
    let lifetime = lifetime.ok_or(Refused)?;
    Ok(node.flag("enabled").then_some(lifetime))
}

fn limit_matchers(
    context: &PolicyContext<'_>,
    document: &Map<String, Value>,
    findings: &mut Findings,
) {
    let own = context.profile.as_str();
    let others = context.policies.iter();
    let others = others.filter(|(profile, _)| !profile.eq_ignore_ascii_case(own));
    let count = |document: &Map<String, Value>| identity::count_matchers(document);
    let found = count(document)
        + others
            .filter_map(|(_, other)| other.as_object().map(count))
            .sum::<usize>();
    if found > MATCHERS_IN_GATEWAY {
        let message = format!(
            "The identity rules of all policies of the gateway have {found} matchers; at most {MATCHERS_IN_GATEWAY} \
             are allowed."
        );
        findings.add(Code::LimitExceeded, "properties.identityRules", message);
    }
}
