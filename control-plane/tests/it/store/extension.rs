//! What is stored beside the document of a gateway.

use control_plane::{
    extension::Extensions,
    store::{Change, PutGateway},
};
use model::ResourceName;
use serde_json::json;

use crate::{
    database::{Database, on_both_databases},
    fixture::{gateway_id, put, read, update, with_group, write},
};

on_both_databases!(
    extensions_are_found_as_they_were_put,
    a_put_that_changes_only_extensions_is_a_new_generation,
);

fn extensions(content: &str) -> Extensions {
    let profile = ResourceName::parse("mtls").unwrap();
    Extensions::default()
        .with_policy(&profile, json!({ "properties": { "content": content } }))
        .at(1, &[(profile, [1; 32])].into())
}

fn with(extensions: Extensions, put: PutGateway) -> PutGateway {
    PutGateway { extensions, ..put }
}

async fn extensions_are_found_as_they_were_put(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let committed = store
        .put_gateway(&write(), with(extensions("é"), put("gw", "a")))
        .await
        .unwrap();
    assert_eq!(committed.gateway.extensions, extensions("é"));
    let reopened = database.open().await;
    let found = reopened.find_gateway(&read(), &gateway_id("GW")).await;
    assert_eq!(found.unwrap().unwrap().extensions, extensions("é"));
}

async fn a_put_that_changes_only_extensions_is_a_new_generation(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    store
        .put_gateway(&write(), with(extensions("a"), put("gw", "a")))
        .await
        .unwrap();
    let same = store
        .put_gateway(&write(), with(extensions("a"), update("gw", "a", 1)))
        .await
        .unwrap();
    assert_eq!(
        (same.change, same.gateway.generation),
        (Change::Unchanged, 1)
    );
    let other = store
        .put_gateway(&write(), with(extensions("b"), update("gw", "a", 1)))
        .await
        .unwrap();
    assert_eq!(
        (other.change, other.gateway.generation),
        (Change::Updated, 2)
    );
    assert_ne!(other.gateway.etag, same.gateway.etag);
    assert_eq!(other.gateway.extensions, extensions("b"));
}
