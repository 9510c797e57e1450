//! Databases of earlier releases.

use std::{fs, path::Path};

use control_plane::extension::Extensions;
use sqlx::{AnyPool, any::install_default_drivers, migrate::Migrator};
use tempfile::TempDir;

use crate::{
    database::{Database, on_both_databases},
    fixture::{GROUP, gateway_id, read, update, write},
};

on_both_databases!(a_gateway_of_the_first_release_has_no_extensions_and_takes_some);

async fn a_gateway_of_the_first_release_has_no_extensions_and_takes_some(database: Database) {
    let pool = migrated_to(&database, &["0001_ground.sql"]).await;
    let id = gateway_id("gw");
    let statement = "insert into resource_groups (id, display_id, subscription, name, location, tags, created_at, \
                     updated_at) values ($1, $2, $3, 'Group', 'westeurope', '{}', 0, 0)";
    sqlx::query(statement)
        .bind(GROUP.to_lowercase())
        .bind(GROUP)
        .bind(id.subscription().as_str())
        .execute(&pool)
        .await
        .unwrap();
    let statement = "insert into gateways (id, display_id, subscription, resource_group, name, document, generation, \
                     etag, resource_guid, provisioning_state, stopped, created_at, updated_at) \
                     values ($1, $2, $3, $4, 'gw', '{\"location\":\"x\"}', 7, 'e', 'g', 'Succeeded', 0, 0, 0)";
    sqlx::query(statement)
        .bind(id.key())
        .bind(id.to_string())
        .bind(id.subscription().as_str())
        .bind(GROUP.to_lowercase())
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;

    let store = database.open().await;
    let found = store.find_gateway(&read(), &id).await.unwrap().unwrap();
    assert_eq!(
        (found.generation, &found.extensions),
        (7, &Extensions::default())
    );
    let put = update("gw", "a", 7);
    let committed = store.put_gateway(&write(), put).await.unwrap();
    assert_eq!(committed.gateway.generation, 8);
}

/// The database as these migrations leave it.
async fn migrated_to(database: &Database, names: &[&str]) -> AnyPool {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let folder = TempDir::new().unwrap();
    for name in names {
        fs::copy(all.join(name), folder.path().join(name)).unwrap();
    }
    install_default_drivers();
    let url = database.url();
    let url = if url.starts_with("sqlite:") {
        format!("{url}?mode=rwc")
    } else {
        url.to_owned()
    };
    let pool = AnyPool::connect(&url).await.unwrap();
    let migrator = Migrator::new(folder.path()).await.unwrap();
    migrator.run(&pool).await.unwrap();
    pool
}
