//! Readiness reports as the API shows them.

use control_plane::readiness::{ReadinessReport, WouldRefuse};
use http::Method;
use model::{GatewayId, ResourceName};
use serde_json::{Value, json};
use time::Duration;

use super::{
    caller::Caller,
    document::{gateway_id, http_gateway},
};
use crate::{
    database::{Database, on_both_databases},
    fixture::now,
};

on_both_databases!(
    a_report_is_read_in_parts_and_reset,
    only_profiles_have_reports,
);

fn report_of(profile: &str) -> String {
    format!("{profile}/providers/Portcullis.Security/readinessReports/default")
}

/// A gateway with an SSL profile `Mtls`; its id and that of the profile.
async fn with_profile(caller: &Caller) -> (String, String) {
    let id = gateway_id("gw");
    caller.put(&id, &http_gateway(&id, 8080)).await;
    let profile = format!("{id}/sslProfiles/Mtls");
    let policy = json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20220101" });
    let put = caller
        .put(&profile, &json!({ "properties": { "sslPolicy": policy } }))
        .await;
    put.assert_status(201);
    (id, profile)
}

async fn a_report_is_read_in_parts_and_reset(database: Database) {
    let caller = Caller::with_group(&database).await;
    let (id, profile) = with_profile(&caller).await;
    let report = report_of(&profile);
    let empty = caller.get(&report).await;
    assert_eq!(
        empty.assert_status(200).body,
        json!({
            "id": report,
            "name": "default",
            "type": "Portcullis.Security/readinessReports",
            "properties": { "accepted": 0, "wouldRefuse": 0, "unlisted": 0, "entries": [] },
        })
    );
    let refusal = |number: u8, certificate| WouldRefuse {
        certificate,
        subject: format!("CN=device {number}"),
        issuer: "CN=issuer".to_owned(),
        serial: "0A".to_owned(),
        reason: "expired".to_owned(),
        detail: "it has expired".to_owned(),
        count: 2,
        last_seen: now() - Duration::minutes(i64::from(number)),
    };
    let seen = ReadinessReport {
        profile: ResourceName::parse("mtls").unwrap(),
        accepted: 7,
        refusals: vec![refusal(0, Some([0xAB; 32])), refusal(1, None)],
        unlisted: 1,
    };
    let gateway = GatewayId::parse(&id).unwrap().key();
    caller
        .store
        .add_readiness(&gateway, &seen, now())
        .await
        .unwrap();

    let other_case = report.to_lowercase();
    let first = caller.get(&format!("{other_case}?$top=1")).await;
    let properties = &first.assert_status(200).body["properties"];
    assert_eq!(first.body["id"], report);
    assert_eq!(properties["accepted"], 7);
    assert_eq!(properties["wouldRefuse"], 5);
    assert_eq!(properties["unlisted"], 1);
    assert_eq!(properties["since"], "2023-11-14T22:13:20Z");
    assert_eq!(
        properties["entries"],
        json!([{
            "certificateSha256": "ab".repeat(32),
            "subject": "CN=device 0",
            "issuer": "CN=issuer",
            "serial": "0A",
            "reason": "expired",
            "detail": "it has expired",
            "count": 2,
            "firstSeen": "2023-11-14T22:13:20Z",
            "lastSeen": "2023-11-14T22:13:20Z",
        }])
    );
    let next = Caller::path_of(properties["nextLink"].as_str().unwrap());
    let second = caller.get(&next).await;
    let properties = &second.assert_status(200).body["properties"];
    assert_eq!(properties["entries"][0]["certificateSha256"], Value::Null);
    assert_eq!(properties["entries"].as_array().unwrap().len(), 1);
    assert_eq!(properties["nextLink"], Value::Null);
    caller
        .get(&format!("{report}?$skiptoken=eA"))
        .await
        .assert_error(400, "InvalidSkipToken");

    caller.clock.advance(Duration::hours(1));
    caller.delete(&report).await.assert_status(200);
    let reset = caller.get(&report).await;
    assert_eq!(
        reset.body["properties"],
        json!({
            "accepted": 0, "wouldRefuse": 0, "unlisted": 0, "since": "2023-11-14T23:13:20Z", "entries": [],
        })
    );
}

async fn only_profiles_have_reports(database: Database) {
    let caller = Caller::with_group(&database).await;
    let (id, profile) = with_profile(&caller).await;
    let missing = report_of(&format!("{id}/sslProfiles/other"));
    for method in [Method::GET, Method::DELETE] {
        caller
            .call(method, &missing, &[], &Value::Null)
            .await
            .assert_error(404, "ParentResourceNotFound");
    }
    caller
        .put(&report_of(&profile), &json!({}))
        .await
        .assert_error(405, "MethodNotAllowed");
    for path in [
        report_of(&format!("{id}/httpListeners/plain")),
        format!("{profile}/providers/Portcullis.Security/readinessReports/other"),
        format!("{profile}/providers/Portcullis.Security/readinessReports"),
        format!("{profile}/providers/Portcullis.Other/readinessReports/default"),
        format!("{}/more", report_of(&profile)),
    ] {
        caller
            .get(&path)
            .await
            .assert_error(404, "InvalidResourceType");
    }
}
