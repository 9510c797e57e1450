//! What Azure fills in where a document says nothing.
//!
//! Applied when a document is parsed, so that saying a default and not saying it are equal, and when one is rendered,
//! so that documents stored before a default was known show it.

mod policy;

use model::Collection;
use serde_json::{Map, Value, json};

pub(crate) use self::policy::{complete_policy, show_policy};

/// The collections that Azure always returns.
const ALWAYS: &[Collection] = &[
    Collection::GATEWAY_IP_CONFIGURATIONS,
    Collection::SSL_CERTIFICATES,
    Collection::TRUSTED_ROOT_CERTIFICATES,
    Collection::TRUSTED_CLIENT_CERTIFICATES,
    Collection::SSL_PROFILES,
    Collection::FRONTEND_IP_CONFIGURATIONS,
    Collection::FRONTEND_PORTS,
    Collection::BACKEND_ADDRESS_POOLS,
    Collection::LOAD_DISTRIBUTION_POLICIES,
    Collection::BACKEND_HTTP_SETTINGS_COLLECTION,
    Collection::BACKEND_SETTINGS_COLLECTION,
    Collection::HTTP_LISTENERS,
    Collection::LISTENERS,
    Collection::URL_PATH_MAPS,
    Collection::REQUEST_ROUTING_RULES,
    Collection::ROUTING_RULES,
    Collection::PROBES,
    Collection::REWRITE_RULE_SETS,
    Collection::REDIRECT_CONFIGURATIONS,
    Collection::PRIVATE_LINK_CONFIGURATIONS,
];

/// Fills in every default.
pub(crate) fn apply(document: &mut Map<String, Value>) {
    absent(document, "tags", || json!({}));
    let Some(properties) = object(document, "properties") else {
        return;
    };
    for collection in ALWAYS {
        absent(properties, collection.as_str(), || json!([]));
    }
    if let Some(sku) = properties.get_mut("sku").and_then(Value::as_object_mut) {
        absent(sku, "family", || json!("Generation_2"));
    }
    for collection in Collection::ALL {
        let children = properties
            .get_mut(collection.as_str())
            .and_then(Value::as_array_mut);
        for child in children.into_iter().flatten() {
            if let Some(properties) = child
                .as_object_mut()
                .and_then(|child| object(child, "properties"))
            {
                child_defaults(*collection, properties);
            }
        }
    }
}

/// Timeout of backends, in seconds: what the service was seen to fill in (its documentation says 20).
pub(crate) const REQUEST_TIMEOUT: i64 = 30;

fn child_defaults(collection: Collection, properties: &mut Map<String, Value>) {
    match collection {
        Collection::FRONTEND_IP_CONFIGURATIONS => {
            absent(properties, "privateIPAllocationMethod", || json!("Dynamic"));
        }
        Collection::BACKEND_ADDRESS_POOLS => absent(properties, "backendAddresses", || json!([])),
        Collection::BACKEND_HTTP_SETTINGS_COLLECTION => {
            absent(properties, "cookieBasedAffinity", || json!("Disabled"));
            absent(properties, "pickHostNameFromBackendAddress", || {
                json!(false)
            });
            absent(properties, "requestTimeout", || json!(REQUEST_TIMEOUT));
        }
        Collection::HTTP_LISTENERS => {
            absent(properties, "hostNames", || json!([]));
            absent(properties, "requireServerNameIndication", || json!(false));
        }
        Collection::REQUEST_ROUTING_RULES => absent(properties, "ruleType", || json!("Basic")),
        Collection::REWRITE_RULE_SETS => rewrite_rules(properties),
        Collection::SSL_PROFILES => {
            if let Some(client_auth) = properties
                .get_mut("clientAuthConfiguration")
                .and_then(Value::as_object_mut)
            {
                absent(client_auth, "verifyClientCertIssuerDN", || json!(false));
                absent(client_auth, "verifyClientRevocation", || json!("None"));
            }
        }
        _ => {}
    }
}

/// What the portal fills in for `ruleSequence`.
const RULE_SEQUENCE: u32 = 100;

fn rewrite_rules(properties: &mut Map<String, Value>) {
    absent(properties, "rewriteRules", || json!([]));
    for rule in objects(properties, "rewriteRules") {
        absent(rule, "ruleSequence", || json!(RULE_SEQUENCE));
        absent(rule, "conditions", || json!([]));
        for condition in objects(rule, "conditions") {
            absent(condition, "ignoreCase", || json!(false));
            absent(condition, "negate", || json!(false));
        }
        let Some(actions) = object(rule, "actionSet") else {
            continue;
        };
        for headers in [
            "requestHeaderConfigurations",
            "responseHeaderConfigurations",
        ] {
            absent(actions, headers, || json!([]));
            for header in objects(actions, headers) {
                // A header without a value is removed.
                absent(header, "headerValue", || json!(""));
            }
        }
    }
}

fn objects<'a>(
    parent: &'a mut Map<String, Value>,
    member: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let values = parent.get_mut(member).and_then(Value::as_array_mut);
    values
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

fn absent(object: &mut Map<String, Value>, member: &str, default: impl FnOnce() -> Value) {
    if !object.contains_key(member) {
        object.insert(member.to_owned(), default());
    }
}

fn object<'a>(
    parent: &'a mut Map<String, Value>,
    member: &str,
) -> Option<&'a mut Map<String, Value>> {
    parent
        .entry(member)
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
}
