//! Client auth policies of SSL profiles.

use http::Method;
use proto::config::v1::{ClientAuthMode, ClientAuthPolicy, RevocationMethod};
use serde_json::{Value, json};

use super::{
    caller::Caller,
    document::{client_chain, client_root, gateway_id, http_gateway, mtls_gateway},
    trust_epoch::snapshot,
};
use crate::database::{Database, on_both_databases, on_sqlite};

on_both_databases!(
    a_policy_is_put_read_listed_replaced_and_deleted,
    a_policys_etag_is_the_gateways,
    a_policy_needs_its_profile,
    azure_clients_cannot_take_a_policy_away,
    a_policy_outlives_its_profile_and_not_its_gateway,
    an_epoch_changes_with_the_policy_and_never_returns,
);

fn policy_of(gateway: &str) -> String {
    format!("{gateway}/sslProfiles/mtls/providers/Portcullis.Security/clientAuthPolicies/default")
}

/// A policy that shows: nobody but `a.example` may in.
fn only(host: &str) -> Value {
    json!({ "properties": { "mode": "ReportOnly", "identityRules": { "allow": [
        { "name": "host", "allOf": [{ "field": "SanDns", "value": host }] }] } } })
}

/// What workers get for the profile.
async fn in_force(caller: &Caller, id: &str) -> ClientAuthPolicy {
    snapshot(caller, id).await.client_auth_policies.remove(0)
}

/// The host of [`only`] that workers let in.
async fn host(caller: &Caller, id: &str) -> Option<String> {
    let rules = in_force(caller, id).await.identity_rules?;
    Some(rules.allow[0].all_of[0].value.clone())
}

async fn with_gateway(database: &Database) -> (Caller, String, Value) {
    let caller = Caller::with_group(database).await;
    let id = gateway_id("gw");
    let body = mtls_gateway(&id, &[("clients", &client_root("Root"))]);
    let created = caller.put(&id, &body).await;
    created.assert_status(201);
    caller.finish(&created).await;
    (caller, id, body)
}

async fn a_policy_is_put_read_listed_replaced_and_deleted(database: Database) {
    let (caller, id, _) = with_gateway(&database).await;
    let policy = policy_of(&id);
    let list = policy.strip_suffix("/default").unwrap();
    caller
        .get(&policy)
        .await
        .assert_error(404, "ResourceNotFound");
    assert_eq!(
        caller.get(list).await.assert_status(200).body,
        json!({ "value": [] })
    );

    let put = caller.put(&policy, &only("a.example")).await;
    put.assert_status(201);
    assert_eq!(put.body["id"], policy);
    assert_eq!(put.body["name"], "default");
    assert_eq!(put.body["type"], "Portcullis.Security/clientAuthPolicies");
    assert_eq!(put.body["properties"]["provisioningState"], "Updating");
    assert_eq!(put.header("etag"), put.body["etag"].as_str().unwrap());
    assert_eq!(caller.finish(&put).await, "Succeeded");
    assert_eq!(host(&caller, &id).await.unwrap(), "a.example");
    assert_eq!(
        in_force(&caller, &id).await.mode(),
        ClientAuthMode::ReportOnly
    );

    let shouted = format!("{}?api-version=2026-11-01", policy.to_uppercase());
    let read = caller.get(&shouted).await;
    assert_eq!(read.assert_status(200).body["id"], policy);
    assert_eq!(read.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(
        read.body["properties"]["sessionResumption"]["lifetimeSeconds"],
        300
    );
    assert_eq!(caller.get(list).await.body, json!({ "value": [read.body] }));

    let echoed = caller.put(&policy, &read.body).await;
    assert_eq!(echoed.assert_status(200).header("azure-asyncoperation"), "");
    assert_eq!(echoed.header("etag"), put.header("etag"));

    // Whatever a PUT leaves out is gone.
    let replaced = caller
        .put(&policy, &json!({ "properties": { "sendCaNames": false } }))
        .await;
    assert_eq!(
        replaced.assert_status(200).body["properties"]["mode"],
        "Enforce"
    );
    assert_eq!(host(&caller, &id).await, None);
    assert!(in_force(&caller, &id).await.omit_ca_names);

    let deleted = caller.delete(&policy).await;
    assert_eq!(caller.finish(deleted.assert_status(202)).await, "Succeeded");
    assert!(!in_force(&caller, &id).await.omit_ca_names);
    caller
        .get(&policy)
        .await
        .assert_error(404, "ResourceNotFound");
    caller.delete(&policy).await.assert_status(204);
    for method in [Method::PATCH, Method::POST] {
        let refused = caller.call(method, &policy, &[], &json!({})).await;
        refused.assert_error(405, "MethodNotAllowed");
    }
    caller
        .put(list, &json!({}))
        .await
        .assert_error(405, "MethodNotAllowed");
    let other = policy.replace("/default", "/other");
    caller
        .get(&other)
        .await
        .assert_error(404, "InvalidResourceType");
    let of_listener = policy.replace("/sslProfiles/mtls/", "/httpListeners/secure/");
    caller
        .get(&of_listener)
        .await
        .assert_error(404, "InvalidResourceType");
}

async fn a_policys_etag_is_the_gateways(database: Database) {
    let (caller, id, _) = with_gateway(&database).await;
    let policy = policy_of(&id);
    let etag = caller.get(&id).await.header("etag").to_owned();
    let put = |headers: Vec<(&'static str, String)>, host: &'static str| {
        let (caller, policy) = (caller.clone(), policy.clone());
        async move {
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            caller
                .call(Method::PUT, &policy, &headers, &only(host))
                .await
        }
    };
    let header = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    put(header("if-match", "*"), "a")
        .await
        .assert_error(412, "PreconditionFailed");
    put(header("if-match", &etag), "a")
        .await
        .assert_error(412, "PreconditionFailed");
    let made = put(header("if-none-match", "*"), "a").await;
    made.assert_status(201);
    assert_eq!(caller.get(&id).await.header("etag"), made.header("etag"));
    put(header("if-none-match", "*"), "b")
        .await
        .assert_error(412, "PreconditionFailed");
    put(header("if-match", &etag), "b")
        .await
        .assert_error(412, "PreconditionFailed");
    put(header("if-match", made.header("etag")), "c")
        .await
        .assert_status(200);
    let stale = [("if-match", etag.as_str())];
    caller
        .call(Method::DELETE, &policy, &stale, &Value::Null)
        .await
        .assert_error(412, "PreconditionFailed");
    caller
        .call(Method::DELETE, &policy, &[("if-match", "*")], &Value::Null)
        .await
        .assert_status(202);
}

async fn a_policy_needs_its_profile(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let policy = policy_of(&id);
    for reply in [
        caller.get(&policy).await,
        caller.put(&policy, &json!({})).await,
        caller.delete(&policy).await,
    ] {
        reply.assert_error(404, "ParentResourceNotFound");
    }
    caller
        .put(&id, &http_gateway(&id, 8080))
        .await
        .assert_status(201);
    for reply in [
        caller.get(&policy).await,
        caller.put(&policy, &json!({})).await,
    ] {
        reply.assert_error(404, "ParentResourceNotFound");
    }
    caller.delete(&policy).await.assert_status(204);
}

// T-48
async fn azure_clients_cannot_take_a_policy_away(database: Database) {
    let (caller, id, body) = with_gateway(&database).await;
    caller
        .put(&policy_of(&id), &only("a.example"))
        .await
        .assert_status(201);
    let profile = format!("{id}/sslProfiles/mtls");
    for (version, port) in [
        ("2015-06-15", 1),
        ("2021-03-01", 2),
        ("2025-01-01", 3),
        ("2026-03-01", 4),
    ] {
        let mut changed = body.clone();
        changed["properties"]["frontendPorts"][0]["properties"]["port"] = json!(1000 + port);
        let whole = caller
            .put(&format!("{id}?api-version={version}"), &changed)
            .await;
        assert!(whole.status.is_success(), "{version} {:#}", whole.body);
        assert_eq!(host(&caller, &id).await.unwrap(), "a.example", "{version}");
        let echoed = caller.get(&id).await.body;
        caller
            .put(&format!("{id}?api-version={version}"), &echoed)
            .await
            .assert_status(200);
        let profile_body = caller.get(&profile).await.body;
        caller
            .put(&format!("{profile}?api-version={version}"), &profile_body)
            .await
            .assert_status(200);
        assert_eq!(host(&caller, &id).await.unwrap(), "a.example", "{version}");
    }
    let tags = json!({ "tags": { "a": "b" } });
    caller
        .call(Method::PATCH, &id, &[], &tags)
        .await
        .assert_status(200);
    for action in ["stop", "start"] {
        caller
            .call(Method::POST, &format!("{id}/{action}"), &[], &Value::Null)
            .await
            .assert_status(202);
    }
    assert_eq!(host(&caller, &id).await.unwrap(), "a.example");
    let read = caller.get(&policy_of(&id)).await;
    assert_eq!(
        read.assert_status(200).body["properties"]["mode"],
        "ReportOnly"
    );
}

async fn a_policy_outlives_its_profile_and_not_its_gateway(database: Database) {
    let (caller, id, body) = with_gateway(&database).await;
    let policy = policy_of(&id);
    let mut rules = only("a.example");
    rules["properties"]["revocation"] =
        json!({ "trustedClientCertificates": [{ "name": "clients", "method": "Ocsp" }] });
    caller.put(&policy, &rules).await.assert_status(201);

    caller
        .put(&id, &http_gateway(&id, 8080))
        .await
        .assert_status(200);
    let dormant = caller.get(&policy).await;
    let warnings = &dormant.assert_status(200).body["properties"]["warnings"];
    assert_eq!(warnings[0]["code"], "SslProfileNotFound");
    let list = caller.get(policy.strip_suffix("/default").unwrap()).await;
    assert_eq!(list.body["value"].as_array().unwrap().len(), 1);
    caller
        .put(&policy, &rules)
        .await
        .assert_error(404, "ParentResourceNotFound");

    caller.put(&id, &body).await.assert_status(200);
    let again = in_force(&caller, &id).await;
    assert_eq!(again.mode(), ClientAuthMode::ReportOnly);
    let revocation = again.client_cas[0].revocation.as_ref().unwrap();
    assert_eq!(revocation.method(), RevocationMethod::Ocsp);

    // An upload that is gone from the profile takes no effect from its rule, and the rule stays.
    let other = mtls_gateway(&id, &[("others", &client_root("Other"))]);
    caller.put(&id, &other).await.assert_status(200);
    assert_eq!(in_force(&caller, &id).await.client_cas[0].revocation, None);
    let kept = caller.get(&policy).await.body;
    assert_eq!(
        kept["properties"]["revocation"]["trustedClientCertificates"][0]["name"],
        "clients"
    );
    assert_eq!(
        kept["properties"]["warnings"][0]["code"],
        "TrustedClientCertificateNotInSslProfile"
    );

    caller.delete(&id).await.assert_status(202);
    caller.settle().await;
    caller.put(&id, &body).await.assert_status(201);
    caller
        .get(&policy)
        .await
        .assert_error(404, "ResourceNotFound");
    assert_eq!(host(&caller, &id).await, None);
}

async fn an_epoch_changes_with_the_policy_and_never_returns(database: Database) {
    let (caller, id, _) = with_gateway(&database).await;
    let mut seen = Vec::new();
    for host in ["a.example", "a.example", "b.example", "a.example"] {
        let put = caller.put(&policy_of(&id), &only(host)).await;
        assert!(put.status.is_success(), "{:#}", put.body);
        seen.push(in_force(&caller, &id).await.trust_epoch);
    }
    caller.delete(&policy_of(&id)).await.assert_status(202);
    seen.push(in_force(&caller, &id).await.trust_epoch);
    assert_eq!(seen, [2, 2, 3, 4, 5]);
}

#[tokio::test]
async fn all_violations_of_a_policy_come_in_one_answer_and_change_nothing() {
    on_sqlite(|database| async move {
        let (caller, id, _) = with_gateway(&database).await;
        let policy = policy_of(&id);
        caller.put(&policy, &only("a.example")).await.assert_status(201);
        let refused = caller
            .put(&policy, &json!({ "properties": {
                "maxIntermediateCertificates": 9,
                "identityRules": { "deny": [{ "name": "x", "allOf": [{ "field": "SanIp", "value": "nowhere" }] }] },
                "revocation": { "default": { "responderUrl": "file:///x" },
                    "trustedClientCertificates": [{ "name": "strangers" }] },
            } }))
            .await;
        refused.assert_status(400);
        let details = refused.body["error"]["details"].as_array().unwrap();
        let targets: Vec<_> = details.iter().map(|detail| detail["target"].as_str().unwrap()).collect();
        assert_eq!(targets, [
            "properties.maxIntermediateCertificates",
            "properties.identityRules.deny[0].allOf[0].value",
            "properties.revocation.default.responderUrl",
        ]);
        caller
            .put(&policy, &json!({ "properties": { "modes": 1 } }))
            .await
            .assert_error(400, "InvalidRequestFormat");
        caller.put(&policy, &json!([])).await.assert_error(400, "InvalidRequestFormat");
        assert_eq!(host(&caller, &id).await.unwrap(), "a.example");
    })
    .await;
}

/// The policy, then the upload, then the profile.
#[tokio::test]
async fn an_intermediate_becomes_an_anchor_child_by_child() {
    on_sqlite(|database| async move {
        let (caller, id, _) = with_gateway(&database).await;
        let (_, intermediate) = client_chain();
        let upload = format!("{id}/trustedClientCertificates/partial");
        let body = json!({ "properties": { "data": intermediate } });
        let azures = "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate";
        caller.put(&upload, &body).await.assert_error(400, azures);
        let allow = json!({ "properties": { "allowPartialChains": true } });
        caller.put(&policy_of(&id), &allow).await.assert_status(201);
        caller.put(&upload, &body).await.assert_status(201);
        let profile = json!({ "properties": { "trustedClientCertificates": [{ "id": upload }] } });
        caller
            .put(&format!("{id}/sslProfiles/mtls"), &profile)
            .await
            .assert_status(200);
        let lowered = in_force(&caller, &id).await;
        assert!(lowered.partial_chains);
        assert_eq!(lowered.client_cas.len(), 1);
        // What needs it holds it.
        caller
            .put(&policy_of(&id), &json!({}))
            .await
            .assert_error(400, azures);
        caller
            .delete(&policy_of(&id))
            .await
            .assert_error(400, azures);
    })
    .await;
}
