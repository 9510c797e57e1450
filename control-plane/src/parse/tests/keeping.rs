//! What a request cannot take away, and edits of single children.

use model::{Collection, ListenerProtocol, ResourceName};
use serde_json::{Value, json};

use super::fixture::{document, parse, parse_by, to};
use crate::parse::{with_child, with_tags, without_child};

fn name(text: &str) -> ResourceName {
    ResourceName::parse(text).unwrap()
}

/// Whether the first listener asks for a client certificate, and how many uploads it trusts.
fn trusts(parsed: &crate::parse::Parsed) -> Option<usize> {
    let ListenerProtocol::Https { profile, .. } = parsed.gateway.listeners()[0].protocol() else {
        panic!("no HTTPS")
    };
    profile
        .as_ref()?
        .client_auth()
        .map(|client_auth| client_auth.trusted().len())
}

#[test]
fn an_older_api_version_takes_nothing_away_that_it_cannot_express() {
    let mut body = document();
    body["properties"]["globalConfiguration"] = json!({"enableRequestBuffering": false});
    body["properties"]["backendHttpSettingsCollection"][0]["properties"]["sniName"] =
        json!("b.example");
    body["properties"]["httpListeners"][1]["properties"]["hostNames"] =
        json!(["a.example", "b.example"]);
    let stored = parse(&body).unwrap();
    let mut old = body.clone();
    for (collection, index, member) in [
        ("httpListeners", 1, "hostNames"),
        ("httpListeners", 0, "sslProfile"),
        ("backendHttpSettingsCollection", 0, "sniName"),
        ("requestRoutingRules", 0, "priority"),
        ("requestRoutingRules", 1, "priority"),
    ] {
        old["properties"][collection][index]["properties"]
            .as_object_mut()
            .unwrap()
            .remove(member);
    }
    for member in [
        "globalConfiguration",
        "sslProfiles",
        "trustedClientCertificates",
    ] {
        old["properties"].as_object_mut().unwrap().remove(member);
    }
    let again = parse_by("2016-06-01", Some(&stored.document), &old).unwrap();
    assert_eq!(again.document, stored.document);
    assert_eq!(trusts(&again), Some(1));
}

#[test]
fn emptying_the_trusted_cas_of_a_profile_closes_the_door() {
    let stored = parse(&document()).unwrap();
    assert_eq!(trusts(&stored), Some(1));
    let mut body = document();
    body["properties"]["sslProfiles"][0]["properties"]["trustedClientCertificates"] = json!([]);
    body["properties"]["sslProfiles"][0]["properties"]["clientAuthConfiguration"] =
        json!({"verifyClientCertIssuerDN": false, "verifyClientRevocation": "None"});
    let by_terraform = parse_by("2025-01-01", Some(&stored.document), &body).unwrap();
    assert_eq!(trusts(&by_terraform), Some(0));
    body["properties"]["sslProfiles"][0]["properties"]["sslPolicy"] =
        json!({"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101"});
    let by_template = parse_by("2026-03-01", Some(&stored.document), &body).unwrap();
    assert_eq!(trusts(&by_template), Some(0));
    body["properties"]["sslProfiles"][0]["properties"]["clientAuthConfiguration"] = stored.document
        ["properties"]["sslProfiles"][0]["properties"]["clientAuthConfiguration"]
        .clone();
    let by_portal = parse_by("2026-03-01", Some(&stored.document), &body).unwrap();
    assert_eq!(trusts(&by_portal), Some(0));
    body["properties"]["sslProfiles"][0]["properties"]
        .as_object_mut()
        .unwrap()
        .remove("clientAuthConfiguration");
    let on_purpose = parse_by("2026-03-01", Some(&stored.document), &body).unwrap();
    assert_eq!(trusts(&on_purpose), None);
}

#[test]
fn a_profile_with_only_a_policy_asks_for_no_certificate() {
    let mut body = document();
    let policy = json!({"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101"});
    for (profile, asks) in [
        (json!({"sslPolicy": policy}), None),
        (
            json!({"sslPolicy": policy, "trustedClientCertificates": [], "clientAuthConfiguration": {"verifyClientCertIssuerDN": false, "verifyClientRevocation": "None"}}),
            None,
        ),
        (
            json!({"sslPolicy": policy, "clientAuthConfiguration": {"verifyClientCertIssuerDN": true}}),
            Some(0),
        ),
        (
            json!({"sslPolicy": policy, "clientAuthConfiguration": {"verifyClientAuthMode": "Strict"}}),
            Some(0),
        ),
        (json!({"clientAuthConfiguration": {}}), Some(0)),
        (
            json!({"trustedClientCertificates": [to("trustedClientCertificates", "clients")]}),
            Some(1),
        ),
    ] {
        body["properties"]["sslProfiles"][0]["properties"] = profile.clone();
        assert_eq!(trusts(&parse(&body).unwrap()), asks, "{profile}");
    }
}

#[test]
fn a_gateway_stays_where_it_is() {
    let stored = parse(&document()).unwrap();
    let mut body = document();
    body["location"] = json!("WESTEUROPE");
    assert!(parse_by("2026-03-01", Some(&stored.document), &body).is_ok());
    body["location"] = json!("elsewhere");
    assert_eq!(
        parse_by("2026-03-01", Some(&stored.document), &body)
            .unwrap_err()
            .code(),
        "InvalidResourceLocation"
    );
}

#[test]
fn a_child_is_replaced_or_added_by_name() {
    let stored = parse(&document()).unwrap().document;
    let put = |collection, child: &str, body: Value| {
        let edited = with_child(&stored, collection, &name(child), &body)?;
        parse_by("2026-03-01", Some(&stored), &edited).map(|parsed| parsed.document)
    };
    let same = put(
        Collection::FRONTEND_PORTS,
        "P443",
        json!({"Properties": {"Port": "443"}}),
    )
    .unwrap();
    assert_eq!(same, stored);
    let more = put(
        Collection::FRONTEND_PORTS,
        "p81",
        json!({"name": "p81", "properties": {"port": 81}}),
    )
    .unwrap();
    assert_eq!(
        more["properties"]["frontendPorts"][2],
        json!({"name": "p81", "properties": {"port": 81}})
    );
    let refused = |result: Result<Value, crate::parse::Violations>| result.unwrap_err().code();
    assert_eq!(
        refused(put(
            Collection::FRONTEND_PORTS,
            "p81",
            json!({"name": "p82"})
        )),
        "InvalidResourceName"
    );
    assert_eq!(
        refused(put(Collection::FRONTEND_PORTS, "p81", json!([]))),
        "InvalidRequestFormat"
    );
    assert_eq!(
        refused(put(
            Collection::FRONTEND_PORTS,
            "p81",
            json!({"properties": {"portt": 1}})
        )),
        "InvalidRequestFormat"
    );
    assert_eq!(
        refused(put(Collection::LISTENERS, "l4", json!({"properties": {}}))),
        "FeatureNotSupported"
    );
}

#[test]
fn a_child_that_is_referred_to_cannot_go() {
    let stored = parse(&document()).unwrap().document;
    let without = |collection, child| {
        without_child(&stored, collection, &name(child))
            .map(|edited| parse_by("2026-03-01", Some(&stored), &edited))
    };
    assert!(without(Collection::SSL_PROFILES, "nope").is_none());
    let refused = without(Collection::SSL_PROFILES, "MTLS")
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (refused.code(), refused.target()),
        (
            "InvalidResourceReference",
            Some("properties.httpListeners[0].properties.sslProfile")
        )
    );
    let gone = without(Collection::REQUEST_ROUTING_RULES, "r1")
        .unwrap()
        .unwrap();
    assert_eq!(
        gone.document["properties"]["requestRoutingRules"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(gone.gateway.listeners()[0].rule().is_none());
}

#[test]
fn tags_are_replaced_as_a_whole() {
    let stored = parse(&document()).unwrap().document;
    let patch = |body: Value| {
        with_tags(&stored, &body).and_then(|edited| parse_by("2026-03-01", Some(&stored), &edited))
    };
    assert_eq!(
        patch(json!({"tags": {"k": "v"}})).unwrap().document["tags"],
        json!({"k": "v"})
    );
    assert_eq!(patch(json!({})).unwrap().document["tags"], json!({}));
    assert_eq!(
        patch(json!({"tags": []})).unwrap_err().code(),
        "InvalidRequestFormat"
    );
    assert_eq!(
        patch(json!({"colour": 1})).unwrap_err().code(),
        "InvalidRequestFormat"
    );
}
