//! Readiness reports from workers.

use control_plane::{readiness::Readiness, store::ReadinessPosition};
use model::ResourceName;
use proto::config::v1::{
    Hello, ReadinessReport, Subscription, WouldRefuse, worker_message::Message,
};

use super::{rig::Rig, worker::Worker};
use crate::{
    database::{Database, on_both_databases},
    fixture::{eventually, gateway_id, now, put, read},
};

on_both_databases!(
    what_workers_report_is_added_up,
    a_report_about_another_gateway_is_ignored,
);

fn report(gateway: &str, accepted: u64) -> Message {
    Message::ReadinessReport(ReadinessReport {
        gateway_id: gateway_id(gateway).to_string(),
        ssl_profile: "Mtls".to_owned(),
        accepted,
        would_refuse: vec![WouldRefuse {
            certificate_sha256: vec![1; 32],
            subject: "CN=device\n".to_owned(),
            issuer: "CN=issuer".to_owned(),
            serial: "0A".to_owned(),
            reason: "expired".to_owned(),
            detail: "it has expired".to_owned(),
            count: 2,
            last_seen: u64::MAX,
        }],
        unlisted: 1,
    })
}

fn profile() -> ResourceName {
    ResourceName::parse("mtls").unwrap()
}

async fn found(rig: &Rig, gateway: &str) -> Option<Readiness> {
    let gateway = gateway_id(gateway).key();
    rig.store
        .find_readiness(&read(), &gateway, &profile())
        .await
        .unwrap()
}

async fn what_workers_report_is_added_up(database: Database) {
    let rig = Rig::start(&database).await;
    rig.put(put("gw", "a")).await;
    let workers = [rig.worker("one").await, rig.worker("two").await];
    for worker in &workers {
        worker.say(report("GW", 5)).await;
    }
    let both = || async {
        found(&rig, "gw")
            .await
            .is_some_and(|sum| sum.accepted == 10)
    };
    eventually("both reports are added up", both).await;
    let sum = found(&rig, "gw").await.unwrap();
    assert_eq!((sum.refused, sum.unlisted, sum.since), (6, 2, now()));
    let gateway = gateway_id("gw").key();
    let start = ReadinessPosition::default();
    let entries = rig
        .store
        .list_readiness(&read(), &gateway, &profile(), &start, 10)
        .await
        .unwrap()
        .items;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].count, entries[0].last_seen), (4, now()));
    assert_eq!(entries[0].subject, "CN=device ");
    drop(workers);
    rig.stop().await;
}

async fn a_report_about_another_gateway_is_ignored(database: Database) {
    let rig = Rig::start(&database).await;
    for name in ["mine", "yours"] {
        rig.put(put(name, "a")).await;
    }
    let hello = Hello {
        subscription: Some(Subscription {
            gateway_ids: vec![gateway_id("mine").to_string()],
            scopes: Vec::new(),
        }),
        ..Worker::hello("worker")
    };
    let worker = Worker::connect(rig.address, hello).await;
    for gateway in ["yours", "nobodys", "mine"] {
        worker.say(report(gateway, 5)).await;
    }
    let mine = || async { found(&rig, "mine").await.is_some() };
    eventually("the last report is kept", mine).await;
    assert_eq!(found(&rig, "yours").await, None);
    rig.stop().await;
}
