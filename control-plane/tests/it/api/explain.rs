//! `explainClientCertificate` over the API.

use base64::{Engine, prelude::BASE64_STANDARD};
use control_plane::store::LIST_PART;
use http::Method;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use serde_json::{Value, json};

use super::{
    caller::Caller,
    document::{client_ca, gateway_id, mtls_gateway},
};
use crate::{
    crl::{Ca, List},
    database::{Database, on_both_databases},
};

on_both_databases!(
    a_chain_is_explained_and_nothing_changes,
    what_cannot_be_explained_is_refused,
    uploaded_lists_are_looked_into
);

fn world() -> (String, String) {
    let root =
        CertifiedIssuer::self_signed(client_ca("Root"), KeyPair::generate().unwrap()).unwrap();
    let params = CertificateParams::new(vec!["device.example".to_owned()]).unwrap();
    let client = params
        .signed_by(&KeyPair::generate().unwrap(), &root)
        .unwrap();
    (root.pem(), client.pem())
}

async fn a_chain_is_explained_and_nothing_changes(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let (root, client) = world();
    let created = caller
        .put(&id, &mtls_gateway(&id, &[("clients", &root)]))
        .await;
    created.assert_status(201);
    let path = format!("{id}/SSLPROFILES/Mtls/explainclientcertificate");
    let explain = |chain: String| {
        let (caller, path) = (caller.clone(), path.clone());
        async move {
            let body = json!({ "certificateChain": chain, "at": "2026-06-01T00:00:00Z" });
            caller.call(Method::POST, &path, &[], &body).await
        }
    };
    let accepted = explain(client.clone()).await;
    let body = &accepted.assert_status(200).body;
    assert_eq!(
        (&body["verdict"], &body["reason"], &body["mode"]),
        (&json!("Accept"), &Value::Null, &json!("Strict"))
    );
    let path_members = body["path"].as_array().unwrap();
    assert_eq!(path_members.len(), 2);
    for member in ["subject", "keyId", "sha256"] {
        assert!(path_members[0][member].is_string(), "{member}");
    }
    assert_eq!(
        body["checks"][0],
        json!({ "name": "size", "result": "Passed", "detail": "" })
    );

    // By the policy that is stored with the profile, at once.
    let policy =
        format!("{id}/sslProfiles/mtls/providers/Portcullis.Security/clientAuthPolicies/default");
    let deny = json!({ "properties": { "identityRules": { "deny": [
        { "name": "lost", "allOf": [{ "field": "SanDns", "value": "device.example" }] }] } } });
    caller.put(&policy, &deny).await.assert_status(201);
    let etag = caller.get(&id).await.header("etag").to_owned();
    let refused = explain(client).await;
    let body = &refused.assert_status(200).body;
    assert_eq!(
        (&body["verdict"], &body["reason"]),
        (&json!("Refuse"), &json!("identity_denied"))
    );
    let last = body["checks"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["name"], &last["result"]),
        (&json!("identity"), &json!("Failed"))
    );
    assert!(last["detail"].as_str().unwrap().contains("lost"), "{last}");
    let (_, stranger) = world();
    assert_eq!(explain(stranger).await.body["reason"], "bad_signature");
    assert_eq!(caller.get(&id).await.header("etag"), etag);
}

async fn what_cannot_be_explained_is_refused(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let (root, client) = world();
    let path = |profile: &str| format!("{id}/sslProfiles/{profile}/explainClientCertificate");
    let good = json!({ "certificateChain": client });
    let post = |path: String, body: Value| {
        let caller = caller.clone();
        async move { caller.call(Method::POST, &path, &[], &body).await }
    };
    post(path("mtls"), good.clone())
        .await
        .assert_error(404, "ParentResourceNotFound");
    let mut gateway = mtls_gateway(&id, &[("clients", &root)]);
    let plain = json!({ "name": "plain", "properties": { "sslPolicy": {
        "policyType": "Predefined", "policyName": "AppGwSslPolicy20220101" } } });
    gateway["properties"]["sslProfiles"]
        .as_array_mut()
        .unwrap()
        .push(plain);
    caller.put(&id, &gateway).await.assert_status(201);
    post(path("nobody"), good.clone())
        .await
        .assert_error(404, "ParentResourceNotFound");
    post(path("plain"), good.clone())
        .await
        .assert_error(400, "ClientCertificateNotRequested");
    let refused = post(path("mtls"), json!({ "certificateChain": "garbage" })).await;
    refused.assert_error(400, "InvalidPropertyValue");
    assert_eq!(refused.body["error"]["target"], "certificateChain");
    let unknown = post(path("mtls"), json!({ "certificateChain": "x", "chain": 1 })).await;
    unknown.assert_error(400, "InvalidRequestFormat");
    caller
        .get(&path("mtls"))
        .await
        .assert_error(405, "MethodNotAllowed");
    let elsewhere = format!("{id}/httpListeners/secure/explainClientCertificate");
    post(elsewhere, good)
        .await
        .assert_error(404, "InvalidResourceType");
}

async fn uploaded_lists_are_looked_into(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let ca = Ca::new("Partner CA");
    let gateway = mtls_gateway(&id, &[("partners", &ca.pem())]);
    caller.put(&id, &gateway).await.assert_status(201);
    let extension = "providers/Portcullis.Security";
    let policy = format!("{id}/sslProfiles/mtls/{extension}/clientAuthPolicies/default");
    let by_lists = json!({ "properties": { "revocation": { "default": { "method": "Crl" } } } });
    caller.put(&policy, &by_lists).await.assert_status(201);
    // The first serial number of a list with entries, and another one.
    let listed = [&[1, 0, 0, 0, 0][..], &[1; 15]].concat();
    let clients = [ca.client(&listed), ca.client(&[9])];
    let path = format!("{id}/sslProfiles/mtls/explainClientCertificate");
    let explain = |chain: &str| {
        let (caller, path) = (caller.clone(), path.clone());
        let body = json!({ "certificateChain": chain });
        async move {
            let reply = caller.call(Method::POST, &path, &[], &body).await;
            reply.assert_status(200).body.clone()
        }
    };
    let final_check = |body: &Value| body["checks"].as_array().unwrap().last().unwrap().clone();
    for client in &clients {
        let body = explain(client).await;
        assert_eq!(body["reason"], "revocation_unavailable");
        assert_eq!(final_check(&body)["name"], "revocation");
    }
    // Of several parts.
    let list = List::new(1).with_entries(10_000).signed_by(&ca);
    assert!(list.len() > LIST_PART, "{}", list.len());
    let upload = json!({ "properties": { "data": BASE64_STANDARD.encode(list) } });
    let lists =
        format!("{id}/trustedClientCertificates/partners/{extension}/certificateRevocationLists");
    caller
        .put(&format!("{lists}/main"), &upload)
        .await
        .assert_status(201);
    let [revoked, good] = [explain(&clients[0]).await, explain(&clients[1]).await];
    assert_eq!(
        (&revoked["verdict"], &revoked["reason"]),
        (&json!("Refuse"), &json!("revoked"))
    );
    assert_eq!(final_check(&revoked)["result"], "Failed");
    assert_eq!(
        (&good["verdict"], &good["reason"]),
        (&json!("Accept"), &Value::Null)
    );
    assert_eq!(final_check(&good)["result"], "Passed");
}
