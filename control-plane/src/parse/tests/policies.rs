//! Client auth policies: what they may say, what is refused and where, what is shown, what workers get.

use model::{ResourceName, SslProfile};
use prost::Message;
use proto::config::v1::{
    ClientAuthMode, ClientAuthPolicy, GatewaySnapshot, IdentityField, IdentityHeaders, MatchKind,
    RefusalForm, RevocationMethod, RevocationScope, SignatureAlgorithm,
};
use serde_json::{Value, json};

use super::fixture::{ID, PKI, b64, document, id, lower, parse, parse_with, to};
use crate::extension::{Extensions, Policies};
use crate::parse::{Parsed, PolicyContext, Violations, client_auth_policy, warnings};
use crate::render;

const NEWEST: &str = "2026-11-01";

fn profile() -> ResourceName {
    ResourceName::parse("mtls").unwrap()
}

/// Parses a policy of the typical document's profile.
fn policy_of(gateway: &Value, properties: &Value) -> Result<Value, Violations> {
    client_auth_policy(
        &PolicyContext {
            gateway: &id(),
            profile: &profile(),
            document: gateway,
            policies: Extensions::default().policies(),
        },
        &json!({ "properties": properties }),
    )
}

fn policy(properties: &Value) -> Result<Value, Violations> {
    policy_of(&parse(&document()).unwrap().document, properties)
}

/// The typical document with a policy.
fn gateway_with(body: &Value, policy: Value) -> Result<Parsed, Violations> {
    let extensions = Extensions::default().with_policy(&profile(), policy);
    parse_with(extensions.policies(), NEWEST, None, body)
}

/// What workers get for the typical document with this policy.
fn lowered(properties: &Value) -> ClientAuthPolicy {
    let parsed = gateway_with(&document(), policy(properties).unwrap()).unwrap();
    snapshot(&parsed).client_auth_policies.remove(0)
}

fn snapshot(parsed: &Parsed) -> GatewaySnapshot {
    GatewaySnapshot::decode(lower(parsed).snapshot.as_slice()).unwrap()
}

#[track_caller]
fn check(properties: &Value, expected: &[&str]) {
    let violations = policy(properties).err();
    let found: Vec<_> = violations
        .iter()
        .flat_map(Violations::iter)
        .map(|one| {
            format!(
                "{} {}",
                one.code,
                one.target.trim_start_matches("properties.")
            )
        })
        .collect();
    assert_eq!(found, expected, "{violations:#?}");
}

fn rules(list: &str, all_of: &Value) -> Value {
    json!({"identityRules": {list: [{"name": "rule", "allOf": all_of}]}})
}

#[track_caller]
fn check_matcher(matcher: &Value, expected: &[&str]) {
    check(&rules("allow", &json!([matcher])), expected);
}

/// Everything that a policy can say, in other words than the default.
fn everything() -> Value {
    json!({
        "mode": "reportonly", "RefusalForm": "HTTPSTATUS", "allowPartialChains": "true",
        "maxIntermediateCertificates": "2",
        "keyStrength": {"minimumRsaKeySize": 3072, "minimumEcKeySize": 384,
            "signatureAlgorithms": ["ecdsasha384", "RsaPssSha512"]},
        "identityRules": {
            "deny": [{"name": "lost", "allOf": [{"field": "serial", "value": "0a:1b"}]}],
            "allow": [
                {"name": "spiffe", "allOf": [{"field": "SanUri", "match": "Prefix", "value": "spiffe://prod/"}]},
                {"name": "ops", "allOf": [
                    {"field": "SubjectAttribute", "attribute": "ou", "value": "Ops", "ignoreCase": true},
                    {"field": "SanDns", "match": "Regex", "value": "[a-z]+\\.ops\\.example"}]},
                {"name": "net", "allOf": [{"field": "SanIp", "match": "Prefix", "value": "10.0.0.0/8"}]},
            ],
        },
        "revocation": {
            "default": {"method": "OcspThenCrl", "scope": "Chain", "onFailure": "Allow", "gracePeriodSeconds": 3600,
                "responderUrl": "http://ocsp.example:8080/x", "nonce": true, "fetchCrls": true},
            "trustedClientCertificates": [{"name": "CLIENTS", "method": "Crl"}],
        },
        "sessionResumption": {"enabled": false, "lifetimeSeconds": 60},
        "sendCaNames": false,
        "identityHeaders": {"clientCert": true, "xfcc": "True"},
    })
}

#[test]
fn everything_reaches_the_workers() {
    let lowered = lowered(&everything());
    assert_eq!(lowered.mode(), ClientAuthMode::ReportOnly);
    assert_eq!(lowered.refusal_form(), RefusalForm::HttpStatus);
    assert!(lowered.verify_issuer && lowered.partial_chains && lowered.omit_ca_names);
    assert_eq!(lowered.max_intermediates, 2);
    let strength = lowered.key_strength.as_ref().unwrap();
    assert_eq!((strength.min_rsa_bits, strength.min_ec_bits), (3072, 384));
    let algorithms: Vec<_> = strength.signature_algorithms().collect();
    assert_eq!(
        algorithms,
        [
            SignatureAlgorithm::RsaPssSha512,
            SignatureAlgorithm::EcdsaSha384
        ]
    );
    let rules = lowered.identity_rules.as_ref().unwrap();
    let lost = &rules.deny[0].all_of[0];
    assert_eq!(
        (lost.field(), lost.kind(), lost.value.as_str()),
        (IdentityField::Serial, MatchKind::Exact, "0A1B")
    );
    let names: Vec<_> = rules.allow.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["spiffe", "ops", "net"]);
    let unit = &rules.allow[1].all_of[0];
    assert_eq!(
        (unit.field(), unit.attribute_oid.as_str(), unit.ignore_case),
        (IdentityField::SubjectAttribute, "2.5.4.11", true)
    );
    assert_eq!(rules.allow[1].all_of[1].kind(), MatchKind::Regex);
    assert_eq!(rules.allow[2].all_of[0].value, "10.0.0.0/8");
    assert_eq!(lowered.session_resumption, None);
    assert_eq!(
        lowered.identity_headers,
        Some(IdentityHeaders {
            client_cert: true,
            client_cert_chain: false,
            xfcc: true
        })
    );
}

#[test]
fn a_rule_of_an_upload_takes_the_place_of_the_default_as_a_whole() {
    let of_upload = lowered(&everything())
        .client_cas
        .remove(0)
        .revocation
        .unwrap();
    assert_eq!(of_upload.method(), RevocationMethod::Crl);
    assert_eq!(of_upload.scope(), RevocationScope::Leaf);
    assert_eq!(
        (of_upload.soft_fail_grace_seconds, of_upload.fetch_crls),
        (0, false)
    );
    let mut properties = everything();
    properties["revocation"]
        .as_object_mut()
        .unwrap()
        .remove("trustedClientCertificates");
    let default = lowered(&properties)
        .client_cas
        .remove(0)
        .revocation
        .unwrap();
    assert_eq!(default.method(), RevocationMethod::OcspThenCrl);
    assert_eq!(default.scope(), RevocationScope::Chain);
    assert_eq!(
        (
            default.soft_fail_grace_seconds,
            default.fetch_crls,
            default.nonce
        ),
        (3600, true, true)
    );
    assert_eq!(default.responder_url, "http://ocsp.example:8080/x");
}

#[test]
fn saying_nothing_is_the_default_and_the_same_as_no_policy() {
    let without = snapshot(&parse(&document()).unwrap())
        .client_auth_policies
        .remove(0);
    assert_eq!(lowered(&json!({})), without);
    assert_eq!(without.session_resumption.unwrap().lifetime_seconds, 300);
    let shown = shown(&policy(&json!({})).unwrap());
    let mut said = shown["properties"].clone();
    said["keyStrength"]
        .as_object_mut()
        .unwrap()
        .remove("signatureAlgorithms");
    said["revocation"]["default"]
        .as_object_mut()
        .unwrap()
        .remove("method");
    assert_eq!(policy(&said).unwrap(), policy(&json!({})).unwrap());
}

/// The answer to a GET.
fn shown(policy: &Value) -> Value {
    let gateway = parse(&document()).unwrap().document;
    let id = id();
    let facts = render::GatewayFacts {
        id: &id,
        document: &gateway,
        etag: "W/\"00000000-0000-0000-0000-000000000001\"",
        resource_guid: "00000000-0000-0000-0000-000000000002",
        provisioning_state: model::ProvisioningState::Succeeded,
        operational_state: model::OperationalState::Running,
    };
    render::client_auth_policy(&facts, &profile(), policy)
}

#[test]
fn every_default_is_shown() {
    insta::assert_json_snapshot!(shown(&policy(&json!({})).unwrap()));
}

#[test]
fn what_is_shown_can_be_put_back() {
    for properties in [json!({}), everything()] {
        let stored = policy(&properties).unwrap();
        let shown = shown(&stored);
        let again = policy(&shown["properties"]).unwrap();
        assert_eq!(self::shown(&again), shown);
        let lower = |policy| lower(&gateway_with(&document(), policy).unwrap());
        assert_eq!(lower(again), lower(stored));
    }
}

#[test]
fn unknown_members_and_words_are_refused_by_path() {
    check(&json!({"colour": 1}), &["InvalidJson colour"]);
    check(&json!({"mode": "Strict"}), &["InvalidJson mode"]);
    check(
        &json!({"revocation": {"default": {"methods": "Ocsp"}}}),
        &["InvalidJson revocation.default.methods"],
    );
    check(
        &json!({"identityHeaders": {"clientCert": 1}}),
        &["InvalidJson identityHeaders.clientCert"],
    );
    check(
        &json!({"keyStrength": {"signatureAlgorithms": ["RsaPkcs1Sha1"]}}),
        &["InvalidJson keyStrength.signatureAlgorithms[0]"],
    );
    check(
        &rules("deny", &json!([{"field": "CommonName", "value": "x"}])),
        &["InvalidJson identityRules.deny[0].allOf[0].field"],
    );
}

#[test]
fn numbers_have_bounds() {
    check(
        &json!({"maxIntermediateCertificates": 7, "keyStrength": {"minimumRsaKeySize": 1024, "minimumEcKeySize": 255},
        "sessionResumption": {"lifetimeSeconds": 301}}),
        &[
            "InvalidPropertyValue maxIntermediateCertificates",
            "InvalidPropertyValue keyStrength.minimumRsaKeySize",
            "InvalidPropertyValue keyStrength.minimumEcKeySize",
            "InvalidPropertyValue sessionResumption.lifetimeSeconds",
        ],
    );
    check(
        &json!({"maxIntermediateCertificates": 0, "keyStrength": {"minimumRsaKeySize": 8192, "minimumEcKeySize": 521}}),
        &[],
    );
    check(
        &json!({"sessionResumption": {"enabled": false, "lifetimeSeconds": 0}}),
        &["InvalidPropertyValue sessionResumption.lifetimeSeconds"],
    );
    check(
        &json!({"keyStrength": {"signatureAlgorithms": []}}),
        &["InvalidPropertyValue keyStrength.signatureAlgorithms"],
    );
}

#[test]
fn a_soft_failure_says_how_long_it_may_last() {
    let rule = |rule: Value| json!({"revocation": {"default": rule}});
    let at = "revocation.default.gracePeriodSeconds";
    check(
        &rule(json!({"onFailure": "Allow"})),
        &[&format!("MissingRequiredProperty {at}")],
    );
    check(
        &rule(json!({"onFailure": "Refuse", "gracePeriodSeconds": 5})),
        &[&format!("InvalidPropertyValue {at}")],
    );
    check(
        &rule(json!({"gracePeriodSeconds": 5})),
        &[&format!("InvalidPropertyValue {at}")],
    );
    for (seconds, expected) in [(0, 1), (1, 0), (604_800, 0), (604_801, 1)] {
        let refused = format!("InvalidPropertyValue {at}");
        let refused = [refused.as_str()];
        check(
            &rule(json!({"onFailure": "Allow", "gracePeriodSeconds": seconds})),
            &refused[..expected],
        );
    }
}

#[test]
fn a_responder_is_an_http_url_without_user() {
    for (url, good) in [
        ("http://ocsp.example", true),
        ("https://ocsp.example:8443/a?b=c", true),
        ("http://10.0.0.1/", true),
        ("http://[::1]:80/", true),
        ("ocsp.example", false),
        ("/ocsp", false),
        ("file:///etc/passwd", false),
        ("ldap://ocsp.example", false),
        ("http://user@ocsp.example/", false),
        ("http://user:secret@ocsp.example/", false),
        ("http://ocsp.example:0/", false),
        ("http://ocsp.example:x/", false),
        ("http://", false),
        ("http://ocsp.example/ a", false),
        (&format!("http://ocsp.example/{}", "a".repeat(4096)), false),
    ] {
        let expected = ["InvalidPropertyValue revocation.default.responderUrl"];
        check(
            &json!({"revocation": {"default": {"responderUrl": url}}}),
            if good { &[] } else { &expected },
        );
    }
}

#[test]
fn a_rule_is_for_an_upload_that_the_profile_refers_to() {
    let uploads = |names: &[&str]| {
        let rules: Vec<_> = names
            .iter()
            .map(|name| json!({"name": name, "method": "Ocsp"}))
            .collect();
        json!({"revocation": {"trustedClientCertificates": rules}})
    };
    let at = |index| format!("revocation.trustedClientCertificates[{index}].name");
    check(&uploads(&["Clients"]), &[]);
    check(
        &uploads(&["clients", "others"]),
        &[&format!("InvalidResourceReference {}", at(1))],
    );
    check(
        &uploads(&["clients", "CLIENTS"]),
        &[&format!("DuplicateResourceName {}", at(1))],
    );
    check(
        &uploads(&[""]),
        &[&format!("MissingRequiredProperty {}", at(0))],
    );
    check(
        &uploads(&["a/b"]),
        &[&format!("InvalidPropertyValue {}", at(0))],
    );
    let violations = policy(&uploads(&["others"])).unwrap_err();
    let wanted = format!(
        "Resource {ID}/trustedClientCertificates/others referenced by resource {ID}/sslProfiles/mtls/providers/Portcullis.Security/clientAuthPolicies/default was not found."
    );
    assert!(
        violations.message().starts_with(&wanted),
        "{}",
        violations.message()
    );
}

#[test]
fn matchers_are_checked() {
    let at = "identityRules.allow[0].allOf[0]";
    let invalid = |member: &str| format!("InvalidPropertyValue {at}.{member}");
    let missing = |member: &str| format!("MissingRequiredProperty {at}.{member}");
    check_matcher(&json!({"field": "SanDns", "value": "a.example"}), &[]);
    check_matcher(&json!({"value": "a.example"}), &[&missing("field")]);
    check_matcher(&json!({"field": "SanDns"}), &[&missing("value")]);
    check_matcher(
        &json!({"field": "SanDns", "value": ""}),
        &[&missing("value")],
    );
    check_matcher(
        &json!({"field": "SanIp", "value": "10.0.0.300"}),
        &[&invalid("value")],
    );
    check_matcher(
        &json!({"field": "SanIp", "match": "Suffix", "value": "10.0.0.1"}),
        &[&invalid("value")],
    );
    check_matcher(
        &json!({"field": "Fingerprint", "value": "00ff"}),
        &[&invalid("value")],
    );
    check_matcher(
        &json!({"field": "Subject", "match": "Regex", "value": "CN=("}),
        &[&invalid("value")],
    );
    check_matcher(
        &json!({"field": "SubjectAttribute", "value": "x"}),
        &[&missing("attribute")],
    );
    check_matcher(
        &json!({"field": "SubjectAttribute", "attribute": "Nonsense", "value": "x"}),
        &[&invalid("attribute")],
    );
    check_matcher(
        &json!({"field": "SubjectAttribute", "attribute": "2.5.4.3", "value": "x"}),
        &[],
    );
    check_matcher(
        &json!({"field": "SanDns", "attribute": "CN", "value": "x"}),
        &[&invalid("attribute")],
    );
}

#[test]
fn rules_have_names_matchers_and_limits() {
    let dns = json!([{"field": "SanDns", "value": "a.example"}]);
    check(
        &json!({"identityRules": {"deny": [{}]}}),
        &[
            "MissingRequiredProperty identityRules.deny[0].name",
            "MissingRequiredProperty identityRules.deny[0].allOf",
        ],
    );
    check(
        &json!({"identityRules": {"deny": [{"name": "a\nb", "allOf": dns}, {"name": "x".repeat(81), "allOf": dns}]}}),
        &[
            "InvalidPropertyValue identityRules.deny[0].name",
            "InvalidPropertyValue identityRules.deny[1].name",
        ],
    );
    let other = json!([{"field": "SanDns", "value": "b.example"}]);
    check(
        &json!({"identityRules": {"allow": [{"name": "a", "allOf": dns}, {"name": "a", "allOf": other}]}}),
        &["DuplicateResourceName identityRules.allow[1].name"],
    );
    let many = |count: usize| -> Vec<_> {
        (0..count).map(|n| json!({"name": format!("r{n}"), "allOf": [{"field": "SanDns", "value": format!("h{n}.example")}]})).collect()
    };
    check(
        &json!({"identityRules": {"allow": many(100), "deny": many(101)}}),
        &["LimitExceeded identityRules.deny"],
    );
    let nine = vec![json!({"field": "SanDns", "value": "a.example"}); 9];
    check(
        &rules("deny", &json!(nine)),
        &["LimitExceeded identityRules.deny[0].allOf"],
    );
}

#[test]
fn a_rule_that_can_have_no_effect_is_refused_by_name() {
    let body = json!({"identityRules": {
        "deny": [{"name": "all-of-example", "allOf": [{"field": "SanDns", "match": "Suffix", "value": ".example"}]}],
        "allow": [{"name": "host", "allOf": [{"field": "SanDns", "value": "a.example"}]}],
    }});
    let violations = policy(&body).unwrap_err();
    let only = violations.iter().next().unwrap();
    assert_eq!(only.target, "properties.identityRules.allow[0]");
    for name in ["\"host\"", "\"all-of-example\""] {
        assert!(only.message.contains(name), "{}", only.message);
    }
}

#[test]
fn suspicious_rules_are_warned_of_by_name() {
    let body = json!({"identityRules": {"allow": [
        {"name": "open", "allOf": [{"field": "SanDns", "match": "Regex", "value": ".*\\.example"}]},
        {"name": "any", "allOf": [{"field": "SanUri", "match": "Regex", "value": ".*"}]},
        {"name": "host", "allOf": [{"field": "SanEmail", "value": "a@example"}]},
        {"name": "again", "allOf": [{"field": "SanEmail", "value": "a@example"}]},
    ]}});
    let document = parse(&document()).unwrap().document;
    let found = warnings(&id(), &profile(), &document, &policy(&body).unwrap());
    let told: Vec<_> = found
        .iter()
        .map(|warning| (warning.code, warning.target.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "SuspiciousIdentityRule",
                "properties.identityRules.allow[0].allOf[0]"
            ),
            (
                "SuspiciousIdentityRule",
                "properties.identityRules.allow[1].allOf[0]"
            ),
            (
                "SuspiciousIdentityRule",
                "properties.identityRules.allow[3]"
            ),
        ]
    );
    for (warning, name) in found.iter().zip(["open", "any", "again"]) {
        assert!(
            warning.message.contains(&format!("allow rule \"{name}\"")),
            "{}",
            warning.message
        );
    }
}

#[test]
fn what_has_no_effect_is_told() {
    let told = |profile_properties: Value, policy: &Value| -> Vec<_> {
        let mut body = document();
        body["properties"]["sslProfiles"][0]["properties"] = profile_properties;
        let document = parse(&body).unwrap().document;
        let found = warnings(&id(), &profile(), &document, policy);
        found
            .into_iter()
            .map(|warning| format!("{} {}", warning.code, warning.target))
            .collect()
    };
    let clients = json!([to("trustedClientCertificates", "clients")]);
    let tls = json!({"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101"});
    let off = policy(&json!({"revocation": {"default": {"method": "None"},
        "trustedClientCertificates": [{"name": "clients", "method": "None"}]}}))
    .unwrap();
    assert_eq!(
        told(json!({"trustedClientCertificates": clients}), &off),
        [""; 0]
    );
    let ocsp = json!({"trustedClientCertificates": clients, "clientAuthConfiguration": {"verifyClientRevocation": "OCSP"}});
    assert_eq!(told(ocsp, &off), [""; 0]);
    assert_eq!(
        told(json!({"sslPolicy": tls}), &off),
        [
            "ClientCertificateNotRequested properties.mode",
            "TrustedClientCertificateNotInSslProfile properties.revocation.trustedClientCertificates[0].name",
        ]
    );
    let passthrough = json!({"trustedClientCertificates": clients, "clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}});
    assert_eq!(
        told(passthrough.clone(), &off),
        ["NothingVerifiedInPassthrough properties.mode"]
    );
    let reporting = policy(&json!({"mode": "ReportOnly"})).unwrap();
    assert_eq!(told(passthrough, &reporting), [""; 0]);
    let mut without = document();
    for collection in ["sslProfiles", "httpListeners", "requestRoutingRules"] {
        without["properties"]
            .as_object_mut()
            .unwrap()
            .remove(collection);
    }
    let document = parse(&without).unwrap().document;
    assert_eq!(
        warnings(&id(), &profile(), &document, &off)[0].code,
        "SslProfileNotFound"
    );
}

// T-48
#[test]
fn ocsp_of_the_profile_is_a_floor_for_the_policy() {
    let mut body = document();
    body["properties"]["sslProfiles"][0]["properties"]["clientAuthConfiguration"] =
        json!({"verifyClientRevocation": "OCSP"});
    let demanding = parse(&body).unwrap().document;
    for (rule, expected) in [
        (json!({}), RevocationMethod::Ocsp),
        (json!({"method": "None"}), RevocationMethod::Ocsp),
        (json!({"method": "Crl"}), RevocationMethod::Crl),
    ] {
        let mut named = rule.clone();
        named["name"] = json!("clients");
        for (revocation, path) in [
            (json!({"default": rule}), "default"),
            (
                json!({"trustedClientCertificates": [named]}),
                "trustedClientCertificates[0]",
            ),
        ] {
            // The policy was put before the profile demanded OCSP.
            let properties = json!({"revocation": revocation});
            let parsed = gateway_with(&body, policy(&properties).unwrap()).unwrap();
            let lowered = snapshot(&parsed).client_auth_policies.remove(0);
            let method = lowered.client_cas[0].revocation.as_ref().unwrap().method();
            assert_eq!(method, expected, "{revocation}");
            // It cannot be lowered afterwards.
            let refused = policy_of(&demanding, &properties).err();
            let target = refused.as_ref().and_then(Violations::target);
            let expected = format!("properties.revocation.{path}.method");
            let lowers = rule["method"] == "None";
            assert_eq!(target, lowers.then_some(expected.as_str()), "{revocation}");
        }
    }
}

#[test]
fn report_only_verifies_what_passthrough_would_not() {
    let mut body = document();
    body["properties"]["sslProfiles"][0]["properties"]["clientAuthConfiguration"] =
        json!({"verifyClientAuthMode": "Passthrough"});
    let mode =
        |policy| snapshot(&gateway_with(&body, policy).unwrap()).client_auth_policies[0].mode();
    assert_eq!(
        mode(policy(&json!({"mode": "ReportOnly"})).unwrap()),
        ClientAuthMode::ReportOnly
    );
    assert_eq!(
        mode(policy(&json!({})).unwrap()),
        ClientAuthMode::Passthrough
    );
}

#[test]
fn identity_headers_cannot_be_sent_by_clients_to_any_listener() {
    let reserved =
        |policy| snapshot(&gateway_with(&document(), policy).unwrap()).reserved_request_headers;
    assert_eq!(reserved(policy(&json!({})).unwrap()), [""; 0]);
    let all = policy(
        &json!({"identityHeaders": {"clientCert": true, "clientCertChain": true, "xfcc": true}}),
    )
    .unwrap();
    assert_eq!(
        reserved(all.clone()),
        [
            "client-cert",
            "client-cert-chain",
            "x-forwarded-client-cert"
        ]
    );
    // Also when no listener uses the profile.
    let mut unused = document();
    unused["properties"]["httpListeners"][0]["properties"]
        .as_object_mut()
        .unwrap()
        .remove("sslProfile");
    let reserved = snapshot(&gateway_with(&unused, all).unwrap()).reserved_request_headers;
    assert_eq!(reserved.len(), 3);
}

/// Codes and targets of a gateway whose upload of client CAs has no root.
fn rootless(policies: &Extensions, edit: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut body = document();
    body["properties"]["trustedClientCertificates"][0]["properties"]["data"] =
        json!(b64(&PKI.intermediate_pem));
    edit(&mut body);
    let violations = parse_with(policies.policies(), NEWEST, None, &body).err();
    let told = |one: &model::Violation| format!("{} {}", one.code, one.target);
    violations
        .iter()
        .flat_map(Violations::iter)
        .map(told)
        .collect()
}

#[test]
fn an_upload_without_root_is_for_profiles_with_partial_chains() {
    let refused = [
        "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate properties.trustedClientCertificates[0].properties.data",
    ];
    let none = Extensions::default();
    let partial = policy(&json!({"allowPartialChains": true})).unwrap();
    let this = Extensions::default().with_policy(&profile(), partial.clone());
    let other = Extensions::default().with_policy(&ResourceName::parse("other").unwrap(), partial);
    assert_eq!(rootless(&none, |_| {}), refused);
    assert_eq!(rootless(&this, |_| {}), [""; 0]);
    assert_eq!(rootless(&other, |_| {}), refused);
    // Before a profile refers to it.
    let detach = |body: &mut Value| {
        body["properties"]["sslProfiles"][0]["properties"]
            .as_object_mut()
            .unwrap()
            .remove("trustedClientCertificates");
    };
    assert_eq!(rootless(&none, detach), refused);
    assert_eq!(rootless(&other, detach), [""; 0]);
    // A second profile, which has no such policy.
    let share = |body: &mut Value| {
        let mut second = body["properties"]["sslProfiles"][0].clone();
        second["name"] = json!("second");
        body["properties"]["sslProfiles"]
            .as_array_mut()
            .unwrap()
            .push(second);
    };
    assert_eq!(rootless(&this, share), refused);
    let two_roots = |body: &mut Value| {
        let root = super::fixture::ca("Second")
            .self_signed(&rcgen::KeyPair::generate().unwrap())
            .unwrap();
        body["properties"]["trustedClientCertificates"][0]["properties"]["data"] =
            json!(b64(format!("{}{}", PKI.root_pem, root.pem())));
    };
    assert_eq!(rootless(&this, two_roots), refused);
}

#[test]
fn a_stored_policy_that_is_no_longer_accepted_stands_in_the_way() {
    let mut stored = policy(&json!({})).unwrap();
    stored["properties"]["maxIntermediateCertificates"] = json!(99);
    let violations = gateway_with(&document(), stored.clone()).unwrap_err();
    assert_eq!(
        violations.target(),
        Some("properties.sslProfiles[0].properties")
    );
    assert!(
        violations
            .message()
            .contains("put another one, or delete it"),
        "{}",
        violations.message()
    );
    let gateway = parse(&document()).unwrap().document;
    assert_eq!(
        warnings(&id(), &profile(), &gateway, &stored)[0].code,
        "UnusableClientAuthPolicy"
    );
}

#[test]
fn a_policy_can_be_named_default_only() {
    let gateway = parse(&document()).unwrap().document;
    let put = |name: Value| {
        let context = PolicyContext {
            gateway: &id(),
            profile: &profile(),
            document: &gateway,
            policies: &Policies::default(),
        };
        client_auth_policy(&context, &json!({"name": name})).map_err(|violations| violations.code())
    };
    assert_eq!(put(json!(null)), put(json!("Default")));
    assert_eq!(put(json!("other")).unwrap_err(), "InvalidResourceName");
}

#[test]
fn profiles_are_kept_whether_listeners_use_them_or_not() {
    let parsed = parse(&document()).unwrap();
    let names: Vec<_> = parsed
        .gateway
        .ssl_profiles()
        .iter()
        .map(SslProfile::name)
        .collect();
    assert_eq!(names, [&profile()]);
}
