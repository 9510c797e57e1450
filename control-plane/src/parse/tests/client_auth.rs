//! `clientAuthConfiguration`: what it may say, what it is lowered to, and what requests can do to what is stored.

use prost::Message;
use proto::config::v1::{
    ClientAuthMode, ClientAuthPolicy, GatewaySnapshot, RevocationMethod, RevocationPolicy,
    RevocationScope,
};
use serde_json::{Value, json};

use super::fixture::{PKI, b64, document, id, lower, parse_by, to};
use crate::parse::{Parsed, Violations, with_child};

const NEWEST: &str = "2026-03-01";
/// The version of today's Terraform provider: it has `verifyClientRevocation` and no `verifyClientAuthMode`.
const TERRAFORM: &str = "2025-01-01";
/// The version of AGIC: it has neither.
const AGIC: &str = "2021-03-01";

fn with_profile(profile: &Value) -> Value {
    let mut body = document();
    body["properties"]["sslProfiles"][0]["properties"] = profile.clone();
    body
}

/// Puts a whole gateway with this profile over what is stored.
fn put(version: &str, stored: Option<&Parsed>, profile: &Value) -> Result<Parsed, Violations> {
    parse_by(
        version,
        stored.map(|stored| &stored.document),
        &with_profile(profile),
    )
}

/// Puts the profile alone.
fn put_child(version: &str, stored: &Parsed, profile: &Value) -> Result<Parsed, Violations> {
    let collection = model::Collection::SSL_PROFILES;
    let name = model::ResourceName::parse("MTLS").unwrap();
    let body = json!({"properties": profile});
    let body = with_child(&stored.document, collection, &name, &body)?;
    parse_by(version, Some(&stored.document), &body)
}

fn stored(profile: &Value) -> Parsed {
    put(NEWEST, None, profile).unwrap()
}

/// What the workers get for the profile.
fn lowered(parsed: &Parsed) -> Option<ClientAuthPolicy> {
    let compiled = lower(parsed);
    let snapshot = GatewaySnapshot::decode(compiled.snapshot.as_slice()).unwrap();
    snapshot.client_auth_policies.into_iter().next()
}

fn mode(parsed: &Parsed) -> Option<ClientAuthMode> {
    lowered(parsed).map(|policy| policy.mode())
}

fn method(parsed: &Parsed) -> Option<RevocationMethod> {
    let ca = lowered(parsed)?.client_cas.into_iter().next()?;
    ca.revocation.map(|revocation| revocation.method())
}

fn policy() -> Value {
    json!({"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101"})
}

fn clients() -> Value {
    json!([to("trustedClientCertificates", "clients")])
}

#[track_caller]
fn check_refused(result: Result<Parsed, Violations>, targets: &[&str]) {
    let violations = result.unwrap_err();
    let found: Vec<_> = violations
        .iter()
        .map(|one| {
            one.target
                .trim_start_matches("properties.sslProfiles[0].properties.clientAuthConfiguration.")
        })
        .collect();
    assert_eq!(found, targets, "{violations:?}");
}

#[test]
fn ocsp_asks_about_every_certificate_below_every_ca_and_fails_hard() {
    let mut body = with_profile(&json!({
        "trustedClientCertificates": [to("trustedClientCertificates", "clients"), to("trustedClientCertificates", "more")],
        "clientAuthConfiguration": {"VerifyClientRevocation": "ocsp"},
    }));
    let more = json!({"name": "more", "properties": {"data": b64(&PKI.root_pem)}});
    body["properties"]["trustedClientCertificates"]
        .as_array_mut()
        .unwrap()
        .push(more);
    let parsed = parse_by("2022-05-01", None, &body).unwrap();
    let configuration =
        &parsed.document["properties"]["sslProfiles"][0]["properties"]["clientAuthConfiguration"];
    assert_eq!(configuration["verifyClientRevocation"], "OCSP");
    let expected = RevocationPolicy {
        method: RevocationMethod::Ocsp.into(),
        scope: RevocationScope::Leaf.into(),
        soft_fail_grace_seconds: 0,
        responder_url: String::new(),
        nonce: false,
        fetch_crls: false,
    };
    let cas = lowered(&parsed).unwrap().client_cas;
    assert_eq!(cas.len(), 2);
    assert!(
        cas.iter()
            .all(|ca| ca.revocation.as_ref() == Some(&expected))
    );
}

#[test]
fn without_ocsp_nobody_is_asked() {
    for option in [json!(null), json!("none")] {
        let profile = json!({"trustedClientCertificates": clients(), "clientAuthConfiguration": {"verifyClientRevocation": option}});
        assert_eq!(method(&stored(&profile)), None);
    }
}

#[test]
fn ocsp_alone_demands_a_certificate() {
    let profile = json!({"sslPolicy": policy(), "clientAuthConfiguration": {"verifyClientRevocation": "OCSP"}});
    assert_eq!(mode(&stored(&profile)), Some(ClientAuthMode::Strict));
}

#[test]
fn passthrough_needs_no_ca_and_no_policy() {
    for profile in [
        json!({"clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}}),
        // As the template of Azure's documentation writes it.
        json!({"clientAuthConfiguration": {
            "VerifyClientCertIssuerDN": false, "VerifyClientRevocation": "None", "VerifyClientAuthMode": "passthrough"}}),
        json!({"sslPolicy": policy(), "clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}}),
        json!({"trustedClientCertificates": clients(), "clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}}),
    ] {
        let parsed = put("2025-03-01", None, &profile).unwrap();
        assert_eq!(
            mode(&parsed),
            Some(ClientAuthMode::Passthrough),
            "{profile}"
        );
    }
}

#[test]
fn passthrough_with_a_verification_is_a_contradiction() {
    let profile = json!({"trustedClientCertificates": clients(), "clientAuthConfiguration": {
        "verifyClientAuthMode": "Passthrough", "verifyClientCertIssuerDN": true, "verifyClientRevocation": "OCSP"}});
    let both = ["verifyClientCertIssuerDN", "verifyClientRevocation"];
    check_refused(put(NEWEST, None, &profile), &both);
    for member in both {
        let mut profile = profile.clone();
        profile["clientAuthConfiguration"]
            .as_object_mut()
            .unwrap()
            .remove(member);
        let left = both.into_iter().find(|other| *other != member).unwrap();
        check_refused(put(NEWEST, None, &profile), &[left]);
    }
}

// T-48
#[test]
fn every_security_setting_survives_a_put_by_an_api_version_without_it() {
    let strict = stored(
        &json!({"sslPolicy": policy(), "trustedClientCertificates": clients(), "clientAuthConfiguration": {
        "verifyClientAuthMode": "Strict", "verifyClientCertIssuerDN": true, "verifyClientRevocation": "OCSP"}}),
    );
    let passthrough =
        stored(&json!({"clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}}));
    let without = |parsed: &Parsed, members: &[&str]| {
        let mut profile = parsed.document["properties"]["sslProfiles"][0]["properties"].clone();
        for member in members {
            profile["clientAuthConfiguration"]
                .as_object_mut()
                .unwrap()
                .remove(*member);
        }
        profile
    };
    for (version, lacks) in [
        (
            "2020-06-01",
            &["verifyClientRevocation", "verifyClientAuthMode"][..],
        ),
        (AGIC, &["verifyClientRevocation", "verifyClientAuthMode"]),
        ("2022-05-01", &["verifyClientAuthMode"]),
        (TERRAFORM, &["verifyClientAuthMode"]),
        ("2025-03-01", &[]),
        (NEWEST, &[]),
    ] {
        for before in [&strict, &passthrough] {
            let profile = without(before, lacks);
            for after in [
                put(version, Some(before), &profile),
                put_child(version, before, &profile),
            ] {
                assert_eq!(
                    after.unwrap().document["properties"]["sslProfiles"],
                    before.document["properties"]["sslProfiles"],
                    "{version}"
                );
            }
        }
    }
}

// T-48
#[test]
fn a_profile_whose_configuration_an_older_client_leaves_out_keeps_it() {
    let profile = json!({"sslPolicy": policy(), "clientAuthConfiguration": {"verifyClientRevocation": "OCSP"}, "trustedClientCertificates": clients()});
    let before = stored(&profile);
    let by_agic = put(
        AGIC,
        Some(&before),
        &json!({"sslPolicy": policy(), "trustedClientCertificates": clients()}),
    )
    .unwrap();
    assert_eq!(
        (mode(&by_agic), method(&by_agic)),
        (Some(ClientAuthMode::Strict), Some(RevocationMethod::Ocsp))
    );
    let emptied = put(AGIC, Some(&before), &json!({"sslPolicy": policy()})).unwrap();
    assert_eq!(mode(&emptied), Some(ClientAuthMode::Strict));
}

// T-48
#[test]
fn strict_becomes_passthrough_only_in_so_many_words_of_a_version_that_has_them() {
    let before = stored(&json!({"trustedClientCertificates": clients()}));
    let passthrough = json!({"trustedClientCertificates": clients(), "clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}});
    for version in ["2020-06-01", TERRAFORM, "2025-02-28"] {
        check_refused(
            put(version, Some(&before), &passthrough),
            &["verifyClientAuthMode"],
        );
        check_refused(
            put_child(version, &before, &passthrough),
            &["verifyClientAuthMode"],
        );
        check_refused(put(version, None, &passthrough), &["verifyClientAuthMode"]);
    }
    for version in ["2025-03-01", NEWEST] {
        for after in [
            put(version, Some(&before), &passthrough),
            put_child(version, &before, &passthrough),
        ] {
            assert_eq!(mode(&after.unwrap()), Some(ClientAuthMode::Passthrough));
        }
    }
    // What it was made is echoed by a client whose version lacks the word.
    let after = put(NEWEST, Some(&before), &passthrough).unwrap();
    assert_eq!(
        mode(&put(TERRAFORM, Some(&after), &passthrough).unwrap()),
        Some(ClientAuthMode::Passthrough)
    );
}

#[test]
fn a_stored_passthrough_becomes_strict_when_a_request_may_mean_it() {
    let before = stored(
        &json!({"sslPolicy": policy(), "trustedClientCertificates": clients(),
        "clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}}),
    );
    let defaults = json!({"verifyClientCertIssuerDN": false, "verifyClientRevocation": "None"});
    for (version, profile, expected) in [
        (
            TERRAFORM,
            json!({"sslPolicy": policy(), "trustedClientCertificates": clients(), "clientAuthConfiguration": defaults}),
            Some(ClientAuthMode::Passthrough),
        ),
        (
            TERRAFORM,
            json!({"sslPolicy": policy(), "trustedClientCertificates": clients(), "clientAuthConfiguration": {"verifyClientCertIssuerDN": true}}),
            Some(ClientAuthMode::Strict),
        ),
        (
            TERRAFORM,
            json!({"sslPolicy": policy(), "clientAuthConfiguration": {"verifyClientRevocation": "OCSP"}}),
            Some(ClientAuthMode::Strict),
        ),
        (
            NEWEST,
            json!({"sslPolicy": policy(), "trustedClientCertificates": clients(), "clientAuthConfiguration": defaults}),
            Some(ClientAuthMode::Strict),
        ),
        (
            NEWEST,
            json!({"trustedClientCertificates": clients()}),
            Some(ClientAuthMode::Strict),
        ),
        (
            NEWEST,
            json!({"sslPolicy": policy(), "clientAuthConfiguration": {"verifyClientAuthMode": "Strict"}}),
            Some(ClientAuthMode::Strict),
        ),
        (NEWEST, json!({"sslPolicy": policy()}), None),
    ] {
        assert_eq!(
            mode(&put(version, Some(&before), &profile).unwrap()),
            expected,
            "{version} {profile}"
        );
    }
}

#[test]
fn an_older_client_that_adds_a_ca_to_a_passthrough_profile_means_it() {
    let before =
        stored(&json!({"clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}}));
    let after = put(
        TERRAFORM,
        Some(&before),
        &json!({"trustedClientCertificates": clients(), "clientAuthConfiguration": {}}),
    );
    assert_eq!(mode(&after.unwrap()), Some(ClientAuthMode::Strict));
}

/// Azure's own clients were seen to do so; the profile would refuse everyone.
#[test]
fn a_client_that_drops_the_mode_of_a_bare_passthrough_profile_gets_azures_error() {
    let before =
        stored(&json!({"clientAuthConfiguration": {"verifyClientAuthMode": "Passthrough"}}));
    let dropped = json!({"clientAuthConfiguration": {"verifyClientCertIssuerDN": false, "verifyClientRevocation": "None"}});
    let violations = put(NEWEST, Some(&before), &dropped).unwrap_err();
    assert_eq!(
        violations.code(),
        "ApplicationGatewaySslProfileMustSpecifySslPolicyOrTrustedClientCertificates"
    );
    let message = format!(
        "SslProfile {}/mtls must specify either SslPolicy or TrustedClientCertificates.",
        id().name()
    );
    assert_eq!(violations.message(), message);
}
