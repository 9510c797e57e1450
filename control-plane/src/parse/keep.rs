//! What an older api-version cannot express, it cannot take away.
//!
//! Differs from Azure: there a client with an older api-version silently resets what its version lacks. Here the stored
//! value stays, unless the request sends the member nevertheless. A member is absent from a request for good reason
//! only in the versions that have it.

use model::Collection;
use serde_json::{Map, Value};

use super::path;
use crate::api_version::ApiVersion;

/// Since when a member exists. `verifyClientAuthMode` has rules of its own: see `client_auth`.
const SINCE: &[(&str, &str)] = &[
    (
        "properties.requestRoutingRules[].properties.priority",
        "2018-10-01",
    ),
    ("properties.rewriteRuleSets", "2018-10-01"),
    (
        "properties.requestRoutingRules[].properties.rewriteRuleSet",
        "2018-10-01",
    ),
    (
        "properties.httpListeners[].properties.hostNames",
        "2019-11-01",
    ),
    ("properties.trustedClientCertificates", "2020-06-01"),
    ("properties.sslProfiles", "2020-06-01"),
    (
        "properties.httpListeners[].properties.sslProfile",
        "2020-06-01",
    ),
    ("properties.globalConfiguration", "2021-03-01"),
    (
        "properties.sslProfiles[].properties.clientAuthConfiguration.verifyClientRevocation",
        "2022-05-01",
    ),
    ("properties.sku.family", "2023-11-01"),
    (
        "properties.backendHttpSettingsCollection[].properties.dedicatedBackendConnection",
        "2024-10-01",
    ),
    (
        "properties.backendHttpSettingsCollection[].properties.validateCertChainAndExpiry",
        "2024-10-01",
    ),
    (
        "properties.backendHttpSettingsCollection[].properties.validateSNI",
        "2024-10-01",
    ),
    (
        "properties.backendHttpSettingsCollection[].properties.sniName",
        "2024-10-01",
    ),
    (
        "properties.probes[].properties.enableProbeProxyProtocolHeader",
        "2025-01-01",
    ),
    (
        "properties.globalConfiguration.disableDefaultServerHeaderInResponse",
        "2025-09-01",
    ),
    ("properties.reservedCapacity", "2026-01-01"),
];

/// Carries over from `stored` what `version` lacks. Children match by name; those that are gone stay gone.
pub(super) fn inexpressible(
    document: &mut Map<String, Value>,
    stored: &Map<String, Value>,
    version: &ApiVersion,
) {
    for (pattern, since) in SINCE {
        if version.is_before(since) {
            keep(document, stored, pattern);
        }
    }
    if version.is_before(HEADER_VALUE_MATCHER_SINCE) {
        header_value_matchers(document, stored);
    }
}

const HEADER_VALUE_MATCHER_SINCE: &str = "2023-11-01";

/// Without its matcher, a change of one cookie would take the others away. Header configurations have no names: one is the
/// same as another that says the same of the same header, in the same place among those that do.
fn header_value_matchers(document: &mut Map<String, Value>, stored: &Map<String, Value>) {
    let old = path::children(stored, Collection::REWRITE_RULE_SETS.as_str());
    for set in path::children_mut(document, Collection::REWRITE_RULE_SETS.as_str()) {
        let rules = |set: &Value| set.pointer("/properties/rewriteRules").cloned();
        let old = path::find(old, path::name(set)).and_then(rules);
        let old = old
            .as_ref()
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let new = set.pointer_mut("/properties/rewriteRules");
        for rule in new.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(same) = path::find(old, path::name(rule)) {
                keep_matchers(rule, same);
            }
        }
    }
}

fn keep_matchers(rule: &mut Value, stored: &Value) {
    const HEADERS: &str = "/actionSet/responseHeaderConfigurations";
    const MEMBER: &str = "headerValueMatcher";
    let old = stored.pointer(HEADERS).and_then(Value::as_array);
    let mut old: Vec<_> = old.into_iter().flatten().collect();
    let new = rule.pointer_mut(HEADERS).and_then(Value::as_array_mut);
    for header in new.into_iter().flatten() {
        let same = |old: &&Value| {
            ["headerName", "headerValue"]
                .iter()
                .all(|member| old.get(member) == header.get(member))
        };
        let Some(at) = old.iter().position(same) else {
            continue;
        };
        let matcher = old.remove(at).get(MEMBER);
        if let (Some(header), Some(matcher)) = (header.as_object_mut(), matcher) {
            header.entry(MEMBER).or_insert_with(|| matcher.clone());
        }
    }
}

fn keep(document: &mut Map<String, Value>, stored: &Map<String, Value>, pattern: &str) {
    let Some((segment, rest)) = pattern.split_once('.') else {
        return keep_member(document, stored, pattern);
    };
    if let Some(collection) = segment.strip_suffix("[]") {
        let old = stored
            .get(collection)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let new = document.get_mut(collection).and_then(Value::as_array_mut);
        for child in new.into_iter().flatten() {
            let same = path::find(old, path::name(child)).and_then(Value::as_object);
            if let (Some(child), Some(same)) = (child.as_object_mut(), same) {
                keep(child, same, rest);
            }
        }
    } else if let Some(old) = stored.get(segment).and_then(Value::as_object) {
        if path::select(old, rest).is_empty() {
            return;
        }
        let new = document
            .entry(segment)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(new) = new.as_object_mut() {
            keep(new, old, rest);
        }
    }
}

fn keep_member(document: &mut Map<String, Value>, stored: &Map<String, Value>, member: &str) {
    // A listener that an old client gave one host name is not to end with two properties for it.
    let replaced = member == "hostNames" && document.contains_key("hostName");
    if let Some(old) = stored.get(member)
        && !replaced
        && !document.contains_key(member)
    {
        document.insert(member.to_owned(), old.clone());
    }
}
