//! Private keys and blobs: sealed, kept as long as they are referred to, bound to their gateway.

use control_plane::store::{Store, StoreError};
use sqlx::{AnyConnection, Connection, Executor, Row};

use crate::{
    database::{Database, on_both_databases},
    fixture::{
        blob, gateway_id, put, read, secret, sha256, update, wanted, with_group, with_keys, write,
    },
};

on_both_databases!(
    a_key_is_kept_while_the_document_refers_to_it,
    a_key_that_only_the_document_refers_to_is_not_for_workers,
    a_reference_to_an_unknown_key_is_refused,
    no_plain_key_is_in_the_database,
    a_sealed_key_does_not_open_for_another_gateway,
    another_master_key_opens_nothing,
    blobs_follow_the_snapshot,
);

const KEY: &str = "-- the private key --";

async fn a_key_is_kept_while_the_document_refers_to_it(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    store
        .put_gateway(&write(), with_keys(put("gw", "a"), &[KEY], &[KEY]))
        .await
        .unwrap();
    store
        .put_gateway(&write(), with_keys(update("gw", "b", 1), &[], &[KEY]))
        .await
        .unwrap();
    assert_eq!(
        key(&store, "gw").await.unwrap().as_deref(),
        Some(KEY.as_bytes())
    );
    store
        .put_gateway(&write(), with_keys(update("gw", "c", 2), &[], &[]))
        .await
        .unwrap();
    assert_eq!(key(&store, "gw").await.unwrap(), None);
}

async fn a_key_that_only_the_document_refers_to_is_not_for_workers(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let mut put = with_keys(put("gw", "a"), &[KEY, "unused"], &[KEY]);
    put.keys.push(secret("unused").sha256);
    store.put_gateway(&write(), put).await.unwrap();
    let wanted = wanted(&store, "gw").await.unwrap();
    let content = store
        .find_content(&read(), &wanted.key, 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(content.keys, [sha256(KEY.as_bytes())]);
    let unused = store
        .find_private_key(&read(), &wanted.key, &sha256(b"unused"))
        .await
        .unwrap();
    assert!(unused.is_some());
}

async fn a_reference_to_an_unknown_key_is_refused(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let refused = store
        .put_gateway(&write(), with_keys(put("gw", "a"), &[], &[KEY]))
        .await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt { .. })),
        "{refused:?}"
    );
    assert_eq!(wanted(&store, "gw").await, None);
}

async fn no_plain_key_is_in_the_database(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    store
        .put_gateway(&write(), with_keys(put("gw", "a"), &[KEY], &[KEY]))
        .await
        .unwrap();
    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    let row = connection
        .fetch_one("select sealed from secrets")
        .await
        .unwrap();
    let sealed: Vec<u8> = row.get(0);
    assert!(!contains(&sealed, KEY.as_bytes()));
    if let Some(file) = database.url().strip_prefix("sqlite://") {
        for file in [file.to_owned(), format!("{file}-wal")] {
            let bytes = std::fs::read(&file).unwrap_or_default();
            assert!(!contains(&bytes, KEY.as_bytes()), "{file}");
        }
    }
}

async fn a_sealed_key_does_not_open_for_another_gateway(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    for name in ["mine", "yours"] {
        store
            .put_gateway(&write(), with_keys(put(name, "a"), &[KEY], &[KEY]))
            .await
            .unwrap();
    }
    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    let swap = "update secrets set sealed = (select sealed from secrets where gateway_id like '%/yours') \
                where gateway_id like '%/mine'";
    connection.execute(swap).await.unwrap();
    let refused = key(&store, "mine").await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt { .. })),
        "{refused:?}"
    );
    assert!(key(&store, "yours").await.unwrap().is_some());
}

async fn another_master_key_opens_nothing(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    store
        .put_gateway(&write(), with_keys(put("gw", "a"), &[KEY], &[KEY]))
        .await
        .unwrap();
    let refused = key(&database.open_with_other_key().await, "gw").await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt { .. })),
        "{refused:?}"
    );
}

async fn blobs_follow_the_snapshot(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    let (old, kept, new) = (blob(vec![1; 300_000]), blob(vec![2]), blob(Vec::new()));
    let mut first = put("gw", "a");
    first.compiled.blobs = vec![old.clone(), kept.clone()];
    store.put_gateway(&write(), first).await.unwrap();
    let mut second = update("gw", "b", 1);
    second.compiled.blobs = vec![kept.clone(), new.clone()];
    store.put_gateway(&write(), second).await.unwrap();
    let gateway = gateway_id("gw").key();
    for (blob, found) in [(old, false), (kept, true), (new, true)] {
        let stored = store
            .find_blob(&read(), &gateway, &blob.sha256)
            .await
            .unwrap();
        assert_eq!(stored, found.then_some(blob));
    }
}

async fn key(store: &Store, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let gateway = gateway_id(name).key();
    let found = store
        .find_private_key(&read(), &gateway, &sha256(KEY.as_bytes()))
        .await?;
    Ok(found.map(|key| key.to_vec()))
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
