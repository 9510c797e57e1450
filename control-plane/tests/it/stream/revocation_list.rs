//! Revocation lists on their way to the workers.

use base64::{Engine, prelude::BASE64_STANDARD};
use proto::config::v1::{ApplyGateway, BlobKind};
use serde_json::json;

use super::{rig::Rig, worker::Worker};
use crate::{
    api::{
        caller::{Caller, Reply},
        document::{gateway_id, mtls_gateway},
    },
    crl::{Ca, List},
    database::{Database, on_both_databases},
    fixture::{eventually, put as put_content, sha256},
};

on_both_databases!(
    a_list_is_in_force_on_every_worker_when_the_operation_succeeds,
    a_list_travels_once,
    a_list_of_a_ca_that_is_gone_is_not_sent,
    a_large_list_lets_other_gateways_go_first,
);

/// Puts a list of the trusted client certificate `partners`.
async fn put(caller: &Caller, der: &[u8]) -> Reply {
    let path = format!(
        "{}/trustedClientCertificates/partners/providers/Portcullis.Security/certificateRevocationLists/main",
        gateway_id("gw")
    );
    let body = json!({ "properties": { "data": BASE64_STANDARD.encode(der) } });
    let put = caller.put(&path, &body).await;
    assert!(put.status.is_success(), "{:#}", put.body);
    put
}

async fn put_gateway(caller: &Caller, ca: &Ca, http2: bool) {
    let id = gateway_id("gw");
    let mut gateway = mtls_gateway(&id, &[("partners", &ca.pem())]);
    gateway["properties"]["enableHttp2"] = json!(http2);
    let put = caller.put(&id, &gateway).await;
    assert!(put.status.is_success(), "{:#}", put.body);
}

async fn status(caller: &Caller, reply: &Reply) -> String {
    let operation = caller.get(&reply.path_in("azure-asyncoperation")).await;
    operation.body["status"].as_str().unwrap().to_owned()
}

/// The list that came before the message, if one did.
fn list(worker: &Worker) -> Option<&[u8]> {
    let mut lists = worker
        .blobs
        .values()
        .filter(|(kind, _)| *kind == BlobKind::Crl);
    let first = lists.next().map(|(_, bytes)| bytes.as_slice());
    assert!(lists.next().is_none());
    first
}

fn refers_to(apply: &ApplyGateway, der: &[u8]) -> bool {
    apply.blobs.contains(&sha256(der).to_vec())
}

async fn a_list_is_in_force_on_every_worker_when_the_operation_succeeds(database: Database) {
    let rig = Rig::start(&database).await;
    let caller = Caller::new(&database).await;
    let ca = Ca::new("Partner CA");
    put_gateway(&caller, &ca, true).await;
    let mut workers = [rig.worker("one").await, rig.worker("two").await];
    for worker in &mut workers {
        let apply = worker.hear_apply().await;
        worker.ack(&apply).await;
        worker.hear_synced().await;
    }
    // Several chunks, the last one not full.
    let der = List::new(1).with_entries(20_000).signed_by(&ca);
    let begun = put(&caller, &der).await;
    for worker in &mut workers {
        let apply = worker.hear_apply().await;
        assert_eq!(list(worker), Some(der.as_slice()));
        assert!(refers_to(&apply, &der));
        assert_eq!(status(&caller, &begun).await, "InProgress");
        worker.ack(&apply).await;
    }
    let succeeded = || async { status(&caller, &begun).await == "Succeeded" };
    eventually("the operation succeeds", succeeded).await;
    rig.stop().await;
}

async fn a_list_travels_once(database: Database) {
    let rig = Rig::start(&database).await;
    let caller = Caller::new(&database).await;
    let ca = Ca::new("Partner CA");
    put_gateway(&caller, &ca, true).await;
    let (first, second) = (List::new(1).with_entries(1), List::new(2).with_entries(2));
    let (first, second) = (first.signed_by(&ca), second.signed_by(&ca));
    put(&caller, &first).await;
    let mut worker = rig.worker("worker").await;
    let apply = worker.hear_apply().await;
    assert_eq!(list(&worker), Some(first.as_slice()));
    worker.ack(&apply).await;
    worker.hear_synced().await;
    // Another change of the gateway: the worker has the list.
    put_gateway(&caller, &ca, false).await;
    let apply = worker.hear_apply().await;
    assert_eq!((list(&worker), refers_to(&apply, &first)), (None, true));
    worker.ack(&apply).await;
    put(&caller, &second).await;
    let apply = worker.hear_apply().await;
    assert_eq!(list(&worker), Some(second.as_slice()));
    assert!(refers_to(&apply, &second) && !refers_to(&apply, &first));
    worker.ack(&apply).await;
    rig.stop().await;
}

async fn a_list_of_a_ca_that_is_gone_is_not_sent(database: Database) {
    let rig = Rig::start(&database).await;
    let caller = Caller::new(&database).await;
    let (ca, twin) = (Ca::new("Partner CA"), Ca::new("Partner CA"));
    put_gateway(&caller, &ca, true).await;
    let der = ca.list(1);
    put(&caller, &der).await;
    put_gateway(&caller, &twin, true).await;
    let mut worker = rig.worker("worker").await;
    let apply = worker.hear_apply().await;
    assert_eq!((list(&worker), refers_to(&apply, &der)), (None, false));
    worker.ack(&apply).await;
    worker.hear_synced().await;
    put_gateway(&caller, &ca, true).await;
    let apply = worker.hear_apply().await;
    assert_eq!(list(&worker), Some(der.as_slice()));
    assert!(refers_to(&apply, &der));
    rig.stop().await;
}

async fn a_large_list_lets_other_gateways_go_first(database: Database) {
    let rig = Rig::start(&database).await;
    let caller = Caller::new(&database).await;
    let ca = Ca::new("Partner CA");
    put_gateway(&caller, &ca, true).await;
    let mut worker = rig.worker("worker").await;
    let apply = worker.hear_apply().await;
    worker.ack(&apply).await;
    worker.hear_synced().await;
    let der = List::new(1).with_entries(450_000).signed_by(&ca);
    put(&caller, &der).await;
    worker.hear_chunk().await;
    rig.put(put_content("other", "a")).await;
    let first = worker.hear_apply().await;
    assert_eq!(first.gateway_id, gateway_id("other"));
    worker.ack(&first).await;
    let second = worker.hear_apply().await;
    assert_eq!(second.gateway_id, gateway_id("gw"));
    assert!(list(&worker) == Some(der.as_slice()), "the list is whole");
    worker.ack(&second).await;
    rig.stop().await;
}
