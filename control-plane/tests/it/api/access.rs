//! Who may: tokens, roles, and what the audit has of it.

use control_plane::{access::Scope, role::Role};
use serde_json::{Value, json};

use super::{
    caller::{Caller, SUBSCRIPTION},
    document::{self, GROUP},
};
use crate::database::{Database, on_both_databases};

on_both_databases!(
    strangers_learn_nothing,
    the_api_describes_itself_to_everybody,
    who_may_not_read_learns_nothing,
    a_role_holds_below_its_scope,
    a_client_ca_operator_changes_client_cas_only,
    a_service_principal_signs_in_with_its_password,
    roles_are_assigned_and_taken_away,
    the_last_owner_stays,
    writes_and_refusals_are_in_the_activity_log,
);

const ROLE_ASSIGNMENTS: &str = "/providers/Microsoft.Authorization/roleAssignments";
const PRINCIPALS: &str = "/providers/Portcullis.Security/servicePrincipals";

async fn strangers_learn_nothing(database: Database) {
    let owner = Caller::with_group(&database).await;
    let forged = owner.authorization().rsplit_once('.').unwrap().0.to_owned() + ".AAAA";
    for authorization in ["", "Bearer", "Bearer x", "Basic abc", &forged] {
        let stranger = owner.with_authorization(authorization);
        for path in [GROUP, "/nothing", "/subscriptions"] {
            let reply = stranger.get(path).await;
            reply.assert_status(401);
            assert!(reply.header("www-authenticate").starts_with("Bearer "));
        }
    }
}

async fn the_api_describes_itself_to_everybody(database: Database) {
    let owner = Caller::with_group(&database).await;
    let stranger = owner.with_authorization("");
    let reply = stranger.get("/openapi.json").await;
    let document = &reply.assert_status(200).body;
    assert_eq!(document["openapi"], "3.0.3");
    assert!(document["paths"]["/subscriptions"]["get"].is_object());
}

async fn who_may_not_read_learns_nothing(database: Database) {
    let owner = Caller::with_group(&database).await;
    let nobody = owner.without_role().await;
    let there = nobody.get(GROUP).await;
    let absent = nobody
        .get(&format!("{SUBSCRIPTION}/resourceGroups/Absent"))
        .await;
    for reply in [&there, &absent] {
        reply.assert_error(403, "AuthorizationFailed");
    }
    let text = |reply: &super::caller::Reply| {
        let message = reply.body["error"]["message"].as_str().unwrap();
        message.replace("Absent", "Group")
    };
    assert_eq!(text(&there), text(&absent));
    let list = nobody.get("/subscriptions").await;
    assert_eq!(list.assert_status(200).body["value"], json!([]));
}

async fn a_role_holds_below_its_scope(database: Database) {
    let owner = Caller::with_group(&database).await;
    let other = format!("{SUBSCRIPTION}/resourceGroups/Other");
    let body = json!({ "location": "westeurope" });
    owner.put(&other, &body).await.assert_status(201);
    let reader = owner.with_role(Role::Reader, &Scope::of(GROUP)).await;
    reader.get(GROUP).await.assert_status(200);
    reader
        .get(&other)
        .await
        .assert_error(403, "AuthorizationFailed");
    reader
        .put(GROUP, &body)
        .await
        .assert_error(403, "AuthorizationFailed");
    let groups = reader
        .names(&format!("{SUBSCRIPTION}/resourceGroups"))
        .await;
    assert_eq!(groups, ["Group"]);
    let subscriptions = reader.get("/subscriptions").await;
    assert_eq!(subscriptions.body["value"].as_array().unwrap().len(), 1);
}

async fn a_client_ca_operator_changes_client_cas_only(database: Database) {
    let owner = Caller::with_group(&database).await;
    let id = document::gateway_id("gw");
    owner
        .put(&id, &document::http_gateway(&id, 8080))
        .await
        .assert_status(201);
    let operator = owner
        .with_role(Role::ClientCaOperator, &Scope::of(&id))
        .await;
    operator.get(&id).await.assert_status(200);
    operator
        .put(&id, &document::http_gateway(&id, 8080))
        .await
        .assert_error(403, "AuthorizationFailed");
    let profile = format!("{id}/sslProfiles/p");
    operator
        .put(&profile, &json!({ "properties": {} }))
        .await
        .assert_error(403, "AuthorizationFailed");
    let ca = format!("{id}/trustedClientCertificates/ca");
    operator
        .put(&ca, &json!({ "properties": { "data": "nonsense" } }))
        .await
        .assert_status(400);
    operator.delete(&ca).await.assert_status(204);
}

async fn a_service_principal_signs_in_with_its_password(database: Database) {
    let owner = Caller::with_group(&database).await;
    let path = format!("{PRINCIPALS}/Robot");
    let made = owner.put(&path, &json!({})).await;
    let app = made.assert_status(201).body["properties"]["appId"].clone();
    let added = owner.post(&format!("{path}/addPassword"), &json!({})).await;
    let secret = added.assert_status(200).body["secretText"].clone();
    let shown = owner.get(&path).await;
    assert!(!shown.body.to_string().contains(secret.as_str().unwrap()));
    assert_eq!(
        shown.body["properties"]["passwordCredentials"][0]["hint"],
        secret.as_str().unwrap()[4..7]
    );

    let robot = owner.sign_in(&app, &secret).await;
    let robot = robot.unwrap();
    robot
        .get(GROUP)
        .await
        .assert_error(403, "AuthorizationFailed");
    assert!(owner.sign_in(&app, &json!("wrong")).await.is_err());
    assert!(owner.sign_in(&json!("nobody"), &secret).await.is_err());

    let credential = json!({ "keyId": added.body["keyId"] });
    let removed = owner
        .post(&format!("{path}/removePassword"), &credential)
        .await;
    removed.assert_status(204);
    assert!(owner.sign_in(&app, &secret).await.is_err());
    owner.delete(&path).await.assert_status(200);
    robot.get(GROUP).await.assert_status(401);
}

async fn roles_are_assigned_and_taken_away(database: Database) {
    let owner = Caller::with_group(&database).await;
    let made = owner.put(&format!("{PRINCIPALS}/robot"), &json!({})).await;
    let principal = &made.body["properties"]["principalId"];
    let name = "44444444-4444-4444-4444-444444444444";
    let path = format!("{GROUP}{ROLE_ASSIGNMENTS}/{name}");
    let body = assignment(principal, Role::Reader);
    let created = owner.put(&path, &body).await;
    created.assert_status(201);
    assert_eq!(&created.body["properties"]["principalId"], principal);
    owner.put(&path, &body).await.assert_status(200);
    owner
        .put(&path, &assignment(principal, Role::Owner))
        .await
        .assert_error(409, "RoleAssignmentUpdateNotPermitted");
    let twin = format!("{GROUP}{ROLE_ASSIGNMENTS}/55555555-5555-5555-5555-555555555555");
    owner
        .put(&twin, &body)
        .await
        .assert_error(409, "RoleAssignmentExists");
    owner
        .put(&twin, &assignment(&json!("nobody"), Role::Reader))
        .await
        .assert_error(400, "PrincipalNotFound");

    let filter = format!(
        "%24filter=principalId%20eq%20'{}'",
        principal.as_str().unwrap()
    );
    let listed = owner
        .names(&format!("{SUBSCRIPTION}{ROLE_ASSIGNMENTS}?{filter}"))
        .await;
    assert_eq!(listed, [name]);
    owner.delete(&path).await.assert_status(200);
    owner.delete(&path).await.assert_status(204);
    owner
        .get(&path)
        .await
        .assert_error(404, "RoleAssignmentNotFound");
}

async fn the_last_owner_stays(database: Database) {
    let owner = Caller::with_group(&database).await;
    let all = owner.names(ROLE_ASSIGNMENTS).await;
    let [only] = all.as_slice() else {
        panic!("{all:?}")
    };
    owner
        .delete(&format!("{ROLE_ASSIGNMENTS}/{only}"))
        .await
        .assert_error(409, "LastOwner");
    owner.get(GROUP).await.assert_status(200);
}

async fn writes_and_refusals_are_in_the_activity_log(database: Database) {
    let owner = Caller::with_group(&database).await;
    let reader = owner.with_role(Role::Reader, &Scope::of(GROUP)).await;
    let body = json!({ "location": "westeurope" });
    reader.put(GROUP, &body).await.assert_status(403);
    owner
        .put(GROUP, &json!({ "location": 1 }))
        .await
        .assert_status(400);
    let stranger = owner.with_authorization("");
    stranger.put(GROUP, &body).await.assert_status(401);

    let log = format!("{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values");
    let events = reader.get(&log).await;
    let events = events.assert_status(200).body["value"]
        .as_array()
        .unwrap()
        .clone();
    let told: Vec<Value> = events
        .iter()
        .map(|event| {
            json!([
                event["properties"]["outcome"],
                event["properties"]["statusCode"]
            ])
        })
        .collect();
    let expected = [
        json!(["Denied", "401"]),
        json!(["Failed", "400"]),
        json!(["Denied", "403"]),
        json!(["Succeeded", "200"]),
    ];
    assert_eq!(told, expected, "{events:#?}");
    assert!(owner.store.verify_audit().await.unwrap().is_ok());
}

fn assignment(principal: &Value, role: Role) -> Value {
    let definition = format!(
        "{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{}",
        role.id()
    );
    json!({ "properties": { "roleDefinitionId": definition, "principalId": principal } })
}
