//! From a stored document to what ARM answers: ids, etags, states, defaults and back references filled in.

mod policy;
mod revocation_list;

use std::collections::HashMap;

use model::{Collection, GatewayId, OperationalState, ProvisioningState, ResourceName};
use serde_json::{Map, Value, json};

pub use self::policy::client_auth_policy;
pub use self::revocation_list::{revocation_list, revocation_lists};
use crate::defaults;
use crate::facts::PRIVATE;

/// What the store knows of a gateway.
#[derive(Debug, Clone, Copy)]
pub struct GatewayFacts<'a> {
    /// With the casing of its creation.
    pub id: &'a GatewayId,
    /// `parse::Parsed::document`.
    pub document: &'a Value,
    /// As in the `ETag` header: `W/"{guid}"`.
    pub etag: &'a str,
    /// A GUID, the same over the life of the gateway.
    pub resource_guid: &'a str,
    /// Also shown on each child.
    pub provisioning_state: ProvisioningState,
    /// What the workers say.
    pub operational_state: OperationalState,
}

const TYPE: &str = "Microsoft.Network/applicationGateways";

/// What Azure shows as the policy of gateways that name none.
const DEFAULT_POLICY: &str = "AppGwSslPolicy20220101";

/// What is never shown, whatever a document holds.
const SECRET: &[&str] = &[PRIVATE, "password"];

/// The whole gateway. Holds no secret.
pub fn application_gateway(facts: &GatewayFacts<'_>) -> Value {
    let mut document = complete(facts.document);
    let references = BackReferences::of(facts.id, &document);
    let mut properties = match document.shift_remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    for collection in Collection::ALL {
        if let Some(Value::Array(children)) = properties.get_mut(collection.as_str()) {
            for child in children {
                *child = decorated(facts, *collection, child, &references);
            }
        }
    }
    properties.insert(
        "provisioningState".to_owned(),
        json!(facts.provisioning_state.as_str()),
    );
    properties.insert("resourceGuid".to_owned(), json!(facts.resource_guid));
    properties.insert(
        "operationalState".to_owned(),
        json!(facts.operational_state.as_str()),
    );
    properties.insert("privateEndpointConnections".to_owned(), json!([]));
    properties.insert(
        "defaultPredefinedSslPolicy".to_owned(),
        json!(DEFAULT_POLICY),
    );
    let mut answer = Map::new();
    answer.insert("name".to_owned(), json!(facts.id.name().as_str()));
    answer.insert("id".to_owned(), json!(facts.id.to_string()));
    answer.insert("etag".to_owned(), json!(facts.etag));
    answer.insert("type".to_owned(), json!(TYPE));
    answer.extend(document);
    answer.insert("properties".to_owned(), Value::Object(properties));
    Value::Object(answer)
}

/// One child; `None` when there is none of this name.
pub fn child(
    facts: &GatewayFacts<'_>,
    collection: Collection,
    name: &ResourceName,
) -> Option<Value> {
    let named = |child: &Value| child.get("name").and_then(Value::as_str) == Some(name.as_str());
    let same = |child: &Value| {
        child
            .get("name")
            .and_then(Value::as_str)
            .is_some_and(|text| text.eq_ignore_ascii_case(name.as_str()))
    };
    let mut all = children(facts, collection);
    let at = all
        .iter()
        .position(named)
        .or_else(|| all.iter().position(same))?;
    Some(all.swap_remove(at))
}

/// All children of one collection, in document order; for `{"value": [...]}`.
pub fn children(facts: &GatewayFacts<'_>, collection: Collection) -> Vec<Value> {
    let document = complete(facts.document);
    let references = BackReferences::of(facts.id, &document);
    let all = document
        .get("properties")
        .and_then(|properties| properties.get(collection.as_str())?.as_array());
    all.into_iter()
        .flatten()
        .map(|child| decorated(facts, collection, child, &references))
        .collect()
}

/// The document with today's defaults.
fn complete(document: &Value) -> Map<String, Value> {
    let mut document = document.as_object().cloned().unwrap_or_default();
    defaults::apply(&mut document);
    document
}

fn decorated(
    facts: &GatewayFacts<'_>,
    collection: Collection,
    child: &Value,
    references: &BackReferences,
) -> Value {
    let name = child.get("name").cloned().unwrap_or_default();
    let id = child_id(facts.id, collection, name.as_str().unwrap_or_default());
    let mut properties = Map::new();
    properties.insert(
        "provisioningState".to_owned(),
        json!(facts.provisioning_state.as_str()),
    );
    for (member, value) in child
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let secret = SECRET.contains(&member.as_str())
            || (collection == Collection::SSL_CERTIFICATES && member == "data");
        if !secret {
            properties.insert(member.clone(), value.clone());
        }
    }
    for (member, referrers) in references.to(&id) {
        properties.insert(
            (*member).to_owned(),
            referrers.iter().map(|id| json!({ "id": id })).collect(),
        );
    }
    json!({
        "name": name,
        "id": id,
        "etag": facts.etag,
        "properties": properties,
        "type": format!("{TYPE}/{collection}"),
    })
}

/// Who refers, and by which property; the collection of the referrer is also the name of the member that shows it.
const REFERENCES: &[(Collection, &str)] = &[
    (Collection::HTTP_LISTENERS, "frontendIPConfiguration"),
    (Collection::HTTP_LISTENERS, "frontendPort"),
    (Collection::HTTP_LISTENERS, "sslCertificate"),
    (Collection::HTTP_LISTENERS, "sslProfile"),
    (Collection::REQUEST_ROUTING_RULES, "backendAddressPool"),
    (Collection::REQUEST_ROUTING_RULES, "backendHttpSettings"),
    (Collection::REQUEST_ROUTING_RULES, "httpListener"),
    (Collection::REQUEST_ROUTING_RULES, "rewriteRuleSet"),
];

/// By id of the child referred to: the ids of those that refer to it, by member.
#[derive(Default)]
struct BackReferences(HashMap<String, Vec<(&'static str, Vec<String>)>>);

impl BackReferences {
    fn of(gateway: &GatewayId, document: &Map<String, Value>) -> Self {
        let mut found = Self::default();
        for (collection, property) in REFERENCES {
            let all = document
                .get("properties")
                .and_then(|properties| properties.get(collection.as_str())?.as_array());
            for child in all.into_iter().flatten() {
                let name = child
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let target = child
                    .get("properties")
                    .and_then(|members| members.get(*property)?.get("id")?.as_str());
                if let Some(target) = target {
                    found.add(
                        target,
                        collection.as_str(),
                        child_id(gateway, *collection, name),
                    );
                }
            }
        }
        found
    }

    fn add(&mut self, target: &str, member: &'static str, referrer: String) {
        let members = self.0.entry(target.to_owned()).or_default();
        match members.iter_mut().find(|(known, _)| *known == member) {
            Some((_, referrers)) => referrers.push(referrer),
            None => members.push((member, vec![referrer])),
        }
    }

    fn to(&self, id: &str) -> &[(&'static str, Vec<String>)] {
        self.0.get(id).map_or(&[], Vec::as_slice)
    }
}

fn child_id(gateway: &GatewayId, collection: Collection, name: &str) -> String {
    format!("{gateway}/{collection}/{name}")
}
