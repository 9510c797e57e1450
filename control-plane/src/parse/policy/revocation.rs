//! How a policy checks for revocation.

use std::collections::HashSet;

use client_auth::{RevocationMethod, RevocationScope};
use http::Uri;
use model::{
    ClientAuthPolicy, ClientRevocation, Collection, GracePeriod, ResourceName, RevocationRule,
    RevocationRules, Violation, ViolationCode as Code,
};
use serde_json::{Map, Value};

use super::Profile;
use crate::parse::node::{Node, Owner, Refused};
use crate::violations::Findings;

/// Longest URL that workers ask.
const URL_BYTES: usize = 4096;

pub(super) const UPLOADS: &str = "trustedClientCertificates";

pub(super) fn rules(node: &Node<'_>, findings: &mut Findings) -> Option<RevocationRules> {
    let default = node.inside("default", |node| rule(node, findings));
    let of_uploads = node.each(UPLOADS, findings, |node, findings| {
        let name = upload(node, findings);
        let rule = rule(node, findings);
        Some((name?, rule?))
    });
    let of_uploads = of_uploads.ok()?;
    unique(node, &of_uploads, findings).ok()?;
    Some(RevocationRules {
        default: default?,
        of_uploads,
    })
}

/// Takes `method: None` out, which means that the policy adds nothing to the profile's `verifyClientRevocation`; beside
/// OCSP there it is a contradiction, and refused.
pub(super) fn settle_methods(
    document: &mut Map<String, Value>,
    profile: Option<&Profile>,
    owner: Owner<'_>,
    findings: &mut Findings,
) {
    let demanded = profile.is_some_and(|profile| profile.revocation == ClientRevocation::Ocsp);
    let properties = document
        .get_mut("properties")
        .and_then(Value::as_object_mut);
    let rules = properties.and_then(|properties| properties.get_mut("revocation")?.as_object_mut());
    for (member, value) in rules.into_iter().flatten() {
        let path = format!("properties.revocation.{member}");
        let places: Vec<(String, &mut Value)> = match value {
            Value::Array(rules) => rules
                .iter_mut()
                .enumerate()
                .map(|(index, rule)| (format!("{path}[{index}]"), rule))
                .collect(),
            rule => vec![(path, rule)],
        };
        for (path, rule) in places {
            settle_method(rule, &path, demanded, owner, findings);
        }
    }
}

fn settle_method(
    rule: &mut Value,
    path: &str,
    demanded: bool,
    owner: Owner<'_>,
    findings: &mut Findings,
) {
    let Some(members) = rule.as_object_mut() else {
        return;
    };
    if members.get("method").and_then(Value::as_str) != Some("None") {
        return;
    }
    if demanded {
        let node = Node {
            members,
            path,
            owner,
        };
        let why = "the SSL profile has verifyClientRevocation OCSP, which a policy cannot lower";
        node.invalid("method", why, findings);
    } else {
        members.shift_remove("method");
    }
}

/// A rule is for an upload that the profile refers to. One that the profile no longer refers to keeps its rule, which has
/// no effect until it does again.
pub(super) fn refuse_unknown_uploads(
    policy: &ClientAuthPolicy,
    profile: Option<&Profile>,
    owner: Owner<'_>,
    findings: &mut Findings,
) {
    for (index, (name, _)) in policy.revocation.of_uploads.iter().enumerate() {
        if profile.is_some_and(|profile| profile.trusts(name)) {
            continue;
        }
        let collection = Collection::TRUSTED_CLIENT_CERTIFICATES;
        let wanted = owner.gateway.child(collection, name.clone());
        let target = format!("properties.revocation.{UPLOADS}[{index}].name");
        findings.extend([Violation::dangling(
            target,
            &wanted.to_string(),
            &owner.id(),
        )]);
    }
}

fn upload(node: &Node<'_>, findings: &mut Findings) -> Option<ResourceName> {
    let name = node.parsed("name", ResourceName::parse, findings).ok()?;
    if name.is_none() {
        node.missing("name", findings);
    }
    name
}

fn unique(
    node: &Node<'_>,
    rules: &[(ResourceName, RevocationRule)],
    findings: &mut Findings,
) -> Result<(), Refused> {
    let mut seen = HashSet::new();
    let mut refused = false;
    for (index, (name, _)) in rules.iter().enumerate() {
        if !seen.insert(name) {
            let target = format!("{}[{index}].name", node.at(UPLOADS));
            let message = format!("There is another rule for {name}.");
            findings.add(Code::DuplicateResourceName, &target, message);
            refused = true;
        }
    }
    if refused { Err(Refused) } else { Ok(()) }
}

fn rule(node: &Node<'_>, findings: &mut Findings) -> Option<RevocationRule> {
    let grace = grace(node, findings);
    let responder = node.parsed("responderUrl", responder, findings);
    Some(RevocationRule {
        method: match node.text("method") {
            Some("None") => Some(RevocationMethod::None),
            Some("Ocsp") => Some(RevocationMethod::Ocsp),
            Some("Crl") => Some(RevocationMethod::Crl),
            Some("OcspThenCrl") => Some(RevocationMethod::OcspThenCrl),
            _ => None,
        },
        scope: match node.text("scope") {
            Some("Chain") => RevocationScope::Chain,
            _ => RevocationScope::Leaf,
        },
        grace: grace.ok()?,
        responder: responder.ok()?,
        nonce: node.flag("nonce"),
        fetch_crls: node.flag("fetchCrls"),
    })
}

/// Who lets clients in during an outage says for how long: there is no default.
fn grace(node: &Node<'_>, findings: &mut Findings) -> Result<Option<GracePeriod>, Refused> {
    const SECONDS: &str = "gracePeriodSeconds";
    let allows = node.text("onFailure") == Some("Allow");
    if !allows && !node.members.contains_key(SECONDS) {
        return Ok(None);
    }
    if !allows {
        node.invalid(SECONDS, "it is for onFailure Allow", findings);
        return Err(Refused);
    }
    let grace = node.number(SECONDS, GracePeriod::new, findings);
    grace.map(Some).ok_or(Refused)
}

/// An absolute http or https URL without user name.
fn responder(text: &str) -> Result<String, &'static str> {
    if text.len() > URL_BYTES {
        return Err("it is longer than 4096 bytes");
    }
    let url: Uri = text.parse().map_err(|_| "it is not a URL")?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err("it is not an http or https URL");
    }
    let authority = url.authority().ok_or("it has no host")?;
    if authority.as_str().contains('@') {
        return Err("it holds a user name");
    }
    if authority.host().is_empty() {
        return Err("it has no host");
    }
    // The parser of the crate takes what is no number for the absence of a port.
    let port = authority.as_str().strip_prefix(authority.host());
    let port = port.unwrap_or_default().strip_prefix(':');
    if port.is_some_and(|port| port.parse::<u16>().unwrap_or(0) == 0) {
        return Err("its port is not between 1 and 65535");
    }
    Ok(text.to_owned())
}
