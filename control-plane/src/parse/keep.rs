//! What an older api-version cannot express, it cannot take away.
//!
//! Differs from Azure: there a client with an older api-version silently resets what its version lacks. Here the stored
//! value stays, unless the request sends the member nevertheless. A member is absent from a request for good reason
//! only in the versions that have it.

use serde_json::{Map, Value};

use super::path;
use crate::api_version::ApiVersion;

/// Since when a member exists. `verifyClientAuthMode` has rules of its own: see `client_auth`.
const SINCE: &[(&str, &str)] = &[
    (
        "properties.requestRoutingRules[].properties.priority",
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
