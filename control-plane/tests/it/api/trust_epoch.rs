//! The trust epoch of an SSL profile, as the workers get it.

use http::Method;
use model::GatewayId;
use prost::Message;
use proto::config::v1::GatewaySnapshot;
use serde_json::{Value, json};

use super::{
    caller::Caller,
    document::{client_root, gateway_id, mtls_gateway},
};
use crate::{
    database::{Database, on_both_databases},
    fixture::read,
};

on_both_databases!(
    an_epoch_changes_with_what_is_demanded_and_never_returns,
    an_epoch_survives_a_stop_and_what_does_not_concern_it,
);

/// What the workers get now.
pub(crate) async fn snapshot(caller: &Caller, id: &str) -> GatewaySnapshot {
    let id = GatewayId::parse(id).unwrap();
    let stored = caller.store.find_gateway(&read(), &id).await.unwrap();
    let generation = stored.unwrap().generation;
    let content = caller
        .store
        .find_content(&read(), &id.key(), generation)
        .await;
    let content = content.unwrap().unwrap();
    GatewaySnapshot::decode(content.snapshot.as_slice()).unwrap()
}

async fn epoch(caller: &Caller, id: &str) -> u64 {
    snapshot(caller, id).await.client_auth_policies[0].trust_epoch
}

async fn an_epoch_changes_with_what_is_demanded_and_never_returns(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let (a, b) = (client_root("A"), client_root("B"));
    let mut seen = Vec::new();
    for root in [&a, &a, &b, &a] {
        let body = mtls_gateway(&id, &[("clients", root)]);
        let put = caller.put(&id, &body).await;
        assert!(put.status.is_success(), "{:#}", put.body);
        seen.push(epoch(&caller, &id).await);
    }
    assert_eq!(seen, [1, 1, 2, 3]);
}

async fn an_epoch_survives_a_stop_and_what_does_not_concern_it(database: Database) {
    let caller = Caller::with_group(&database).await;
    let id = gateway_id("gw");
    let body = mtls_gateway(&id, &[("clients", &client_root("A"))]);
    caller.put(&id, &body).await.assert_status(201);
    let port = json!({ "properties": { "port": 9000 } });
    caller
        .put(&format!("{id}/frontendPorts/more"), &port)
        .await
        .assert_status(201);
    assert_eq!(epoch(&caller, &id).await, 1);
    for action in ["stop", "start"] {
        let path = format!("{id}/{action}");
        caller
            .call(Method::POST, &path, &[], &Value::Null)
            .await
            .assert_status(202);
    }
    assert_eq!(epoch(&caller, &id).await, 1);
    // While no listener uses the profile, nobody remembers what it demanded.
    let profile = body["properties"]["httpListeners"][1]["properties"]["sslProfile"].clone();
    let listener = format!("{id}/httpListeners/secure");
    let mut secure = body["properties"]["httpListeners"][1].clone();
    secure["properties"]
        .as_object_mut()
        .unwrap()
        .remove("sslProfile");
    caller.put(&listener, &secure).await.assert_status(200);
    assert!(snapshot(&caller, &id).await.client_auth_policies.is_empty());
    secure["properties"]["sslProfile"] = profile;
    caller.put(&listener, &secure).await.assert_status(200);
    assert_eq!(epoch(&caller, &id).await, 6);
}
