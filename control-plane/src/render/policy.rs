//! Client auth policies, with every default and with warnings.

use model::{ClientRevocation, Collection, ResourceName};
use serde_json::{Map, Value, json};

use super::GatewayFacts;
use crate::parse::{self, POLICY_ID_SUFFIX, POLICY_NAME, Warning};
use crate::violations::Findings;
use crate::{defaults, wire};

const TYPE: &str = "Portcullis.Security/clientAuthPolicies";

/// The policy of a profile, which need not exist. `policy` is the stored document of the policy.
///
/// Preparing the regular expressions for the warnings takes time: call it where blocking is allowed.
pub fn client_auth_policy(
    facts: &GatewayFacts<'_>,
    profile: &ResourceName,
    policy: &Value,
) -> Value {
    let owner = facts.id.child(Collection::SSL_PROFILES, profile.clone());
    let found = parse::Profile::find(facts.document, profile);
    let revocation = found.map_or(ClientRevocation::None, |profile| profile.revocation);
    let mut properties = Map::new();
    properties.insert(
        "provisioningState".to_owned(),
        json!(facts.provisioning_state.as_str()),
    );
    properties.extend(complete(policy, revocation));
    let warnings = parse::warnings(facts.id, profile, facts.document, policy);
    properties.insert(
        "warnings".to_owned(),
        warnings.iter().map(warning).collect(),
    );
    json!({
        "id": format!("{owner}{POLICY_ID_SUFFIX}"),
        "name": POLICY_NAME,
        "type": TYPE,
        "etag": facts.etag,
        "properties": properties,
    })
}

/// The properties with all defaults, in the order of the definition.
fn complete(policy: &Value, revocation: ClientRevocation) -> Map<String, Value> {
    let mut document = policy.as_object().cloned().unwrap_or_default();
    defaults::show_policy(&mut document, revocation);
    let mut document = wire::client_auth_policy(&Value::Object(document), &mut Findings::default());
    match document.shift_remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    }
}

fn warning(warning: &Warning) -> Value {
    json!({ "code": warning.code, "message": warning.message, "target": warning.target })
}
