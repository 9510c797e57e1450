//! Readiness reports: added up, bounded, gone with their gateway.

use control_plane::{
    readiness::{ReadinessEntry, ReadinessReport, WouldRefuse},
    store::{ReadinessPosition, Store},
};
use model::ResourceName;
use time::Duration;

use crate::{
    database::{Database, on_both_databases},
    fixture::{delete, gateway_id, now, put, read, reconciler, with_group, write},
};

on_both_databases!(
    reports_are_added_up_by_certificate_and_reason,
    entries_are_listed_newest_first_in_parts,
    the_oldest_entries_go_and_stay_counted,
    a_reset_counts_anew,
    reports_go_with_their_gateway_and_need_one,
);

fn profile(name: &str) -> ResourceName {
    ResourceName::parse(name).unwrap()
}

fn refusal(certificate: Option<u32>, reason: &str, count: u32, minute: i64) -> WouldRefuse {
    WouldRefuse {
        certificate: certificate.map(|number| {
            let bytes = number.to_be_bytes().repeat(8);
            bytes.try_into().unwrap()
        }),
        subject: format!("CN=device, seen at {minute}"),
        issuer: "CN=issuer".to_owned(),
        serial: "0A".to_owned(),
        reason: reason.to_owned(),
        detail: "why".to_owned(),
        count,
        last_seen: now() + Duration::minutes(minute),
    }
}

async fn add(store: &Store, name: &str, refusals: Vec<WouldRefuse>) {
    let report = ReadinessReport {
        profile: profile(name),
        accepted: 100,
        refusals,
        unlisted: 3,
    };
    let gateway = gateway_id("gw").key();
    store.add_readiness(&gateway, &report, now()).await.unwrap();
}

async fn list(store: &Store, name: &str, limit: u32) -> Vec<ReadinessEntry> {
    let (mut all, mut after) = (Vec::new(), Some(ReadinessPosition::default()));
    let gateway = gateway_id("gw").key();
    while let Some(position) = after {
        let part = store
            .list_readiness(&read(), &gateway, &profile(name), &position, limit)
            .await
            .unwrap();
        assert!(part.items.len() <= usize::try_from(limit).unwrap());
        all.extend(part.items);
        after = part
            .next
            .map(|next| ReadinessPosition::parse(&next).unwrap());
    }
    all
}

async fn counts(store: &Store, name: &str) -> Option<[i64; 3]> {
    let gateway = gateway_id("gw").key();
    let found = store
        .find_readiness(&read(), &gateway, &profile(name))
        .await;
    found
        .unwrap()
        .map(|sum| [sum.accepted, sum.refused, sum.unlisted])
}

async fn store_with_gateway(database: &Database) -> Store {
    let store = database.open().await;
    with_group(&store).await;
    store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    store
}

async fn reports_are_added_up_by_certificate_and_reason(database: Database) {
    let store = store_with_gateway(&database).await;
    let first = vec![
        refusal(Some(1), "expired", 2, 5),
        refusal(None, "no_certificate", 1, 5),
    ];
    add(&store, "Mtls", first).await;
    let second = vec![
        refusal(Some(1), "expired", 3, 9),
        refusal(Some(1), "revoked", 1, 1),
    ];
    add(&store, "mTLS", second).await;
    add(&store, "other", vec![refusal(Some(1), "expired", 1, 5)]).await;
    assert_eq!(counts(&store, "mtls").await, Some([200, 13, 6]));
    let listed = list(&store, "mtls", 10).await;
    let seen: Vec<_> = listed
        .iter()
        .map(|entry| {
            (
                entry.certificate.is_some(),
                entry.reason.as_str(),
                entry.count,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (true, "expired", 5),
            (false, "no_certificate", 1),
            (true, "revoked", 1)
        ]
    );
    assert_eq!(listed[0].first_seen, now() + Duration::minutes(5));
    assert_eq!(listed[0].last_seen, now() + Duration::minutes(9));
    assert_eq!(listed[0].subject, "CN=device, seen at 9");
}

async fn entries_are_listed_newest_first_in_parts(database: Database) {
    let store = store_with_gateway(&database).await;
    let refusals = (0..25).flat_map(|number| {
        let minute = i64::from(number / 10);
        [
            refusal(Some(number), "expired", 1, minute),
            refusal(Some(number), "revoked", 1, minute),
        ]
    });
    add(&store, "mtls", refusals.collect()).await;
    let whole = list(&store, "mtls", 500).await;
    assert_eq!(whole.len(), 50);
    assert!(whole.is_sorted_by_key(|entry| std::cmp::Reverse(entry.last_seen)));
    assert_eq!(list(&store, "mtls", 7).await, whole);
    for token in ["", "x", "1:zz:expired", "1"] {
        assert_eq!(ReadinessPosition::parse(token), None, "{token}");
    }
}

async fn the_oldest_entries_go_and_stay_counted(database: Database) {
    let store = store_with_gateway(&database).await;
    for batch in 0..11_u32 {
        let refusals = (0..1000)
            .map(|number| refusal(Some(batch * 1000 + number), "expired", 2, i64::from(batch)));
        add(&store, "mtls", refusals.collect()).await;
    }
    let listed = list(&store, "mtls", 500).await;
    assert_eq!(listed.len(), 10_000);
    assert_eq!(
        listed.last().unwrap().last_seen,
        now() + Duration::minutes(1)
    );
    assert_eq!(
        counts(&store, "mtls").await,
        Some([1100, 22_000 + 33, 2000 + 33])
    );
}

async fn a_reset_counts_anew(database: Database) {
    let store = store_with_gateway(&database).await;
    add(&store, "mtls", vec![refusal(Some(1), "expired", 1, 1)]).await;
    let (gateway, name) = (gateway_id("gw").key(), profile("MTLS"));
    let later = now() + Duration::hours(1);
    store
        .reset_readiness(&write(), &gateway, &name, later)
        .await
        .unwrap();
    assert_eq!(list(&store, "mtls", 10).await, []);
    let found = store.find_readiness(&read(), &gateway, &name).await;
    let found = found.unwrap().unwrap();
    assert_eq!((found.accepted, found.refused, found.since), (0, 0, later));
}

async fn reports_go_with_their_gateway_and_need_one(database: Database) {
    let store = database.open().await;
    with_group(&store).await;
    add(&store, "mtls", vec![refusal(Some(1), "expired", 1, 1)]).await;
    assert_eq!(counts(&store, "mtls").await, None);
    store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    add(&store, "mtls", vec![refusal(Some(1), "expired", 1, 1)]).await;
    for number in 0..120 {
        add(&store, &format!("p{number}"), Vec::new()).await;
    }
    let mut kept = 0;
    for number in 0..120 {
        kept += usize::from(counts(&store, &format!("p{number}")).await.is_some());
    }
    assert!(kept <= 100, "{kept}");
    delete(&store, "gw").await;
    reconciler(&store).pass(now()).await.unwrap();
    store.put_gateway(&write(), put("gw", "a")).await.unwrap();
    assert_eq!(counts(&store, "p119").await, None);
    assert_eq!(list(&store, "mtls", 10).await, []);
}
