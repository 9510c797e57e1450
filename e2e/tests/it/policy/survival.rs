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
        arm.put_in_force(&versioned(&site.id, version), &document);
        check(version);
    }
    let profile = format!(
        "{}/sslProfiles/{}",
        site.id,
        document::profile_name(LISTENER)
    );
    let body = arm.request("GET", &profile, &[], None).body;
    let put = arm.request("PUT", &profile, &[], Some(&body));
    assert_eq!(put.status, 200, "{put:#?}");
    check("after a PUT of the profile");

    let policy = client_auth_policy_id(&site.id, &document::profile_name(LISTENER));
    let shown = arm.request("GET", &policy, &[], None).body;
    let rule = &shown["properties"]["identityRules"]["deny"][0];
    assert_eq!(rule["allOf"][0]["value"], STOLEN, "{shown:#}");
}

fn versioned(id: &str, version: &str) -> String {
    format!("{id}?api-version={version}")
}

/// The private key of a server certificate is never read back.
fn give_back_secrets(document: &mut Value, original: &Value) {
    document["properties"]["sslCertificates"] = original["properties"]["sslCertificates"].clone();
}
