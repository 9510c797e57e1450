//! Rotation of the master key: what several replicas with different current keys make of the same database.

use std::collections::BTreeSet;

use control_plane::{
    reseal::{Metrics, Report, Resealer},
    rotation::Slot,
    seal::KeyUse,
    store::{SealedTable, Store, StoreError},
    ticket_key::TicketKey,
    token::SigningKey,
};
use sqlx::{AnyConnection, Connection, Executor, Row};

use crate::{
    database::{Database, on_both_databases},
    fixture::{gateway_id, now, put, read, sha256, update, wanted, with_group, with_keys, write},
};

on_both_databases!(
    every_table_with_sealed_secrets_is_in_the_list,
    replicas_rotate_the_key_one_after_the_other,
    secrets_open_while_replicas_disagree_about_the_key,
    a_key_that_is_missing_is_named,
    what_was_moved_between_rows_is_not_sealed_anew,
    what_was_deleted_meanwhile_stays_deleted,
);

const OLD: u8 = 1;
const NEW: u8 = 2;

async fn every_table_with_sealed_secrets_is_in_the_list(database: Database) {
    database.open().await;
    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    let of_schema = if database.url().starts_with("sqlite:") {
        "select m.name as name from sqlite_master m join pragma_table_info(m.name) c \
         where m.type = 'table' and c.name = 'sealed'"
    } else {
        "select table_name::text as name from information_schema.columns \
         where table_schema = current_schema() and column_name = 'sealed'"
    };
    let rows = connection.fetch_all(of_schema).await.unwrap();
    let schema: BTreeSet<String> = rows.iter().map(|row| row.get("name")).collect();
    let listed = SealedTable::ALL.map(|table| table.name.to_owned());
    assert_eq!(schema, BTreeSet::from(listed));
}

/// One secret of each kind under each name that was added.
struct Secrets {
    tenant: String,
    private_keys: Vec<&'static str>,
    ticket_keys: Vec<(Slot, TicketKey)>,
    signing_keys: Vec<(Slot, SigningKey)>,
}

impl Secrets {
    async fn new(store: &Store) -> Self {
        with_group(store).await;
        store.put_gateway(&write(), put("gw", "a")).await.unwrap();
        Self {
            tenant: store.tenant(now()).await.unwrap(),
            private_keys: Vec::new(),
            ticket_keys: Vec::new(),
            signing_keys: Vec::new(),
        }
    }

    /// Writes one more of each kind by `store`.
    async fn add(&mut self, store: &Store, private_key: &'static str) {
        let old = self.private_keys.clone();
        self.private_keys.push(private_key);
        let generation = i64::try_from(self.private_keys.len()).unwrap();
        let tag = format!("with {private_key}");
        let mut put = with_keys(
            update("gw", &tag, generation),
            &[private_key],
            &[private_key],
        );
        let kept = old.iter().map(|key| sha256(key.as_bytes()));
        put.keys.extend(kept);
        store.put_gateway(&write(), put).await.unwrap();

        let (ticket, signing) = (
            TicketKey::random().unwrap(),
            SigningKey::generate().unwrap(),
        );
        let slot = |id| Slot {
            sequence: generation,
            id,
            used_from: now(),
        };
        let gateway = wanted(store, "gw").await.unwrap();
        let added = store.add_ticket_key(&gateway, generation, now(), &ticket, now());
        assert!(added.await.unwrap());
        let place = slot(signing.id);
        let added = store.add_signing_key(&self.tenant, &place, &signing, now());
        assert!(added.await.unwrap());
        self.ticket_keys.push((slot(ticket.id), ticket));
        self.signing_keys.push((place, signing));
    }

    /// Opens all by `store`.
    async fn open(&self, store: &Store) {
        let gateway = gateway_id("gw").key();
        for key in &self.private_keys {
            let hash = sha256(key.as_bytes());
            let found = store.find_private_key(&read(), &gateway, &hash).await;
            assert_eq!(*found.unwrap().unwrap(), key.as_bytes());
        }
        for (slot, key) in &self.ticket_keys {
            let found = store.find_ticket_key(&read(), &gateway, slot).await;
            assert_eq!(found.unwrap().unwrap().secret, key.secret);
        }
        for (slot, key) in &self.signing_keys {
            let found = store.find_signing_key(&self.tenant, slot).await;
            assert_eq!(found.unwrap().unwrap().pkcs8(), key.pkcs8());
        }
    }
}

async fn pass(store: &Store) -> Report {
    let mut resealer = Resealer::new(store.clone(), Metrics::default());
    resealer.pass().await.unwrap()
}

async fn envelopes(store: &Store, usage: KeyUse) -> u64 {
    let sealed = store.sealed_by().await.unwrap();
    let sealed = sealed.iter().filter(|by| by.usage == usage);
    sealed.map(|by| by.envelopes).sum()
}

async fn replicas_rotate_the_key_one_after_the_other(database: Database) {
    // Both have the old key.
    let mut here = database.open_with_keys(OLD, &[]).await;
    let mut there = database.open_with_keys(OLD, &[]).await;
    let mut secrets = Secrets::new(&here).await;
    secrets.add(&here, "before").await;
    // Both learn to open what the new one seals; one does so first.
    here = database.open_with_keys(OLD, &[NEW]).await;
    secrets.open(&here).await;
    assert_eq!(pass(&here).await, Report::default());
    secrets.add(&there, "while one knows the new key").await;
    secrets.open(&here).await;
    there = database.open_with_keys(OLD, &[NEW]).await;
    // One has the new key, and the other not yet.
    here = database.open_with_keys(NEW, &[OLD]).await;
    secrets.add(&there, "by the old key").await;
    assert_eq!(pass(&here).await.resealed, 9);
    secrets.add(&here, "by the new key").await;
    secrets.open(&there).await;
    assert_eq!(pass(&there).await.resealed, 12);
    secrets.open(&here).await;
    // Both have the new key: now, and only now, nothing goes back.
    there = database.open_with_keys(NEW, &[OLD]).await;
    secrets.open(&there).await;
    assert_eq!(envelopes(&there, KeyUse::Other).await, 12);
    assert_eq!(pass(&there).await.resealed, 12);
    assert_eq!(envelopes(&here, KeyUse::Other).await, 0);
    assert_eq!(pass(&here).await, Report::default());
    // The old key is gone.
    let after = database.open_with_keys(NEW, &[]).await;
    assert_eq!(pass(&after).await, Report::default());
    secrets.open(&after).await;
    let forgotten = database.open_with_keys(OLD, &[]).await;
    assert_eq!(envelopes(&forgotten, KeyUse::Missing).await, 12);
}

async fn secrets_open_while_replicas_disagree_about_the_key(database: Database) {
    let here = database.open_with_keys(OLD, &[NEW]).await;
    let there = database.open_with_keys(NEW, &[OLD]).await;
    let mut secrets = Secrets::new(&here).await;
    for key in ["one", "two", "three"] {
        secrets.add(&here, key).await;
    }
    let sealing = async {
        for _ in 0..10 {
            tokio::join!(pass(&here), pass(&there));
        }
    };
    let opening = async {
        for _ in 0..20 {
            secrets.open(&here).await;
            secrets.open(&there).await;
        }
    };
    tokio::join!(sealing, opening);
    let all = envelopes(&here, KeyUse::Current).await + envelopes(&here, KeyUse::Other).await;
    assert_eq!(all, 9);
}

async fn a_key_that_is_missing_is_named(database: Database) {
    let store = database.open_with_keys(OLD, &[]).await;
    let mut secrets = Secrets::new(&store).await;
    secrets.add(&store, "lost").await;
    let other = database.open_with_keys(NEW, &[]).await;
    let gateway = gateway_id("gw").key();
    let lost = sha256(b"lost");
    let found = other.find_private_key(&read(), &gateway, &lost).await;
    let Err(StoreError::Corrupt {
        source: Some(cause),
        ..
    }) = found
    else {
        panic!("opened without its key");
    };
    let id = store.current_master_key();
    assert!(cause.to_string().contains(&id.to_string()), "{cause}");
    let report = pass(&other).await;
    assert_eq!((report.refused, report.lost, report.left), (3, 3, 0));
    assert_eq!(report.missing, BTreeSet::from([id]));
    secrets.open(&store).await;
}

async fn what_was_moved_between_rows_is_not_sealed_anew(database: Database) {
    let store = database.open_with_keys(OLD, &[]).await;
    let mut secrets = Secrets::new(&store).await;
    for key in ["one", "two"] {
        secrets.add(&store, key).await;
    }
    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    for (table, order) in [
        ("secrets", "sha256"),
        ("ticket_keys", "sequence"),
        ("signing_keys", "sequence"),
    ] {
        let copy = format!(
            "update {table} set sealed = (select sealed from {table} order by {order} limit 1)"
        );
        connection.execute(sqlx::AssertSqlSafe(copy)).await.unwrap();
    }
    let rotated = database.open_with_keys(NEW, &[OLD]).await;
    let report = pass(&rotated).await;
    assert_eq!((report.resealed, report.refused, report.left), (3, 3, 3));
    let gateway = gateway_id("gw").key();
    let (slot, _) = &secrets.ticket_keys[1];
    let refused = rotated.find_ticket_key(&read(), &gateway, slot).await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt { .. })),
        "{refused:?}"
    );
}

async fn what_was_deleted_meanwhile_stays_deleted(database: Database) {
    let store = database.open_with_keys(OLD, &[]).await;
    let mut secrets = Secrets::new(&store).await;
    secrets.add(&store, "one").await;
    let rotated = database.open_with_keys(NEW, &[OLD]).await;
    let [_, table, _] = &SealedTable::ALL;
    let rows = rotated.not_under_current_key(table).await.unwrap();
    assert_eq!((table.name, rows.len()), ("signing_keys", 1));
    let (slot, _) = &secrets.signing_keys[0];
    store.delete_signing_key(slot).await.unwrap();
    let outcome = rotated.reseal(table, &rows).await.unwrap();
    assert_eq!((outcome.done, outcome.refused), (0, 0));
    assert_eq!(store.signing_key_slots().await.unwrap(), []);
}
