//! What Azure has no word for survives clients that only speak Azure's.

use e2e::arm::extension::client_auth_policy_id;
use e2e::document;
use e2e::pki::Leaf;
use e2e::site::LISTENER;
use serde_json::{Value, json};

use super::{deny_uri, site};

const STOLEN: &str = "spiffe://site/stolen";

// T-48
#[test]
fn a_deny_rule_survives_every_put_of_the_gateway_and_its_profile() {
    let site = site("survival");
    let good = site.issue(&Leaf::client("good").with_uri("spiffe://site/good"));
    let stolen = site.issue(&Leaf::client("stolen").with_uri(STOLEN));
    let arm = &site.deployment.arm;
    let check = |when: &str| {
        assert_eq!(site.get(Some(&good)).0, 200, "{when}");
        assert_eq!(site.get(Some(&stolen)).0, 0, "{when}");
    };
    site.put(|_| {});
    assert_eq!(site.get(Some(&stolen)).0, 200, "before the rule");
    site.put_policy(&deny_uri(STOLEN));
    check("with the rule");

    site.put(|document| document["tags"] = json!({"changed": "yes"}));
    check("after a PUT of the whole gateway");
    for version in ["2019-09-01", "2021-02-01", "2025-07-01"] {
        let read = arm.request("GET", &versioned(&site.id, version), &[], None);
        assert_eq!(read.status, 200, "{read:#?}");
        let mut document = read.body;
        document["tags"] = json!({"version": version});
        give_back_secrets(&mut document, &site.document());
        forget_what_it_does_not_know(&mut document, version);
        arm.put_in_force(&versioned(&site.id, version), &document);
        check(version);
    }
    let profile = format!(
        "{}/sslProfiles/{}",
        site.id,
        document::profile_name(LISTENER)
    );
    let mut body = arm.request("GET", &profile, &[], None).body;
    // The root issues the clients itself. A PUT without a change would put nothing in force.
    body["properties"]["clientAuthConfiguration"] = json!({"verifyClientCertIssuerDN": true});
    arm.put_in_force(&profile, &body);
    check("after a PUT of the profile");

    let policy = client_auth_policy_id(&site.id, &document::profile_name(LISTENER));
    let shown = arm.request("GET", &policy, &[], None).body;
    let rule = &shown["properties"]["identityRules"]["deny"][0];
    assert_eq!(rule["allOf"][0]["value"], STOLEN, "{shown:#}");
}

// T-48: an ingress controller that speaks an old api-version once switched OCSP off with every write.
#[test]
fn no_api_version_without_a_word_for_revocation_switches_it_off() {
    let site = site("old-versions");
    // It names no responder, so nobody can vouch for it.
    let client = site.issue(&Leaf::client("client"));
    let arm = &site.deployment.arm;
    site.put(|document| {
        document::profile(document, LISTENER)["clientAuthConfiguration"] =
            json!({"verifyClientRevocation": "OCSP"});
    });
    assert_eq!(site.get(Some(&client)).0, 400);
    for version in ["2019-09-01", "2021-02-01"] {
        let mut document = arm
            .request("GET", &versioned(&site.id, version), &[], None)
            .body;
        document["tags"] = json!({"version": version});
        give_back_secrets(&mut document, &site.document());
        forget_what_it_does_not_know(&mut document, version);
        assert!(
            !document.to_string().contains("verifyClientRevocation"),
            "{document:#}"
        );
        arm.put_in_force(&versioned(&site.id, version), &document);
        let (status, page) = site.get(Some(&client));
        assert_eq!(status, 400, "{version}: {page}");
        let mut shown = arm.request("GET", &site.id, &[], None).body;
        let profile = document::profile(&mut shown, LISTENER);
        let revocation = &profile["clientAuthConfiguration"]["verifyClientRevocation"];
        assert_eq!(revocation, "OCSP", "{version}: {profile:#}");
    }
}

fn versioned(id: &str, version: &str) -> String {
    format!("{id}?api-version={version}")
}

/// The private key of a server certificate is never read back.
fn give_back_secrets(document: &mut Value, original: &Value) {
    document["properties"]["sslCertificates"] = original["properties"]["sslCertificates"].clone();
}

/// Takes out what a client that is generated from the schema of `version` would drop: SSL profiles came with 2020-06-01,
/// `verifyClientRevocation` with 2022-05-01, `verifyClientAuthMode` with 2025-03-01.
fn forget_what_it_does_not_know(document: &mut Value, version: &str) {
    let properties = document["properties"].as_object_mut().expect("properties");
    if version < "2020-06-01" {
        properties.remove("sslProfiles");
        properties.remove("trustedClientCertificates");
        for listener in properties["httpListeners"]
            .as_array_mut()
            .expect("listeners")
        {
            let listener = listener["properties"].as_object_mut();
            listener.expect("properties").remove("sslProfile");
        }
    } else if version < "2022-05-01" {
        for profile in properties["sslProfiles"].as_array_mut().expect("profiles") {
            let settings = profile["properties"]["clientAuthConfiguration"].as_object_mut();
            let settings = settings.expect("client authentication");
            settings.remove("verifyClientRevocation");
            settings.remove("verifyClientAuthMode");
        }
    }
}
