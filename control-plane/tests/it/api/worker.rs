//! Worker identities through the API.

use control_plane::{access::Scope, role::Role};
use serde_json::{Value, json};

use super::{caller::Caller, document::GROUP};
use crate::database::{Database, on_both_databases};

on_both_databases!(
    a_worker_is_made_gets_tokens_and_is_revoked,
    bodies_that_say_nothing_useful_are_refused,
    only_who_may_at_the_root_sees_and_changes_workers,
);

const WORKERS: &str = "/providers/Portcullis.Security/workers";

fn path(name: &str) -> String {
    format!("{WORKERS}/{name}")
}

fn scopes(scopes: &[&str]) -> Value {
    json!({ "properties": { "scopes": scopes } })
}

async fn a_worker_is_made_gets_tokens_and_is_revoked(database: Database) {
    let owner = Caller::with_group(&database).await;
    owner
        .get(&path("w1"))
        .await
        .assert_error(404, "ResourceNotFound");
    let made = owner.put(&path("w1"), &scopes(&[GROUP])).await;
    made.assert_status(201);
    assert_eq!(made.body["properties"]["state"], "Pending");
    assert_eq!(
        made.body["properties"]["scopes"],
        json!([GROUP.to_lowercase()])
    );
    owner
        .put(&path("W1"), &scopes(&["/"]))
        .await
        .assert_status(200);
    let token = owner.post(&path("w1/createJoinToken"), &json!({})).await;
    token.assert_status(200);
    assert_eq!(token.header("cache-control"), "no-store");
    let text = token.body["token"].as_str().unwrap();
    assert_eq!((&text[..5], text.len()), ("pjt1.", 112));
    let found = owner.get(&path("w1")).await;
    let properties = &found.body["properties"];
    assert_eq!(properties["joinTokenExpiresAt"], token.body["expiresAt"]);
    assert!(!found.body.to_string().contains("pjt1"));
    assert_eq!(owner.names(WORKERS).await, ["w1"]);
    let revoked = owner.post(&path("w1/revoke"), &Value::Null).await;
    assert_eq!(revoked.body["properties"]["state"], "Revoked");
    let refused = owner.post(&path("w1/createJoinToken"), &json!({})).await;
    refused.assert_error(409, "WorkerRevoked");
    owner.delete(&path("w1")).await.assert_status(200);
    owner.delete(&path("w1")).await.assert_status(204);
    let absent = owner.post(&path("w1/revoke"), &Value::Null).await;
    absent.assert_error(404, "ResourceNotFound");
}

async fn bodies_that_say_nothing_useful_are_refused(database: Database) {
    let owner = Caller::with_group(&database).await;
    for body in [json!({}), scopes(&[]), scopes(&["everything"])] {
        owner.put(&path("w1"), &body).await.assert_status(400);
    }
    owner
        .put(&path(".w1"), &scopes(&["/"]))
        .await
        .assert_status(400);
    owner
        .put(&path("w1"), &scopes(&["/"]))
        .await
        .assert_status(201);
    let body = json!({ "properties": { "validFor": "P2D" } });
    let refused = owner.post(&path("w1/createJoinToken"), &body).await;
    refused.assert_status(400);
}

async fn only_who_may_at_the_root_sees_and_changes_workers(database: Database) {
    let owner = Caller::with_group(&database).await;
    owner
        .put(&path("w1"), &scopes(&["/"]))
        .await
        .assert_status(201);
    let of_group = owner.with_role(Role::Owner, &Scope::of(GROUP)).await;
    let reader = owner.with_role(Role::Reader, &Scope::root()).await;
    let contributor = owner.with_role(Role::Contributor, &Scope::root()).await;
    of_group.get(&path("w1")).await.assert_status(403);
    for caller in [&reader, &contributor] {
        caller.get(&path("w1")).await.assert_status(200);
    }
    for caller in [&of_group, &reader, &contributor] {
        caller
            .put(&path("w1"), &scopes(&["/"]))
            .await
            .assert_status(403);
        caller.delete(&path("w1")).await.assert_status(403);
        for action in ["createJoinToken", "revoke"] {
            let action = path(&format!("w1/{action}"));
            caller.post(&action, &json!({})).await.assert_status(403);
        }
    }
}
