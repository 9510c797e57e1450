//! What holds for every request.

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use super::caller::{Caller, SUBSCRIPTION};
use crate::database::{Database, on_sqlite};

#[tokio::test]
async fn every_reply_has_ids_and_safety_headers() {
    on_sqlite(|database| async move {
        let caller = Caller::new(&database).await;
        for path in [
            format!("{SUBSCRIPTION}/resourceGroups"),
            "/nothing".to_owned(),
        ] {
            let headers = [
                ("x-ms-correlation-request-id", "c-1"),
                ("x-ms-client-request-id", "r-1"),
            ];
            let reply = caller
                .call(Method::GET, &path, &headers, &Value::Null)
                .await;
            assert!(uuid::Uuid::parse_str(reply.header("x-ms-request-id")).is_ok());
            assert_eq!(reply.header("x-ms-correlation-request-id"), "c-1");
            assert_eq!(reply.header("x-ms-client-request-id"), "r-1");
            assert!(!reply.header("x-ms-routing-request-id").is_empty());
            assert_eq!(reply.header("cache-control"), "no-cache");
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
            assert!(
                reply
                    .header("strict-transport-security")
                    .starts_with("max-age=")
            );
        }
    })
    .await;
}

#[tokio::test]
async fn ids_that_are_long_or_unprintable_are_not_copied() {
    on_sqlite(|database| async move {
        let caller = Caller::new(&database).await;
        let long = "x".repeat(129);
        for id in [long.as_str(), "a b", ""] {
            let headers = [
                ("x-ms-correlation-request-id", id),
                ("x-ms-client-request-id", id),
            ];
            let reply = caller
                .call(Method::GET, "/nothing", &headers, &Value::Null)
                .await;
            assert!(
                uuid::Uuid::parse_str(reply.header("x-ms-correlation-request-id")).is_ok(),
                "{id:?}"
            );
            assert_eq!(reply.header("x-ms-client-request-id"), "", "{id:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_api_version_is_required_and_checked() {
    on_sqlite(api_versions).await;
}

async fn api_versions(database: Database) {
    let caller = Caller::new(&database).await;
    let groups = format!("{SUBSCRIPTION}/resourceGroups");
    let gateways = format!("{SUBSCRIPTION}/providers/Microsoft.Network/applicationGateways");
    for path in [&groups, &gateways] {
        let request = |query: &str| format!("{path}?{query}");
        caller
            .get(&request("api-version="))
            .await
            .assert_error(400, "MissingApiVersionParameter");
        caller
            .get(&request("api-version=latest"))
            .await
            .assert_error(400, "InvalidApiVersionParameter");
        caller
            .get(&request("api-version=2020-06-31-x"))
            .await
            .assert_error(400, "InvalidApiVersionParameter");
        caller
            .get(&request("api-version=2027-01-01-preview"))
            .await
            .assert_status(200);
        let upper = Request::get(format!("{path}?API-Version=2020-06-01")).header("host", "h");
        caller
            .send(upper.body(Body::empty()).unwrap())
            .await
            .assert_status(200);
        let without = Request::get(path.as_str())
            .header("host", "h")
            .body(Body::empty())
            .unwrap();
        caller
            .send(without)
            .await
            .assert_error(400, "MissingApiVersionParameter");
    }
    caller
        .get(&format!("{groups}?api-version=2015-01-01"))
        .await
        .assert_status(200);
    caller
        .get(&format!("{gateways}?api-version=2015-01-01"))
        .await
        .assert_error(400, "NoRegisteredProviderFound");
    caller
        .get(&format!("{gateways}?api-version=2015-06-15"))
        .await
        .assert_status(200);
}

#[tokio::test]
async fn bad_bodies_are_the_callers_fault() {
    on_sqlite(|database| async move {
        let caller = Caller::new(&database).await;
        let path = format!("{SUBSCRIPTION}/resourceGroups/rg?api-version=2024-11-01");
        let send = |body: Vec<u8>| {
            let request = Request::put(path.as_str())
                .header("host", "h")
                .body(Body::from(body))
                .unwrap();
            caller.send(request)
        };
        send(Vec::new())
            .await
            .assert_error(400, "InvalidRequestContent");
        send(b"{\"location\":".to_vec())
            .await
            .assert_error(400, "InvalidRequestContent");
        send(b"[]".to_vec())
            .await
            .assert_error(400, "InvalidRequestContent");
        send(vec![0xff; 10])
            .await
            .assert_error(400, "InvalidRequestContent");
        send("[".repeat(100_000).into_bytes())
            .await
            .assert_error(400, "InvalidRequestContent");
        send(vec![b' '; 4 * 1024 * 1024 + 1])
            .await
            .assert_error(413, "RequestContentTooLarge");
        send(b"\xef\xbb\xbf{\"location\":\"here\"}".to_vec())
            .await
            .assert_status(201);
    })
    .await;
}

#[tokio::test]
async fn web_pages_and_nameless_hosts_are_refused() {
    on_sqlite(|database| async move {
        let caller = Caller::new(&database).await;
        let path = format!("{SUBSCRIPTION}/resourceGroups/rg");
        let origin = [("origin", "https://elsewhere.example")];
        let reply = caller
            .call(Method::PUT, &path, &origin, &json!({ "location": "here" }))
            .await;
        reply.assert_error(403, "CrossOriginRequestForbidden");
        let request = Request::get(format!("{path}?api-version=2024-11-01"))
            .body(Body::empty())
            .unwrap();
        caller
            .send(request)
            .await
            .assert_error(400, "InvalidHostHeader");
    })
    .await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_arms_shape() {
    on_sqlite(|database| async move {
        let caller = Caller::new(&database).await;
        caller
            .get("/")
            .await
            .assert_error(404, "InvalidResourceType");
        caller
            .get("/subscriptions/x/resourceGroups")
            .await
            .assert_error(400, "InvalidSubscriptionId");
        let groups = format!("{SUBSCRIPTION}/resourceGroups");
        let reply = caller.call(Method::POST, &groups, &[], &Value::Null).await;
        reply.assert_error(405, "MethodNotAllowed");
        assert_eq!(reply.header("allow"), "GET, HEAD");
        let unknown = format!(
            "{SUBSCRIPTION}/providers/Microsoft.Network/locations/x/operations/{}",
            uuid::Uuid::nil()
        );
        caller
            .get(&unknown)
            .await
            .assert_error(404, "OperationNotFound");
    })
    .await;
}

#[tokio::test]
async fn the_provider_lists_its_versions_newest_first() {
    on_sqlite(|database| async move {
        let caller = Caller::new(&database).await;
        let reply = caller
            .get(&format!(
                "{SUBSCRIPTION}/providers/microsoft.network?api-version=2021-04-01"
            ))
            .await;
        let types = reply.assert_status(200).body["resourceTypes"]
            .as_array()
            .unwrap()
            .clone();
        let gateways = types
            .iter()
            .find(|kind| kind["resourceType"] == "applicationGateways")
            .unwrap();
        let versions: Vec<_> = gateways["apiVersions"]
            .as_array()
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            versions.is_sorted_by(|newer, older| newer > older),
            "{versions:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn the_tls_policies_can_be_listed() {
    on_sqlite(|database| async move {
        let caller = Caller::new(&database).await;
        let options = format!("{SUBSCRIPTION}/providers/Microsoft.Network/applicationGatewayAvailableSslOptions/default");
        let reply = caller.get(&options).await;
        assert_eq!(reply.assert_status(200).body["properties"]["defaultPolicy"], "AppGwSslPolicy20220101");
        let policies = caller.get(&format!("{options}/predefinedPolicies")).await;
        assert_eq!(policies.assert_status(200).body["value"].as_array().unwrap().len(), 5);
        let strict = caller.get(&format!("{options}/predefinedpolicies/appgwsslpolicy20220101s")).await;
        assert_eq!(strict.assert_status(200).body["properties"]["minProtocolVersion"], "TLSv1_2");
        caller.get(&format!("{options}/predefinedPolicies/none")).await.assert_error(404, "ResourceNotFound");
        caller.put(&options, &json!({})).await.assert_error(405, "MethodNotAllowed");
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_database_is_answered_with_a_retry() {
    on_sqlite(|database| async move {
        let caller = Caller::new(&database).await;
        caller.store.close().await;
        let reply = caller.get(&format!("{SUBSCRIPTION}/resourceGroups")).await;
        reply.assert_error(503, "ServiceUnavailable");
        assert_eq!(reply.header("retry-after"), "2");
    })
    .await;
}
