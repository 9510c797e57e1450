//! Each rule: a document that breaks it, the codes and the targets.

use serde_json::{Value, json};

use super::fixture::{ID, document, parse, parse_by, to};

/// Parses the typical document after an edit; gives `code target` of each violation.
fn violations(edit: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut body = document();
    edit(&mut body);
    told(&parse(&body).map(|_| ()))
}

fn told(result: &Result<(), crate::parse::Violations>) -> Vec<String> {
    let all = result
        .as_ref()
        .err()
        .into_iter()
        .flat_map(|violations| violations.iter());
    all.map(|violation| {
        format!(
            "{} {}",
            violation.code,
            violation.target.trim_start_matches("properties.")
        )
    })
    .collect()
}

#[track_caller]
fn check(edit: impl FnOnce(&mut Value), expected: &[&str]) {
    assert_eq!(violations(edit), expected);
}

/// The properties of a child.
fn of<'a>(body: &'a mut Value, collection: &str, index: usize) -> &'a mut Value {
    &mut body["properties"][collection][index]["properties"]
}

fn push(body: &mut Value, collection: &str, name: &str, properties: Value) {
    body["properties"][collection]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": name, "properties": properties}));
}

fn remove(value: &mut Value, member: &str) {
    value.as_object_mut().unwrap().remove(member);
}

#[test]
fn the_typical_document_is_valid() {
    check(|_| {}, &[]);
}

#[test]
fn an_empty_gateway_is_valid() {
    let parsed = parse(&json!({"location": "here"})).unwrap();
    assert!(parsed.gateway.listeners().is_empty());
}

#[test]
fn location_and_tags_are_checked() {
    check(|b| remove(b, "location"), &["LocationRequired location"]);
    check(
        |b| b["location"] = json!("a/b"),
        &["InvalidPropertyValue location"],
    );
    check(
        |b| b["tags"] = json!({"": "x"}),
        &["InvalidPropertyValue tags"],
    );
    check(
        |b| {
            b["tags"] = (0..51)
                .map(|n| (n.to_string(), json!("x")))
                .collect::<serde_json::Map<_, _>>()
                .into();
        },
        &["LimitExceeded tags"],
    );
}

#[test]
fn names_must_be_there_well_formed_and_unique() {
    check(
        |b| b["properties"]["probes"][0]["name"] = json!("a b"),
        &[
            "InvalidResourceName probes[0].name",
            "InvalidResourceReference backendHttpSettingsCollection[0].properties.probe",
        ],
    );
    check(
        |b| push(b, "frontendPorts", "P443", json!({"port": 444})),
        &["DuplicateResourceName frontendPorts[2].name"],
    );
    check(
        |b| push(b, "gatewayIPConfigurations", "GWIP", json!({})),
        &["DuplicateResourceName gatewayIPConfigurations[1].name"],
    );
    check(
        |b| b["properties"]["frontendPorts"][1] = json!({"properties": {"port": 80}}),
        &[
            "MissingRequiredProperty frontendPorts[1].name",
            "InvalidResourceReference httpListeners[1].properties.frontendPort",
        ],
    );
}

#[test]
fn references_must_lead_to_a_child_of_the_right_kind() {
    check(
        |b| of(b, "httpListeners", 0)["sslProfile"] = to("sslProfiles", "nope"),
        &["InvalidResourceReference httpListeners[0].properties.sslProfile"],
    );
    check(
        |b| of(b, "httpListeners", 0)["frontendPort"] = to("frontendIPConfigurations", "fe"),
        &["InvalidResourceReference httpListeners[0].properties.frontendPort"],
    );
    check(
        |b| {
            of(b, "httpListeners", 0)["frontendPort"] =
                json!({"id": format!("{}x/frontendPorts/p443", ID)});
        },
        &["InvalidResourceReference httpListeners[0].properties.frontendPort"],
    );
    check(
        |b| {
            of(b, "sslProfiles", 0)["trustedClientCertificates"] = json!([
                to("trustedClientCertificates", "a"),
                to("trustedClientCertificates", "b")
            ]);
        },
        &[
            "InvalidResourceReference sslProfiles[0].properties.trustedClientCertificates[0]",
            "InvalidResourceReference sslProfiles[0].properties.trustedClientCertificates[1]",
        ],
    );
    check(
        |b| of(b, "backendHttpSettingsCollection", 0)["probe"] = to("probes", "x"),
        &["InvalidResourceReference backendHttpSettingsCollection[0].properties.probe"],
    );
    for (member, collection) in [
        ("httpListener", "httpListeners"),
        ("backendAddressPool", "backendAddressPools"),
        ("backendHttpSettings", "backendHttpSettingsCollection"),
    ] {
        let target = format!("requestRoutingRules[0].properties.{member}");
        check(
            |b| of(b, "requestRoutingRules", 0)[member] = to(collection, "x"),
            &[&format!("InvalidResourceReference {target}")],
        );
        check(
            |b| remove(of(b, "requestRoutingRules", 0), member),
            &[&format!("MissingRequiredProperty {target}")],
        );
    }
}

#[test]
fn an_empty_reference_does_not_take_protection_away() {
    for empty in [json!({}), json!({"id": ""}), json!({"id": null}), json!("")] {
        check(
            |b| of(b, "httpListeners", 0)["sslProfile"] = empty,
            &["InvalidResourceReference httpListeners[0].properties.sslProfile"],
        );
    }
    check(
        |b| of(b, "httpListeners", 0)["sslProfile"] = json!(null),
        &[],
    );
    check(
        |b| of(b, "sslProfiles", 0)["trustedClientCertificates"] = json!([{"id": ""}]),
        &["InvalidResourceReference sslProfiles[0].properties.trustedClientCertificates[0]"],
    );
}

#[test]
fn a_dangling_reference_reads_as_azure_says_it() {
    let mut body = document();
    of(&mut body, "httpListeners", 0)["sslProfile"] = to("sslProfiles", "nope");
    let violations = parse(&body).unwrap_err();
    assert_eq!(violations.code(), "InvalidResourceReference");
    assert_eq!(
        violations.message(),
        format!(
            "Resource {ID}/sslProfiles/nope referenced by resource {ID}/httpListeners/https was not found. Please make sure \
             that the referenced resource exists, and that both resources are in the same region."
        )
    );
    assert_eq!(
        violations.target(),
        Some("properties.httpListeners[0].properties.sslProfile")
    );
    assert!(violations.details().is_empty());
}

#[test]
fn all_violations_are_told_at_once() {
    let mut body = document();
    body["properties"]["colour"] = json!("red");
    of(&mut body, "frontendPorts", 1)["port"] = json!(0);
    of(&mut body, "httpListeners", 0)["sslProfile"] = to("sslProfiles", "nope");
    remove(of(&mut body, "requestRoutingRules", 1), "priority");
    let violations = parse(&body).unwrap_err();
    assert_eq!(violations.code(), "InvalidRequestFormat");
    assert_eq!(violations.message(), "Cannot parse the request.");
    assert_eq!(violations.details().len(), 4);
    assert_eq!(
        told(&Err(violations)),
        [
            "InvalidJson colour",
            "ApplicationGatewayRequestRoutingRulePartialPriorityDefined requestRoutingRules[1].properties.priority",
            "InvalidPropertyValue frontendPorts[1].properties.port",
            "InvalidResourceReference httpListeners[0].properties.sslProfile",
        ]
    );
}

#[test]
fn a_part_with_a_format_error_causes_no_further_noise() {
    check(
        |b| of(b, "httpListeners", 0)["protocol"] = json!("gopher"),
        &["InvalidJson httpListeners[0].properties.protocol"],
    );
    check(
        |b| of(b, "frontendPorts", 0)["port"] = json!("many"),
        &["InvalidJson frontendPorts[0].properties.port"],
    );
    check(
        |b| of(b, "requestRoutingRules", 0)["priority"] = json!([]),
        &["InvalidJson requestRoutingRules[0].properties.priority"],
    );
}

#[test]
fn frontends_and_ports_are_checked() {
    check(
        |b| of(b, "frontendPorts", 0)["port"] = json!(65536),
        &["InvalidPropertyValue frontendPorts[0].properties.port"],
    );
    check(
        |b| remove(of(b, "frontendPorts", 0), "port"),
        &["MissingRequiredProperty frontendPorts[0].properties.port"],
    );
    check(
        |b| of(b, "frontendPorts", 0)["port"] = json!(80),
        &[
            "ApplicationGatewayFrontendPortsConflict frontendPorts[1].properties.port",
            "ApplicationGatewayHttpListenerProtocolsConflict httpListeners[1].properties.protocol",
        ],
    );
    let private = |properties: Value| {
        move |b: &mut Value| {
            b["properties"]["frontendIPConfigurations"][0]["properties"] = properties;
        }
    };
    check(
        private(json!({"privateIPAddress": "10.0.0.4", "privateIPAllocationMethod": "Static"})),
        &[],
    );
    check(
        private(json!({"subnet": {"id": "/x"}, "privateIPAllocationMethod": "Dynamic"})),
        &[],
    );
    check(
        private(json!({"privateIPAllocationMethod": "Static"})),
        &["MissingRequiredProperty frontendIPConfigurations[0].properties.privateIPAddress"],
    );
    check(
        private(json!({"privateIPAddress": "here"})),
        &["InvalidPropertyValue frontendIPConfigurations[0].properties.privateIPAddress"],
    );
    for everywhere in ["0.0.0.0", "::", "::ffff:0.0.0.0"] {
        check(
            private(json!({ "privateIPAddress": everywhere })),
            &["InvalidPropertyValue frontendIPConfigurations[0].properties.privateIPAddress"],
        );
    }
    check(
        private(json!({"privateIPAddress": "10.0.0.4", "publicIPAddress": {"id": "/x"}})),
        &["InvalidPropertyValue frontendIPConfigurations[0].properties.privateIPAddress"],
    );
}

#[test]
fn two_frontends_cannot_want_the_same_address_and_port() {
    let add = |private: Value| {
        move |b: &mut Value| {
            push(b, "frontendIPConfigurations", "private", private);
            push(
                b,
                "httpListeners",
                "l3",
                json!({"protocol": "Http", "frontendPort": to("frontendPorts", "p80"), "frontendIPConfiguration": to("frontendIPConfigurations", "private")}),
            );
        }
    };
    check(
        add(json!({"subnet": {"id": "/x"}})),
        &[
            "ApplicationGatewayFrontendIpConfigurationsConflict httpListeners[2].properties.frontendIPConfiguration",
        ],
    );
    check(add(json!({"privateIPAddress": "10.0.0.4"})), &[]);
    let mapped = |b: &mut Value| {
        b["properties"]["frontendIPConfigurations"][0]["properties"] =
            json!({"privateIPAddress": "10.0.0.4"});
        add(json!({"privateIPAddress": "::ffff:10.0.0.4"}))(b);
    };
    check(
        mapped,
        &[
            "ApplicationGatewayFrontendIpConfigurationsConflict httpListeners[2].properties.frontendIPConfiguration",
        ],
    );
}

#[test]
fn listeners_need_what_their_protocol_needs() {
    check(
        |b| remove(of(b, "httpListeners", 1), "protocol"),
        &["MissingRequiredProperty httpListeners[1].properties.protocol"],
    );
    check(
        |b| of(b, "httpListeners", 1)["protocol"] = json!("Tls"),
        &["InvalidPropertyValue httpListeners[1].properties.protocol"],
    );
    check(
        |b| remove(of(b, "httpListeners", 0), "sslCertificate"),
        &[
            "ApplicationGatewayHttpListenerCertificateRequired httpListeners[0].properties.sslCertificate",
        ],
    );
    check(
        |b| of(b, "httpListeners", 1)["sslProfile"] = to("sslProfiles", "mtls"),
        &[
            "ApplicationGatewayHttpListenerPropertyRequiresHttps httpListeners[1].properties.sslProfile",
        ],
    );
    check(
        |b| of(b, "httpListeners", 1)["sslCertificate"] = to("sslCertificates", "site"),
        &[
            "ApplicationGatewayHttpListenerPropertyRequiresHttps httpListeners[1].properties.sslCertificate",
        ],
    );
    check(
        |b| remove(of(b, "httpListeners", 0), "frontendPort"),
        &["MissingRequiredProperty httpListeners[0].properties.frontendPort"],
    );
    check(
        |b| remove(of(b, "httpListeners", 0), "frontendIPConfiguration"),
        &["MissingRequiredProperty httpListeners[0].properties.frontendIPConfiguration"],
    );
}

#[test]
fn host_names_follow_azures_rules() {
    check(
        |b| of(b, "httpListeners", 0)["hostNames"] = json!(["a.example"]),
        &[
            "ApplicationGatewayHttpListenerHostNameAndHostNamesConflict httpListeners[0].properties.hostName",
        ],
    );
    check(|b| of(b, "httpListeners", 0)["hostNames"] = json!([]), &[]);
    check(
        |b| of(b, "httpListeners", 0)["hostName"] = json!("*.example"),
        &["ApplicationGatewayHttpListenerInvalidHostName httpListeners[0].properties.hostName"],
    );
    check(
        |b| of(b, "httpListeners", 1)["hostNames"] = json!(["*.example", "**"]),
        &["ApplicationGatewayHttpListenerInvalidHostName httpListeners[1].properties.hostNames[1]"],
    );
    check(
        |b| of(b, "httpListeners", 1)["hostNames"] = json!(["a", "b", "c", "d", "e", "f"]),
        &["LimitExceeded httpListeners[1].properties.hostNames"],
    );
    check(
        |b| of(b, "httpListeners", 1)["requireServerNameIndication"] = json!(true),
        &[
            "ApplicationGatewayHttpListenerHostNameRequired httpListeners[1].properties.requireServerNameIndication",
        ],
    );
    check(
        |b| of(b, "httpListeners", 0)["requireServerNameIndication"] = json!("true"),
        &[],
    );
}

#[test]
fn listeners_of_one_socket_must_differ() {
    let add = |properties: Value| {
        move |b: &mut Value| {
            let mut listener = of(b, "httpListeners", 0).clone();
            remove(&mut listener, "hostName");
            for (key, value) in properties.as_object().unwrap() {
                listener[key] = value.clone();
            }
            push(b, "httpListeners", "third", listener);
        }
    };
    check(add(json!({})), &[]);
    check(add(json!({"hostName": "other.example"})), &[]);
    check(
        add(json!({"hostName": "SITE.example"})),
        &["ApplicationGatewayHttpListenersConflict httpListeners[2]"],
    );
    check(
        add(json!({"hostNames": ["a.example", "Site.Example"]})),
        &["ApplicationGatewayHttpListenersConflict httpListeners[2]"],
    );
    check(
        add(json!({"hostNames": ["a.example", "a.example"]})),
        &["ApplicationGatewayHttpListenersConflict httpListeners[2]"],
    );
    check(
        |b| {
            push(
                b,
                "httpListeners",
                "third",
                json!({"protocol": "Http", "frontendPort": to("frontendPorts", "p80"), "frontendIPConfiguration": to("frontendIPConfigurations", "fe")}),
            );
        },
        &["ApplicationGatewayHttpListenersConflict httpListeners[2]"],
    );
    check(
        |b| {
            push(
                b,
                "httpListeners",
                "third",
                json!({"protocol": "Http", "hostName": "x.example", "frontendPort": to("frontendPorts", "p443"), "frontendIPConfiguration": to("frontendIPConfigurations", "fe")}),
            );
        },
        &["ApplicationGatewayHttpListenerProtocolsConflict httpListeners[2].properties.protocol"],
    );
}

#[test]
fn priorities_are_wanted_complete_and_unique() {
    const FIRST: &str = "requestRoutingRules[0].properties.priority";
    const SECOND: &str = "requestRoutingRules[1].properties.priority";
    check(
        |b| remove(of(b, "requestRoutingRules", 0), "priority"),
        &[&format!(
            "ApplicationGatewayRequestRoutingRulePartialPriorityDefined {FIRST}"
        )],
    );
    check(
        |b| (0..2).for_each(|n| remove(of(b, "requestRoutingRules", n), "priority")),
        &[&format!(
            "ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty {FIRST}"
        )],
    );
    check(
        |b| of(b, "requestRoutingRules", 1)["priority"] = json!(100),
        &[&format!(
            "ApplicationGatewayRequestRoutingRulePriorityMustBeUnique {SECOND}"
        )],
    );
    check(
        |b| of(b, "requestRoutingRules", 1)["priority"] = json!(20001),
        &[&format!("InvalidPropertyValue {SECOND}")],
    );
}

#[test]
fn old_api_versions_get_priorities_in_document_order() {
    let mut body = document();
    (0..2).for_each(|n| remove(of(&mut body, "requestRoutingRules", n), "priority"));
    let parsed = parse_by("2021-05-01", None, &body).unwrap();
    let priorities: Vec<_> = parsed.document["properties"]["requestRoutingRules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["properties"]["priority"].as_i64())
        .collect();
    assert_eq!(priorities, [Some(10), Some(20)]);
    let stored = {
        let mut stored = parsed.document;
        of(&mut stored, "requestRoutingRules", 0)["priority"] = json!(55);
        stored
    };
    let again = parse_by("2021-05-01", Some(&stored), &body).unwrap();
    assert_eq!(
        again.document["properties"]["requestRoutingRules"][0]["properties"]["priority"],
        55
    );
    assert_eq!(
        again.document["properties"]["requestRoutingRules"][1]["properties"]["priority"],
        20
    );
    remove(of(&mut body, "requestRoutingRules", 1), "ruleType");
    of(&mut body, "requestRoutingRules", 1)["priority"] = json!(5);
    assert_eq!(
        told(&parse_by("2021-05-01", None, &body).map(|_| ())),
        [
            "ApplicationGatewayRequestRoutingRulePartialPriorityDefined requestRoutingRules[0].properties.priority"
        ]
    );
}

#[test]
fn a_listener_has_one_rule() {
    check(
        |b| of(b, "requestRoutingRules", 1)["httpListener"] = to("httpListeners", "HTTPS"),
        &[
            "ApplicationGatewayHttpListenerUsedByMultipleRules requestRoutingRules[1].properties.httpListener",
        ],
    );
}

#[test]
fn a_profile_must_say_something() {
    let profile = |properties: Value| {
        move |b: &mut Value| b["properties"]["sslProfiles"][0]["properties"] = properties
    };
    check(
        profile(json!({})),
        &[
            "ApplicationGatewaySslProfileMustSpecifySslPolicyOrTrustedClientCertificates sslProfiles[0].properties",
        ],
    );
    check(
        profile(json!({"trustedClientCertificates": []})),
        &[
            "ApplicationGatewaySslProfileMustSpecifySslPolicyOrTrustedClientCertificates sslProfiles[0].properties",
        ],
    );
    check(
        profile(json!({"clientAuthConfiguration": {"verifyClientCertIssuerDN": true}})),
        &[],
    );
    check(
        profile(
            json!({"sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101S"}}),
        ),
        &[],
    );
}

#[test]
fn policies_of_two_generations_do_not_mix() {
    let old = json!({"policyType": "Predefined", "policyName": "AppGwSslPolicy20170401S"});
    check(
        |b| b["properties"]["sslPolicy"] = old.clone(),
        &["ApplicationGatewaySslPolicyGenerationsConflict sslProfiles[0].properties.sslPolicy"],
    );
    check(|b| of(b, "sslProfiles", 0)["sslPolicy"] = old.clone(), &[]);
    check(
        |b| {
            b["properties"]["sslPolicy"] =
                json!({"policyType": "Predefined", "policyName": "AppGwSslPolicy20150501"});
        },
        &["ApplicationGatewaySslPolicyRetired sslPolicy.policyName"],
    );
}

#[test]
fn pools_and_settings_are_checked() {
    let pool = |addresses: Value| {
        move |b: &mut Value| of(b, "backendAddressPools", 0)["backendAddresses"] = addresses
    };
    check(
        pool(json!([{"fqdn": "10.0.0.1"}, {"fqdn": "a_b.example."}])),
        &[],
    );
    check(
        pool(
            json!([{}, {"ipAddress": "1.2.3.4", "fqdn": "a"}, {"ipAddress": "x"}, {"fqdn": "a b"}]),
        ),
        &[
            "InvalidPropertyValue backendAddressPools[0].properties.backendAddresses[0]",
            "InvalidPropertyValue backendAddressPools[0].properties.backendAddresses[1]",
            "InvalidPropertyValue backendAddressPools[0].properties.backendAddresses[2].ipAddress",
            "InvalidPropertyValue backendAddressPools[0].properties.backendAddresses[3].fqdn",
        ],
    );
    let setting = |member: &'static str, value: Value| {
        move |b: &mut Value| of(b, "backendHttpSettingsCollection", 0)[member] = value
    };
    for (member, value) in [
        ("requestTimeout", json!(0)),
        ("requestTimeout", json!(86401)),
        ("port", json!(0)),
        ("protocol", json!("Tcp")),
        ("path", json!("/a b")),
        ("hostName", json!("a/b")),
        ("sniName", json!("a b")),
    ] {
        check(
            setting(member, value),
            &[&format!(
                "InvalidPropertyValue backendHttpSettingsCollection[0].properties.{member}"
            )],
        );
    }
    check(
        |b| {
            setting("hostName", json!("a"))(b);
            setting("pickHostNameFromBackendAddress", json!(true))(b);
        },
        &["InvalidPropertyValue backendHttpSettingsCollection[0].properties.hostName"],
    );
    check(
        setting(
            "connectionDraining",
            json!({"enabled": true, "drainTimeoutInSec": 3601}),
        ),
        &[
            "InvalidPropertyValue backendHttpSettingsCollection[0].properties.connectionDraining.drainTimeoutInSec",
        ],
    );
}

#[test]
fn limits_are_those_of_azure() {
    check(
        |b| {
            (0..99).for_each(|n| {
                push(
                    b,
                    "frontendPorts",
                    &format!("more{n}"),
                    json!({"port": 1000 + n}),
                );
            });
        },
        &["LimitExceeded frontendPorts"],
    );
    check(
        |b| {
            (0..4).for_each(|n| {
                push(
                    b,
                    "frontendIPConfigurations",
                    &format!("more{n}"),
                    json!({"privateIPAddress": format!("10.0.0.{}", n + 1)}),
                );
            });
        },
        &["LimitExceeded frontendIPConfigurations"],
    );
    let many: Vec<_> = (0..1201)
        .map(|n| json!({"fqdn": format!("b{n}")}))
        .collect();
    check(
        |b| of(b, "backendAddressPools", 0)["backendAddresses"] = json!(many),
        &["LimitExceeded backendAddressPools[0].properties.backendAddresses"],
    );
}

#[test]
fn features_that_are_not_enforced_are_refused_by_path() {
    let gateway: &[(&str, Value, &str)] = &[
        (
            "webApplicationFirewallConfiguration",
            json!({"enabled": true, "firewallMode": "Detection", "ruleSetType": "OWASP", "ruleSetVersion": "3.0"}),
            "webApplicationFirewallConfiguration.enabled",
        ),
        ("firewallPolicy", json!({"id": "/x"}), "firewallPolicy"),
        ("enableFips", json!(true), "enableFips"),
        (
            "sku",
            json!({"name": "WAF_v2", "tier": "Standard_v2"}),
            "sku.name",
        ),
        (
            "customErrorConfigurations",
            json!([{"statusCode": "HttpStatus403", "customErrorPageUrl": "http://x"}]),
            "customErrorConfigurations",
        ),
    ];
    for (member, value, target) in gateway {
        check(
            |b| b["properties"][*member] = value.clone(),
            &[&format!("FeatureNotSupported {target}")],
        );
    }
    for collection in [
        "authenticationCertificates",
        "backendSettingsCollection",
        "listeners",
        "routingRules",
        "urlPathMaps",
        "advancedRoutingMaps",
        "redirectConfigurations",
        "privateLinkConfigurations",
        "loadDistributionPolicies",
        "entraJWTValidationConfigs",
    ] {
        check(
            |b| b["properties"][collection] = json!([{"name": "x"}]),
            &[&format!("FeatureNotSupported {collection}")],
        );
        check(|b| b["properties"][collection] = json!([]), &[]);
    }
    let children: &[(&str, &str, Value)] = &[
        (
            "backendHttpSettingsCollection",
            "cookieBasedAffinity",
            json!("enabled"),
        ),
        (
            "backendHttpSettingsCollection",
            "dedicatedBackendConnection",
            json!(true),
        ),
        (
            "backendHttpSettingsCollection",
            "validateCertChainAndExpiry",
            json!(false),
        ),
        (
            "backendHttpSettingsCollection",
            "validateSNI",
            json!("false"),
        ),
        ("httpListeners", "firewallPolicy", json!({"id": "/x"})),
        ("requestRoutingRules", "ruleType", json!("PathBasedRouting")),
        (
            "requestRoutingRules",
            "redirectConfiguration",
            json!({"id": "/x"}),
        ),
        (
            "sslCertificates",
            "keyVaultSecretId",
            json!("https://vault"),
        ),
    ];
    for (collection, member, value) in children {
        check(
            |b| of(b, collection, 0)[*member] = value.clone(),
            &[&format!(
                "FeatureNotSupported {collection}[0].properties.{member}"
            )],
        );
    }
}

#[test]
fn hostile_shapes_are_refused_without_harm() {
    let deep = (0..100).fold(json!({}), |inner, _| json!({"properties": inner}));
    assert!(parse(&deep).is_err());
    let wide: serde_json::Map<_, _> = (0..100_000)
        .map(|n| (format!("member{n}"), json!(n)))
        .collect();
    assert_eq!(parse(&wide.into()).unwrap_err().details().len(), 100);
    for odd in [
        json!(null),
        json!(1),
        json!("x"),
        json!([[]]),
        json!({"properties": []}),
        json!({"properties": {"httpListeners": [null, 1, [], {}]}}),
    ] {
        assert!(parse(&odd).is_err(), "{odd}");
    }
}
