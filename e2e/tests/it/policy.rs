//! The client authentication policy beyond Azure: who is let in, what stays, and why.

mod explain;
mod survival;

use e2e::deployment::{Database, Setup};
use e2e::pki::{Authority, Leaf};
use e2e::site::Site;
use rcgen::DnType;
use serde_json::{Value, json};

fn site(name: &str) -> Site {
    Site::start(name, &Setup::new(Database::Sqlite, 1))
}

/// Identity rules that deny whoever has this URI.
fn deny_uri(uri: &str) -> Value {
    json!({"identityRules": {"deny": [{"name": "stolen", "allOf": [
        {"field": "SanUri", "match": "Exact", "value": uri}]}]}})
}

#[test]
fn only_listed_identities_get_in_and_a_denied_one_does_not() {
    let site = site("rules");
    let client = |name: &str, uri: &str| site.issue(&Leaf::client(name).with_uri(uri));
    let meter = client("meter", "spiffe://site/meter/1");
    let stolen = client("stolen", "spiffe://site/meter/2");
    let laptop = client("laptop", "spiffe://site/laptop/1");
    // T-21: a URI rule looks at no DNS name and at no attribute of the subject.
    let liar = Leaf::client("liar")
        .with_attribute(DnType::OrganizationalUnitName, "spiffe://site/meter/3")
        .with_dns_names(&["spiffe.site"]);
    let liar = site.issue(&liar);
    site.put(|_| {});
    site.put_policy(&json!({"identityRules": {
        "deny": [{"name": "stolen", "allOf": [
            {"field": "SanUri", "match": "Exact", "value": "spiffe://site/meter/2"}]}],
        "allow": [{"name": "meters", "allOf": [
            {"field": "SanUri", "match": "Prefix", "value": "spiffe://site/meter/"}]}],
    }}));
    assert_eq!(site.get(Some(&meter)).0, 200);
    for (identity, reason) in [
        (&stolen, "identity_denied"),
        (&laptop, "identity_not_allowed"),
        (&liar, "identity_not_allowed"),
    ] {
        let (status, text) = site.get(Some(identity));
        assert_eq!(status, 0, "{reason}: {text}");
        assert!(text.contains("access denied"), "{reason}: {text}");
        let reason = format!("\"reason\":\"{reason}\"");
        site.log_line(&["client certificate refused", &reason]);
    }
}

#[test]
fn an_intermediate_is_an_anchor_only_where_the_policy_says_so() {
    let mut site = site("partial");
    let intermediate = site.root.intermediate("Client Intermediate");
    let sibling = site.root.intermediate("Sibling");
    let directory = site.directory().to_owned();
    let below = intermediate.issue(&directory, &Leaf::client("below"), &[]);
    let beside = sibling.issue(&directory, &Leaf::client("beside"), &[&sibling]);
    // Only an intermediate is uploaded, which Azure does not take.
    let upload = |authority: &Authority| Some(authority.pem().to_owned());
    site.listeners[0].client_ca = upload(&intermediate);
    let refused = site
        .deployment
        .arm
        .request("PUT", &site.id, &[], Some(&site.document()));
    assert_eq!(refused.status, 400, "{refused:#?}");

    site.listeners[0].client_ca = Some(intermediate.pem().to_owned() + site.root.pem());
    site.put(|_| {});
    for identity in [&below, &beside] {
        assert_eq!(site.get(Some(identity)).0, 200);
    }
    site.put_policy(&json!({"allowPartialChains": true}));
    site.listeners[0].client_ca = upload(&intermediate);
    site.put(|_| {});
    assert_eq!(site.get(Some(&below)).0, 200);
    assert_eq!(
        site.get(Some(&beside)).0,
        0,
        "the root is no anchor any more"
    );
}
