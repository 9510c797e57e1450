//! Resource groups.

use http::Method;
use serde_json::{Value, json};

use super::caller::{Caller, SUBSCRIPTION};
use crate::database::{Database, on_both_databases};

on_both_databases!(
    a_group_is_created_replaced_and_found_in_any_case,
    a_group_without_a_usable_body_is_refused,
    groups_are_listed_in_pages,
    patch_changes_tags_only,
);

async fn a_group_is_created_replaced_and_found_in_any_case(database: Database) {
    let caller = Caller::new(&database).await;
    let body = json!({ "Location": "West Europe", "tags": { "team": "edge" }, "id": "ignored", "managedBy": null });
    let created = caller
        .put(&format!("{SUBSCRIPTION}/resourcegroups/Group"), &body)
        .await;
    assert_eq!(
        created.assert_status(201).body["id"],
        format!("{SUBSCRIPTION}/resourceGroups/Group")
    );
    assert_eq!(created.body["location"], "westeurope");
    assert_eq!(created.body["properties"]["provisioningState"], "Succeeded");
    let again = json!({ "location": "westeurope" });
    let replaced = caller
        .put(&format!("{SUBSCRIPTION}/RESOURCEGROUPS/GROUP"), &again)
        .await;
    assert_eq!(replaced.assert_status(200).body["name"], "Group");
    assert_eq!(replaced.body["tags"], json!({}));
    let path = format!("{SUBSCRIPTION}/resourceGroups/group");
    assert_eq!(
        caller.get(&path).await.assert_status(200).body,
        replaced.body
    );
    caller
        .call(Method::HEAD, &path, &[], &Value::Null)
        .await
        .assert_status(204);
    caller
        .call(Method::HEAD, &format!("{path}x"), &[], &Value::Null)
        .await
        .assert_status(404);
    caller
        .get(&format!("{path}x"))
        .await
        .assert_error(404, "ResourceGroupNotFound");
    caller
        .delete(&format!("{path}x"))
        .await
        .assert_error(404, "ResourceGroupNotFound");
}

async fn a_group_without_a_usable_body_is_refused(database: Database) {
    let caller = Caller::new(&database).await;
    let path = format!("{SUBSCRIPTION}/resourceGroups/Group");
    caller
        .put(&path, &json!({}))
        .await
        .assert_error(400, "LocationRequired");
    for bad in [
        json!({ "location": 1 }),
        json!({ "location": "../x" }),
        json!({ "location": "here", "colour": "red" }),
        json!({ "location": "here", "tags": [] }),
        json!({ "location": "here", "tags": { "a": 1 } }),
        json!({ "location": "here", "tags": { "a": "x".repeat(257) } }),
    ] {
        caller
            .put(&path, &bad)
            .await
            .assert_error(400, "InvalidRequestContent");
    }
    caller
        .put(&path, &json!({ "location": "here" }))
        .await
        .assert_status(201);
    caller
        .put(&path, &json!({ "location": "there" }))
        .await
        .assert_error(409, "InvalidResourceGroupLocation");
    caller
        .put(&format!("{SUBSCRIPTION}/resourceGroups/a%2Fb"), &json!({}))
        .await
        .assert_error(400, "InvalidResourceGroup");
}

async fn groups_are_listed_in_pages(database: Database) {
    let caller = Caller::new(&database).await;
    for name in ["c", "a", "B"] {
        let path = format!("{SUBSCRIPTION}/resourceGroups/{name}");
        caller
            .put(&path, &json!({ "location": "here" }))
            .await
            .assert_status(201);
    }
    let other = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups";
    assert_eq!(caller.get(other).await.body["value"], json!([]));
    let mut names = Vec::new();
    let mut next = Some(format!("{SUBSCRIPTION}/resourceGroups?$top=2"));
    while let Some(path) = next {
        let reply = caller.get(&path).await;
        let groups = reply.assert_status(200).body["value"]
            .as_array()
            .unwrap()
            .clone();
        names.push(
            groups
                .iter()
                .map(|group| group["name"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
        );
        next = reply.body.get("nextLink").map(|link| {
            let link = link.as_str().unwrap();
            link.strip_prefix("https://gateway.example:8443")
                .unwrap()
                .to_owned()
        });
    }
    assert_eq!(
        names,
        [vec!["a".to_owned(), "B".to_owned()], vec!["c".to_owned()]]
    );
    let list = format!("{SUBSCRIPTION}/resourceGroups");
    caller
        .get(&format!("{list}?$top=0"))
        .await
        .assert_error(400, "InvalidTopParameter");
    for token in ["%21", "AA", "YQBi"] {
        caller
            .get(&format!("{list}?$skiptoken={token}"))
            .await
            .assert_error(400, "InvalidSkipToken");
    }
}

async fn patch_changes_tags_only(database: Database) {
    let caller = Caller::new(&database).await;
    let group = format!("{SUBSCRIPTION}/resourceGroups/Group");
    let patch = |body: Value| {
        let (caller, group) = (caller.clone(), group.clone());
        async move { caller.call(Method::PATCH, &group, &[], &body).await }
    };
    patch(json!({ "tags": {} }))
        .await
        .assert_error(404, "ResourceGroupNotFound");
    caller
        .put(&group, &json!({ "location": "here", "tags": { "a": "b" } }))
        .await
        .assert_status(201);
    let patched = patch(json!({ "tags": { "c": "d" } })).await;
    assert_eq!(patched.assert_status(200).body["tags"], json!({ "c": "d" }));
    assert_eq!(patched.body["location"], "here");
}
