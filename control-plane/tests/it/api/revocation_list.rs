//! Uploads of revocation lists.

use axum::body::Body;
use base64::{Engine, prelude::BASE64_STANDARD};
use control_plane::{
    access::Scope,
    expiry::{Expiry, ExpiryWatch, Metrics},
    role::Role,
    store::LIST_PART,
};
use http::{Method, Request};
use model::GatewayId;
use prometheus_client::{encoding::text::encode, registry::Registry};
use proto::config::v1::RevocationList;
use rcgen::KeyUsagePurpose;
use serde_json::{Value, json};
use time::Duration;

use super::{
    caller::{Caller, Reply, VERSION},
    document::{gateway_id, http_gateway, mtls_gateway},
    trust_epoch::snapshot,
};
use crate::{
    crl::{Ca, List, extension, pem, tlv},
    database::{Database, on_both_databases},
    fixture::{now, read, sha256},
};

on_both_databases!(
    a_list_is_put_read_listed_and_deleted,
    a_list_comes_as_der_or_pem_plain_or_in_json,
    an_older_list_is_refused_unless_the_caller_insists,
    a_list_that_would_be_of_no_use_is_refused_by_name,
    a_list_counts_for_the_ca_that_signed_it,
    no_client_of_azure_erases_a_list,
    a_list_needs_its_parents_and_heeds_conditions,
    half_a_million_entries_are_stored_once_and_not_touched_again,
    requests_have_limits_of_their_own,
    a_list_that_ends_soon_is_told_of_once_at_each_threshold,
);

/// The lists of the trusted client certificate `partners`.
fn lists(id: &str) -> String {
    format!(
        "{id}/trustedClientCertificates/partners/providers/Portcullis.Security/certificateRevocationLists"
    )
}

fn body(der: &[u8]) -> Value {
    json!({ "properties": { "data": BASE64_STANDARD.encode(der) } })
}

fn insisting(der: &[u8]) -> Value {
    let mut body = body(der);
    body["properties"]["allowRollback"] = json!(true);
    body
}

/// Sends a list as it is.
async fn put_file(caller: &Caller, path: &str, kind: &str, file: impl Into<Body>) -> Reply {
    let separator = if path.contains('?') { '&' } else { '?' };
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("{path}{separator}{VERSION}"))
        .header("host", "gateway.example:8443")
        .header("content-type", kind);
    caller.send(request.body(file.into()).unwrap()).await
}

/// A gateway whose SSL profile `mtls` trusts `ca` as `partners`; its id.
async fn with_ca(caller: &Caller, ca: &Ca) -> String {
    let id = gateway_id("gw");
    let gateway = mtls_gateway(&id, &[("partners", &ca.pem())]);
    caller.put(&id, &gateway).await.assert_status(201);
    id
}

/// The lists that workers get.
async fn in_snapshot(caller: &Caller, id: &str) -> Vec<RevocationList> {
    let policies = snapshot(caller, id).await.client_auth_policies;
    let cas = policies.into_iter().flat_map(|policy| policy.client_cas);
    cas.flat_map(|ca| ca.crls).collect()
}

async fn a_list_is_put_read_listed_and_deleted(database: Database) {
    let caller = Caller::with_group(&database).await;
    let ca = Ca::new("Partner CA");
    let id = with_ca(&caller, &ca).await;
    let list = format!("{}/Main", lists(&id));
    caller
        .get(&list)
        .await
        .assert_error(404, "ResourceNotFound");
    let der = List::new(7).with_entries(3).signed_by(&ca);
    let put = caller.put(&list, &body(&der)).await;
    assert_eq!(caller.finish(&put).await, "Succeeded");
    let expected = json!({
        "id": list,
        "name": "Main",
        "type": "Portcullis.Security/certificateRevocationLists",
        "etag": put.header("etag"),
        "properties": {
            "provisioningState": "Updating",
            "state": "Active",
            "issuer": "CN=Partner CA",
            "number": "7",
            "thisUpdate": "2023-11-14T22:13:20Z",
            "nextUpdate": "2023-12-14T22:13:20Z",
            "expiresInDays": 30,
            "entryCount": 3,
            "sizeBytes": der.len(),
            "sha256": hex::encode(sha256(&der)),
        },
    });
    assert_eq!(put.assert_status(201).body, expected);
    let lowered = in_snapshot(&caller, &id).await;
    let named = RevocationList {
        name: "Main".to_owned(),
        sha256: sha256(&der).to_vec(),
    };
    assert_eq!(lowered, [named]);

    caller.clock.advance(Duration::hours(1));
    let read = caller.get(&list.to_lowercase()).await;
    let properties = &read.assert_status(200).body["properties"];
    assert_eq!(
        (&read.body["id"], &properties["expiresInDays"]),
        (&json!(list), &json!(29))
    );
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert!(
        !read
            .body
            .to_string()
            .contains(&BASE64_STANDARD.encode(&der)[..100])
    );
    let same = caller.put(&list, &read_back(&read.body, &der)).await;
    assert_eq!(same.assert_status(200).header("etag"), read.header("etag"));
    assert_eq!(caller.names(&lists(&id)).await, ["Main"]);

    let deleted = caller.delete(&list).await;
    assert_eq!(caller.finish(deleted.assert_status(202)).await, "Succeeded");
    assert!(in_snapshot(&caller, &id).await.is_empty());
    caller.delete(&list).await.assert_status(204);
    assert_eq!(caller.names(&lists(&id)).await, [""; 0]);
}

/// What a GET showed, sent back with the list.
fn read_back(shown: &Value, der: &[u8]) -> Value {
    let mut body = shown.clone();
    body["properties"]["data"] = json!(BASE64_STANDARD.encode(der));
    body
}

async fn a_list_comes_as_der_or_pem_plain_or_in_json(database: Database) {
    let caller = Caller::with_group(&database).await;
    let ca = Ca::new("Partner CA");
    let id = with_ca(&caller, &ca).await;
    let list = format!("{}/main", lists(&id));
    let of = |number: u8| ca.list(number);
    let plain = json!({ "properties": { "data": pem(&of(1)) } });
    caller.put(&list, &plain).await.assert_status(201);
    caller
        .put(&list, &body(pem(&of(2)).as_bytes()))
        .await
        .assert_status(200);
    let (der, text) = (
        "application/pkix-crl",
        "application/x-pem-file; charset=us-ascii",
    );
    put_file(&caller, &list, der, of(3))
        .await
        .assert_status(200);
    let fourth = put_file(&caller, &list, text, pem(&of(4))).await;
    assert_eq!(fourth.assert_status(200).body["properties"]["number"], "4");
    for (kind, file) in [
        (der, b"no list".to_vec()),
        (der, Vec::new()),
        (text, pem(b"x").into_bytes()),
    ] {
        put_file(&caller, &list, kind, file)
            .await
            .assert_error(400, "CertificateRevocationListInvalid");
    }
    for refused in [
        json!({}),
        json!({ "properties": { "data": "AA==", "extra": 1 } }),
        Value::Null,
    ] {
        caller
            .put(&list, &refused)
            .await
            .assert_error(400, "InvalidRequestContent");
    }
}

// T-53
async fn an_older_list_is_refused_unless_the_caller_insists(database: Database) {
    let caller = Caller::with_group(&database).await;
    let ca = Ca::new("Partner CA");
    let id = with_ca(&caller, &ca).await;
    let (main, other) = (
        format!("{}/main", lists(&id)),
        format!("{}/other", lists(&id)),
    );
    let (old, new) = (ca.list(5), ca.list(6));
    caller.put(&main, &body(&new)).await.assert_status(201);
    // Under its name, and under another one: it would take effect beside the newer one.
    for path in [&main, &other] {
        let refused = caller.put(path, &body(&old)).await;
        refused.assert_error(409, "CertificateRevocationListRollback");
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("number 5") && message.contains("'main' has number 6"),
            "{message}"
        );
    }
    // The same number is not enough, unless it is the same list.
    let again = List::new(6).with_entries(1).signed_by(&ca);
    caller
        .put(&main, &body(&again))
        .await
        .assert_error(409, "CertificateRevocationListRollback");
    caller.put(&main, &body(&new)).await.assert_status(200);
    let later = List {
        this_update: now() + Duration::minutes(1),
        ..List::new(6)
    };
    caller
        .put(&main, &body(&later.signed_by(&ca)))
        .await
        .assert_status(200);

    let insisted = caller.put(&main, &insisting(&old)).await;
    assert_eq!(
        insisted.assert_status(200).body["properties"]["number"],
        "5"
    );
    caller.put(&main, &body(&new)).await.assert_status(200);
    let query = format!("{main}?allowRollback=true");
    let insisted = put_file(&caller, &query, "application/pkix-crl", old).await;
    assert_eq!(
        insisted.assert_status(200).body["properties"]["number"],
        "5"
    );
    let query = format!("{main}?allowRollback=perhaps");
    put_file(&caller, &query, "application/pkix-crl", new)
        .await
        .assert_error(400, "InvalidRequestUri");
}

async fn a_list_that_would_be_of_no_use_is_refused_by_name(database: Database) {
    let caller = Caller::with_group(&database).await;
    let ca = Ca::new("Partner CA");
    let id = with_ca(&caller, &ca).await;
    let list = format!("{}/main", lists(&id));
    let numberless = List {
        extensions: Vec::new(),
        ..List::new(1)
    };
    let first = List {
        version: None,
        extensions: Vec::new(),
        ..List::new(1)
    };
    // T-52
    let expired = List {
        this_update: now() - Duration::days(2),
        next_update: Some(now() - Duration::days(1)),
        ..List::new(1)
    };
    let early = List {
        this_update: now() + Duration::hours(1),
        ..List::new(1)
    };
    let endless = List {
        next_update: None,
        ..List::new(1)
    };
    let delta = List::new(1).with(extension(&[0x55, 0x1d, 0x1b], true, &tlv(0x02, &[1])));
    let point = |fields: &[u8]| extension(&[0x55, 0x1d, 0x1c], true, &tlv(0x30, fields));
    let indirect = List::new(1).with(point(&[0x84, 1, 0xff]));
    let unknown = List::new(1).with(extension(&[0x55, 0x1d, 0x63], true, &[5, 0]));
    let cases = [
        (
            numberless,
            "CertificateRevocationListInvalid",
            "no cRLNumber",
        ),
        (first, "CertificateRevocationListInvalid", "no cRLNumber"),
        (
            expired,
            "CertificateRevocationListExpired",
            "expired at 2023-11-13T22:13:20Z",
        ),
        (
            early,
            "CertificateRevocationListNotYetValid",
            "from 2023-11-14T23:13:20Z",
        ),
        (endless, "CertificateRevocationListInvalid", "no nextUpdate"),
        (delta, "CertificateRevocationListInvalid", "delta"),
        (indirect, "CertificateRevocationListInvalid", "indirect"),
        (
            unknown,
            "CertificateRevocationListInvalid",
            "unknown critical extension",
        ),
    ];
    for (case, code, word) in cases {
        let refused = caller.put(&list, &body(&case.signed_by(&ca))).await;
        refused.assert_error(400, code);
        assert_eq!(refused.body["error"]["target"], "properties.data");
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{message}");
    }
    let cut = &ca.list(1)[..50];
    caller
        .put(&list, &body(cut))
        .await
        .assert_error(400, "CertificateRevocationListInvalid");
    let many = List::new(1).with_entries(500_001).signed_by(&ca);
    put_file(&caller, &list, "application/pkix-crl", many)
        .await
        .assert_error(400, "LimitExceeded");
    caller
        .get(&list)
        .await
        .assert_error(404, "ResourceNotFound");
    // A CA whose clock is a little ahead does no harm.
    let ahead = List {
        this_update: now() + Duration::minutes(4),
        ..List::new(1)
    };
    caller
        .put(&list, &body(&ahead.signed_by(&ca)))
        .await
        .assert_status(201);
}

// T-53
async fn a_list_counts_for_the_ca_that_signed_it(database: Database) {
    let caller = Caller::with_group(&database).await;
    let ca = Ca::new("Partner CA");
    let id = with_ca(&caller, &ca).await;
    let list = format!("{}/main", lists(&id));
    let (twin, foreign) = (Ca::new("Partner CA"), Ca::new("Other CA"));
    for (signer, word) in [(&twin, "signature"), (&foreign, "another issuer")] {
        let refused = caller.put(&list, &body(&signer.list(1))).await;
        refused.assert_error(400, "CertificateRevocationListUntrusted");
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{message}");
    }
    let mut broken = ca.list(1);
    *broken.last_mut().unwrap() ^= 1;
    caller
        .put(&list, &body(&broken))
        .await
        .assert_error(400, "CertificateRevocationListUntrusted");
    let no_lists = Ca::with_usages("Partner CA", &[KeyUsagePurpose::KeyCertSign]);
    let gateway = mtls_gateway(&id, &[("partners", &no_lists.pem())]);
    caller.put(&id, &gateway).await.assert_status(200);
    let refused = caller.put(&list, &body(&no_lists.list(1))).await;
    refused.assert_error(400, "CertificateRevocationListUntrusted");
    assert!(
        refused
            .body
            .to_string()
            .contains("does not allow signing CRLs")
    );
}

async fn no_client_of_azure_erases_a_list(database: Database) {
    let caller = Caller::with_group(&database).await;
    let ca = Ca::new("Partner CA");
    let id = with_ca(&caller, &ca).await;
    let list = format!("{}/main", lists(&id));
    let der = List::new(5).with_entries(1).signed_by(&ca);
    caller.put(&list, &body(&der)).await.assert_status(201);
    let state =
        async || caller.get(&list).await.assert_status(200).body["properties"]["state"].clone();

    // A whole PUT that knows nothing of lists.
    let mut gateway = mtls_gateway(&id, &[("partners", &ca.pem())]);
    gateway["tags"] = json!({ "changed": "yes" });
    caller.put(&id, &gateway).await.assert_status(200);
    assert_eq!(state().await, "Active");
    assert_eq!(in_snapshot(&caller, &id).await.len(), 1);

    // Other CAs: the list sleeps and is not sent. A namesake of the CA does not wake it.
    let twin = Ca::new("Partner CA");
    let replaced = mtls_gateway(&id, &[("partners", &twin.pem())]);
    caller.put(&id, &replaced).await.assert_status(200);
    assert_eq!(state().await, "Dormant");
    assert!(in_snapshot(&caller, &id).await.is_empty());
    // It does not stand in the way of the new CA's first list of that name.
    let other = format!("{}/twin", lists(&id));
    caller
        .put(&other, &body(&twin.list(1)))
        .await
        .assert_status(201);

    // No trusted client certificate at all: the list can still be seen and taken away.
    caller
        .put(&id, &http_gateway(&id, 8080))
        .await
        .assert_status(200);
    assert_eq!(state().await, "Dormant");
    assert_eq!(caller.names(&lists(&id)).await, ["main", "twin"]);
    caller
        .put(&list, &body(&ca.list(6)))
        .await
        .assert_error(404, "ParentResourceNotFound");
    caller.delete(&other).await.assert_status(202);

    // The CAs come back, and the list is in force again, without having been sent anew.
    caller.put(&id, &gateway).await.assert_status(200);
    assert_eq!(state().await, "Active");
    let lowered = in_snapshot(&caller, &id).await;
    assert_eq!(lowered[0].sha256, sha256(&der));
    let stopped = caller
        .call(Method::POST, &format!("{id}/stop"), &[], &Value::Null)
        .await;
    stopped.assert_status(202);
    assert_eq!(state().await, "Active");
}

async fn a_list_needs_its_parents_and_heeds_conditions(database: Database) {
    let caller = Caller::with_group(&database).await;
    let ca = Ca::new("Partner CA");
    let id = gateway_id("gw");
    let list = format!("{}/main", lists(&id));
    let der = ca.list(1);
    for method in [Method::GET, Method::DELETE] {
        let reply = caller.call(method, &list, &[], &Value::Null).await;
        reply.assert_error(404, "ParentResourceNotFound");
    }
    caller
        .put(&list, &body(&der))
        .await
        .assert_error(404, "ParentResourceNotFound");
    with_ca(&caller, &ca).await;
    let nobodys = list.replace("partners", "others");
    caller
        .put(&nobodys, &body(&der))
        .await
        .assert_error(404, "ParentResourceNotFound");
    let listed = nobodys.strip_suffix("/main").unwrap();
    caller
        .get(listed)
        .await
        .assert_error(404, "ParentResourceNotFound");
    caller
        .put(&format!("{}/a%20b", lists(&id)), &body(&der))
        .await
        .assert_error(400, "InvalidResourceName");
    let post = caller.call(Method::POST, &list, &[], &json!({})).await;
    post.assert_error(405, "MethodNotAllowed");

    let put = async |header: (&str, &str), number: u8| {
        caller
            .call(Method::PUT, &list, &[header], &body(&ca.list(number)))
            .await
    };
    put(("if-match", "*"), 1)
        .await
        .assert_error(412, "PreconditionFailed");
    let created = put(("if-none-match", "*"), 1).await;
    created.assert_status(201);
    put(("if-none-match", "*"), 2)
        .await
        .assert_error(412, "PreconditionFailed");
    put(("if-match", "W/\"other\""), 2)
        .await
        .assert_error(412, "PreconditionFailed");
    put(("if-match", created.header("etag")), 2)
        .await
        .assert_status(200);
}

async fn half_a_million_entries_are_stored_once_and_not_touched_again(database: Database) {
    let caller = Caller::with_group(&database).await;
    let ca = Ca::new("Partner CA");
    let id = with_ca(&caller, &ca).await;
    let list = format!("{}/main", lists(&id));
    let der = List::new(1).with_entries(500_000).signed_by(&ca);
    assert!(der.len() > 19_000_000, "{}", der.len());
    let put = put_file(&caller, &list, "application/pkix-crl", der.clone()).await;
    let properties = &put.assert_status(201).body["properties"];
    assert_eq!(properties["entryCount"], 500_000);
    assert_eq!(properties["sizeBytes"], der.len());

    let gateway = GatewayId::parse(&id).unwrap().key();
    let name = sha256(&der);
    let part = async |position: i64| {
        let store = &caller.store;
        store
            .find_list_part(&read(), &gateway, &name, position)
            .await
            .unwrap()
    };
    let (mut stored, mut position) = (Vec::new(), 0);
    while let Some(bytes) = part(position).await {
        assert!(bytes.len() <= LIST_PART);
        stored.extend(bytes);
        position += 1;
    }
    assert_eq!(sha256(&stored), name);

    // Whatever was written again would show the time of this request.
    caller.clock.advance(Duration::hours(1));
    let started = std::time::Instant::now();
    let mut gateway = mtls_gateway(&id, &[("partners", &ca.pem())]);
    gateway["tags"] = json!({ "changed": "yes" });
    caller.put(&id, &gateway).await.assert_status(200);
    let took = started.elapsed();
    assert!(took < std::time::Duration::from_secs(2), "{took:?}");
    assert_eq!(created_at(&database).await, [1_700_000_000_000_000]);
    assert_eq!(in_snapshot(&caller, &id).await.len(), 1);
}

async fn created_at(database: &Database) -> Vec<i64> {
    use sqlx::{AnyConnection, Connection};
    let mut connection = AnyConnection::connect(database.url()).await.unwrap();
    sqlx::query_scalar("select created_at from revocation_lists")
        .fetch_all(&mut connection)
        .await
        .unwrap()
}

async fn requests_have_limits_of_their_own(database: Database) {
    let caller = Caller::with_group(&database).await;
    let ca = Ca::new("Partner CA");
    let id = with_ca(&caller, &ca).await;
    let list = format!("{}/main", lists(&id));
    // More than any other request may send.
    let large = List::new(1).with_entries(200_000).signed_by(&ca);
    assert!(large.len() > 4 * 1024 * 1024);
    caller.put(&list, &body(&large)).await.assert_status(201);
    let port = format!("{id}/frontendPorts/more");
    put_file(&caller, &port, "application/json", large)
        .await
        .assert_error(413, "RequestContentTooLarge");
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("{list}?{VERSION}"))
        .header("host", "gateway.example:8443")
        .header("content-type", "application/pkix-crl")
        .header("content-length", "100000000");
    caller
        .send(request.body(Body::empty()).unwrap())
        .await
        .assert_error(413, "RequestContentTooLarge");
}

// T-52
async fn a_list_that_ends_soon_is_told_of_once_at_each_threshold(database: Database) {
    let caller = Caller::with_group(&database).await;
    let ca = Ca::new("Partner CA");
    let id = with_ca(&caller, &ca).await;
    let list = format!("{}/main", lists(&id));
    caller
        .put(&list, &body(&ca.list(1)))
        .await
        .assert_status(201);
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let mut watch = ExpiryWatch::new(caller.store.clone(), caller.clock.clone(), metrics);
    let mut look = async || {
        let news = watch.look().await.unwrap();
        news.into_iter()
            .map(|(_, expiry)| expiry)
            .collect::<Vec<_>>()
    };
    assert_eq!(look().await, []);
    caller.clock.advance(Duration::days(24));
    assert_eq!(look().await, [Expiry::WithinWeek]);
    assert_eq!(look().await, [], "once");
    caller.clock.advance(Duration::days(5));
    assert_eq!(look().await, [Expiry::WithinDay]);
    caller.clock.advance(Duration::days(2));
    assert_eq!(look().await, [Expiry::Expired]);
    let caller = caller.with_role(Role::Owner, &Scope::root()).await;
    let shown = caller.get(&list).await;
    assert_eq!(shown.body["properties"]["expiresInDays"], -1);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert!(
        text.contains("revocation_lists{expiry=\"Expired\"} 1"),
        "{text}"
    );
    assert!(
        text.contains("revocation_lists{expiry=\"WithinDay\"} 0"),
        "{text}"
    );
    // Its successor is not due.
    let next = List {
        this_update: now() + Duration::days(31),
        next_update: Some(now() + Duration::days(60)),
        ..List::new(2)
    };
    caller
        .put(&list, &body(&next.signed_by(&ca)))
        .await
        .assert_status(200);
    assert_eq!(look().await, []);
}
