//! Reading, showing, reading again; and what is compiled.

use std::net::IpAddr;

use model::{Collection, OperationalState, ProvisioningState, ResourceName};
use proptest::prelude::*;
use prost::Message;
use proto::config::v1::{BindProtocol, CertificateList, GatewaySnapshot};
use serde_json::{Value, json};

use super::fixture::{ID, document, id, lower, parse, parse_by, to};
use crate::{compile, render};

const ETAG: &str = "W/\"00000000-0000-0000-0000-000000000001\"";

fn facts<'a>(id: &'a model::GatewayId, document: &'a Value) -> render::GatewayFacts<'a> {
    render::GatewayFacts {
        id,
        document,
        etag: ETAG,
        resource_guid: "00000000-0000-0000-0000-000000000002",
        provisioning_state: ProvisioningState::Succeeded,
        operational_state: OperationalState::Running,
    }
}

fn shown(document: &Value) -> Value {
    render::application_gateway(&facts(&id(), document))
}

fn snapshot(body: &Value) -> GatewaySnapshot {
    let compiled = lower(&parse(body).unwrap());
    GatewaySnapshot::decode(compiled.snapshot.as_slice()).unwrap()
}

#[test]
fn putting_back_what_was_shown_changes_nothing() {
    let stored = parse(&document()).unwrap().document;
    let again = parse_by("2026-03-01", Some(&stored), &shown(&stored)).unwrap();
    assert_eq!(again.document, stored);
    assert!(again.secrets.is_empty());
}

#[test]
fn saying_a_default_and_not_saying_it_are_equal() {
    let mut said = document();
    said["properties"]["httpListeners"][1]["properties"]["requireServerNameIndication"] =
        json!("false");
    said["properties"]["redirectConfigurations"] = json!(null);
    said["properties"]["sku"]["family"] = json!("generation_2");
    said["id"] = json!("whatever");
    assert_eq!(
        parse(&said).unwrap().document,
        parse(&document()).unwrap().document
    );
}

#[test]
fn references_are_shown_in_one_spelling() {
    let mut body = document();
    let shouted = format!("{ID}/HTTPLISTENERS/HTTPS").to_uppercase();
    body["properties"]["requestRoutingRules"][0]["properties"]["httpListener"] =
        json!({"Id": shouted});
    assert_eq!(
        parse(&body).unwrap().document,
        parse(&document()).unwrap().document
    );
}

#[test]
fn an_answer_has_all_that_arm_fills_in() {
    let answer = shown(&parse(&document()).unwrap().document);
    let mut properties = answer["properties"].clone();
    for (member, value) in [
        ("id", json!(ID)),
        ("name", json!("gw")),
        ("type", json!("Microsoft.Network/applicationGateways")),
        ("etag", json!(ETAG)),
        ("location", json!("westeurope")),
        ("tags", json!({"env": "test"})),
    ] {
        assert_eq!(answer[member], value, "{member}");
    }
    for (member, value) in [
        ("provisioningState", json!("Succeeded")),
        ("operationalState", json!("Running")),
        (
            "resourceGuid",
            json!("00000000-0000-0000-0000-000000000002"),
        ),
        (
            "defaultPredefinedSslPolicy",
            json!("AppGwSslPolicy20220101"),
        ),
    ] {
        assert_eq!(properties[member], value, "{member}");
    }
    for member in [
        "urlPathMaps",
        "rewriteRuleSets",
        "privateEndpointConnections",
        "listeners",
        "loadDistributionPolicies",
    ] {
        assert_eq!(properties[member], json!([]), "{member}");
    }
    assert_eq!(
        properties["httpListeners"][1].take(),
        json!({
            "name": "http",
            "id": format!("{ID}/httpListeners/http"),
            "etag": ETAG,
            "properties": {
                "provisioningState": "Succeeded",
                "frontendIPConfiguration": to("frontendIPConfigurations", "fe"),
                "frontendPort": to("frontendPorts", "p80"),
                "protocol": "Http",
                "hostNames": [],
                "requireServerNameIndication": false,
                "requestRoutingRules": [to("requestRoutingRules", "r2")],
            },
            "type": "Microsoft.Network/applicationGateways/httpListeners",
        })
    );
    assert_eq!(
        properties["frontendIPConfigurations"][0]["properties"]["httpListeners"],
        json!([to("httpListeners", "https"), to("httpListeners", "http")])
    );
    let certificate = &properties["sslCertificates"][0]["properties"];
    assert!(certificate["publicCertData"].is_string());
    for hidden in ["data", "password", "portcullis"] {
        assert!(certificate.get(hidden).is_none(), "{hidden}");
    }
}

#[test]
fn one_child_is_shown_as_in_the_whole() {
    let stored = parse(&document()).unwrap().document;
    let (id, whole) = (id(), shown(&stored));
    let name = |text| ResourceName::parse(text).unwrap();
    let child = render::child(
        &facts(&id, &stored),
        Collection::SSL_PROFILES,
        &name("MTLS"),
    );
    assert_eq!(child.as_ref(), Some(&whole["properties"]["sslProfiles"][0]));
    assert_eq!(
        render::child(&facts(&id, &stored), Collection::SSL_PROFILES, &name("x")),
        None
    );
    assert_eq!(
        json!(render::children(
            &facts(&id, &stored),
            Collection::FRONTEND_PORTS
        )),
        whole["properties"]["frontendPorts"]
    );
    assert!(
        render::children(
            &facts(&id, &stored),
            Collection::AUTHENTICATION_CERTIFICATES
        )
        .is_empty()
    );
}

#[test]
fn a_gateway_is_lowered_to_proxy_words() {
    let parsed = parse(&document()).unwrap();
    let compiled = lower(&parsed);
    let lowered = GatewaySnapshot::decode(compiled.snapshot.as_slice()).unwrap();
    assert_eq!(lowered.gateway_id, ID);
    assert!(lowered.http2);
    let binds: Vec<_> = lowered
        .binds
        .iter()
        .map(|bind| (bind.address.as_str(), bind.port, bind.protocol()))
        .collect();
    assert_eq!(
        binds,
        [("", 80, BindProtocol::Http), ("", 443, BindProtocol::Https)]
    );
    let site = &lowered.binds[1].virtual_hosts[0];
    assert_eq!(
        (site.listener.as_str(), site.host_patterns.as_slice()),
        ("https", &["site.example".to_owned()][..])
    );
    assert_eq!(
        (
            site.server_certificate.as_str(),
            site.client_auth_policy.as_str()
        ),
        ("site", "mtls")
    );
    assert_eq!(
        site.tls_policy.as_ref().unwrap().cipher_suites[..2],
        [0x1302, 0x1301]
    );
    assert_eq!(site.route.as_ref().unwrap().upstream, "pool/set");
    assert_eq!(lowered.upstreams.len(), 1);
    assert_eq!(lowered.upstreams[0].endpoints, ["127.0.0.1", "b.example"]);
    let policy = &lowered.client_auth_policies[0];
    assert!(policy.verify_issuer);
    let blob = compiled
        .blobs
        .iter()
        .find(|blob| blob.sha256[..] == policy.client_cas[0].bundle.as_ref().unwrap().sha256)
        .unwrap();
    assert_eq!(
        CertificateList::decode(blob.bytes.as_slice())
            .unwrap()
            .certificates,
        std::slice::from_ref(&super::fixture::PKI.root_der)
    );
    assert_eq!(compiled.keys, parsed.keys);
    assert_eq!(lowered.server_certificates[0].key_sha256, compiled.keys[0]);
}

#[test]
fn virtual_hosts_stand_in_order_of_priority_and_those_without_rule_last() {
    let mut body = document();
    let mut listener = body["properties"]["httpListeners"][1].clone();
    for (name, host) in [("none", "none.example"), ("first", "*.example")] {
        listener["name"] = json!(name);
        listener["properties"]["hostName"] = json!(null);
        listener["properties"]["hostNames"] = json!([host]);
        body["properties"]["httpListeners"]
            .as_array_mut()
            .unwrap()
            .insert(0, listener.clone());
    }
    let mut rule = body["properties"]["requestRoutingRules"][1].clone();
    rule["name"] = json!("r0");
    rule["properties"]["priority"] = json!(1);
    rule["properties"]["httpListener"] = to("httpListeners", "first");
    body["properties"]["requestRoutingRules"]
        .as_array_mut()
        .unwrap()
        .push(rule);
    let order: Vec<_> = snapshot(&body).binds[0]
        .virtual_hosts
        .iter()
        .map(|host| host.listener.clone())
        .collect();
    assert_eq!(order, ["first", "http", "none"]);
}

#[test]
fn backend_settings_are_lowered() {
    let mut body = document();
    body["properties"]["backendHttpSettingsCollection"][0]["properties"] = json!({
        "port": 8443, "protocol": "https", "path": "api", "pickHostNameFromBackendAddress": "true", "sniName": "B.Example",
    });
    let upstream = &snapshot(&body).upstreams[0];
    assert_eq!(
        (
            upstream.port,
            upstream.request_timeout_seconds,
            upstream.path_prefix.as_str()
        ),
        (8443, 30, "/api/")
    );
    assert_eq!(
        upstream.host,
        Some(proto::config::v1::upstream::Host::EndpointHost(true))
    );
    let tls = upstream.tls.as_ref().unwrap();
    assert_eq!(
        (tls.roots.len(), tls.server_name.as_str()),
        (0, "b.example")
    );
}

#[test]
fn a_profile_with_nobody_to_trust_is_lowered_to_nobody() {
    let mut body = document();
    body["properties"]["sslProfiles"][0]["properties"]["trustedClientCertificates"] = json!([]);
    let policies = snapshot(&body).client_auth_policies;
    assert_eq!((policies.len(), policies[0].client_cas.len()), (1, 0));
}

#[test]
fn a_stopped_gateway_listens_nowhere() {
    let stopped = compile::stopped(&id());
    assert!(
        GatewaySnapshot::decode(stopped.snapshot.as_slice())
            .unwrap()
            .binds
            .is_empty()
    );
}

/// Documents of some listeners on some ports, with and without rules, in any casing.
fn documents() -> impl Strategy<Value = Value> {
    let listener = (
        0..3_u16,
        prop::option::of("[a-z]{1,3}"),
        any::<bool>(),
        any::<bool>(),
    );
    (prop::collection::vec(listener, 0..6), any::<[u8; 4]>(), any::<bool>()).prop_map(|(listeners, octets, http2)| {
        let mut body = document();
        let private = IpAddr::from([10, octets[1], octets[2], octets[3]]);
        body["properties"]["EnableHTTP2"] = json!(http2.to_string());
        body["properties"].as_object_mut().unwrap().remove("enableHttp2");
        body["properties"]["frontendIPConfigurations"] = json!([{"name": "fe", "properties": {"PrivateIPAddress": private.to_string()}}]);
        for n in 0..3 {
            body["properties"]["frontendPorts"].as_array_mut().unwrap().push(json!({"name": format!("q{n}"), "properties": {"port": (1000 + n).to_string()}}));
        }
        for (n, (port, host, has_rule, lower)) in listeners.into_iter().enumerate() {
            let reference = |collection: &str, name: &str| {
                let id = format!("{ID}/{collection}/{name}");
                json!({"Id": if lower { id.to_lowercase() } else { id }})
            };
            let listener = json!({"name": format!("l{n}"), "properties": {"protocol": "HTTP", "hostNames": host.as_slice(), "frontendPort": reference("frontendPorts", &format!("q{port}")), "frontendIPConfiguration": reference("frontendIPConfigurations", "fe")}});
            body["properties"]["httpListeners"].as_array_mut().unwrap().push(listener);
            if has_rule {
                let rule = json!({"name": format!("rule{n}"), "properties": {"priority": 300 - n, "httpListener": reference("httpListeners", &format!("l{n}")), "backendAddressPool": reference("backendAddressPools", "pool"), "backendHttpSettings": reference("backendHttpSettingsCollection", "set")}});
                body["properties"]["requestRoutingRules"].as_array_mut().unwrap().push(rule);
            }
        }
        body
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_accepted_round_trips_and_compiles_to_the_same_bytes(body in documents()) {
        // Two listeners may conflict; such documents have no round trip.
        if let Ok(parsed) = parse(&body) {
            let again = parse_by("2026-03-01", Some(&parsed.document), &shown(&parsed.document)).unwrap();
            prop_assert_eq!(&again.document, &parsed.document);
            prop_assert_eq!(lower(&again), lower(&parsed));
        }
    }

    #[test]
    fn no_json_makes_the_pipeline_panic(body in json_values()) {
        let _ = parse(&body);
        let mut inside = document();
        inside["properties"]["httpListeners"] = body.clone();
        inside["properties"]["sslProfiles"][0]["properties"] = body;
        let _ = parse(&inside);
    }
}

fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,8}".prop_map(Value::from)
    ];
    let key = prop_oneof![
        Just("name".to_owned()),
        Just("properties".to_owned()),
        Just("id".to_owned()),
        Just("frontendPort".to_owned()),
        Just("data".to_owned()),
        "[a-zA-Z]{0,8}"
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..6).prop_map(|members| Value::from(
                members.into_iter().collect::<serde_json::Map<_, _>>()
            ))
        ]
    })
}
