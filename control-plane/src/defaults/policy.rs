//! Defaults of client auth policies.
//!
//! Two are no fixed values, and are filled in only where a policy is shown: the method of a revocation rule, which is
//! Azure's `verifyClientRevocation` of the profile, and the signature algorithms, which are all that a release accepts.

use client_auth::SignatureAlgorithm;
use model::ClientRevocation;
use serde_json::{Map, Value, json};

use super::{absent, object};

/// Fills in every fixed default.
pub(crate) fn complete_policy(document: &mut Map<String, Value>) {
    let Some(properties) = object(document, "properties") else {
        return;
    };
    absent(properties, "mode", || json!("Enforce"));
    absent(properties, "refusalForm", || json!("TlsAlert"));
    absent(properties, "allowPartialChains", || json!(false));
    absent(properties, "maxIntermediateCertificates", || json!(4));
    absent(properties, "sendCaNames", || json!(true));
    if let Some(strength) = object(properties, "keyStrength") {
        absent(strength, "minimumRsaKeySize", || json!(2048));
        absent(strength, "minimumEcKeySize", || json!(256));
    }
    if let Some(rules) = object(properties, "identityRules") {
        identity_rules(rules);
    }
    if let Some(revocation) = object(properties, "revocation") {
        object(revocation, "default").map(revocation_rule);
        absent(revocation, "trustedClientCertificates", || json!([]));
        elements(revocation, "trustedClientCertificates").for_each(revocation_rule);
    }
    if let Some(resumption) = object(properties, "sessionResumption") {
        absent(resumption, "enabled", || json!(true));
        absent(resumption, "lifetimeSeconds", || json!(300));
    }
    if let Some(headers) = object(properties, "identityHeaders") {
        for header in ["clientCert", "clientCertChain", "xfcc"] {
            absent(headers, header, || json!(false));
        }
    }
}

/// Fills in every default, for a policy of a profile with this `verifyClientRevocation`.
pub(crate) fn show_policy(document: &mut Map<String, Value>, profile: ClientRevocation) {
    complete_policy(document);
    let Some(properties) = object(document, "properties") else {
        return;
    };
    if let Some(strength) = object(properties, "keyStrength") {
        let all = SignatureAlgorithm::ALL.map(SignatureAlgorithm::label);
        absent(strength, "signatureAlgorithms", || json!(all));
    }
    let method = match profile {
        ClientRevocation::None => "None",
        ClientRevocation::Ocsp => "Ocsp",
    };
    let show = |rule: &mut Map<String, Value>| absent(rule, "method", || json!(method));
    if let Some(revocation) = object(properties, "revocation") {
        object(revocation, "default").map(show);
        elements(revocation, "trustedClientCertificates").for_each(show);
    }
}

fn identity_rules(rules: &mut Map<String, Value>) {
    for list in ["deny", "allow"] {
        absent(rules, list, || json!([]));
        for rule in elements(rules, list) {
            for matcher in elements(rule, "allOf") {
                absent(matcher, "match", || json!("Exact"));
                absent(matcher, "ignoreCase", || json!(false));
            }
        }
    }
}

fn revocation_rule(rule: &mut Map<String, Value>) {
    absent(rule, "scope", || json!("Leaf"));
    absent(rule, "onFailure", || json!("Refuse"));
    absent(rule, "nonce", || json!(false));
    absent(rule, "fetchCrls", || json!(false));
}

fn elements<'a>(
    parent: &'a mut Map<String, Value>,
    member: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let all = parent.get_mut(member).and_then(Value::as_array_mut);
    all.into_iter().flatten().filter_map(Value::as_object_mut)
}
