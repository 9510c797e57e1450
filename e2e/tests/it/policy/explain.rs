//! The explanation of the control plane is what the worker does.

use std::fs;

use e2e::document;
use e2e::pki::{Authority, Identity, Leaf, self_signed};
use e2e::site::{LISTENER, Site};
use rcgen::ExtendedKeyUsagePurpose;
use serde_json::{Value, json};
use time::Duration;

use super::{deny_uri, site};

#[test]
fn an_explanation_has_the_verdict_the_reason_and_the_checks_of_the_worker() {
    let site = site("explain");
    let intermediate = site.root.intermediate("Client Intermediate");
    site.put(|document| {
        document::profile(document, LISTENER)["clientAuthConfiguration"] =
            json!({"verifyClientCertIssuerDN": true});
    });
    let mut policy = deny_uri("spiffe://site/stolen");
    policy["maxIntermediateCertificates"] = json!(1);
    policy["refusalForm"] = json!("HttpStatus");
    site.put_policy(&policy);
    for (reason, identity) in clients(&site, &intermediate) {
        compare(&site, reason, &identity);
    }
}

fn clients(site: &Site, intermediate: &Authority) -> Vec<(&'static str, Identity)> {
    let directory = site.directory();
    let root = |leaf: Leaf| site.issue(&leaf);
    let client = Leaf::client;
    let below = intermediate.intermediate("Deeper Intermediate");
    let twin = Authority::root("Client Root");
    vec![
        ("", root(client("good"))),
        (
            "issuer_not_pinned",
            intermediate.issue(directory, &client("deep"), &[intermediate]),
        ),
        (
            "too_deep",
            below.issue(directory, &client("deeper"), &[&below, intermediate]),
        ),
        (
            "unknown_issuer",
            intermediate.issue(directory, &client("leaf-only"), &[]),
        ),
        ("bad_signature", twin.issue(directory, &client("twin"), &[])),
        ("self_signed", self_signed(directory, "self-signed")),
        (
            "identity_denied",
            root(client("stolen").with_uri("spiffe://site/stolen")),
        ),
        (
            "expired",
            root(Leaf {
                until: -Duration::minutes(5),
                ..client("expired")
            }),
        ),
        (
            "not_yet_valid",
            root(Leaf {
                from: Duration::hours(1),
                ..client("early")
            }),
        ),
        (
            "not_for_client_auth",
            root(Leaf {
                purposes: vec![ExtendedKeyUsagePurpose::ServerAuth],
                ..client("server")
            }),
        ),
    ]
}

#[track_caller]
fn compare(site: &Site, reason: &str, identity: &Identity) {
    let chain = fs::read_to_string(&identity.certificate).expect("chain");
    let arm = &site.deployment.arm;
    let explanation = arm.explain(&site.id, &document::profile_name(LISTENER), &chain);
    let worker = site.deployment.workers[0].process();
    let before = worker.log().len();
    let (status, page) = site.get(Some(identity));
    if reason.is_empty() {
        assert_eq!(status, 200, "{page}");
        assert_eq!(explanation["verdict"], "Accept", "{explanation:#}");
        return;
    }
    assert_eq!(status, 400, "{reason}: {page}");
    assert_eq!(explanation["verdict"], "Refuse", "{explanation:#}");
    assert_eq!(explanation["reason"], reason, "{explanation:#}");
    // The line is written before the refused request is answered.
    let log = worker.log().split_off(before);
    let line = log
        .lines()
        .find(|line| line.contains("client certificate refused"));
    let line: Value = serde_json::from_str(line.unwrap_or_else(|| panic!("no line in {log}")))
        .expect("a line of the log is JSON");
    assert_eq!(line["reason"], reason, "{line:#}");
    check_checks(&explanation, line["checks"].as_str().unwrap_or_default());
    let subjects = explanation["path"].as_array().expect("path").iter();
    let path = line["path"].as_str().unwrap_or_default();
    for subject in subjects.map(|step| step["subject"].as_str().expect("subject")) {
        assert!(path.contains(subject), "{subject} is not in {path}");
    }
}

/// Every check of the explanation is in the log line (`name: result (detail), ...`), in its order, with its result.
#[track_caller]
fn check_checks(explanation: &Value, logged: &str) {
    let mut rest = logged;
    for check in explanation["checks"].as_array().expect("checks") {
        let result = match check["result"].as_str() {
            Some("Passed") => "ok",
            Some("Failed") => explanation["reason"].as_str().expect("reason"),
            other => panic!("{other:?} in {explanation:#}"),
        };
        let part = format!("{}: {result}", check["name"].as_str().expect("name"));
        let place = rest.find(&part);
        let place =
            place.unwrap_or_else(|| panic!("no {part} in {rest:?} of {logged}: {explanation:#}"));
        rest = &rest[place + part.len()..];
    }
    assert!(!rest.contains(": ok"), "not explained: {rest:?}");
}
