//! The store's contract: the same tests on SQLite and on Postgres.

use control_plane::store::Change;

use crate::{
    database::{Database, on_both_databases},
    fixture::{gateway_id, put, read, with_group, write},
};

on_both_databases!(a_gateway_that_was_put_is_found);

async fn a_gateway_that_was_put_is_found(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let committed = store.put_gateway(&write(), put("GW", "a")).await.unwrap();
    assert_eq!(committed.change, Change::Created);
    let found = store
        .find_gateway(&read(), &gateway_id("gw"))
        .await
        .unwrap();
    assert_eq!(found, Some(committed.gateway));
}
