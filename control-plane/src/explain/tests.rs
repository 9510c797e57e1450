//! Explanations, and that they are made of the policy that workers get.

mod lowered;

use std::time::Duration;

use client_auth::{Mode, Reason};
use model::ResourceName;
use proptest::prelude::*;
use rcgen::{
    CertificateParams, CertifiedIssuer, CustomExtension, ExtendedKeyUsagePurpose, KeyPair,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::{Value, json};

use super::{CheckResult, Explanation, Presented, explain, policy};
use crate::compile;
use crate::extension::{Extensions, Policies};
use crate::parse::tests::fixture::{b64, ca, document, id, parse, parse_with};
use crate::parse::{Parsed, PolicyContext, client_auth_policy, explain_client_certificate};

/// A CA and a client below it.
struct World {
    root: String,
    client: CertificateDer<'static>,
}

/// A client whose certificate names this responder, if any.
fn world(responder: Option<&str>) -> World {
    let root = CertifiedIssuer::self_signed(ca("Root"), KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec!["device.example".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.custom_extensions = responder
        .map(authority_information_access)
        .into_iter()
        .collect();
    let client = params
        .signed_by(&KeyPair::generate().unwrap(), &root)
        .unwrap();
    World {
        root: root.pem(),
        client: client.der().clone(),
    }
}

/// RFC 5280 section 4.2.2.1, for short URLs.
fn authority_information_access(url: &str) -> CustomExtension {
    let length = |bytes: usize| u8::try_from(bytes).unwrap();
    let mut description = vec![
        0x06,
        8,
        0x2b,
        6,
        1,
        5,
        5,
        7,
        0x30,
        1,
        0x86,
        length(url.len()),
    ];
    description.extend(url.as_bytes());
    let mut value = vec![
        0x30,
        length(description.len() + 2),
        0x30,
        length(description.len()),
    ];
    value.extend(description);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], value)
}

/// The typical gateway that trusts the world's root, with a profile and a policy.
fn gateway(world: &World, configuration: &Value, properties: &Value) -> Parsed {
    let mut body = document();
    body["properties"]["trustedClientCertificates"][0]["properties"]["data"] =
        json!(b64(&world.root));
    body["properties"]["sslProfiles"][0]["properties"]["clientAuthConfiguration"] =
        configuration.clone();
    let stored = parse(&body).unwrap().document;
    let profile = ResourceName::parse("mtls").unwrap();
    let context = PolicyContext {
        gateway: &id(),
        profile: &profile,
        document: &stored,
        policies: &Policies::default(),
    };
    let policy = client_auth_policy(&context, &json!({ "properties": properties })).unwrap();
    let extensions = Extensions::default().with_policy(&profile, policy);
    parse_with(extensions.policies(), "2026-03-01", None, &body).unwrap()
}

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_hours(500_000))
}

fn explained(world: &World, configuration: &Value, properties: &Value) -> Explanation {
    let parsed = gateway(world, configuration, properties);
    let presented = Presented {
        leaf: &world.client,
        intermediates: &[],
        at: now(),
        lists: None,
    };
    explain(&parsed.gateway.ssl_profiles()[0], &presented).unwrap()
}

fn reason(explanation: &Explanation) -> Option<Reason> {
    explanation
        .verdict
        .as_ref()
        .err()
        .map(|refusal| refusal.reason)
}

/// The result and the detail of the check of revocation.
fn revocation(explanation: &Explanation) -> (CheckResult, &str) {
    let check = explanation.checks.last().unwrap();
    assert_eq!(check.name, "revocation");
    (check.result, &check.detail)
}

fn only(host: &str) -> Value {
    json!({ "identityRules": { "allow": [{ "name": "host", "allOf": [{ "field": "SanDns", "value": host }] }] } })
}

#[test]
fn a_client_that_may_in_is_told_its_path_and_checks() {
    let explanation = explained(&world(None), &json!({}), &only("device.example"));
    assert_eq!(
        (explanation.mode, reason(&explanation)),
        (Mode::Strict, None)
    );
    assert_eq!(explanation.path.len(), 2);
    let names: Vec<_> = explanation.checks.iter().map(|check| check.name).collect();
    assert_eq!(
        names,
        [
            "size",
            "trust",
            "encoding",
            "not_a_ca",
            "key_strength",
            "validity",
            "purpose",
            "key_usage",
            "path",
            "identity",
            "revocation"
        ]
    );
    assert_eq!(revocation(&explanation).0, CheckResult::NotChecked);
    let others = &explanation.checks[..10];
    assert!(
        others
            .iter()
            .all(|check| check.result == CheckResult::Passed)
    );
}

#[test]
fn a_refusal_ends_with_the_check_that_failed() {
    let world = world(None);
    for (presented, properties, expected) in [
        (
            &world.client,
            only("other.example"),
            Reason::IdentityNotAllowed,
        ),
        (&self::world(None).client, json!({}), Reason::BadSignature),
        (
            &CertificateDer::from(vec![0; 9]),
            json!({}),
            Reason::Malformed,
        ),
    ] {
        let parsed = gateway(&world, &json!({}), &properties);
        let presented = Presented {
            leaf: presented,
            intermediates: &[],
            at: now(),
            lists: None,
        };
        let explanation = explain(&parsed.gateway.ssl_profiles()[0], &presented).unwrap();
        assert_eq!(reason(&explanation), Some(expected));
        let last = explanation.checks.last().unwrap();
        assert_eq!(last.result, CheckResult::Failed);
        assert!(!last.detail.is_empty());
    }
}

#[test]
fn modes_that_refuse_nobody_tell_what_strict_would_say() {
    let world = world(None);
    let passthrough = json!({ "verifyClientAuthMode": "Passthrough" });
    let reporting = json!({ "mode": "ReportOnly" });
    for (configuration, properties, mode) in [
        (passthrough.clone(), json!({}), Mode::Passthrough),
        (passthrough, reporting.clone(), Mode::ReportOnly),
        (json!({}), reporting, Mode::ReportOnly),
    ] {
        let good = explained(&world, &configuration, &properties);
        assert_eq!((good.mode, reason(&good)), (mode, None));
        let mut strange = self::world(None);
        strange.root.clone_from(&world.root);
        let bad = explained(&strange, &configuration, &properties);
        assert_eq!((bad.mode, reason(&bad)), (mode, Some(Reason::BadSignature)));
    }
}

#[test]
fn ocsp_is_not_asked_and_the_responder_is_named() {
    let url = "http://ocsp.example/";
    let ocsp = json!({ "verifyClientRevocation": "OCSP" });
    let own = explained(&world(Some(url)), &ocsp, &json!({}));
    assert_eq!(reason(&own), None);
    let (result, detail) = revocation(&own);
    assert_eq!(result, CheckResult::NotChecked);
    assert!(detail.contains(url), "{detail}");
    let policys = json!({ "revocation": { "default": { "method": "Ocsp", "responderUrl": "http://other.example/" } } });
    let overridden = explained(&world(Some(url)), &ocsp, &policys);
    assert!(revocation(&overridden).1.contains("http://other.example/"));
    // Nobody could be asked.
    let without = explained(&world(None), &ocsp, &json!({}));
    assert_eq!(reason(&without), Some(Reason::RevocationUnavailable));
    assert_eq!(revocation(&without).0, CheckResult::Failed);
    let soft = json!({ "revocation": { "default": { "method": "Ocsp", "onFailure": "Allow", "gracePeriodSeconds": 60 } } });
    let lenient = explained(&world(None), &json!({}), &soft);
    assert_eq!(
        (reason(&lenient), revocation(&lenient).0),
        (None, CheckResult::NotChecked)
    );
}

#[test]
fn lists_are_judged_where_they_are_at_hand() {
    let world = world(None);
    let parsed = gateway(
        &world,
        &json!({}),
        &json!({ "revocation": { "default": { "method": "Crl" } } }),
    );
    let none = client_auth::crl::CrlSet::new([]);
    for (lists, expected, verdict) in [
        (None, CheckResult::NotChecked, None),
        (
            Some(&none),
            CheckResult::Failed,
            Some(Reason::RevocationUnavailable),
        ),
    ] {
        let presented = Presented {
            leaf: &world.client,
            intermediates: &[],
            at: now(),
            lists,
        };
        let explanation = explain(&parsed.gateway.ssl_profiles()[0], &presented).unwrap();
        assert_eq!(
            (revocation(&explanation).0, reason(&explanation)),
            (expected, verdict)
        );
    }
}

#[test]
fn a_profile_that_asks_for_nothing_has_nothing_to_explain() {
    let mut body = document();
    body["properties"]["sslProfiles"][0]["properties"] = json!({ "sslPolicy": { "policyType": "Predefined", "policyName": "AppGwSslPolicy20220101" } });
    let parsed = parse(&body).unwrap();
    assert!(policy(&parsed.gateway.ssl_profiles()[0]).is_none());
}

/// What is explained is what workers decide by.
#[test]
fn the_policy_of_the_model_is_the_one_that_workers_get() {
    let world = world(None);
    let rule = |method: &str| {
        json!({ "method": method, "scope": "Chain", "onFailure": "Allow", "gracePeriodSeconds": 9,
        "responderUrl": "http://ocsp.example", "nonce": true, "fetchCrls": true })
    };
    for properties in [
        json!({}),
        json!({ "mode": "ReportOnly", "allowPartialChains": true, "maxIntermediateCertificates": 0 }),
        json!({ "keyStrength": { "minimumRsaKeySize": 3072, "minimumEcKeySize": 384, "signatureAlgorithms": ["Ed25519", "MlDsa44"] } }),
        json!({ "keyStrength": { "minimumEcKeySize": 521 } }),
        json!({ "revocation": { "default": rule("OcspThenCrl") } }),
        json!({ "revocation": { "default": rule("None") } }),
        json!({ "identityRules": {
            "deny": [{ "name": "a", "allOf": [
                { "field": "Serial", "value": "a:0b", "match": "Suffix" },
                { "field": "SubjectAttribute", "attribute": "CN", "match": "Regex", "value": "(?i)x+", "ignoreCase": true },
                { "field": "Fingerprint", "value": "AB".repeat(32) }] }],
            "allow": [{ "name": "b", "allOf": [
                { "field": "SanDns", "match": "Suffix", "value": ".Example." },
                { "field": "SanIp", "match": "Prefix", "value": "10.0.0.0/8" },
                { "field": "SanUri", "match": "Prefix", "value": "spiffe://x/" },
                { "field": "SanEmail", "value": "a@b", "ignoreCase": true },
                { "field": "Subject", "match": "Suffix", "value": ",O=X" },
                { "field": "Issuer", "value": "CN=X" },
                { "field": "Spki", "value": "cd".repeat(32) }] }] } }),
    ] {
        for configuration in [
            json!({}),
            json!({ "verifyClientCertIssuerDN": true, "verifyClientRevocation": "OCSP" }),
        ] {
            if configuration != json!({}) && properties["revocation"]["default"]["method"] == "None"
            {
                continue;
            }
            let parsed = gateway(&world, &configuration, &properties);
            let of_model = policy(&parsed.gateway.ssl_profiles()[0]).unwrap();
            let compiled = compile::snapshot(&parsed.gateway, &Extensions::default());
            let of_worker = lowered::policy(&compiled);
            assert_eq!(
                of_model.hash(),
                of_worker.hash(),
                "{properties} {configuration}"
            );
        }
    }
}

#[test]
fn a_question_is_checked() {
    let world = world(None);
    let pem = pem(&world.client);
    let check = |body: Value, targets: &[&str]| {
        let violations = explain_client_certificate(&body).err();
        let found: Vec<_> = violations
            .iter()
            .flat_map(|all| all.iter())
            .map(|one| one.target.as_str())
            .collect();
        assert_eq!(found, targets, "{violations:?}");
    };
    check(
        json!({ "CertificateChain": pem, "at": "2026-11-27T12:00:00+01:00" }),
        &[],
    );
    check(json!({ "certificateChain": pem.repeat(10) }), &[]);
    check(
        json!({ "certificateChain": pem.repeat(11) }),
        &["certificateChain"],
    );
    check(
        json!({ "certificateChain": format!("{}{pem}", " ".repeat(64 * 1024)) }),
        &["certificateChain"],
    );
    check(
        json!({ "certificateChain": "hello", "at": "yesterday" }),
        &["certificateChain", "at"],
    );
    check(
        json!({ "certificateChain": pem, "at": "1969-12-31T23:59:59Z" }),
        &["at"],
    );
    check(json!({ "certificateChain": pem, "when": "now" }), &["when"]);
    check(json!({ "certificateChain": [pem] }), &["certificateChain"]);
    check(
        json!({ "certificateChain": format!("{pem}{}", KeyPair::generate().unwrap().serialize_pem()) }),
        &["certificateChain"],
    );
    check(json!({}), &["certificateChain"]);
    check(json!([]), &["", "certificateChain"]);
}

fn pem(der: &CertificateDer<'_>) -> String {
    let digits: Vec<_> = b64(der)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        digits.join("\n")
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_chain_makes_the_explanation_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        in_pem in any::<bool>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let world = &*WORLD;
        let mut bytes = if in_pem { pem(&world.0.client).into_bytes() } else { world.0.client.to_vec() };
        for (at, byte) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if edits.len() == 5 {
            bytes.truncate(cut.index(bytes.len()));
        }
        let text = if in_pem { String::from_utf8_lossy(&bytes).into_owned() } else { pem(&CertificateDer::from(bytes)) };
        if let Ok(question) = explain_client_certificate(&json!({ "certificateChain": text })) {
            let (leaf, intermediates) = question.chain.split_first().unwrap();
            let presented = Presented { leaf, intermediates, at: now(), lists: None };
            let explanation = explain(&world.1.gateway.ssl_profiles()[0], &presented).unwrap();
            // Whoever is let in showed the certificate itself: a changed one is not signed.
            prop_assert!(explanation.verdict.is_err() || *leaf == world.0.client);
        }
    }
}

static WORLD: std::sync::LazyLock<(World, Parsed)> = std::sync::LazyLock::new(|| {
    let world = world(None);
    let parsed = gateway(&world, &json!({}), &json!({}));
    (world, parsed)
});
