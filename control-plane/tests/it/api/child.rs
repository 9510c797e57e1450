//! Children one by one.

use http::Method;
use serde_json::{Value, json};

use super::{
    caller::Caller,
    document::{gateway_id, http_gateway},
};
use crate::database::{Database, on_both_databases};

on_both_databases!(
    a_child_is_put_read_listed_and_deleted,
    a_childs_etag_is_the_gateways,
    a_child_in_use_is_not_deleted,
    a_rewrite_rule_set_is_put_on_its_own,
);

async fn a_child_is_put_read_listed_and_deleted(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let port = format!("{id}/frontendports/More");
    let body = json!({ "properties": { "port": 8081 } });
    caller
        .get(&port)
        .await
        .assert_error(404, "ParentResourceNotFound");
    caller
        .put(&port, &body)
        .await
        .assert_error(404, "ParentResourceNotFound");
    let created = caller.put(&id, &http_gateway(&id, 8080)).await;
    caller.finish(&created).await;
    caller
        .get(&port)
        .await
        .assert_error(404, "ResourceNotFound");

    let put = caller.put(&port, &body).await;
    assert_eq!(
        put.assert_status(201).body["id"],
        format!("{id}/frontendPorts/More")
    );
    assert_eq!(
        put.body["type"],
        "Microsoft.Network/applicationGateways/frontendPorts"
    );
    assert_eq!(put.body["properties"]["port"], 8081);
    assert_eq!(caller.finish(&put).await, "Succeeded");
    let again = caller
        .put(
            &port,
            &json!({ "name": "more", "properties": { "port": "8082" } }),
        )
        .await;
    assert_eq!(again.assert_status(200).body["properties"]["port"], 8082);
    assert_eq!(
        caller.get(&port).await.assert_status(200).body["name"],
        "More"
    );
    let list = caller.get(&format!("{id}/frontendPorts")).await;
    let names: Vec<_> = list.assert_status(200).body["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["name"])
        .collect();
    assert_eq!(names, ["http", "More"]);
    caller
        .put(
            &port,
            &json!({ "name": "other", "properties": { "port": 1 } }),
        )
        .await
        .assert_status(400);
    caller
        .put(&port, &json!({ "properties": { "port": 8080 } }))
        .await
        .assert_status(400);

    let deleted = caller.delete(&port).await;
    assert_eq!(caller.finish(deleted.assert_status(202)).await, "Succeeded");
    caller
        .get(&port)
        .await
        .assert_error(404, "ResourceNotFound");
    caller.delete(&port).await.assert_status(204);
    caller
        .call(Method::PATCH, &port, &[], &json!({}))
        .await
        .assert_error(405, "MethodNotAllowed");
}

async fn a_childs_etag_is_the_gateways(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let created = caller.put(&id, &http_gateway(&id, 8080)).await;
    let (port, etag) = (format!("{id}/frontendPorts/more"), created.header("etag"));
    let put = |headers: Vec<(&'static str, String)>, number: u16| {
        let (caller, port) = (caller.clone(), port.clone());
        async move {
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            caller
                .call(
                    Method::PUT,
                    &port,
                    &headers,
                    &json!({ "properties": { "port": number } }),
                )
                .await
        }
    };
    let header = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    put(header("if-match", "*"), 1)
        .await
        .assert_error(412, "PreconditionFailed");
    put(header("if-match", etag), 1)
        .await
        .assert_error(412, "PreconditionFailed");
    let made = put(header("if-none-match", "*"), 1).await;
    made.assert_status(201);
    put(header("if-none-match", "*"), 2)
        .await
        .assert_error(412, "PreconditionFailed");
    put(header("if-match", etag), 2)
        .await
        .assert_error(412, "PreconditionFailed");
    assert_eq!(caller.get(&id).await.header("etag"), made.header("etag"));
    put(header("if-match", made.header("etag")), 3)
        .await
        .assert_status(200);
    let stale = [("if-match", etag)];
    caller
        .call(Method::DELETE, &port, &stale, &Value::Null)
        .await
        .assert_error(412, "PreconditionFailed");
    let any = [("if-match", "*")];
    caller
        .call(Method::DELETE, &port, &any, &Value::Null)
        .await
        .assert_status(202);
}

async fn a_child_in_use_is_not_deleted(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    caller
        .put(&id, &http_gateway(&id, 8080))
        .await
        .assert_status(201);
    let refused = caller.delete(&format!("{id}/httpListeners/plain")).await;
    refused.assert_error(400, "InvalidResourceReference");
    caller
        .get(&format!("{id}/httpListeners/plain"))
        .await
        .assert_status(200);
}

async fn a_rewrite_rule_set_is_put_on_its_own(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let created = caller.put(&id, &http_gateway(&id, 8080)).await;
    caller.finish(&created).await;
    let set = format!("{id}/rewriteRuleSets/headers");
    let rules = |value: &str| {
        let header = json!({ "headerName": "X-Frame-Options", "headerValue": value });
        json!({ "properties": { "rewriteRules": [{ "name": "frames", "ruleSequence": 100,
            "actionSet": { "responseHeaderConfigurations": [header] } }] } })
    };
    let put = caller.put(&set, &rules("DENY")).await;
    assert_eq!(put.assert_status(201).body["id"], set);
    let rule = &put.body["properties"]["rewriteRules"][0];
    assert_eq!(rule["actionSet"]["requestHeaderConfigurations"], json!([]));
    assert_eq!(caller.finish(&put).await, "Succeeded");
    let refused = caller.put(&set, &rules("{var_nope}")).await;
    assert_eq!(
        refused.assert_status(400).body["error"]["target"],
        "properties.rewriteRuleSets[0].properties.rewriteRules[0].actionSet.responseHeaderConfigurations[0].headerValue"
    );
    let deleted = caller.delete(&set).await;
    deleted.assert_status(202);
}
