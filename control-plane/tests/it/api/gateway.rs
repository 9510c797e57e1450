//! Whole gateways.

use http::Method;
use serde_json::{Value, json};

use super::{
    caller::{Caller, SUBSCRIPTION},
    document::{GROUP, certificate_and_key, gateway_id, http_gateway, https_gateway, id_in_group},
};
use crate::database::{Database, on_both_databases, on_sqlite};

on_both_databases!(
    a_gateway_is_created_and_followed_to_its_end,
    an_equal_put_changes_nothing,
    an_operation_belongs_to_its_subscription,
    conditions_are_arms,
    deletion_is_followed_to_its_end,
    gateways_are_listed_in_pages,
    patch_replaces_the_tags,
    secrets_are_kept_and_never_returned,
    stop_and_start_are_operations,
    the_groups_deletion_takes_its_gateways,
);

async fn a_gateway_is_created_and_followed_to_its_end(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("Gw");
    let created = caller.put(&id, &http_gateway(&id, 8080)).await;
    created.assert_status(201);
    assert_eq!(created.body["id"], id);
    assert_eq!(
        created.body["type"],
        "Microsoft.Network/applicationGateways"
    );
    assert_eq!(created.body["properties"]["provisioningState"], "Updating");
    assert_eq!(
        created.header("etag"),
        created.body["etag"].as_str().unwrap()
    );
    assert!(created.header("etag").starts_with("W/\""));
    assert_eq!(created.header("retry-after"), "1");
    assert_eq!(created.header("azure-asyncnotification"), "Enabled");
    let operation = created.path_in("azure-asyncoperation");
    assert!(
        operation.contains("/providers/Microsoft.Network/locations/westeurope/operations/"),
        "{operation}"
    );
    let running = caller.get(&operation).await;
    assert_eq!(running.assert_status(200).body["status"], "InProgress");
    assert_eq!(running.header("retry-after"), "1");

    caller.settle().await;
    let ended = caller.get(&operation).await;
    assert_eq!(ended.assert_status(200).body["status"], "Succeeded");
    assert_eq!(ended.header("retry-after"), "");
    let result = caller
        .get(&operation.replace("/operations/", "/operationResults/"))
        .await;
    assert_eq!(result.assert_status(200).body["id"], id);

    let found = caller.get(&id.to_uppercase()).await;
    assert_eq!(found.assert_status(200).body["id"], id);
    assert_eq!(found.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(found.body["properties"]["operationalState"], "Starting");
    assert_eq!(
        found.body["properties"]["httpListeners"][0]["etag"],
        found.body["etag"]
    );
}

async fn an_equal_put_changes_nothing(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let created = caller.put(&id, &http_gateway(&id, 8080)).await;
    caller.finish(&created).await;
    let again = caller
        .put(&id.to_lowercase(), &http_gateway(&id, 8080))
        .await;
    assert_eq!(again.assert_status(200).header("azure-asyncoperation"), "");
    assert_eq!(again.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(again.body["etag"], created.body["etag"]);
    // What a client read it may send back, read-only members and all.
    let read = caller.get(&id).await.body;
    let echoed = caller.put(&id, &read).await;
    assert_eq!(echoed.assert_status(200).body, read);
    let changed = caller.put(&id, &http_gateway(&id, 8081)).await;
    assert_ne!(
        changed.assert_status(200).body["etag"],
        created.body["etag"]
    );
    assert_ne!(changed.header("azure-asyncoperation"), "");
    assert_eq!(
        changed.body["properties"]["resourceGuid"],
        created.body["properties"]["resourceGuid"]
    );
}

async fn an_operation_belongs_to_its_subscription(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let created = caller.put(&id, &http_gateway(&id, 8080)).await;
    caller.settle().await;
    let operation = created.path_in("azure-asyncoperation");
    let elsewhere = operation.replace(
        "11111111-1111-1111-1111-111111111111",
        "22222222-2222-2222-2222-222222222222",
    );
    caller
        .get(&elsewhere)
        .await
        .assert_error(404, "OperationNotFound");
}

async fn conditions_are_arms(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let put = |port: u16, headers: Vec<(&'static str, String)>| {
        let (caller, id) = (caller.clone(), id.clone());
        async move {
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            caller
                .call(Method::PUT, &id, &headers, &http_gateway(&id, port))
                .await
        }
    };
    let header = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    put(1000, header("if-match", "*"))
        .await
        .assert_error(412, "PreconditionFailed");
    put(1000, header("if-match", "W/\"x\""))
        .await
        .assert_error(412, "PreconditionFailed");
    put(1000, header("if-none-match", "W/\"x\""))
        .await
        .assert_error(400, "InvalidHeaderValue");
    let created = put(1000, header("if-none-match", "*")).await;
    created.assert_status(201);
    put(1001, header("if-none-match", "*"))
        .await
        .assert_error(412, "PreconditionFailed");
    put(1002, header("if-match", "W/\"x\""))
        .await
        .assert_error(412, "PreconditionFailed");
    let updated = put(1003, header("if-match", created.header("etag"))).await;
    updated.assert_status(200);
    put(1004, header("if-match", created.header("etag")))
        .await
        .assert_error(412, "PreconditionFailed");
    put(1005, header("if-match", "*")).await.assert_status(200);

    let stale = [("if-match", created.header("etag"))];
    let tags = json!({ "tags": { "a": "b" } });
    caller
        .call(Method::PATCH, &id, &stale, &tags)
        .await
        .assert_error(412, "PreconditionFailed");
    caller
        .call(Method::DELETE, &id, &stale, &Value::Null)
        .await
        .assert_error(412, "PreconditionFailed");
    let absent = gateway_id("absent");
    let any = [("if-match", "*")];
    caller
        .call(Method::PATCH, &absent, &any, &tags)
        .await
        .assert_error(404, "ResourceNotFound");
    caller
        .call(Method::DELETE, &absent, &any, &Value::Null)
        .await
        .assert_status(204);
}

async fn deletion_is_followed_to_its_end(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let created = caller.put(&id, &http_gateway(&id, 8080)).await;
    caller.finish(&created).await;
    let deleted = caller.delete(&id).await;
    assert_eq!(deleted.assert_status(202).body, Value::Null);
    let (result, operation) = (
        deleted.path_in("location"),
        deleted.path_in("azure-asyncoperation"),
    );
    assert_eq!(deleted.header("retry-after"), "1");
    let running = caller.get(&result).await;
    assert_eq!(running.assert_status(202).header("retry-after"), "1");
    assert_eq!(running.path_in("location"), result);
    assert_eq!(
        caller.get(&id).await.assert_status(200).body["properties"]["provisioningState"],
        "Deleting"
    );
    caller
        .put(&id, &http_gateway(&id, 8081))
        .await
        .assert_error(409, "AnotherOperationInProgress");
    caller.settle().await;
    assert_eq!(caller.get(&operation).await.body["status"], "Succeeded");
    caller.get(&result).await.assert_status(204);
    caller.get(&id).await.assert_error(404, "ResourceNotFound");
    caller.delete(&id).await.assert_status(204);
    let elsewhere = id_in_group("nowhere", "gw");
    caller
        .get(&elsewhere)
        .await
        .assert_error(404, "ResourceGroupNotFound");
    caller
        .delete(&elsewhere)
        .await
        .assert_error(404, "ResourceGroupNotFound");
    caller
        .put(&elsewhere, &http_gateway(&elsewhere, 80))
        .await
        .assert_error(404, "ResourceGroupNotFound");
}

async fn gateways_are_listed_in_pages(database: Database) {
    let caller = Caller::with_group(&database).await;
    caller
        .put(
            &format!("{SUBSCRIPTION}/resourceGroups/Other"),
            &json!({ "location": "here" }),
        )
        .await;
    for id in [gateway_id("b"), gateway_id("A"), id_in_group("Other", "c")] {
        caller
            .put(&id, &http_gateway(&id, 8080))
            .await
            .assert_status(201);
    }
    let in_group = format!("{GROUP}/providers/Microsoft.Network/applicationGateways");
    assert_eq!(
        caller.names(&format!("{in_group}?$top=1")).await,
        ["A", "b"]
    );
    let everywhere = format!("{SUBSCRIPTION}/providers/Microsoft.Network/applicationGateways");
    assert_eq!(
        caller.names(&format!("{everywhere}?$top=2")).await,
        ["A", "b", "c"]
    );
    let nowhere = format!(
        "{SUBSCRIPTION}/resourceGroups/nowhere/providers/Microsoft.Network/applicationGateways"
    );
    caller
        .get(&nowhere)
        .await
        .assert_error(404, "ResourceGroupNotFound");
}

async fn patch_replaces_the_tags(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    caller
        .put(&id, &http_gateway(&id, 8080))
        .await
        .assert_status(201);
    let patched = caller
        .call(Method::PATCH, &id, &[], &json!({ "tags": { "k": "v" } }))
        .await;
    assert_eq!(patched.assert_status(200).body["tags"], json!({ "k": "v" }));
    assert_eq!(caller.get(&id).await.body["tags"], json!({ "k": "v" }));
    caller
        .call(Method::PATCH, &id, &[], &json!({ "tags": [] }))
        .await
        .assert_status(400);
}

async fn secrets_are_kept_and_never_returned(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let created = caller
        .put(&id, &https_gateway(&id, &certificate_and_key()))
        .await;
    created.assert_status(201);
    caller.finish(&created).await;
    let certificate = format!("{id}/sslCertificates/site");
    let replies = [
        created,
        caller.get(&id).await,
        caller.get(&certificate).await,
    ];
    for reply in &replies {
        let text = reply.body.to_string();
        for secret in ["\"data\"", "\"password\"", "PRIVATE KEY", "portcullis"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    let [_, read, child] = &replies;
    assert!(child.body["properties"]["publicCertData"].is_string());

    // What a client sends back lacks the secret: the stored one stays, through every kind of change.
    let echoed = caller.put(&id, &read.body).await;
    assert_eq!(echoed.assert_status(200).header("azure-asyncoperation"), "");
    caller
        .put(&certificate, &child.body)
        .await
        .assert_status(200);
    for action in ["stop", "start"] {
        let accepted = caller
            .call(Method::POST, &format!("{id}/{action}"), &[], &Value::Null)
            .await;
        assert_eq!(
            caller.finish(accepted.assert_status(202)).await,
            "Succeeded"
        );
    }
    let kept = caller.get(&certificate).await;
    assert_eq!(
        kept.body["properties"]["publicCertData"],
        child.body["properties"]["publicCertData"]
    );

    let renewed = caller
        .put(&id, &https_gateway(&id, &certificate_and_key()))
        .await;
    assert_ne!(renewed.assert_status(200).body["etag"], read.body["etag"]);
    let other = format!("{id}/sslCertificates/other");
    caller
        .put(&other, &json!({ "properties": {} }))
        .await
        .assert_status(400);
    let broken = json!({ "properties": { "data": "bm90IGEgcGZ4", "password": "hunter2" } });
    let refused = caller.put(&other, &broken).await;
    refused.assert_status(400);
    assert!(!refused.body.to_string().contains("hunter2"));
}

async fn stop_and_start_are_operations(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    caller
        .call(Method::POST, &format!("{id}/stop"), &[], &Value::Null)
        .await
        .assert_error(404, "ResourceNotFound");
    let created = caller.put(&id, &http_gateway(&id, 8080)).await;
    caller.finish(&created).await;
    for (action, state) in [("stop", "Stopped"), ("start", "Starting")] {
        let path = format!("{id}/{action}");
        let accepted = caller.call(Method::POST, &path, &[], &Value::Null).await;
        accepted.assert_status(202);
        let result = accepted.path_in("location");
        assert_eq!(caller.finish(&accepted).await, "Succeeded");
        caller.get(&result).await.assert_status(200);
        let found = caller.get(&id).await;
        assert_eq!(found.body["properties"]["operationalState"], state);
        caller
            .call(Method::POST, &path, &[], &Value::Null)
            .await
            .assert_status(200);
    }
    caller
        .get(&format!("{id}/stop"))
        .await
        .assert_error(405, "MethodNotAllowed");
}

async fn the_groups_deletion_takes_its_gateways(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    caller
        .put(&id, &http_gateway(&id, 8080))
        .await
        .assert_status(201);
    let deleted = caller.delete(GROUP).await;
    let result = deleted.assert_status(202).path_in("location");
    caller.get(&result).await.assert_status(202);
    caller.settle().await;
    caller.settle().await;
    caller.get(&result).await.assert_status(200);
    caller
        .get(&id)
        .await
        .assert_error(404, "ResourceGroupNotFound");
    caller
        .call(Method::HEAD, GROUP, &[], &Value::Null)
        .await
        .assert_status(404);
}

#[tokio::test]
async fn all_violations_come_in_one_answer() {
    on_sqlite(|database| async move {
        let caller = Caller::with_group(&database).await;
        let id = gateway_id("gw");
        let mut body = http_gateway(&id, 8080);
        body["properties"]["requestRoutingRules"][0]["properties"]["httpListener"]["id"] =
            json!(format!("{id}/httpListeners/nothing"));
        body["properties"]["frontendPorts"][0]["properties"]["port"] = json!(70_000);
        let refused = caller.put(&id, &body).await;
        refused.assert_status(400);
        let details = refused.body["error"]["details"].as_array().unwrap();
        let targets: Vec<_> = details
            .iter()
            .map(|detail| detail["target"].as_str().unwrap())
            .collect();
        assert!(
            targets.contains(&"properties.frontendPorts[0].properties.port"),
            "{targets:?}"
        );
        assert!(
            targets.contains(&"properties.requestRoutingRules[0].properties.httpListener"),
            "{targets:?}"
        );
        caller.get(&id).await.assert_error(404, "ResourceNotFound");
    })
    .await;
}

#[tokio::test]
async fn the_casing_of_the_first_put_stays() {
    on_sqlite(|database| async move {
        let caller = Caller::with_group(&database).await;
        let id = gateway_id("Gw");
        let lower = id.to_lowercase();
        caller
            .put(&id, &http_gateway(&id, 8080))
            .await
            .assert_status(201);
        let replaced = caller.put(&lower, &http_gateway(&lower, 8081)).await;
        assert_eq!(replaced.assert_status(200).body["id"], id);
        assert_eq!(
            replaced.body["properties"]["frontendPorts"][0]["id"],
            format!("{id}/frontendPorts/http")
        );
    })
    .await;
}
