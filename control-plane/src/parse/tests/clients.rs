//! What clients put back after they have read a gateway.

use model::{ListenerProtocol, OperationalState, ProvisioningState};
use serde_json::{Value, json};

use super::fixture::{PKI, b64, document, id, parse, parse_by};
use crate::parse::Parsed;
use crate::render;

/// The answer to a GET.
fn shown(document: &Value) -> Value {
    render::application_gateway(&render::GatewayFacts {
        id: &id(),
        document,
        etag: "W/\"00000000-0000-0000-0000-000000000001\"",
        resource_guid: "00000000-0000-0000-0000-000000000002",
        provisioning_state: ProvisioningState::Updating,
        operational_state: OperationalState::Running,
    })
}

/// Whether the first listener demands a certificate of somebody.
fn is_protected(parsed: &Parsed) -> bool {
    let protocol = parsed.gateway.listeners()[0].protocol();
    matches!(protocol, ListenerProtocol::Https { profile: Some(profile), .. }
        if profile.client_auth().is_some_and(|auth| auth.trusted().len() == 1))
}

/// Applies `edit` to the properties of every child.
fn each_child(body: &mut Value, edit: impl Fn(&str, &mut Value)) {
    for (collection, children) in body["properties"].as_object_mut().unwrap() {
        for child in children.as_array_mut().into_iter().flatten() {
            edit(collection, child);
        }
    }
}

/// The generated models leave out what is read-only, and keep ids of children and what the service does not return.
#[test]
fn the_sdks_get_and_put_changes_nothing() {
    let stored = parse(&document()).unwrap();
    let mut body = shown(&stored.document);
    for member in ["etag", "name", "type"] {
        body.as_object_mut().unwrap().remove(member);
    }
    for member in [
        "provisioningState",
        "operationalState",
        "resourceGuid",
        "privateEndpointConnections",
    ] {
        body["properties"].as_object_mut().unwrap().remove(member);
    }
    each_child(&mut body, |_, child| {
        let child = child.as_object_mut().unwrap();
        child.remove("etag");
        child.remove("type");
        let properties = child["properties"].as_object_mut().unwrap();
        for member in [
            "provisioningState",
            "publicCertData",
            "validatedCertData",
            "clientCertIssuerDN",
            "httpListeners",
            "requestRoutingRules",
        ] {
            properties.remove(member);
        }
    });
    assert_eq!(
        body["properties"]["sslCertificates"][0]["properties"],
        json!({})
    );
    let again = parse_by("2026-03-01", Some(&stored.document), &body).unwrap();
    assert_eq!(again.document, stored.document);
    assert!(is_protected(&again) && again.secrets.is_empty());
}

/// It echoes all that it has read, says empty strings and lists for what is unset, and speaks 2025-01-01, which has no
/// `verifyClientAuthMode`.
#[test]
fn terraforms_update_changes_what_it_says_and_no_more() {
    let mut body = document();
    body["properties"]["probes"][0]["properties"]["match"] = json!({"statusCodes": ["200-399"]});
    let stored = parse(&body).unwrap();
    let mut body = shown(&stored.document);
    body["identity"] = json!(null);
    body["zones"] = json!([]);
    let properties = body["properties"].as_object_mut().unwrap();
    properties.insert("sslPolicy".to_owned(), json!(null));
    properties.insert("firewallPolicy".to_owned(), json!({"id": ""}));
    properties.insert("customErrorConfigurations".to_owned(), json!([]));
    each_child(&mut body, |collection, child| {
        let properties = child["properties"].as_object_mut().unwrap();
        let mut say = |member: &str, value: Value| properties.insert(member.to_owned(), value);
        match collection {
            "backendHttpSettingsCollection" => {
                for member in ["path", "sniName", "hostName", "affinityCookieName"] {
                    say(member, json!(""));
                }
                for member in ["validateSNI", "validateCertChainAndExpiry"] {
                    say(member, json!(true));
                }
                say("dedicatedBackendConnection", json!(false));
                say("trustedRootCertificates", json!([]));
            }
            "probes" => {
                say("minServers", json!(0));
                say("pickHostNameFromBackendHttpSettings", json!(false));
                say("match", json!({"body": "", "statusCodes": ["200-399"]}));
            }
            "httpListeners" => {
                say("customErrorConfigurations", json!([]));
                say("requireServerNameIndication", json!(false));
                if properties.get("hostName").is_none() {
                    properties.insert("hostName".to_owned(), json!(""));
                }
            }
            "sslProfiles" => {
                say(
                    "clientAuthConfiguration",
                    json!({"verifyClientCertIssuerDN": true, "verifyClientRevocation": "None"}),
                );
                say(
                    "sslPolicy",
                    json!({"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101",
                    "minProtocolVersion": "", "cipherSuites": [], "disabledSslProtocols": []}),
                );
            }
            "frontendIPConfigurations" => {
                say("privateIPAddress", json!(""));
                say("privateIPAllocationMethod", json!("Dynamic"));
            }
            "sslCertificates" => {
                say("keyVaultSecretId", json!(""));
            }
            _ => {}
        }
    });
    // What it adds has no id yet.
    let more = json!({"name": "p8443", "properties": {"port": 8443}});
    body["properties"]["frontendPorts"]
        .as_array_mut()
        .unwrap()
        .push(more.clone());
    let again = parse_by("2025-01-01", Some(&stored.document), &body).unwrap();
    assert!(is_protected(&again) && again.secrets.is_empty());
    let kept =
        |parsed: &Parsed, collection: &str| parsed.document["properties"][collection].clone();
    assert_eq!(kept(&again, "frontendPorts")[2], more);
    for collection in [
        "sslCertificates",
        "trustedClientCertificates",
        "frontendIPConfigurations",
    ] {
        assert_eq!(
            kept(&again, collection),
            kept(&stored, collection),
            "{collection}"
        );
    }
    let demand = |parsed: &Parsed| {
        kept(parsed, "sslProfiles")[0]["properties"]["clientAuthConfiguration"].clone()
    };
    assert_eq!(demand(&again), demand(&stored));
    let twice = parse_by("2025-01-01", Some(&again.document), &body).unwrap();
    assert_eq!(twice.document, again.document);
}

/// The CLI reads, edits and writes the whole gateway; what it adds is in its own words.
#[test]
fn azs_addition_of_a_profile_protects_the_listener() {
    let mut plain = document();
    for collection in ["sslProfiles", "trustedClientCertificates"] {
        plain["properties"]
            .as_object_mut()
            .unwrap()
            .remove(collection);
    }
    plain["properties"]["httpListeners"][0]["properties"]
        .as_object_mut()
        .unwrap()
        .remove("sslProfile");
    let stored = parse(&plain).unwrap();
    assert!(!is_protected(&stored));
    let mut body = shown(&stored.document);
    let gateway = id().to_string();
    body["properties"]["trustedClientCertificates"] =
        json!([{"name": "ca", "properties": {"data": b64(&PKI.root_pem)}}]);
    body["properties"]["sslProfiles"] = json!([{"name": "mtls", "properties": {
        "clientAuthConfiguration": {"verifyClientCertIssuerDN": "True", "verifyClientRevocation": null},
        "sslPolicy": null,
        "trustedClientCertificates": [{"id": format!("{gateway}/trustedClientCertificates/ca")}]}}]);
    body["properties"]["httpListeners"][0]["properties"]["sslProfile"] =
        json!({"id": format!("{}/sslprofiles/MTLS", gateway.to_lowercase())});
    let protected = parse_by("2025-07-01", Some(&stored.document), &body).unwrap();
    assert!(is_protected(&protected));
}
